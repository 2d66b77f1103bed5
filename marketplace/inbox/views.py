"""The inbox of a person (M1): what is to be done, by urgency, and news."""

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.inbox import operations, queries
from marketplace.inbox.rules import GROUP_LABELS, KIND_ICONS
from marketplace.web.access import signed_in
from marketplace.web.actor import current_actor
from marketplace.web.paging import page_number, paginate

blueprint = Blueprint("inbox", __name__)


@blueprint.app_context_processor
def count_todos() -> dict[str, object]:
    """Give every page of a signed-in person the number of open to-dos, counted once a request."""
    actor = current_actor()
    if not actor.is_signed_in:
        return {"todo_count": 0}
    if "todo_count" not in g:
        g.todo_count = queries.todo_count(db.session(), actor)
    return {"todo_count": g.todo_count}


@blueprint.get("/my")
@signed_in
def my() -> str:
    """Show everything that waits for this person, most urgent first; then news."""
    now, session, actor = utc_now(), db.session(), current_actor()
    return render_template(
        "inbox/my.html", now=now, groups=queries.todos(session, actor, now=now), labels=GROUP_LABELS,
        news=paginate(session, queries.news(actor), number=page_number(request.args)), icons=KIND_ICONS,
        unread=queries.unread_count(session, actor), elsewhere=queries.elsewhere(session, actor))


@blueprint.post("/my/<ref>/read")
@signed_in
def read(ref: str) -> AnyResponse:
    """Mark one message as read and go where it leads."""
    with transaction() as session:
        message = queries.by_ref(session, ref)
        if message is None:
            raise Denied(N_("没有这条消息"), hidden=True)
        operations.mark_read(session, actor=current_actor(), message=message, now=utc_now())
        target = message.url
    return redirect(target or url_for("inbox.my"), 303)


@blueprint.post("/my/read-all")
@signed_in
def read_all() -> AnyResponse:
    """Mark all news as read."""
    with transaction() as session:
        operations.mark_all_read(session, actor=current_actor(), now=utc_now())
    return redirect(url_for("inbox.my"), 303)


@blueprint.get("/my/alive")
@signed_in
def alive() -> Response:
    """Say that the person is still there: the session lives on (the time-out warning asks for it)."""
    return Response(status=204)
