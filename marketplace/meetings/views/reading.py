"""Schedules to read: by round, by table, by organization; what changed; the own list; downloads and calendar files."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from flask import redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import beijing, beijing_date, utc_now
from marketplace.core.db import db
from marketplace.meetings import policy, rules
from marketplace.meetings.models import MeetingEvent, MeetingSchedule, MeetingTable
from marketplace.meetings.queries import events as queries
from marketplace.meetings.queries import grids
from marketplace.meetings.queries import inputs as input_queries
from marketplace.meetings.queries.grids import Grid, Line, Side
from marketplace.meetings.views.blueprint import READERS, STAFF_READERS, Answer, blueprint, event_of
from marketplace.projects.policy import is_public
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.calendars import Event
from marketplace.web.calendars import calendar as calendar_file
from marketplace.web.downloads import XLSX, attachment, spreadsheet
from marketplace.web.paging import Page, page_number
from marketplace.web.security import EXPORT_LIMIT, limiter
from marketplace.web.services import config, services

KINDS = ("round", "table", "organization")
SIZE = 40


def schedule_of(event: MeetingEvent) -> MeetingSchedule | None:
    """Return the version asked for in the address, or the newest."""
    session, asked = db.session(), request.args.get("version", "")
    if asked.isascii() and asked.isdigit():
        found = queries.schedule_numbered(session, event, int(asked[:6]))
        if found is None or found.state not in rules.WITH_MEETINGS:
            require(policy.HIDDEN)
        return found
    return input_queries.current(session, event)


@blueprint.get("/meetings/<ref>/schedule")
@for_roles(*STAFF_READERS)
def schedule(ref: str) -> Answer:
    """Show one version: a round at a time, or a page of tables or organizations with all their rounds."""
    event = event_of(ref)
    require(policy.may_see_all(current_actor(), event))
    version = schedule_of(event)
    if version is None:
        return redirect(url_for("meetings.show", ref=ref), 303)
    kind = request.args.get("by") if request.args.get("by") in KINDS else "round"
    grid = grids.grid_of(db.session(), event, version)
    sides = grid.tables if kind == "table" else grid.organizations
    number = _round_asked(grid)
    notes = grids.conflicts_among(db.session(), grid.of_round(number), today=beijing_date(utc_now()))
    is_whole = request.args.get("all") == "1"
    return render_template(
        "meetings/schedule.html", event=event, version=version, kind=kind, grid=grid, is_whole=is_whole,
        notes=notes if kind == "round" else {}, number=number,
        page=_slice(sides, is_whole=is_whole), labels=rules.RUN_LABELS,
        looks=rules.RUN_LOOKS)


def _round_asked(grid: Grid) -> int:
    """Return the round asked for in the address; the first otherwise."""
    asked = request.args.get("round", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 2 else 1  # noqa: PLR2004
    return number if 1 <= number <= len(grid.slots) else 1


def _slice(sides: Sequence[Side], *, is_whole: bool) -> Page[Side]:
    """Return one page of rows, or all of them for the printer."""
    number = 1 if is_whole else page_number(request.args)
    size = max(len(sides), 1) if is_whole else SIZE
    return Page(sides[(number - 1) * size:number * size], len(sides), number, size)


@blueprint.get("/meetings/<ref>/changes")
@for_roles(*STAFF_READERS)
def changes(ref: str) -> Answer:
    """Show what a version changes against the one before it, or against the published one."""
    event, session = event_of(ref), db.session()
    require(policy.may_see_all(current_actor(), event))
    version = schedule_of(event)
    if version is None:
        return redirect(url_for("meetings.show", ref=ref), 303)
    before = next((each for each in queries.schedules_of(session, event)
                   if each.number < version.number and each.state in rules.WITH_MEETINGS), None)
    found = grids.compared(session, before, version)
    return render_template("meetings/changes.html", event=event, version=version, before=before, difference=found,
                           changes=grids.told(session, found), tables=grids.told_tables(session, before, version),
                           labels=rules.RUN_LABELS, looks=rules.RUN_LOOKS,
                           may_publish=policy.may_publish(current_actor(), event))


@blueprint.get("/meetings/<ref>/mine")
@for_roles(*READERS)
def own(ref: str) -> Answer:
    """Show an organization, or a unit with its tables, the meetings of its own."""
    event, actor = event_of(ref), current_actor()
    version = input_queries.published(db.session(), event)
    lines = grids.lines_of(db.session(), event, version, party=actor.organization_id or 0) if version else []
    return render_template("meetings/own.html", event=event, version=version, lines=lines, mine=actor.organization_id,
                           may_see_all=policy.may_see_all(actor, event), labels=rules.STATE_LABELS,
                           looks=rules.STATE_LOOKS, is_public=is_public)


@blueprint.get("/meetings/<ref>/mine.ics")
@for_roles(*READERS)
def own_calendar(ref: str) -> Response:
    """Hand out the own meetings as calendar entries."""
    event = event_of(ref)
    version = input_queries.published(db.session(), event)
    if version is None:
        require(policy.HIDDEN)
    assert version is not None
    lines = grids.lines_of(db.session(), event, version, party=current_actor().organization_id or 0)
    return _calendar(event, lines, is_visitor=lambda line: line.meeting.organization_id == (
        current_actor().organization_id))


@blueprint.get("/meetings/<ref>/parties/<party_ref>.ics")
@for_roles(*STAFF_READERS)
def party_calendar(ref: str, party_ref: str) -> Response:
    """Hand out one party's meetings to the organizer, to be sent on."""
    event = event_of(ref)
    require(policy.may_see_all(current_actor(), event))
    version = schedule_of(event)
    row = queries.table_by_ref(db.session(), event, party_ref)
    if version is None:
        require(policy.HIDDEN)
    assert version is not None
    lines = grids.lines_of(db.session(), event, version)
    if isinstance(row, MeetingTable):
        mine = [line for line in lines if line.meeting.project_id == row.project_id]
    else:
        mine = [line for line in lines if line.meeting.organization_id == row.organization_id]
    return _calendar(event, mine, is_visitor=lambda _: not isinstance(row, MeetingTable))


