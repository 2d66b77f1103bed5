"""Tables and organizations: added one by one or from a sheet, changed, taken away."""

from collections.abc import Sequence
from typing import TypeVar

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import ALLOWED, require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, Invalid
from marketplace.core.text import N_
from marketplace.meetings import operations, policy, rules
from marketplace.meetings.forms import ImportForm, TableForm, TermsForm, VisitorForm, choices
from marketplace.meetings.models import MeetingEvent, MeetingTable
from marketplace.meetings.operations import BadRows
from marketplace.meetings.operations.parties import may_change_party
from marketplace.meetings.queries import events as queries
from marketplace.meetings.queries import inputs as input_queries
from marketplace.meetings.queries import sheets
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
from marketplace.web.errors import blame, say
from marketplace.web.paging import Page, page_number
from marketplace.web.security import UPLOAD_LIMIT, limiter
from marketplace.web.services import services

MOST_BYTES = 2 * 1024 * 1024
SIZE = 50
T = TypeVar("T")


@blueprint.route("/meetings/<ref>/tables", methods=["GET", "POST"])
@for_roles(*STAFF_READERS)
def tables(ref: str) -> Answer:
    """Show the tables; give a project one."""
    event = event_of(ref)
    form = _table_form(event, posted=request.method == "POST")
    if form.validate_on_submit():
        try:
            with transaction() as session:
                project = queries.project_by(session, form.project.data or form.typed.data or "")
                made = operations.add_table(session, actor=current_actor(), event=event_of(ref), project=project,
                                            terms=form.terms(event.rounds), now=utc_now())
                number = made.number
            flash(gettext("已排桌：%(n)s 号桌", n=number), "ok")
            return redirect(url_for("meetings.tables", ref=ref), 303)
        except (Invalid, Denied) as refused:
            _blame_or_raise(form, refused, event=event_of(ref))
            event = event_of(ref)
    return _tables_page(event, form)


def _blame_or_raise(form: TableForm, refused: Invalid | Denied, *, event: MeetingEvent) -> None:
    """Say beside the field that the law stops a project; let other refusals be what they are."""
    field = "typed" if form.typed.data and not form.project.data else "project"
    if isinstance(refused, Denied) and refused.sentence == rules.NO_PRIVATE_MEETINGS:
        blame(form, Invalid(refused.sentence, field=field, **refused.facts))
    elif isinstance(refused, Denied) and refused.hidden and policy.is_staff(current_actor(), event):
        blame(form, Invalid(N_("没有这个项目，或您看不到它。请从列表里选，或填项目编号"), field=field))
    elif isinstance(refused, Denied):
        raise refused
    else:
        blame(form, Invalid(refused.sentence, field=field, **refused.facts) if refused.field == "project" else refused)


def _table_form(event: MeetingEvent, *, posted: bool) -> TableForm:
    """Return the form with the projects that may get a table."""
    form = TableForm() if posted else TableForm(formdata=None)
    found = queries.projects_to_add(db.session(), event, current_actor())
    form.project.choices = choices(((each.ref, f"{each.title}　{each.number or gettext('草稿')}") for each in found),
                                   first=gettext("请选择"))
    return form


def _tables_page(event: MeetingEvent, form: TableForm) -> Answer:
    """Render the tables a page at a time; a unit that is not the host sees its own."""
    session, actor = db.session(), current_actor()
    rows = input_queries.tables_of(session, event)
    may_see_all = policy.may_see_all(actor, event)
    if not may_see_all:
        rows = [row for row in rows if row.project.buyer_id == actor.organization_id]
    return render_template(
        "meetings/tables.html", event=event, form=form, page=_slice(rows), may_see_all=may_see_all,
        may_add=policy.may_change(actor, event) if may_see_all or not event.is_open_to_units else ALLOWED,
        may_change={row.ref: policy.may_remove_table(actor, event, row.project).allowed for row in rows},
        stopped={row.ref for row in rows if not policy.may_meet(row.project)}, written=rules.written_rounds,
        import_form=ImportForm(formdata=None)), status_of(form)


@blueprint.route("/meetings/<ref>/organizations", methods=["GET", "POST"])
@for_roles(*STAFF_READERS)
def organizations(ref: str) -> Answer:
    """Show the organizations; add one."""
    event = event_of(ref)
    require(policy.may_see_all(current_actor(), event))
    form = VisitorForm() if request.method == "POST" else VisitorForm(formdata=None)
    if form.validate_on_submit():
        try:
            with transaction() as session:
                found = queries.organization_by(session, form.organization.data or "")
                operations.add_visitor(session, actor=current_actor(), event=event_of(ref), organization=found,
                                       terms=form.terms(event.rounds), now=utc_now())
                name = found.name
            flash(gettext("已加入：%(name)s", name=name), "ok")
            return redirect(url_for("meetings.organizations", ref=ref), 303)
        except Invalid as refused:
            blame(form, refused)
            event = event_of(ref)
    return _organizations_page(event, form)


