"""The list of events, a new one, its facts, its page: what is missing, the schedule under way, versions, its end."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, DomainError, Invalid
from marketplace.core.text import N_
from marketplace.meetings import operations, policy, rules
from marketplace.meetings.forms import EventForm, ReasonForm
from marketplace.meetings.models import MeetingEvent
from marketplace.meetings.queries import events as queries
from marketplace.meetings.queries import grids, points
from marketplace.meetings.queries import inputs as input_queries
from marketplace.meetings.rules.edits import MAX_REASON
from marketplace.meetings.rules.scheduling import PHASES
from marketplace.meetings.views.blueprint import (
    READERS,
    UNPROCESSABLE,
    WORKERS,
    Answer,
    blueprint,
    event_of,
    status_of,
)
from marketplace.organizations.models import Organization
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import blame, say
from marketplace.web.paging import page_number, paginate, whole


@blueprint.get("/meetings")
@for_roles(*READERS)
def index() -> Answer:
    """List the events that a person organizes or takes part in."""
    actor, session = current_actor(), db.session()
    page = paginate(session, queries.events_of(actor), number=page_number(request.args))
    return render_template("meetings/index.html", page=page, may_organize=policy.may_organize(actor),
                           sizes=queries.sizes_of(session, page.items), labels=rules.STATE_LABELS,
                           looks=rules.STATE_LOOKS,
                           is_staff={event.id: policy.may_see_all(actor, event).allowed for event in page.items})


@blueprint.route("/meetings/new", methods=["GET", "POST"])
@for_roles(*WORKERS)
def new() -> Answer:
    """Prepare an event."""
    actor = current_actor()
    require(policy.may_organize(actor))
    form = EventForm()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                host = session.get(Organization, actor.organization_id) if actor.organization_id else None
                event = operations.create_event(session, actor=actor, host=host, facts=form.facts(), now=utc_now())
                ref = event.ref
            flash(gettext("洽谈会已建立。下一步：给项目排桌，再列出参加的组织"), "ok")
            return redirect(url_for("meetings.tables", ref=ref), 303)
        except Invalid as refused:
            blame(form, refused)
    return render_template("meetings/edit.html", form=form, event=None), status_of(form)


@blueprint.route("/meetings/<ref>/edit", methods=["GET", "POST"])
@for_roles(*WORKERS)
def edit(ref: str) -> Answer:
    """Change the facts."""
    event = event_of(ref)
    require(policy.may_change(current_actor(), event))
    form = EventForm(obj=event)
    if form.validate_on_submit():
        try:
            with transaction() as session:
                moved = operations.change_event(session, actor=current_actor(), event=event_of(ref),
                                                facts=form.facts(), now=utc_now())
            flash(gettext("已保存，并把新的时间地点发消息告诉了每一家有洽谈的组织和单位") if moved else gettext("已保存"), "ok")
            return redirect(url_for("meetings.show", ref=ref), 303)
        except Invalid as refused:
            blame(form, refused)
            event = event_of(ref)
    return render_template("meetings/edit.html", form=form, event=event), status_of(form)


@blueprint.get("/meetings/<ref>")
@for_roles(*READERS)
def show(ref: str) -> Answer:
    """Show the event to its staff; participants are led to their own list."""
    event = event_of(ref)
    if not policy.may_see_all(current_actor(), event):
        return redirect(url_for("meetings.own", ref=ref), 303)
    return page(event)


def page(event: MeetingEvent, *, failed: DomainError | None = None, form: ReasonForm | None = None) -> Answer:
    """Render the event; with a refused step its sentence stands above."""
    session, actor = db.session(), current_actor()
    current = input_queries.current(session, event)
    stopped = queries.stopped_by_law(session, event)
    return render_template(
        "meetings/show.html", event=event, refused=say(failed) if failed is not None else "", current=current,
        sizes=queries.sizes_of(session, [event])[event.id], schedules=queries.schedules_of(session, event),
        under_way=queries.under_way(session, event), shown=input_queries.published(session, event),
        decisions=len(input_queries.decisions_of(session, event)), slots=rules.slots(operations.facts_of(event)),
        labels=rules.STATE_LABELS, looks=rules.STATE_LOOKS, run_labels=rules.RUN_LABELS, run_looks=rules.RUN_LOOKS,
        phases=PHASES, stopped=stopped, stopped_meetings=queries.with_meetings(session, event, stopped),
        form=form or ReasonForm(formdata=None), may_change=policy.may_change(actor, event),
        may_publish=policy.may_publish(actor, event), may_withdraw=policy.may_withdraw(actor, event),
        may_close=policy.may_close(actor, event), grids=grids, now=utc_now(),
        points_runs=points.run_numbers(session, current.points_from) if current else [],
        cancelled=queries.cancelled_in(session, current),
    ), UNPROCESSABLE if failed is not None else 200


@blueprint.post("/meetings/<ref>/run")
@for_roles(*WORKERS)
def run(ref: str) -> Answer:
    """Ask for a new version of the schedule."""
    try:
        with transaction() as session:
            operations.start_run(session, actor=current_actor(), event=event_of(ref), now=utc_now(),
                                 keeps_before=request.form.get("keeps_before") == "y")
    except (Invalid, Conflict) as refused:
        return page(event_of(ref), failed=refused)
    flash(gettext("已开始排程，几秒后完成"), "ok")
    return redirect(url_for("meetings.show", ref=ref) + "#run", 303)


@blueprint.post("/meetings/<ref>/run/cancel")
@for_roles(*WORKERS)
def cancel_run(ref: str) -> Answer:
    """Cancel the version that is being made."""
    try:
        with transaction() as session:
            operations.cancel_run(session, actor=current_actor(), event=event_of(ref), now=utc_now())
    except Conflict as refused:
        return page(event_of(ref), failed=refused)
    flash(gettext("排程已取消，原来的洽谈表没有变"), "ok")
    return redirect(url_for("meetings.show", ref=ref), 303)


@blueprint.post("/meetings/<ref>/publish")
@for_roles(*WORKERS)
def publish(ref: str) -> Answer:
    """Put a version in force for everybody."""
    number = request.form.get("version", "")
    try:
        with transaction() as session:
            event = event_of(ref)
            schedule = queries.schedule_numbered(session, event, whole(number, otherwise=0))
            if schedule is None:
                require(policy.HIDDEN)
            assert schedule is not None
            operations.publish(session, actor=current_actor(), event=event, schedule=schedule, now=utc_now())
    except (Invalid, Conflict) as refused:
        return page(event_of(ref), failed=refused)
    except Denied as refused:
        if refused.sentence != rules.NO_PRIVATE_MEETINGS:
            raise
        return page(event_of(ref), failed=refused)
    flash(gettext("第 %(n)s 版已公布，参加的组织和单位现在可以看到自己的安排", n=number), "ok")
    return redirect(url_for("meetings.show", ref=ref), 303)


@blueprint.post("/meetings/<ref>/withdraw")
@for_roles(*WORKERS)
def withdraw(ref: str) -> Response:
    """Take the published version back."""
    with transaction() as session:
        operations.withdraw(session, actor=current_actor(), event=event_of(ref), now=utc_now())
    flash(gettext("洽谈表已撤回，参加的组织暂时看不到安排"), "ok")
    return redirect(url_for("meetings.show", ref=ref), 303)


@blueprint.post("/meetings/<ref>/close")
@for_roles(*WORKERS)
def close(ref: str) -> Answer:
    """End the event."""
    try:
        with transaction() as session:
            operations.close_event(session, actor=current_actor(), event=event_of(ref), now=utc_now())
    except Conflict as refused:
        return page(event_of(ref), failed=refused)
    flash(gettext("洽谈会已结束"), "ok")
    return redirect(url_for("meetings.show", ref=ref), 303)


@blueprint.post("/meetings/<ref>/cancel/<project_ref>")
@for_roles(*WORKERS)
def cancel_meetings(ref: str, project_ref: str) -> Answer:
    """Cancel the published meetings of one project."""
    event, form = event_of(ref), ReasonForm()
    if not form.validate():
        return page(event, failed=Invalid(N_("请写明取消的理由，最多 {most} 字"), most=MAX_REASON), form=form)
    try:
        with transaction() as session:
            count = operations.cancel_meetings(
                session, actor=current_actor(), event=event_of(ref), reason=form.reason.data or "", now=utc_now(),
                project=queries.project_by(session, project_ref))
    except (Invalid, Conflict) as refused:
        return page(event_of(ref), failed=refused)
    flash(gettext("已取消 %(n)s 场洽谈", n=count), "ok")
    return redirect(url_for("meetings.show", ref=ref), 303)
