"""Reads what decides a schedule: parties with their absences, decisions in force; and schedules as plain seats."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from marketplace.core.access import require
from marketplace.meetings import policy
from marketplace.meetings.models import (
    Meeting,
    MeetingDecision,
    MeetingEvent,
    MeetingSchedule,
    MeetingTable,
    MeetingVisitor,
)
from marketplace.meetings.queries.points import Points, points_of
from marketplace.meetings.rules import RunState
from marketplace.meetings.rules.inputs import Inputs, Party, Seat
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

_BODY = (Organization.ref, Organization.name, Organization.credit_code)
_PROJECT = (Project.ref, Project.number, Project.title, Project.state, Project.buyer_id)


def inputs_of(session: Session, event: MeetingEvent) -> Inputs:
    """Return all that people decided for an event, read from the database now."""
    decisions = decisions_of(session, event)
    return Inputs(
        event.rounds,
        tuple(Party(row.project_id, row.project.title, row.least, _away(row)) for row in tables_of(session, event)),
        tuple(Party(row.organization_id, row.organization.name, row.least, _away(row))
              for row in visitors_of(session, event)),
        pins={(each.project_id, each.organization_id): each.round for each in decisions if each.kind == "pin"},
        forbids=frozenset((each.project_id, each.organization_id) for each in decisions if each.kind == "forbid"))


def event_points(session: Session, inputs: Inputs) -> Points:
    """Return the points of all pairs of an event."""
    return points_of(session, [party.key for party in inputs.tables], [party.key for party in inputs.organizations])


def tables_of(session: Session, event: MeetingEvent) -> list[MeetingTable]:
    """Return the tables by number."""
    return list(session.scalars(select(MeetingTable).where(MeetingTable.event_id == event.id).options(
        selectinload(MeetingTable.project).load_only(*_PROJECT), selectinload(MeetingTable.absences))
        .order_by(MeetingTable.number)))


def visitors_of(session: Session, event: MeetingEvent) -> list[MeetingVisitor]:
    """Return the organizations in the order in which they came onto the list."""
    return list(session.scalars(select(MeetingVisitor).where(MeetingVisitor.event_id == event.id).options(
        selectinload(MeetingVisitor.organization).load_only(*_BODY), selectinload(MeetingVisitor.absences))
        .order_by(MeetingVisitor.id)))


def decisions_of(session: Session, event: MeetingEvent, *, with_lifted: bool = False) -> list[MeetingDecision]:
    """Return pins and forbids, the newest first; those in force only unless asked otherwise."""
    query = select(MeetingDecision).where(MeetingDecision.event_id == event.id).options(
        selectinload(MeetingDecision.project), selectinload(MeetingDecision.organization))
    if not with_lifted:
        query = query.where(MeetingDecision.lifted_at.is_(None))
    return list(session.scalars(query.order_by(MeetingDecision.id.desc())))


def decision_by_ref(session: Session, event: MeetingEvent, ref: str) -> MeetingDecision:
    """Return one pin or forbid; raises Denied (404) when there is none."""
    found = session.scalar(select(MeetingDecision).where(
        MeetingDecision.ref == ref, MeetingDecision.event_id == event.id))
    if found is None:
        require(policy.HIDDEN)
    assert found is not None
    return found


def current(session: Session, event: MeetingEvent) -> MeetingSchedule | None:
    """Return the newest version that holds meetings: the one that people work on."""
    return session.scalar(select(MeetingSchedule).where(
        MeetingSchedule.event_id == event.id, MeetingSchedule.state.in_((RunState.READY, RunState.PUBLISHED)))
        .order_by(MeetingSchedule.number.desc()).limit(1))


def published(session: Session, event: MeetingEvent) -> MeetingSchedule | None:
    """Return the version that is in force for everybody."""
    return session.scalar(select(MeetingSchedule).where(
        MeetingSchedule.event_id == event.id, MeetingSchedule.state == RunState.PUBLISHED))


def seats(session: Session, schedule: MeetingSchedule | None) -> tuple[Seat, ...]:
    """Return the meetings of a version as plain values, without those that were cancelled."""
    if schedule is None:
        return ()
    return tuple(Seat(row.project_id, row.organization_id, row.round, row.points, row.is_pinned) for row in _rows(
        session, schedule) if row.cancelled_at is None)


def _rows(session: Session, schedule: MeetingSchedule) -> Iterable[Meeting]:
    """Return the rows of a version by round and table."""
    return session.scalars(select(Meeting).where(Meeting.schedule_id == schedule.id).order_by(
        Meeting.round, Meeting.table_number))


def _away(row: MeetingTable | MeetingVisitor) -> frozenset[int]:
    """Return the rounds that a party misses."""
    return frozenset(absence.round for absence in row.absences)