def _organizations_page(event: MeetingEvent, form: VisitorForm, *, problems: tuple[str, ...] = (),
                        failed: int = 0) -> Answer:
    """Render the organizations a page at a time; after a refused sheet, its rows with what is wrong."""
    rows = input_queries.visitors_of(db.session(), event)
    return render_template(
        "meetings/organizations.html", event=event, form=form, page=_slice(rows), problems=problems, failed=failed,
        may_change=policy.may_change(current_actor(), event), import_form=ImportForm(formdata=None),
        suggested=queries.providers_to_add(db.session(), event), written=rules.written_rounds,
    ), UNPROCESSABLE if problems else status_of(form)


@blueprint.post("/meetings/<ref>/import")
@for_roles(*WORKERS)
@limiter.limit(UPLOAD_LIMIT)
def import_list(ref: str) -> Answer:
    """Take over a sheet of participants, whole or not at all."""
    event, form = event_of(ref), ImportForm()
    require(policy.may_change(current_actor(), event))
    upload = form.file.data
    data = upload.read(MOST_BYTES + 1) if upload else b""
    if not data or len(data) > MOST_BYTES:
        sentence = gettext("请选一个不超过 2 MB 的 CSV 或 XLSX 文件")
        return _organizations_page(event, VisitorForm(formdata=None), problems=(sentence,))
    try:
        read = services().workbook_reader.read(data, filename=upload.filename or "list.csv")
        with transaction() as session:
            event = event_of(ref)
            rows = sheets.read_list(session, read, rounds=event.rounds)
            count = operations.add_all(session, actor=current_actor(), event=event, rows=rows, now=utc_now())
    except BadRows as refused:
        found = tuple(gettext("第 %(row)s 行“%(column)s”：%(why)s", row=one.line, why=say(one.refused),
                              column=gettext(sheets.COLUMNS.get(one.column, "编号"))) for one in refused.problems)
        return _organizations_page(event_of(ref), VisitorForm(formdata=None), problems=found, failed=len(found))
    except Invalid as refused:
        return _organizations_page(event_of(ref), VisitorForm(formdata=None), problems=(say(refused),))
    flash(gettext("已导入 %(n)s 方", n=count), "ok")
    return redirect(url_for("meetings.organizations", ref=ref), 303)


@blueprint.route("/meetings/<ref>/parties/<party_ref>", methods=["GET", "POST"])
@for_roles(*STAFF_READERS)
def party(ref: str, party_ref: str) -> Answer:
    """Change least number, missed rounds and table number of one party."""
    event = event_of(ref)
    row = queries.table_by_ref(db.session(), event, party_ref)
    require(may_change_party(current_actor(), row))
    form = TermsForm(obj=row)
    if not form.is_submitted():
        form.away.data = rules.written_rounds(frozenset(absence.round for absence in row.absences))
    if form.validate_on_submit():
        try:
            with transaction() as session:
                event = event_of(ref)
                operations.change_party(session, actor=current_actor(), terms=form.terms(event.rounds), now=utc_now(),
                                        party=queries.table_by_ref(session, event, party_ref))
            flash(gettext("已保存。已排好的洽谈表要重新排程后才会变"), "ok")
            return redirect(_list_url(event_of(ref), is_table=isinstance(row, MeetingTable)), 303)
        except Invalid as refused:
            blame(form, refused)
            event = event_of(ref)
            row = queries.table_by_ref(db.session(), event, party_ref)
    return render_template("meetings/party.html", event=event, party=row, form=form,
                           is_table=isinstance(row, MeetingTable)), status_of(form)


@blueprint.post("/meetings/<ref>/parties/<party_ref>/remove")
@for_roles(*WORKERS)
def remove(ref: str, party_ref: str) -> Response:
    """Take a party off the list."""
    with transaction() as session:
        event = event_of(ref)
        row = queries.table_by_ref(session, event, party_ref)
        is_table = isinstance(row, MeetingTable)
        operations.remove_party(session, actor=current_actor(), party=row, now=utc_now())
        target = _list_url(event, is_table=is_table)
    flash(gettext("已移除。已公布的洽谈表要重新排程并公布后才会变"), "ok")
    return redirect(target, 303)


def _list_url(event: MeetingEvent, *, is_table: bool) -> str:
    """Return where a party is listed."""
    return url_for("meetings.tables" if is_table else "meetings.organizations", ref=event.ref)


def _slice(rows: Sequence[T]) -> Page[T]:
    """Return one page of rows that are all at hand."""
    number = page_number(request.args)
    first = (number - 1) * SIZE
    return Page(rows[first:first + SIZE], len(rows), number, SIZE)
