"""The door: find a guest by paddle, name, pinyin or credit code, and hand out the paddle."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.pledging import operations, policy
from marketplace.pledging.queries import events as queries
from marketplace.pledging.views.blueprint import WORKERS, Answer, blueprint, event_of, guest_of
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.services import services


@blueprint.get("/pledging/<ref>/door")
@for_roles(*WORKERS)
def door(ref: str) -> Answer:
    """Find who stands at the door."""
    event = event_of(ref)
    require(policy.may_work(current_actor(), event))
    typed = request.args.get("q", "")[:100]
    guests = queries.guests_of(db.session(), event)
    return render_template(
        "pledging/door.html", event=event, q=typed, may_add=policy.may_add_guests(current_actor(), event),
        found=queries.at_the_door(db.session(), event, typed, services().romanizer), total=len(guests),
        arrived=sum(guest.checked_in_at is not None for guest in guests))


@blueprint.post("/pledging/<ref>/door/in/<guest_ref>")
@for_roles(*WORKERS)
def check_in(ref: str, guest_ref: str) -> Response:
    """Hand out a paddle."""
    with transaction() as session:
        guest = guest_of(ref, guest_ref)
        operations.check_in(session, actor=current_actor(), guest=guest, now=utc_now())
        paddle, name = guest.paddle, guest.funder.name
    flash(gettext("%(name)s 已签到，请领 %(paddle)s 号牌", name=name, paddle=paddle), "ok")
    return redirect(url_for("pledging.door", ref=ref), 303)


@blueprint.post("/pledging/<ref>/door/out/<guest_ref>")
@for_roles(*WORKERS)
def check_out(ref: str, guest_ref: str) -> Response:
    """Take back a check-in of the wrong row."""
    with transaction() as session:
        guest = guest_of(ref, guest_ref)
        operations.check_out(session, actor=current_actor(), guest=guest, now=utc_now())
        paddle = guest.paddle
    flash(gettext("%(paddle)s 号牌的签到已取消", paddle=paddle), "ok")
    return redirect(url_for("pledging.door", ref=ref, q=paddle), 303)


@blueprint.post("/pledging/<ref>/door/add")
@for_roles(*WORKERS)
def add_at_door(ref: str) -> Response:
    """Put a verified funder who was found by its code on the list, and hand out the paddle."""
    now = utc_now()
    with transaction() as session:
        event = event_of(ref)
        funder = queries.funder_by_ref(session, request.form.get("funder", ""))
        guest = operations.add_guest(session, actor=current_actor(), event=event, funder=funder, now=now)
        operations.check_in(session, actor=current_actor(), guest=guest, now=now)
        paddle, name = guest.paddle, guest.funder.name
    flash(gettext("%(name)s 已签到，请领 %(paddle)s 号牌", name=name, paddle=paddle), "ok")
    return redirect(url_for("pledging.door", ref=ref), 303)
