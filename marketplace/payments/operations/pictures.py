"""Brings a charge, its refunds and disputes up to what Stripe's events say of them, with the postings and the news.

Called with the charge's row locked. Every posting moves the receiving body's Stripe balance against its suspense: whose
money it is, the slice above decides.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import audit, outbox
from marketplace.core.access import SYSTEM
from marketplace.core.db import new_ref
from marketplace.core.money import Money
from marketplace.core.outbox import Job
from marketplace.ledger import operations as ledger
from marketplace.ledger.models import Journal
from marketplace.ledger.rules import AccountKind, Posting, account
from marketplace.payments.models import Charge, Dispute, Refund
from marketplace.payments.rules.stripe import (
    JOB_CHARGE_SUCCEEDED,
    JOB_DISPUTE_CLOSED,
    JOB_DISPUTE_OPENED,
    JOB_REFUND_FAILED,
    JOB_REFUND_SETTLED,
    ChargeState,
    DisputePicture,
    DisputeState,
    Picture,
    RefundPicture,
    RefundState,
    later,
    later_refund,
)


def bring_up(session: Session, *, charge: Charge, picture: Picture, now: datetime) -> None:
    """Make the rows say what the picture says. Charge: -> open, cancelled, failed or succeeded, never back."""
    charge.checkout_id = charge.checkout_id or picture.page_id or None
    charge.payment_intent_id = charge.payment_intent_id or picture.intent_id or None
    charge.stripe_charge_id = picture.stripe_charge_id or charge.stripe_charge_id
    charge.state = later(charge.state, picture.state)
    charge.failure = picture.failure if picture.failure or charge.state == ChargeState.SUCCEEDED else charge.failure
    if charge.state == ChargeState.SUCCEEDED:
        charge.settled_at = picture.settled_at
        charge.received = Money(picture.received)
    session.flush()
    if charge.state == ChargeState.SUCCEEDED:
        _book(session, charge, f"stripe:{charge.ref}:received", charge.received, now=now, comes_in=True)
        _tell(session, JOB_CHARGE_SUCCEEDED, f"stripe:{charge.ref}:received", charge, now)
    for refund in picture.refunds.values():
        _bring_up_refund(session, charge, refund, now)
    for dispute in picture.disputes.values():
        _bring_up_dispute(session, charge, dispute, now)
    live = session.scalars(select(Refund.amount).where(Refund.charge_id == charge.id,
                                                       Refund.state != RefundState.FAILED)).all()
    charge.refunded = Money(min(charge.received.fen, sum(amount.fen for amount in live)))
    session.flush()


def _bring_up_refund(session: Session, charge: Charge, picture: RefundPicture, now: datetime) -> None:
    """Make one refund say what the picture says; one that was asked at Stripe itself gets a row here."""
    refund = session.scalar(select(Refund).where(Refund.stripe_refund_id == picture.refund_id)) or session.scalar(
        select(Refund).where(Refund.ref == picture.ref, Refund.charge_id == charge.id,
                             Refund.stripe_refund_id.is_(None)))
    if picture.amount <= 0:
        return
    if refund is None:
        refund = Refund(ref=new_ref(), charge=charge, amount=Money(picture.amount), state=RefundState.PENDING,
                        requested_at=picture.at)
        session.add(refund)
    refund.stripe_refund_id = picture.refund_id
    refund.state = later_refund(refund.state, picture.state)
    refund.settled_at = picture.settled_at if refund.state == RefundState.SUCCEEDED else None
    refund.failure = picture.failure if refund.state == RefundState.FAILED else ""
    session.flush()
    key = f"stripe:{picture.refund_id}"
    if refund.state == RefundState.SUCCEEDED:
        _book(session, charge, f"{key}:returned", refund.amount, now=now, comes_in=False)
        _tell(session, JOB_REFUND_SETTLED, f"{key}:returned", charge, now)
    elif refund.state == RefundState.FAILED:
        if _is_booked(session, f"{key}:returned"):
            _book(session, charge, f"{key}:came_back", refund.amount, now=now, comes_in=True)
        _tell(session, JOB_REFUND_FAILED, f"{key}:failed", charge, now)


def _bring_up_dispute(session: Session, charge: Charge, picture: DisputePicture, now: datetime) -> None:
    """Make one dispute say what the picture says."""
    dispute = session.scalar(select(Dispute).where(Dispute.stripe_dispute_id == picture.dispute_id))
    if picture.amount <= 0:
        return
    if dispute is None:
        dispute = Dispute(stripe_dispute_id=picture.dispute_id, charge=charge)
        session.add(dispute)
    dispute.amount, dispute.reason = Money(picture.amount), picture.reason
    dispute.withdrawn, dispute.reinstated = Money(picture.withdrawn), Money(picture.reinstated)
    dispute.state, dispute.opened_at, dispute.closed_at = picture.state, picture.opened_at, picture.closed_at
    session.flush()
    key = f"stripe:{picture.dispute_id}"
    if picture.withdrawn:
        _book(session, charge, f"{key}:withdrawn", dispute.withdrawn, now=now, comes_in=False)
        _tell(session, JOB_DISPUTE_OPENED, f"{key}:withdrawn", charge, now)
    if picture.reinstated:
        _book(session, charge, f"{key}:reinstated", dispute.reinstated, now=now, comes_in=True)
    _tell(session, JOB_DISPUTE_OPENED, f"{key}:opened", charge, now)
    if picture.state != DisputeState.OPEN:
        _tell(session, JOB_DISPUTE_CLOSED, f"{key}:{picture.state}", charge, now)


def _book(session: Session, charge: Charge, key: str, amount: Money, *, now: datetime, comes_in: bool) -> None:
    """Post a movement of the Stripe balance against suspense, once for its key."""
    if not amount.fen or _is_booked(session, key):
        return
    cash = account(AccountKind.CASH_STRIPE, charge.account.ref)
    suspense = account(AccountKind.SUSPENSE, charge.account.ref)
    posting = Posting(cash, suspense, amount) if comes_in else Posting(suspense, cash, amount)
    ledger.post(session, actor=SYSTEM, idem_key=key, kind=f"stripe.{key.rpartition(':')[2]}",
                subject=("charge", charge.ref), postings=[posting], now=now)


def _is_booked(session: Session, key: str) -> bool:
    """Say whether a journal of this key stands in the ledger."""
    return session.scalar(select(Journal.id).where(Journal.idem_key == key)) is not None


def _tell(session: Session, kind: str, key: str, charge: Charge, now: datetime) -> None:
    """Note the news in the audit and hand it to those above, once for its key."""
    if session.scalar(select(Job.id).where(Job.kind == kind, Job.unique_key == key).limit(1)):
        return
    audit.record(session, actor=SYSTEM, action=kind, subject=("charge", charge.ref), now=now, what=key)
    outbox.enqueue(session, kind, now=now, unique_key=key, charge_ref=charge.ref)
