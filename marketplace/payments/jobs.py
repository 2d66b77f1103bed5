"""What the outbox and the clock do for payments: ask the payment house for refunds, compare each day."""

from collections.abc import Callable
from datetime import timedelta

from marketplace.core.access import SYSTEM
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import PaymentRefused
from marketplace.payments import rules
from marketplace.payments.operations.charges import note_refund, note_refund_refused
from marketplace.payments.operations.days import compare_day
from marketplace.payments.operations.events import retry_waiting
from marketplace.payments.queries import stripe as queries
from marketplace.payments.rules.stripe import RefundState
from marketplace.web.services import config, services

RETRY_SECONDS = 60.0
COMPARE_SECONDS = 3600.0
MOST_DAYS = 28     # that are made up for: Stripe tells of events for thirty


def ask_refund(refund_ref: str) -> None:
    """Ask the payment house for a refund, with its own ref as key: asked twice, it is made once."""
    refund = queries.refund_by_ref(db.session(), refund_ref)
    if refund is None or refund.state != RefundState.REQUESTED or refund.stripe_refund_id:
        return
    charge, label = refund.charge, refund.charge.account.stripe_label or ""
    amount, charge_ref, intent_id = refund.amount, charge.ref, charge.payment_intent_id or ""
    db.session.rollback()
    try:
        answer = services().payments.refund(label, ref=refund_ref, intent_id=intent_id, amount=amount,
                                            charge_ref=charge_ref)
    except PaymentRefused as refused:
        with transaction() as session:
            note_refund_refused(session, actor=SYSTEM, refund_ref=refund_ref, code=refused.code, now=utc_now())
        return
    with transaction() as session:
        note_refund(session, refund_ref=refund_ref, answer=answer)


def retry_events() -> None:
    """Apply the events whose object is known by now."""
    if config().stripe_accounts:
        with transaction() as session:
            retry_waiting(session, now=utc_now())


def compare_days() -> None:
    """Compare yesterday, and before it the days that were missed, on each account; twice finds everything booked."""
    now = utc_now()
    yesterday = beijing_date(now) - timedelta(days=1)
    session = db.session()
    watched = queries.watched(session, config().stripe_accounts, config().currency, without=yesterday)
    last = queries.last_days(session, [one.account_id for one in watched])
    db.session.rollback()
    for one in watched:
        behind = (yesterday - last.get(one.account_id, yesterday)).days
        for back in range(min(max(behind - 1, 0), MOST_DAYS), -1, -1):
            for _ in compare_day(transaction, services().payments, accounts=[one], day=yesterday - timedelta(days=back),
                                 now=now):
                continue


HANDLERS: dict[str, Callable[..., None]] = {rules.JOB_REFUND_ASKED: ask_refund}
PERIODIC: dict[str, tuple[float, Callable[[], None]]] = {
    "payments.retry_events": (RETRY_SECONDS, retry_events), "payments.compare": (COMPARE_SECONDS, compare_days),
}
