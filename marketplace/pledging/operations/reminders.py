"""Reminders to sign what was promised by raising a paddle: after the evening, before the day, when somebody asks."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.funding.models import Pledge
from marketplace.pledging import policy
from marketplace.pledging.models import PledgingEvent, SignReminder
from marketplace.pledging.queries.ageing import closed_events, unsigned
from marketplace.pledging.rules import JOB_SIGN_DUE, reminder_step


def remind(session: Session, *, actor: Actor, event: PledgingEvent, pledge: Pledge, now: datetime) -> None:
    """Remind one funder because somebody asked: once a day."""
    require(policy.may_work(actor, event))
    if pledge.round_ref != event.ref or not pledge.is_verbal or pledge.open.fen == 0:
        raise Invalid(N_("这笔认捐已经签署或已了结，不用再提醒"))
    if not _note(session, event, pledge, f"day{beijing_date(now).isoformat()}", now):
        raise Invalid(N_("今天已经提醒过“{name}”，明天再提醒"), name=pledge.funder.name)
    record(session, actor=actor, action="pledging.remind", subject=("pledge", pledge.ref), now=now)


def remind_all(session: Session, *, event: PledgingEvent, step: str, now: datetime) -> int:
    """Remind every funder of the event who has yet to sign, once for the step; return how many."""
    return sum(_note(session, event, pledge, step, now) for pledge in unsigned(session, event))


def remind_due(session: Session, *, now: datetime) -> int:
    """Remind who has three days or one day left, for all events that ended; safe twice and in parallel."""
    sent = 0
    for event in closed_events(session):
        for pledge in unsigned(session, event):
            if step := reminder_step(pledge.expires_at, now):
                sent += _note(session, event, pledge, step, now)
    return sent


def _note(session: Session, event: PledgingEvent, pledge: Pledge, step: str, now: datetime) -> bool:
    """Write the step and enqueue the message, unless this step was taken; the row's key decides between processes."""
    if session.scalar(select(SignReminder.id).where(SignReminder.pledge_id == pledge.id, SignReminder.step == step)):
        return False
    session.add(SignReminder(pledge_id=pledge.id, step=step, sent_at=now))
    enqueue(session, JOB_SIGN_DUE, now=now, unique_key=f"{JOB_SIGN_DUE}:{pledge.ref}:{step}", pledge_ref=pledge.ref,
            step=step, event_title=event.title)
    session.flush()
    return True
