"""Edits with their preview: what would change, shown before anything is kept; decisions in force and lifted."""

from dataclasses import replace

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.text import N_
from marketplace.meetings import operations, policy
from marketplace.meetings.forms import CommitForm, EditForm, ReasonForm, choices
from marketplace.meetings.models import MeetingEvent, MeetingTable, MeetingVisitor
from marketplace.meetings.queries import grids
from marketplace.meetings.queries import inputs as input_queries
from marketplace.meetings.queries.points import Points
from marketplace.meetings.rules import read_rounds, written_rounds
from marketplace.meetings.rules.changes import difference, digest
from marketplace.meetings.rules.edits import EDIT_LABELS, Edit, EditKind
from marketplace.meetings.rules.inputs import Seat, edited
from marketplace.meetings.rules.solving import Solution, solve
from marketplace.meetings.views.blueprint import (
    STAFF_READERS,
    UNPROCESSABLE,
    WORKERS,
    Answer,
    blueprint,
    event_of,
    status_of,
)
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import blame
from marketplace.web.paging import whole
from marketplace.web.services import services


@blueprint.get("/meetings/<ref>/edits")
@for_roles(*STAFF_READERS)
def edits(ref: str) -> Answer:
    """Show decisions in force and lifted ones, and the form of an edit."""
    event = event_of(ref)
    require(policy.may_see_all(current_actor(), event))
    return _edits_page(event, _form(event, given=bool(request.args.get("kind"))))


def _edits_page(event: MeetingEvent, form: EditForm) -> Answer:
    """Render the decisions and the form."""
    session = db.session()
    return render_template(
        "meetings/edits.html", event=event, form=form, may_change=policy.may_change(current_actor(), event),
        decisions=input_queries.decisions_of(session, event, with_lifted=True),
        current=input_queries.current(session, event)), UNPROCESSABLE if form.errors or form.form_errors else 200


def _form(event: MeetingEvent, *, given: bool = True) -> EditForm:
    """Return the form with the parties of the event, filled from the address or the body."""
    session = db.session()
    form = EditForm(request.values if given else None)
    tables = [(row.ref, f"{row.number} · {row.project.title}") for row in input_queries.tables_of(session, event)]
    first = gettext("请选择")
    form.table.choices = form.other.choices = choices(tables, first=first)
    form.visitor.choices = choices(
        ((row.ref, row.organization.name) for row in input_queries.visitors_of(session, event)), first=first)
    return form


@blueprint.route("/meetings/<ref>/preview", methods=["GET"])
@for_roles(*WORKERS)
def preview(ref: str) -> Answer:
    """Show what an edit would change; nothing is kept."""
    event = event_of(ref)
    require(policy.may_change(current_actor(), event))
    form = _form(event)
    if not form.validate():
        return _edits_page(event, form)
    try:
        edit = _edit_of(event, form)
        solution, _, before = _solved(event, edit)
    except Invalid as refused:
        blame(form, refused)
        return _edits_page(event, form)
    found = difference(before, solution.seats)
    commit_form = CommitForm(formdata=None)
    commit_form.revision.data, commit_form.shown.data = str(event.revision), digest(solution.seats)
    return render_template(
        "meetings/preview.html", event=event, form=form, commit=commit_form, edit=edit, solution=solution,
        subject=_subject(event, edit),
        difference=found, changes=grids.told(db.session(), found), labels=EDIT_LABELS, values=_values(form),
        current=input_queries.current(db.session(), event))


@blueprint.post("/meetings/<ref>/edits")
@for_roles(*WORKERS)
def commit(ref: str) -> Answer:
    """Keep an edit: with the version that was previewed, or alone where nothing is scheduled yet."""
    event, form, shown = event_of(ref), _form(event_of(ref)), CommitForm()
    require(policy.may_change(current_actor(), event))
    if not form.validate() or not shown.validate():
        return _edits_page(event, form)
    try:
        number = _keep(event, _edit_of(event, form), shown,
                       is_scheduled=input_queries.current(db.session(), event) is not None)
    except (Invalid, Conflict, Denied) as refused:
        if isinstance(refused, Denied) and refused.hidden:
            raise
        blame(form, refused)
        return _edits_page(event_of(ref), form)
    if not number:
        flash(gettext("已记下，排程时会照办"), "ok")
        return redirect(url_for("meetings.edits", ref=ref), 303)
    flash(gettext("已排出第 %(n)s 版。公布以后参加的组织才会看到", n=number), "ok")
    return redirect(url_for("meetings.changes", ref=ref, version=number), 303)


@blueprint.route("/meetings/<ref>/decisions/<decision_ref>/lift", methods=["GET", "POST"])
@for_roles(*WORKERS)
def lift(ref: str, decision_ref: str) -> Answer:
    """Lift a pin or forbid: with the preview of what then changes."""
    event, form, shown = event_of(ref), ReasonForm(), CommitForm()
    require(policy.may_change(current_actor(), event))
    decision = input_queries.decision_by_ref(db.session(), event, decision_ref)
    edit = Edit(EditKind.LIFT, pairs=((decision.project_id, decision.organization_id),), reason=form.reason.data or "")
    current = input_queries.current(db.session(), event)
    if form.validate_on_submit():
        try:
            _keep(event, edit, shown, is_scheduled=current is not None)
        except (Invalid, Conflict) as refused:
            blame(form, refused)
            event, current = event_of(ref), input_queries.current(db.session(), event_of(ref))
        else:
            flash(gettext("已撤回"), "ok")
            return redirect(url_for("meetings.edits", ref=ref), 303)
    changes: list[grids.Told] = []
    if current is not None:
        try:
            solution, _, before = _solved(event, edit)
            found = difference(before, solution.seats)
            changes, shown.shown.data = grids.told(db.session(), found), digest(solution.seats)
        except Invalid as refused:
            blame(form, refused)
    shown.revision.data = str(event.revision)
    return render_template("meetings/lift.html", event=event, form=form, commit=shown, changes=changes,
                           decision=input_queries.decision_by_ref(db.session(), event, decision_ref),
                           is_scheduled=current is not None), status_of(form)


