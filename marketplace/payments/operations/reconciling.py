"""Books a day's movements of a Stripe balance once: fees and payouts; compares the rest with our own charges."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from marketplace.core import audit
from marketplace.core.access import SYSTEM, Actor
from marketplace.core.clock import at_beijing
from marketplace.core.money import Money
from marketplace.core.ports import Movement
from marketplace.ledger import operations as ledger
from marketplace.ledger.rules import AccountKind, Posting, account
from marketplace.payments.models import (
    BalanceTransaction,
    Charge,
    Dispute,
    ReceivingAccount,
    Reconciliation,
    Refund,
)
from marketplace.payments.rules.stripe import ChargeState
from marketplace.payments.rules.stripe_days import (
    CHARGES,
    FEES,
    PAYOUTS,
    Difference,
    What,
    bounds,
    compare,
)

LATE = timedelta(minutes=5)     # a movement is written a little after the payment; at midnight that is another day


def book_day(session: Session, *, actor: Actor, reconciled: ReceivingAccount, day: date,
             movements: Sequence[Movement], currency: str, now: datetime) -> Reconciliation:
    """Book what moved on one day and keep the differences. The same day again changes only what became known since."""
    differences = []
    for movement in movements:
        is_ours = movement.currency == currency
        if _keep(session, reconciled, movement) and is_ours:
            _post(session, reconciled, movement, now)
        found = compare(movement, ours=_ours(session, reconciled, movement), currency=currency)
        differences += [found] if found else []
    differences += _only_here(session, reconciled, day)
    row = session.scalar(select(Reconciliation).where(Reconciliation.account_id == reconciled.id,
                                                      Reconciliation.day == day).with_for_update())
    if row is None:
        row = Reconciliation(account=reconciled, day=day)
        session.add(row)
    row.transactions, row.made_at = len(movements), now
    row.differences = [each.as_row() for each in differences]
    session.flush()
    audit.record(session, actor=actor, action="payments.reconciled", subject=("receiving_account", reconciled.ref),
                 now=now, day=day, transactions=len(movements), differences=len(differences))
    return row


def _keep(session: Session, reconciled: ReceivingAccount, movement: Movement) -> bool:
    """Write a movement down; False when it stands there already: what it posts is posted once."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    kept = session.scalar(
        insert(BalanceTransaction).values(
            stripe_id=movement.movement_id, account_id=reconciled.id, type=movement.kind,
            source_id=movement.source_id, amount_fen=movement.amount, fee_fen=movement.fee, net_fen=movement.net,
            currency=movement.currency, created_at=movement.at)
        .on_conflict_do_nothing(index_elements=[BalanceTransaction.stripe_id]).returning(BalanceTransaction.id))
    return kept is not None


def _post(session: Session, reconciled: ReceivingAccount, movement: Movement, now: datetime) -> None:
    """Post the fee of a movement, and a payout; add the fee to the charge or dispute that it was taken for."""
    cash = account(AccountKind.CASH_STRIPE, reconciled.ref)
    fee = movement.fee - (movement.amount if movement.kind in FEES else 0)
    sides = [(account(AccountKind.FEE, reconciled.ref), fee)]
    if movement.kind in PAYOUTS:
        sides.append((account(AccountKind.TRANSIT, reconciled.ref), -movement.amount))
    postings = [Posting(debit, cash, Money(fen)) if fen > 0 else Posting(cash, debit, Money(-fen))
                for debit, fen in sides if fen]
    if not postings:
        return
    ledger.post(session, actor=SYSTEM, idem_key=f"stripe:{movement.movement_id}", kind="stripe.reconciled",
                subject=("receiving_account", reconciled.ref), postings=postings, now=now)
    if movement.fee > 0 and movement.kind in CHARGES:
        session.execute(update(Charge).where(Charge.stripe_charge_id == movement.source_id,
                                             Charge.account_id == reconciled.id)
                        .values(fee=Charge.fee + Money(movement.fee)))
    elif movement.fee > 0:
        session.execute(update(Dispute).where(Dispute.stripe_dispute_id == movement.source_id)
                        .values(fee=Dispute.fee + Money(movement.fee)))


def _ours(session: Session, reconciled: ReceivingAccount, movement: Movement) -> tuple[int, ...]:
    """Return the amounts, signed, that our own rows give for the object of a movement; none when it is unknown."""
    own = Charge.account_id == reconciled.id
    source = movement.source_id
    if movement.kind in CHARGES:
        rows = session.scalars(select(Charge.received).where(own, Charge.stripe_charge_id == source)).all()
        return tuple(amount.fen for amount in rows)
    refunds = session.scalars(select(Refund.amount).join(Charge).where(own, Refund.stripe_refund_id == source)).all()
    disputes = session.execute(select(Dispute.withdrawn, Dispute.reinstated).join(Charge)
                               .where(own, Dispute.stripe_dispute_id == source)).all()
    both = [amount.fen for amount in refunds] + [side.fen for row in disputes for side in row]
    return tuple(sign * fen for fen in both for sign in (1, -1) if fen)


def _only_here(session: Session, reconciled: ReceivingAccount, day: date) -> list[Difference]:
    """Return the charges that succeeded on a day and of which Stripe's balance knows nothing."""
    since, until = bounds(at_beijing(day))
    booked = select(BalanceTransaction.source_id).where(BalanceTransaction.account_id == reconciled.id)
    rows = session.execute(
        select(Charge.ref, Charge.stripe_charge_id, Charge.received)
        .where(Charge.account_id == reconciled.id, Charge.state == ChargeState.SUCCEEDED,
               Charge.settled_at >= since - LATE, Charge.settled_at < until - LATE,
               Charge.stripe_charge_id.is_(None) | Charge.stripe_charge_id.not_in(booked))
        .order_by(Charge.id))
    return [Difference(What.ONLY_HERE, row.stripe_charge_id or row.ref, row.received.fen, 0) for row in rows]
