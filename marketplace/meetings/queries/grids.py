"""A version of a schedule as people read it: by round, by table, by organization, and the own list of one side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, selectinload

from marketplace.conflicts.queries import conflict_bits
from marketplace.conflicts.rules import Kind
from marketplace.core.text import N_
from marketplace.meetings.models import Meeting, MeetingEvent, MeetingSchedule
from marketplace.meetings.operations.events import facts_of
from marketplace.meetings.queries import inputs as input_queries
from marketplace.meetings.rules import Slot, is_before_award, slots
from marketplace.meetings.rules.changes import Difference, difference
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

CONFLICT_NOTES = {Kind.CONFLICT: N_("有利益冲突，不能在这个项目里配对"), Kind.DECLARE_FIRST: N_("利益关系尚未申报或核对")}


@dataclass(frozen=True)
class Line:
    """One meeting as it is shown. `is_stopped`: the law forbids it now (between notice and award)."""

    meeting: Meeting
    slot: Slot
    is_stopped: bool

    @property
    def is_off(self) -> bool:
        """Say whether it does not take place."""
        return self.is_stopped or self.meeting.cancelled_at is not None


@dataclass(frozen=True)
class Side:
    """One party with its meetings by round; `cells` has one entry for each round, None for an empty one."""

    key: int
    name: str
    number: int | None
    cells: tuple[Line | None, ...]
    away: frozenset[int] = frozenset()

    @property
    def count(self) -> int:
        """Return how many meetings it has."""
        return sum(line is not None and not line.is_off for line in self.cells)


@dataclass(frozen=True)
class Grid:
    """A whole version: all lines by round, and both sides."""

    slots: tuple[Slot, ...]
    lines: tuple[Line, ...]
    tables: tuple[Side, ...]
    organizations: tuple[Side, ...]

    def of_round(self, number: int) -> list[Line]:
        """Return the meetings of a round by table."""
        return [line for line in self.lines if line.slot.number == number]


def grid_of(session: Session, event: MeetingEvent, schedule: MeetingSchedule) -> Grid:
    """Return a version with everything on it."""
    lines = lines_of(session, event, schedule)
    times = slots(facts_of(event))
    tables = [(row.project_id, row.project.title, row.number, frozenset(a.round for a in row.absences))
              for row in input_queries.tables_of(session, event)]
    visitors = [(row.organization_id, row.organization.name, None, frozenset(a.round for a in row.absences))
                for row in input_queries.visitors_of(session, event)]
    known = {key for key, *_ in tables}, {key for key, *_ in visitors}
    tables += [(project.id, project.title, number, frozenset()) for project, number in dict.fromkeys(
        (line.meeting.project, line.meeting.table_number) for line in lines) if project.id not in known[0]]
    visitors += [(gone.id, gone.name, None, frozenset()) for gone in dict.fromkeys(
        line.meeting.organization for line in lines) if gone.id not in known[1]]
    by_table = {(line.meeting.project_id, line.slot.number): line for line in lines}
    by_visitor = {(line.meeting.organization_id, line.slot.number): line for line in lines}
    return Grid(times, tuple(lines),
                tuple(Side(key, name, number, tuple(by_table.get((key, slot.number)) for slot in times), away)
                      for key, name, number, away in tables),
                tuple(Side(key, name, number, tuple(by_visitor.get((key, slot.number)) for slot in times), away)
                      for key, name, number, away in visitors))


def lines_of(session: Session, event: MeetingEvent, schedule: MeetingSchedule, *,
             party: int | None = None) -> list[Line]:
    """Return the meetings of a version by round and table; `party`: an organization, or the unit of projects, alone."""
    times = {slot.number: slot for slot in slots(facts_of(event))}
    query = select(Meeting).where(Meeting.schedule_id == schedule.id).options(
        selectinload(Meeting.project).load_only(Project.ref, Project.title, Project.state, Project.buyer_id),
        selectinload(Meeting.project).joinedload(Project.buyer).load_only(Organization.name),
        selectinload(Meeting.organization).load_only(Organization.ref, Organization.name))
    if party is not None:
        mine = select(Project.id).where(Project.buyer_id == party)
        query = query.where(or_(Meeting.organization_id == party, Meeting.project_id.in_(mine)))
    rows = session.scalars(query.order_by(Meeting.round, Meeting.table_number))
    return [Line(row, times[row.round], is_before_award(row.project.state)) for row in rows if row.round in times]


def conflicts_among(session: Session, lines: Sequence[Line], *, today: date) -> dict[int, str]:
    """Return what stands between both sides of meetings (meeting id -> sentence): a note for staff, no bar."""
    bits = conflict_bits(session, {line.meeting.project_id for line in lines},
                         {line.meeting.organization_id for line in lines}, today=today)
    found = {line.meeting.id: bits.get((line.meeting.project_id, line.meeting.organization_id)) for line in lines}
    return {meeting: CONFLICT_NOTES[bit.kind] for meeting, bit in found.items() if bit is not None}


@dataclass(frozen=True)
class Told:
    """One change in words: who, and the rounds before and after."""

    project: str
    organization: str
    before: int | None
    after: int | None


def told(session: Session, found: Difference) -> list[Told]:
    """Return the changes with names."""
    projects = _named(session, select(Project.id, Project.title).where(
        Project.id.in_({one.project for one in found.changes})))
    bodies = _named(session, select(Organization.id, Organization.name).where(
        Organization.id.in_({one.organization for one in found.changes})))
    return [Told(projects[one.project], bodies[one.organization], one.before, one.after) for one in found.changes]


def compared(session: Session, before: MeetingSchedule | None, after: MeetingSchedule) -> Difference:
    """Return what differs between two versions."""
    return difference(input_queries.seats(session, before), input_queries.seats(session, after))


def tables_moved(session: Session, before: MeetingSchedule | None,
                 after: MeetingSchedule) -> dict[int, tuple[int, int]]:
    """Return the projects that sit at another table in the later version: numbers before and after, by project."""
    old, new = ({} if one is None else dict(session.execute(
        select(Meeting.project_id, Meeting.table_number).where(Meeting.schedule_id == one.id).distinct()).all())
        for one in (before, after))
    return {project: (old[project], number) for project, number in new.items() if old.get(project, number) != number}


@dataclass(frozen=True)
class ToldTable:
    """A project that sits at another table."""

    project: str
    before: int
    after: int


def told_tables(session: Session, before: MeetingSchedule | None, after: MeetingSchedule) -> list[ToldTable]:
    """Return the projects at another table with names, by their new table."""
    moved = tables_moved(session, before, after)
    names = _named(session, select(Project.id, Project.title).where(Project.id.in_(moved)))
    return sorted((ToldTable(names[key], *numbers) for key, numbers in moved.items()), key=lambda one: one.after)


def _named(session: Session, query: Select[int, str]) -> dict[int, str]:
    """Return names by id."""
    return dict(session.execute(query).all())