def _keep(event: MeetingEvent, edit: Edit, shown: CommitForm, *, is_scheduled: bool) -> int:
    """Keep an edit with its version, or alone where nothing is scheduled; return the version's number, 0 without."""
    ref, now, revision = event.ref, utc_now(), shown.revision.data or ""
    if not is_scheduled:
        with transaction() as session:
            operations.decide(session, actor=current_actor(), event=event_of(ref), edit=edit, now=now)
        return 0
    solution, points, _ = _solved(event, edit)
    with transaction() as session:
        return operations.commit_edit(
            session, actor=current_actor(), event=event_of(ref), edit=edit, solution=solution, now=now,
            points_from=points.source, revision=whole(revision, otherwise=-1),
            shown=shown.shown.data or "").number


def _solved(event: MeetingEvent, edit: Edit) -> tuple[Solution, Points, tuple[Seat, ...]]:
    """Solve the event with an edit, changing as little as possible; refuses while least numbers fall short."""
    session = db.session()
    inputs = edited(input_queries.inputs_of(session, event), edit)
    before = input_queries.seats(session, input_queries.current(session, event))
    points = input_queries.event_points(session, inputs)
    solution = solve(inputs, points.matrix, services().flows, before=before)
    if solution.shortages:
        name, least, found, *_ = solution.shortages[0].rows[0]
        raise Invalid(N_("这样改以后“{name}”只有 {found} 场，少于最少 {least} 场。请先改最少场次，或换一种改法"), name=name, found=found,
                      least=least)
    return solution, points, before


def _edit_of(event: MeetingEvent, form: EditForm) -> Edit:
    """Return what the form asks for, by keys; raises Invalid beside the field that is missing."""
    session = db.session()
    tables = {row.ref: row for row in input_queries.tables_of(session, event)}
    visitors = {row.ref: row for row in input_queries.visitors_of(session, event)}
    table, visitor = tables.get(form.table.data or ""), visitors.get(form.visitor.data or "")
    edit = Edit(EditKind(form.kind.data), reason=form.reason.data or "")
    if edit.kind == EditKind.AWAY:
        return _absence(event, form, replace(edit), table, visitor)
    if table is None:
        raise Invalid(N_("请选项目"), field="table")
    if edit.kind == EditKind.SWAP:
        return _exchange(event, form, edit, table, tables.get(form.other.data or ""))
    if visitor is None:
        raise Invalid(N_("请选组织"), field="visitor")
    pair = (table.project_id, visitor.organization_id)
    return replace(edit, pairs=(pair,), round=form.round.data if edit.kind == EditKind.PIN else None)


def _absence(event: MeetingEvent, form: EditForm, edit: Edit, table: MeetingTable | None,
             visitor: MeetingVisitor | None) -> Edit:
    """Return an edit of absences: of exactly one side."""
    if (table is None) == (visitor is None):
        raise Invalid(N_("改缺席时，请在项目和组织里只选一方"), field="visitor")
    return replace(edit, away=read_rounds(form.away.data or "", event.rounds),
                   project=table.project_id if table else None,
                   organization=visitor.organization_id if visitor else None)


def _exchange(event: MeetingEvent, form: EditForm, edit: Edit, table: MeetingTable, other: MeetingTable | None) -> Edit:
    """Return an exchange: the organizations of two tables in one round sit down at each other's place."""
    if other is None or other.id == table.id:
        raise Invalid(N_("请选另一张桌子"), field="other")
    if not form.round.data:
        raise Invalid(N_("请填在第几轮互换"), field="round")
    session = db.session()
    sits = {seat.project: seat.organization for seat in input_queries.seats(
        session, input_queries.current(session, event)) if seat.round == form.round.data}
    if table.project_id not in sits or other.project_id not in sits:
        raise Invalid(N_("第 {round} 轮这两桌没有都排上洽谈，不能互换"), field="round", round=form.round.data)
    return replace(edit, round=form.round.data, pairs=((table.project_id, sits[other.project_id]),
                                                       (other.project_id, sits[table.project_id])))


def _subject(event: MeetingEvent, edit: Edit) -> str:
    """Return whom an edit is about, in words."""
    inputs = input_queries.inputs_of(db.session(), event)
    tables = {party.key: party.name for party in inputs.tables}
    bodies = {party.key: party.name for party in inputs.organizations}
    if edit.kind == EditKind.AWAY:
        name = tables.get(edit.project or 0) or bodies.get(edit.organization or 0, "")
        rounds = written_rounds(edit.away)
        return gettext("%(name)s，第 %(rounds)s 轮不在场", name=name, rounds=rounds) if rounds else gettext(
            "%(name)s，全部在场", name=name)
    pairs = "；".join(f"{tables[project]} × {bodies[organization]}" for project, organization in edit.pairs)
    return gettext("%(pairs)s，第 %(n)s 轮", pairs=pairs, n=edit.round) if edit.round else pairs


def _values(form: EditForm) -> dict[str, str]:
    """Return what was typed, for the form that commits it."""
    typed = {name: form[name].data for name in ("kind", "table", "visitor", "other", "away", "reason")}
    return {**{name: str(value or "") for name, value in typed.items()}, "round": str(form.round.data or "")}


