"""A version of the schedule from the wish to the meetings: asked for, begun, cancelled, kept, or failed."""

from datetime import datetime

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, DomainError, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.meetings import policy
from marketplace.meetings.models import Meeting, MeetingEvent, MeetingSchedule, MeetingTable
from marketplace.meetings.operations.events import locked
from marketplace.meetings.rules import EVENT, JOB_SCHEDULE_DUE, UNDER_WAY, EventState, RunState
from marketplace.meetings.rules.solving import Solution

_CHANGED = N_("排程期间名单或设置有变动，这一版没有保存。请重新排程")
_SHORT = N_("最少场次不能全部满足，这一版没有保存")


def start_run(session: Session, *, actor: Actor, event: MeetingEvent, now: datetime,
              keeps_before: bool = False) -> MeetingSchedule:
    """Ask for a new version; the worker makes it. Only one is under way at a time."""
    event = locked(session, event)
    require(policy.may_change(actor, event))
    if not event.tables or not event.visitors:
        raise Invalid(N_("名单还不全：至少要有一张桌子和一家组织"))
    made = _new_version(session, event, actor=actor, state=RunState.WAITING, keeps_before=keeps_before, now=now)
    enqueue(session, JOB_SCHEDULE_DUE, now=now, unique_key=f"meetings:{made.ref}", schedule_ref=made.ref)
    record(session, actor=actor, action="meetings.start_run", subject=("meeting_event", event.ref), now=now,
           version=made.number, keeps_before=keeps_before)
    return made


def begin_run(session: Session, *, schedule_ref: str) -> MeetingSchedule | None:
    """Take a waiting version into work, or one that a worker left behind; None when it was cancelled or is done."""
    schedule = by_ref(session, schedule_ref)
    if schedule.state not in UNDER_WAY:
        return None
    schedule.state, schedule.phase, schedule.revision = RunState.RUNNING, 0, schedule.event.revision
    session.flush()
    return schedule


def note_phase(session: Session, *, schedule_ref: str, phase: int) -> None:
    """Note how far the work is; raises Conflict when somebody cancelled it."""
    done = session.execute(update(MeetingSchedule).where(
        MeetingSchedule.ref == schedule_ref, MeetingSchedule.state == RunState.RUNNING).values(phase=phase))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这次排程已经取消"))


def cancel_run(session: Session, *, actor: Actor, event: MeetingEvent, now: datetime) -> None:
    """MeetingSchedule: waiting or running -> cancelled. What was scheduled before stays as it is."""
    event = locked(session, event)
    require(policy.may_change(actor, event))
    under_way = session.scalar(_under_way(event))
    if under_way is None:
        raise Conflict(N_("没有正在进行的排程，不用取消"))
    under_way.state, under_way.done_at = RunState.CANCELLED, now
    session.flush()
    record(session, actor=actor, action="meetings.cancel_run", subject=("meeting_event", event.ref), now=now,
           version=under_way.number)


def keep_run(session: Session, *, actor: Actor, schedule_ref: str, solution: Solution, points_from: str,
             now: datetime) -> MeetingSchedule:
    """MeetingSchedule: running -> ready, with its meetings; failed when something changed meanwhile, or least is short.

    Raises Conflict when it was cancelled: nothing of it is kept.
    """
    event = session.scalars(select(MeetingEvent).join(MeetingSchedule).where(MeetingSchedule.ref == schedule_ref)).one()
    event = locked(session, event)               # before the version, as everywhere: two orders would deadlock
    schedule = by_ref(session, schedule_ref)
    if schedule.state != RunState.RUNNING:
        raise Conflict(N_("这次排程已经取消"))
    schedule.points_from, schedule.inputs_hash = points_from, solution.inputs_hash
    if event.revision != schedule.revision:
        _fail(schedule, Invalid(_CHANGED), now)
    elif solution.shortages:
        _fail(schedule, Invalid(_SHORT), now, **solution.findings())
    else:
        fill(session, event, schedule, solution, now=now)
    session.flush()
    record(session, actor=actor, action="meetings.keep_run", subject=("meeting_event", event.ref), now=now,
           version=schedule.number, state=schedule.state, meetings=schedule.meeting_count, total=schedule.total,
           bound=schedule.bound)
    return schedule


