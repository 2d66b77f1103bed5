"""Events that a person may see, one row of their lists, and what a page says of an event."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.access import Actor, Role, require
from marketplace.core.errors import Invalid
from marketplace.core.text import N_
from marketplace.meetings import policy
from marketplace.meetings.models import (
    Meeting,
    MeetingEvent,
    MeetingSchedule,
    MeetingTable,
    MeetingVisitor,
)
from marketplace.meetings.rules import BEFORE_AWARD, UNDER_WAY, EventState, RunState
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import Verification, tidy_credit_code
from marketplace.projects.models import Project
from marketplace.projects.policy import UNIT_READERS
from marketplace.projects.rules import ProjectState

MOST_CHOICES = 300


@dataclass(frozen=True)
class Sizes:
    """How many tables, organizations, absences and decisions an event has."""

    tables: int
    visitors: int


def by_ref(session: Session, ref: str, *, actor: Actor) -> MeetingEvent:
    """Return an event that the actor may see; raises Denied (404) otherwise."""
    event = session.scalar(select(MeetingEvent).where(MeetingEvent.ref == ref).options(joinedload(MeetingEvent.host)))
    if event is None:
        require(policy.HIDDEN)
    assert event is not None
    require(policy.may_see(actor, event, parties=parties_of(session, event, actor)))
    return event


def parties_of(session: Session, event: MeetingEvent, actor: Actor) -> frozenset[int]:
    """Return the actor's organization if it takes part: as a visitor, or as the buyer of a project at a table."""
    mine = actor.organization_id
    if mine is None:
        return frozenset()
    visits = session.scalar(select(MeetingVisitor.id).where(
        MeetingVisitor.event_id == event.id, MeetingVisitor.organization_id == mine))
    sits = session.scalar(select(MeetingTable.id).join(Project, Project.id == MeetingTable.project_id).where(
        MeetingTable.event_id == event.id, Project.buyer_id == mine).limit(1))
    return frozenset({mine}) if visits or sits else frozenset()


def events_of(actor: Actor) -> Select[MeetingEvent]:
    """Return the statement of events an actor may see, the newest first."""
    query = select(MeetingEvent).options(joinedload(MeetingEvent.host)).order_by(
        MeetingEvent.starts_at.desc(), MeetingEvent.id.desc())
    if actor.is_system or actor.has(Role.OPERATOR, Role.AUDITOR):
        return query
    mine = actor.organization_id
    visits = select(MeetingVisitor.event_id).where(MeetingVisitor.organization_id == mine)
    sits = select(MeetingTable.event_id).join(Project, Project.id == MeetingTable.project_id).where(
        Project.buyer_id == mine)
    shown = MeetingEvent.state.in_((EventState.PUBLISHED, EventState.OVER))
    if actor.has(*policy.UNIT_STAFF):
        return query.where(or_(MeetingEvent.host_id == mine, MeetingEvent.is_open_to_units, MeetingEvent.id.in_(sits)))
    return query.where(shown, MeetingEvent.id.in_(visits))


def sizes_of(session: Session, events: Sequence[MeetingEvent]) -> dict[int, Sizes]:
    """Return the sizes of events, by id."""
    ids = [event.id for event in events]
    counted = [dict(session.execute(select(kind.event_id, func.count()).where(kind.event_id.in_(ids))
                                    .group_by(kind.event_id)).all())
               for kind in (MeetingTable, MeetingVisitor)]
    return {event: Sizes(counted[0].get(event, 0), counted[1].get(event, 0)) for event in ids}


def table_by_ref(session: Session, event: MeetingEvent, ref: str) -> MeetingTable | MeetingVisitor:
    """Return one row of the lists by reference; raises Denied (404) when there is none."""
    row: MeetingTable | MeetingVisitor | None = session.scalar(select(MeetingTable).where(
        MeetingTable.ref == ref, MeetingTable.event_id == event.id))
    row = row or session.scalar(select(MeetingVisitor).where(
        MeetingVisitor.ref == ref, MeetingVisitor.event_id == event.id))
    if row is None:
        require(policy.HIDDEN)
    assert row is not None
    return row


def schedules_of(session: Session, event: MeetingEvent) -> list[MeetingSchedule]:
    """Return all versions, the newest first."""
    return list(session.scalars(select(MeetingSchedule).where(MeetingSchedule.event_id == event.id).order_by(
        MeetingSchedule.number.desc())))