def _calendar(event: MeetingEvent, lines: Iterable[Line], *, is_visitor: Callable[[Line], bool]) -> Response:
    """Return meetings that take place as a calendar file; an entry whose number grew replaces the one of before."""
    site = config().base_url
    made = []
    for line in lines:
        if line.is_off:
            continue
        meeting, table = line.meeting, gettext("%(n)s 号桌", n=line.meeting.table_number)
        other = meeting.project.title if is_visitor(line) else meeting.organization.name
        made.append(Event(
            uid=f"{event.ref}-{meeting.project.ref}-{meeting.organization.ref}@{site.partition('://')[2]}",
            at=line.slot.starts_at, until=line.slot.ends_at, stamp=utc_now(), sequence=event.edition,
            title=f"{event.title}：{other}", place=" ".join(filter(None, (event.place, table))),
            text=gettext("第 %(n)s 轮", n=meeting.round), url=f"{site}{url_for('meetings.own', ref=event.ref)}"))
    return attachment(calendar_file(made, name=event.title), name=f"{event.ref}.ics", media_type="text/calendar")


@blueprint.get("/meetings/<ref>/schedule.<kind>")
@for_roles(*STAFF_READERS)
@limiter.limit(EXPORT_LIMIT)
def export(ref: str, kind: str) -> Response:
    """Hand out one version as CSV (one row a meeting) or XLSX (also by table and by organization)."""
    event = event_of(ref)
    require(policy.may_see_all(current_actor(), event))
    version = schedule_of(event)
    if version is None or kind not in ("csv", "xlsx"):
        require(policy.HIDDEN)
    assert version is not None
    grid = grids.grid_of(db.session(), event, version)
    name = gettext("%(title)s洽谈表第%(n)s版", title=event.title, n=version.number)
    if kind == "csv":
        return spreadsheet(_flat(grid), kind="csv", name=name, sheet=gettext("洽谈表"))
    data = services().workbook_writer.write({
        gettext("洽谈表"): _flat(grid), gettext("按桌"): _matrix(grid, grid.tables),
        gettext("按组织"): _matrix(grid, grid.organizations)}, title=event.title)
    return attachment(data, name=f"{name}.xlsx", media_type=XLSX)


def _flat(grid: Grid) -> list[list[str]]:
    """Return one row for each meeting."""
    head = [gettext("轮次"), gettext("开始"), gettext("结束"), gettext("桌号"), gettext("项目"), gettext("购买主体"), gettext("组织"),
            gettext("匹配度"), gettext("说明")]
    return [head, *([
        str(line.slot.number), _clock(line.slot.starts_at), _clock(line.slot.ends_at), str(line.meeting.table_number),
        line.meeting.project.title, line.meeting.project.buyer.name, line.meeting.organization.name,
        f"{line.meeting.points / 10:.1f}", note_of(line)] for line in grid.lines)]


def _matrix(grid: Grid, sides: Iterable[Side]) -> list[list[str]]:
    """Return one row for each party, one column for each round."""
    is_tables = sides is grid.tables
    head = [gettext("桌号"), gettext("项目")] if is_tables else ["", gettext("组织")]
    rows = [[*head, *(f"{slot.number} {_clock(slot.starts_at)}" for slot in grid.slots)]]
    for side in sides:
        cells = []
        for line in side.cells:
            if line is None:
                cells.append("")
            elif is_tables:
                cells.append(line.meeting.organization.name + (f"（{note_of(line)}）" if line.is_off else ""))
            else:
                cells.append(gettext("%(n)s 号桌", n=line.meeting.table_number) + (
                    f"（{note_of(line)}）" if line.is_off else ""))
        rows.append([str(side.number or ""), side.name, *cells])
    return rows


def note_of(line: Line) -> str:
    """Return what is to be said of a meeting."""
    if line.meeting.cancelled_at is not None:
        return gettext("已取消：%(why)s", why=line.meeting.cancel_reason)
    if line.is_stopped:
        return gettext("公告期间，暂停单独洽谈")
    return gettext("指定") if line.meeting.is_pinned else ""


def _clock(moment: datetime) -> str:
    """Return a time of day in Beijing."""
    return beijing(moment).strftime("%H:%M")


@blueprint.app_template_global("meeting_note")
def meeting_note(line: Line) -> str:
    """Let templates say the same of a meeting as the downloads."""
    return note_of(line)


@blueprint.app_template_filter("clock_time")
def clock_time(moment: datetime) -> str:
    """Return 09:20 for a moment, in Beijing."""
    return _clock(moment)
