"""Takes in what Stripe says: each event once, in any order, applied in the transaction that keeps it."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from marketplace.core import audit
from marketplace.core.access import SYSTEM
from marketplace.core.text import N_
from marketplace.payments.models import Charge, ReceivingAccount, Refund, StripeEvent
from marketplace.payments.operations.charges import locked_charge
from marketplace.payments.operations.pictures import bring_up
from marketplace.payments.rules.stripe import HANDLED, WAITING_LIFE, Told, add_up

OTHER_MODE = N_("测试和正式环境混在一起，没有采用")
NOT_OURS = N_("与本站无关")
OTHER_PAYMENT = N_("同一笔请求有另一次付款，请在对账中查看")
BATCH = 200


class Taken(StrEnum):
    """What became of an event."""

    APPLIED = "applied"
    WAITING = "waiting"
    IGNORED = "ignored"
    KNOWN = "known"
    OTHER_MODE = "other_mode"


def take_event(session: Session, *, account: ReceivingAccount, told: Told, is_live: bool, now: datetime) -> Taken:
    """Keep an event and apply it. The unique event id is the proof that it is applied once.

    An event about something unknown waits until that appears; one from the other mode (test, live) is kept and refused.
    """
    event_id = _keep(session, account=account, told=told, now=now)
    if event_id is None:
        return Taken.KNOWN if told.is_live == is_live else Taken.OTHER_MODE
    if told.is_live != is_live:
        _set(session, event_id, Taken.IGNORED, OTHER_MODE)
        audit.record(session, actor=SYSTEM, action="payments.event_refused",
                     subject=("receiving_account", account.ref), now=now, event=told.event_id, type=told.type,
                     reason="livemode")
        return Taken.OTHER_MODE
    if told.type not in HANDLED:
        _set(session, event_id, Taken.IGNORED)
        return Taken.IGNORED
    return _apply(session, account, event_id, told, now)


def retry_waiting(session: Session, *, now: datetime, limit: int = BATCH) -> int:
    """Apply the waiting events whose object is known by now; let go those that waited a week. Return how many applied.

    Old ones first; the account may serve other sites too, whose payments never become known here.
    """
    session.execute(
        update(StripeEvent).where(StripeEvent.state == Taken.WAITING, StripeEvent.received_at < now - WAITING_LIFE)
        .values(state=Taken.IGNORED, note=NOT_OURS))
    known = (select(Charge.payment_intent_id).where(Charge.payment_intent_id.is_not(None))
             .union(select(Charge.stripe_charge_id).where(Charge.stripe_charge_id.is_not(None))))
    waiting = session.scalars(select(StripeEvent).where(StripeEvent.state == Taken.WAITING, StripeEvent.note.in_(known))
                              .order_by(StripeEvent.id).limit(limit)).all()
    return sum(_retry(session, event, now) for event in waiting)


def _keep(session: Session, *, account: ReceivingAccount, told: Told, now: datetime) -> int | None:
    """Write the event down; None when it stands there already."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    kept: int | None = session.scalar(
        insert(StripeEvent).values(
            event_id=told.event_id, account_id=account.id, type=told.type, object_id=told.object_id,
            is_live=told.is_live, payload=dict(told.about), state=Taken.WAITING, note="", created_at=told.at,
            received_at=now)
        .on_conflict_do_nothing(index_elements=[StripeEvent.event_id]).returning(StripeEvent.id))
    return kept


def _set(session: Session, event_id: int, state: Taken, note: str = "", *, charge_id: int | None = None,
         applied_at: datetime | None = None) -> None:
    """Note what became of an event."""
    session.execute(
        update(StripeEvent).where(StripeEvent.id == event_id)
        .values(state=state, note=note, charge_id=charge_id, applied_at=applied_at))


def _apply(session: Session, account: ReceivingAccount, event_id: int, told: Told, now: datetime) -> Taken:
    """Apply one kept event to its charge, and then those that waited for what it told."""
    ref = _charge_ref(session, account, told)
    if ref is None:
        _set(session, event_id, Taken.WAITING, told.intent_id or told.stripe_charge_id)
        return Taken.WAITING
    charge = locked_charge(session, ref)
    if told.currency != charge.currency and told.currency:
        _set(session, event_id, Taken.IGNORED, N_("币种与请求不同，没有采用"), charge_id=None)
        return Taken.IGNORED
    if told.intent_id and charge.payment_intent_id not in {None, told.intent_id}:
        _set(session, event_id, Taken.IGNORED, OTHER_PAYMENT)
        return Taken.IGNORED
    _set(session, event_id, Taken.APPLIED, charge_id=charge.id, applied_at=now)
    bring_up(session, charge=charge, picture=add_up(_all_told(session, charge)), now=now)
    for event in _that_waited_for(session, charge):
        _retry(session, event, now)
    return Taken.APPLIED


def _charge_ref(session: Session, account: ReceivingAccount, told: Told) -> str | None:
    """Return the reference of the charge of this account that an event tells of, by our reference or Stripe's ids."""
    ways = [(Charge.ref, told.charge_ref), (Charge.checkout_id, told.page_id),
            (Charge.payment_intent_id, told.intent_id), (Charge.stripe_charge_id, told.stripe_charge_id)]
    for column, value in ways:
        if value and (ref := session.scalar(
                select(Charge.ref).where(column == value, Charge.account_id == account.id))):
            return ref
    if told.object_id.startswith("re_"):
        return session.scalar(select(Charge.ref).join(Refund, Refund.charge_id == Charge.id)
                              .where(Refund.stripe_refund_id == told.object_id, Charge.account_id == account.id))
    return None


def _all_told(session: Session, charge: Charge) -> list[Told]:
    """Return all that was told of a charge."""
    rows = session.scalars(select(StripeEvent).where(StripeEvent.charge_id == charge.id,
                                                     StripeEvent.state == Taken.APPLIED))
    return [_told(row) for row in rows]


def _that_waited_for(session: Session, charge: Charge) -> Sequence[StripeEvent]:
    """Return the events that waited for the ids of a charge."""
    ids = [known for known in (charge.payment_intent_id, charge.stripe_charge_id) if known]
    return session.scalars(select(StripeEvent).where(
        StripeEvent.state == Taken.WAITING, StripeEvent.account_id == charge.account_id, StripeEvent.note.in_(ids))
        .order_by(StripeEvent.id)).all()


def _retry(session: Session, event: StripeEvent, now: datetime) -> bool:
    """Try a waiting event again."""
    account = session.get_one(ReceivingAccount, event.account_id)
    session.refresh(event)
    return event.state == Taken.WAITING and _apply(session, account, event.id, _told(event), now) is Taken.APPLIED


def _told(row: StripeEvent) -> Told:
    """Return a kept event."""
    return Told(row.event_id, row.type, row.created_at, row.is_live, row.payload)