def under_way(session: Session, event: MeetingEvent) -> MeetingSchedule | None:
    """Return the version that is being made."""
    return session.scalar(select(MeetingSchedule).where(
        MeetingSchedule.event_id == event.id, MeetingSchedule.state.in_(UNDER_WAY)))


def schedule_numbered(session: Session, event: MeetingEvent, number: int) -> MeetingSchedule | None:
    """Return one version by number."""
    return session.scalar(select(MeetingSchedule).where(
        MeetingSchedule.event_id == event.id, MeetingSchedule.number == number))


def stopped_by_law(session: Session, event: MeetingEvent) -> list[Project]:
    """Return projects of the event that stand between notice and award: at a table, or in the version in force."""
    tables = select(MeetingTable.project_id).where(MeetingTable.event_id == event.id)
    met = select(Meeting.project_id).join(MeetingSchedule, MeetingSchedule.id == Meeting.schedule_id).where(
        MeetingSchedule.event_id == event.id, MeetingSchedule.state == RunState.PUBLISHED,
        Meeting.cancelled_at.is_(None))
    return list(session.scalars(select(Project).where(
        Project.state.in_(BEFORE_AWARD), or_(Project.id.in_(tables), Project.id.in_(met))).order_by(Project.title)))


def with_meetings(session: Session, event: MeetingEvent, projects: Sequence[Project]) -> frozenset[int]:
    """Return which of these projects have meetings in the version in force that are not cancelled."""
    return frozenset(session.scalars(
        select(Meeting.project_id).join(MeetingSchedule, MeetingSchedule.id == Meeting.schedule_id).where(
            MeetingSchedule.event_id == event.id, MeetingSchedule.state == RunState.PUBLISHED,
            Meeting.cancelled_at.is_(None), Meeting.project_id.in_([project.id for project in projects]))))


def cancelled_in(session: Session, schedule: MeetingSchedule | None) -> int:
    """Return how many meetings of a version were cancelled one by one since it was made."""
    return 0 if schedule is None else session.scalar(select(func.count()).select_from(Meeting).where(
        Meeting.schedule_id == schedule.id, Meeting.cancelled_at.is_not(None))) or 0


def projects_to_add(session: Session, event: MeetingEvent, actor: Actor) -> list[Project]:
    """Return projects that could get a table: the actor may see them, none between notice and award; newest first."""
    taken = select(MeetingTable.project_id).where(MeetingTable.event_id == event.id)
    public = Project.published_at.is_not(None) & Project.state.in_((ProjectState.AWARDED, ProjectState.CONTRACTED))
    mine = Project.buyer_id == actor.organization_id if actor.has(*UNIT_READERS) else None
    draft = Project.state.in_((ProjectState.DRAFT, ProjectState.IN_REVIEW))
    seen = public if mine is None else (public | (mine & draft))
    if not policy.is_staff(actor, event):
        seen = seen & (Project.buyer_id == actor.organization_id)
    return list(session.scalars(select(Project).where(seen, Project.id.not_in(taken)).order_by(
        Project.created_at.desc(), Project.id.desc()).limit(MOST_CHOICES)))


def project_by(session: Session, typed: str) -> Project:
    """Return a project by reference or number; raises Invalid when there is none."""
    if not typed:
        raise Invalid(N_("请从列表里选一个项目，或填项目编号"), field="project")
    found = session.scalar(select(Project).where(or_(Project.ref == typed, Project.number == typed)))
    if found is None:
        raise Invalid(N_("没有这个项目，或您看不到它。请从列表里选，或填项目编号"), field="project")
    return found


def organization_by(session: Session, typed: str) -> Organization:
    """Return a provider by credit code, reference or exact name; raises Invalid for none or several."""
    code = tidy_credit_code(typed) or ""
    found = session.scalars(select(Organization).where(or_(
        Organization.ref == typed, Organization.credit_code == code, Organization.name == typed)).limit(2)).all()
    if len(found) != 1:
        raise Invalid(N_("没有找到“{typed}”这家组织，或有同名的。请填统一社会信用代码"), field="organization", typed=typed[:40])
    return found[0]


def providers_to_add(session: Session, event: MeetingEvent) -> list[Organization]:
    """Return verified providers that are not on the list yet, by name; for a box that suggests."""
    taken = select(MeetingVisitor.organization_id).where(MeetingVisitor.event_id == event.id)
    return list(session.scalars(select(Organization).where(
        Organization.is_provider, Organization.verification == Verification.VERIFIED, Organization.id.not_in(taken))
        .order_by(Organization.name).limit(MOST_CHOICES)))
