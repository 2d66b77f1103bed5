"""An event from its preparation to its end: facts, end; and the lock under which its steps follow one another."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.meetings import policy, rules
from marketplace.meetings.models import Meeting, MeetingEvent, MeetingSchedule
from marketplace.meetings.rules import EVENT, JOB_MEETINGS_MOVED, EventFacts, EventState, RunState, moves
from marketplace.organizations.models import Organization


def create_event(session: Session, *, actor: Actor, host: Organization | None, facts: EventFacts,
                 now: datetime) -> MeetingEvent:
    """Prepare an event. `host`: the unit that runs it; None for the platform itself."""
    require(policy.may_organize(actor))
    rules.check_facts(facts)
    event = MeetingEvent(host=host, state=EventState.DRAFT, created_by=actor.person_id, created_at=now,
                         **_columns(facts))
    session.add(event)
    session.flush()
    record(session, actor=actor, action="meetings.create", subject=("meeting_event", event.ref), now=now,
           title=event.title, host=host.ref if host else "", rounds=event.rounds)
    return event


def change_event(session: Session, *, actor: Actor, event: MeetingEvent, facts: EventFacts, now: datetime) -> bool:
    """Change the facts. Another number of rounds makes every schedule so far a thing of the past.

    Returns whether meetings in force move to another time or place: then all who have one there are told.
    """
    event = locked(session, event)
    require(policy.may_change(actor, event))
    rules.check_facts(facts)
    if facts.rounds < event.rounds and (least := _largest_least(event)) > facts.rounds:
        raise Invalid(N_("有一方要求至少 {least} 场，轮次不能少于 {least}。请先改最少场次"), field="rounds", least=least)
    if (last := _last_shown(session, event)) > facts.rounds:
        raise Invalid(N_("第 {round} 轮有已公布的洽谈。请先撤回洽谈表，再减少轮次"), field="rounds", round=last)
    if facts.rounds != event.rounds:
        event.revision += 1
    before = facts_of(event)
    for name, value in _columns(facts).items():
        setattr(event, name, value)
    session.flush()
    record(session, actor=actor, action="meetings.change", subject=("meeting_event", event.ref), now=now,
           title=event.title, starts_at=event.starts_at.isoformat(), rounds=event.rounds)
    return _tell_of_move(session, event, before, now)


def _tell_of_move(session: Session, event: MeetingEvent, before: EventFacts, now: datetime) -> bool:
    """Ask that everybody with a meeting in force that moves hears of it, once; return whether one does."""
    after = facts_of(event)
    if not moves.move(before, after).touches(_rounds_shown(session, event)):
        return False
    event.edition += 1
    session.flush()
    enqueue(session, JOB_MEETINGS_MOVED, now=now, event_ref=event.ref, edition=event.edition,
            before=moves.plain(before), after=moves.plain(after))
    return True


def close_event(session: Session, *, actor: Actor, event: MeetingEvent, now: datetime) -> None:
    """MeetingEvent: published -> over."""
    event = locked(session, event)
    state = EVENT.after(EventState(event.state), "close")
    require(policy.may_close(actor, event))
    if now < event.starts_at:
        raise Conflict(N_("洽谈会还没有开始，不能结束。取消洽谈请撤回洽谈表"))
    event.state, event.over_at = state, now
    session.flush()
    record(session, actor=actor, action="meetings.close", subject=("meeting_event", event.ref), now=now)


def locked(session: Session, event: MeetingEvent) -> MeetingEvent:
    """Return the event with its row locked and read again: steps of one event come one after the other."""
    found = session.scalar(select(MeetingEvent).where(MeetingEvent.id == event.id)
                           .with_for_update(of=MeetingEvent).execution_options(populate_existing=True))
    assert found is not None
    return found


def facts_of(event: MeetingEvent) -> EventFacts:
    """Return what the organizer said of an event."""
    return EventFacts(event.title, event.starts_at, event.place, event.rounds, event.minutes, event.break_minutes,
                      event.pause_after, event.pause_minutes, event.is_open_to_units)


def _columns(facts: EventFacts) -> dict[str, object]:
    """Return the facts as columns."""
    return {"title": facts.title.strip(), "starts_at": facts.starts_at, "place": facts.place, "rounds": facts.rounds,
            "minutes": facts.minutes, "break_minutes": facts.break_minutes, "pause_after": facts.pause_after,
            "pause_minutes": facts.pause_minutes if facts.pause_after else 0,
            "is_open_to_units": facts.is_open_to_units}


def _last_shown(session: Session, event: MeetingEvent) -> int:
    """Return the last round with a meeting in the version in force; 0 without one."""
    return session.scalar(_shown(func.max(Meeting.round), event)) or 0


def _rounds_shown(session: Session, event: MeetingEvent) -> list[int]:
    """Return the rounds with a meeting in the version in force that takes place."""
    return list(session.scalars(_shown(Meeting.round, event).where(Meeting.cancelled_at.is_(None)).distinct()))


def _shown(what: Any, event: MeetingEvent) -> Select[Any]:
    """Return a query over the meetings of the version in force."""
    return select(what).join(MeetingSchedule, MeetingSchedule.id == Meeting.schedule_id).where(
        MeetingSchedule.event_id == event.id, MeetingSchedule.state == RunState.PUBLISHED)


def _largest_least(event: MeetingEvent) -> int:
    """Return the largest least number that a party asked for."""
    least = [row.least for row in event.tables] + [row.least for row in event.visitors]
    return max(least, default=0)