def fail_run(session: Session, *, actor: Actor, schedule_ref: str, refused: DomainError, now: datetime) -> None:
    """MeetingSchedule: running -> failed, with the sentence; one that was cancelled stays so."""
    schedule = by_ref(session, schedule_ref)
    if schedule.state not in UNDER_WAY:
        return
    _fail(schedule, refused, now)
    session.flush()
    record(session, actor=actor, action="meetings.fail_run", subject=("meeting_event", schedule.event.ref), now=now,
           version=schedule.number, reason=refused.sentence)


def keep_edited(session: Session, *, actor: Actor, event: MeetingEvent, solution: Solution, points_from: str,
                now: datetime) -> MeetingSchedule:
    """Keep the version that was previewed with an edit; the caller has written the edit in the same transaction."""
    if solution.shortages:
        raise Invalid(_SHORT)
    schedule = _new_version(session, event, actor=actor, state=RunState.READY, keeps_before=True, now=now, done_at=now)
    schedule.points_from, schedule.inputs_hash = points_from, solution.inputs_hash
    fill(session, event, schedule, solution, now=now)
    session.flush()
    return schedule


def fill(session: Session, event: MeetingEvent, schedule: MeetingSchedule, solution: Solution, *,
         now: datetime) -> None:
    """Write the meetings of a version and bring the event to its next state."""
    numbers = dict(session.execute(select(MeetingTable.project_id, MeetingTable.number).where(
        MeetingTable.event_id == event.id)).all())
    session.add_all([
        Meeting(schedule=schedule, round=seat.round, table_number=numbers[seat.project], project_id=seat.project,
                organization_id=seat.organization, points=seat.points, is_pinned=seat.is_pinned)
        for seat in solution.seats])
    schedule.state, schedule.done_at, schedule.rounds = RunState.READY, now, event.rounds
    schedule.total, schedule.bound, schedule.is_exact = solution.total, solution.bound, solution.is_exact
    schedule.meeting_count, schedule.findings = len(solution.seats), solution.findings()
    event.state = EVENT.after(EventState(event.state), "schedule")


def by_ref(session: Session, ref: str) -> MeetingSchedule:
    """Return one version, its row locked."""
    found = session.scalar(select(MeetingSchedule).where(MeetingSchedule.ref == ref).with_for_update(of=MeetingSchedule)
                           .execution_options(populate_existing=True))
    if found is None:
        raise Conflict(N_("没有这一版洽谈表"))
    return found


def _under_way(event: MeetingEvent) -> Select[MeetingSchedule]:
    """Return the statement of the version that is being made."""
    return select(MeetingSchedule).where(MeetingSchedule.event_id == event.id, MeetingSchedule.state.in_(UNDER_WAY))


def _new_version(session: Session, event: MeetingEvent, *, actor: Actor, state: RunState, keeps_before: bool,
                 now: datetime, done_at: datetime | None = None) -> MeetingSchedule:
    """Return the row of the next version; refuses a second one under way."""
    if session.scalar(_under_way(event)) is not None:
        raise Conflict(N_("已经有一次排程在进行。请等它完成，或先取消它"))
    number = (session.scalar(select(func.max(MeetingSchedule.number)).where(
        MeetingSchedule.event_id == event.id)) or 0) + 1
    made = MeetingSchedule(event=event, number=number, state=state, revision=event.revision, started_by=actor.person_id,
                           started_at=now, done_at=done_at, keeps_before=keeps_before, rounds=event.rounds)
    session.add(made)
    session.flush()
    return made


def _fail(schedule: MeetingSchedule, refused: DomainError, now: datetime, **findings: object) -> None:
    """Note why a version was not made."""
    schedule.state, schedule.done_at = RunState.FAILED, now
    schedule.findings = {**findings, "sentence": refused.sentence,
                         "facts": {name: str(value) for name, value in refused.facts.items()}}
