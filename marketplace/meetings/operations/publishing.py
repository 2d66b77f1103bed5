"""A schedule in force: published whole, taken back whole; single tables cancelled when the law asks for it."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.meetings import policy
from marketplace.meetings.models import Meeting, MeetingEvent, MeetingSchedule
from marketplace.meetings.operations.events import locked
from marketplace.meetings.rules import (
    EVENT,
    JOB_MEETINGS_CANCELLED,
    JOB_SCHEDULE_PUBLISHED,
    EventState,
    RunState,
)
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import Verification
from marketplace.projects.models import Project

MAX_REASON = 200


def publish(session: Session, *, actor: Actor, event: MeetingEvent, schedule: MeetingSchedule, now: datetime) -> None:
    """MeetingSchedule: ready -> published. The one before: published -> replaced. MeetingEvent: -> published.

    Refused when the lists changed since, when a project now stands between notice and award, or an organization is no
    longer verified. Everything in one transaction: nobody ever sees half of two versions.
    """
    event = locked(session, event)
    state, was_shown = EVENT.after(EventState(event.state), "publish"), event.state == EventState.PUBLISHED
    require(policy.may_publish(actor, event))
    session.refresh(schedule)
    if schedule.event_id != event.id or schedule.state != RunState.READY:
        raise Conflict(N_("这一版不能公布：它没有排好，或已被替换。请刷新页面"))
    if schedule.revision != event.revision:
        raise Conflict(N_("排好以后名单或设置又改过，请重新排程再公布"))
    _check_parties(session, schedule)
    is_back = not was_shown and session.scalar(select(MeetingSchedule.id).where(
        MeetingSchedule.event_id == event.id, MeetingSchedule.published_at.is_not(None)).limit(1)) is not None
    session.execute(update(MeetingSchedule).where(
        MeetingSchedule.event_id == event.id, MeetingSchedule.state == RunState.PUBLISHED)
        .values(state=RunState.REPLACED, replaced_at=now))
    schedule.state, schedule.published_at, event.state = RunState.PUBLISHED, now, state
    event.edition += 1
    session.flush()
    record(session, actor=actor, action="meetings.publish", subject=("meeting_event", event.ref), now=now,
           version=schedule.number, meetings=schedule.meeting_count, inputs=schedule.inputs_hash)
    enqueue(session, JOB_SCHEDULE_PUBLISHED, now=now, schedule_ref=schedule.ref, edition=event.edition,
            is_back=is_back)


def withdraw(session: Session, *, actor: Actor, event: MeetingEvent, now: datetime) -> None:
    """MeetingEvent: published -> scheduled. The version is ready again; participants see nothing until the next one."""
    event = locked(session, event)
    state = EVENT.after(EventState(event.state), "withdraw")
    require(policy.may_withdraw(actor, event))
    shown = session.scalars(select(MeetingSchedule).where(
        MeetingSchedule.event_id == event.id, MeetingSchedule.state == RunState.PUBLISHED)).one()
    shown.state, event.state = RunState.READY, state
    session.flush()
    record(session, actor=actor, action="meetings.withdraw", subject=("meeting_event", event.ref), now=now,
           version=shown.number)


def cancel_meetings(session: Session, *, actor: Actor, event: MeetingEvent, project: Project, reason: str,
                    now: datetime) -> int:
    """Cancel all meetings at a project's table in the version in force; the others stay. Returns how many."""
    event = locked(session, event)
    require(policy.may_remove_table(actor, event, project))
    if not reason.strip() or len(reason) > MAX_REASON:
        raise Invalid(N_("请写明取消的理由，最多 {most} 字"), field="reason", most=MAX_REASON)
    rows = session.scalars(
        select(Meeting).join(MeetingSchedule, MeetingSchedule.id == Meeting.schedule_id).where(
            MeetingSchedule.event_id == event.id, MeetingSchedule.state == RunState.PUBLISHED,
            Meeting.project_id == project.id, Meeting.cancelled_at.is_(None))).all()
    if not rows:
        raise Conflict(N_("“{title}”没有已公布的洽谈，不用取消"), title=project.title)
    for row in rows:
        row.cancelled_at, row.cancelled_by, row.cancel_reason = now, actor.person_id, reason.strip()
    session.flush()
    record(session, actor=actor, action="meetings.cancel_meetings", subject=("meeting_event", event.ref), now=now,
           project=project.ref, meetings=len(rows), reason=reason.strip())
    enqueue(session, JOB_MEETINGS_CANCELLED, now=now, schedule_ref=rows[0].schedule.ref, project_ref=project.ref)
    return len(rows)


def _check_parties(session: Session, schedule: MeetingSchedule) -> None:
    """Refuse a version whose projects may not meet now, or whose organizations lost their check."""
    met = select(Meeting.project_id).where(Meeting.schedule_id == schedule.id)
    for project in session.scalars(select(Project).where(Project.id.in_(met)).order_by(Project.id)):
        require(policy.may_meet(project))
    came = select(Meeting.organization_id).where(Meeting.schedule_id == schedule.id)
    stranger = session.scalar(select(Organization.name).where(
        Organization.id.in_(came), Organization.verification != Verification.VERIFIED)
        .order_by(Organization.id).limit(1))
    if stranger is not None:
        raise Invalid(N_("“{name}”不再是已核验的组织。请从名单移除后重新排程"), name=stranger)
