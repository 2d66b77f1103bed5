"""Charges, refunds and disputes of card payments, what Stripe says of them, and the daily comparison."""

from datetime import date, datetime

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.payments.models.bank import ReceivingAccount


class Charge(Model):
    """One card or wallet payment asked of Stripe for one subject. `ref` is its idempotency key.

    The webhook settles it.
    """

    __tablename__ = "charge"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    account_id: Mapped[int] = mapped_column(ForeignKey("receiving_account.id"), index=True)
    subject_kind: Mapped[str]
    subject_ref: Mapped[str]
    amount: Mapped[Money]
    currency: Mapped[str]                                  # ISO 4217, upper case
    state: Mapped[str] = mapped_column(default="requested")
    checkout_id: Mapped[str | None] = mapped_column(unique=True)
    checkout_url: Mapped[str] = mapped_column(default="")
    payment_intent_id: Mapped[str | None] = mapped_column(unique=True)
    stripe_charge_id: Mapped[str | None] = mapped_column(unique=True)
    is_live: Mapped[bool] = mapped_column(default=False)
    received: Mapped[Money] = mapped_column(default=Money(0))
    refunded: Mapped[Money] = mapped_column(default=Money(0))
    fee: Mapped[Money] = mapped_column(default=Money(0))
    failure: Mapped[str] = mapped_column(default="")
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    requested_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    version_id: Mapped[int] = mapped_column()

    account: Mapped[ReceivingAccount] = relationship()

    __mapper_args__ = {"version_id_col": version_id}  # noqa: RUF012
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("received >= 0 AND refunded >= 0 AND refunded <= received AND fee >= 0", name="sums"),
        CheckConstraint("state IN ('requested', 'open', 'succeeded', 'failed', 'cancelled')", name="state"),
        CheckConstraint("(state = 'succeeded') = (settled_at IS NOT NULL)", name="succeeded_has_time"),
        Index("ix_charge_subject", "subject_kind", "subject_ref"),
        Index("uq_charge_open", "subject_kind", "subject_ref", unique=True,
              sqlite_where=text("state IN ('requested', 'open')"),
              postgresql_where=text("state IN ('requested', 'open')")),   # one payment page at a time
    )


class Refund(Model):
    """Money on its way back through the card network. `ref` is its idempotency key: two equal refunds are two rows."""

    __tablename__ = "refund"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), index=True)
    amount: Mapped[Money]
    reason: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="requested")
    stripe_refund_id: Mapped[str | None] = mapped_column(unique=True)
    failure: Mapped[str] = mapped_column(default="")
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    requested_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    charge: Mapped[Charge] = relationship()

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("state IN ('requested', 'pending', 'succeeded', 'failed')", name="state"),
        CheckConstraint("(state = 'succeeded') = (settled_at IS NOT NULL)", name="succeeded_has_time"),
    )


class Dispute(Model):
    """A payer's bank took the money back; it comes again when the dispute is won."""

    __tablename__ = "dispute"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    stripe_dispute_id: Mapped[str] = mapped_column(unique=True)
    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), index=True)
    amount: Mapped[Money]
    withdrawn: Mapped[Money] = mapped_column(default=Money(0))    # taken from the balance by Stripe
    reinstated: Mapped[Money] = mapped_column(default=Money(0))   # given back to it
    fee: Mapped[Money] = mapped_column(default=Money(0))
    reason: Mapped[str] = mapped_column(default="")
    state: Mapped[str]                                     # open, won, lost
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    charge: Mapped[Charge] = relationship()

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("state IN ('open', 'won', 'lost')", name="state"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_has_time"),
    )


class StripeEvent(Model):
    """One event as Stripe sent it, kept before it is applied; its id is taken once, whatever the order."""

    __tablename__ = "stripe_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("receiving_account.id"))
    charge_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"), index=True)   # the charge it tells of
    type: Mapped[str]
    object_id: Mapped[str] = mapped_column(index=True)
    is_live: Mapped[bool]
    payload: Mapped[dict[str, object]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(default="waiting")  # waiting (object unknown yet), applied, ignored
    note: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]                           # at Stripe
    received_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'applied', 'ignored')", name="state"),
        Index("ix_stripe_event_waiting", "state", "received_at"),
    )


class Reconciliation(Model):
    """One day of one Stripe account: what Stripe's balance transactions say against what the ledger says."""

    __tablename__ = "reconciliation"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    account_id: Mapped[int] = mapped_column(ForeignKey("receiving_account.id"))
    day: Mapped[date]
    transactions: Mapped[int]
    differences: Mapped[list[dict[str, object]]] = mapped_column(JSON)   # {what, stripe_id, expected_fen, found_fen}
    made_at: Mapped[datetime]

    account: Mapped[ReceivingAccount] = relationship()

    __table_args__ = (UniqueConstraint("account_id", "day"),)


class BalanceTransaction(Model):
    """One movement on a Stripe balance, booked once: charges, fees, refunds, payouts, adjustments."""

    __tablename__ = "balance_transaction"

    id: Mapped[int] = mapped_column(primary_key=True)
    stripe_id: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("receiving_account.id"), index=True)
    type: Mapped[str]
    source_id: Mapped[str] = mapped_column(index=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)    # signed, as Stripe gives it
    fee_fen: Mapped[int] = mapped_column(BigInteger)
    net_fen: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    created_at: Mapped[datetime]
