"""After the evening: who promised and has yet to sign, how long they have, when they were reminded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from marketplace.core.money import Money
from marketplace.funding.models import Pledge
from marketplace.pledging.models import Guest, PledgingEvent, SignReminder
from marketplace.pledging.rules import EventState, days_left


@dataclass(frozen=True)
class Aged:
    """One pledge of the evening with its paddle, the days left to sign, and the reminders sent so far."""

    pledge: Pledge
    paddle: int | None
    left: int | None
    reminders: Sequence[SignReminder]


def unsigned(session: Session, event: PledgingEvent) -> list[Pledge]:
    """Return the verbal pledges of the event that live, the oldest first."""
    return list(session.scalars(
        select(Pledge).where(Pledge.round_ref == event.ref, Pledge.kind == "own", Pledge.is_verbal,
                             Pledge.open > Money(0))
        .options(selectinload(Pledge.funder), selectinload(Pledge.project)).order_by(Pledge.expires_at, Pledge.id)))


def closed_events(session: Session) -> list[PledgingEvent]:
    """Return the events that ended."""
    return list(session.scalars(select(PledgingEvent).where(PledgingEvent.state == EventState.CLOSED)
                                .order_by(PledgingEvent.id)))


def aged(session: Session, event: PledgingEvent, *, now: datetime) -> list[Aged]:
    """Return every own pledge of the evening, verbal ones with the fewest days left first."""
    pledges = session.scalars(
        select(Pledge).where(Pledge.round_ref == event.ref, Pledge.kind == "own")
        .options(selectinload(Pledge.funder), selectinload(Pledge.project))
        .order_by(Pledge.is_verbal.desc(), Pledge.expires_at, Pledge.id)).all()
    paddles: Mapping[int, int] = dict(session.execute(
        select(Guest.funder_id, Guest.paddle).where(Guest.event_id == event.id)).all())
    reminders: dict[int, list[SignReminder]] = {}
    for each in session.scalars(select(SignReminder).join(Pledge, Pledge.id == SignReminder.pledge_id)
                                .where(Pledge.round_ref == event.ref).order_by(SignReminder.sent_at)):
        reminders.setdefault(each.pledge_id, []).append(each)
    return [Aged(pledge, paddles.get(pledge.funder_id),
                 days_left(pledge.expires_at, now) if pledge.is_verbal and pledge.open.fen else None,
                 reminders.get(pledge.id, ())) for pledge in pledges]
