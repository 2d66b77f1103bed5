"""Receiving accounts, statements and their lines, charges and what Stripe says of them, orders to pay, receipts."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.files.models import StoredFile
from marketplace.organizations.models import Organization


class ReceivingAccount(Model):
    """An account in the name of the body that receives: a bank account, or its own Stripe account (by label).

    The platform holds no money: there is no account of the platform's own.
    """

    __tablename__ = "receiving_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    kind: Mapped[str]                                      # bank, stripe
    holder: Mapped[str]                                    # as the bank writes it: must be the organization's name
    bank_name: Mapped[str] = mapped_column(default="")
    number: Mapped[str] = mapped_column(default="")        # digits only
    stripe_label: Mapped[str | None] = mapped_column(unique=True)   # of MARKETPLACE_STRIPE_ACCOUNTS
    proof_file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[int | None]
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    organization: Mapped[Organization] = relationship()

    __table_args__ = (
        CheckConstraint("kind IN ('bank', 'stripe')", name="kind"),
        CheckConstraint("(kind = 'bank') = (number <> '')", name="bank_has_number"),
        CheckConstraint("(kind = 'stripe') = (stripe_label IS NOT NULL)", name="stripe_has_label"),
        CheckConstraint("(verified_at IS NULL) = (verified_by IS NULL)", name="verified_has_person"),
        Index("uq_receiving_account_number", "organization_id", "number", unique=True,
              sqlite_where=text("number <> ''"), postgresql_where=text("number <> ''")),
    )


class BankStatement(Model):
    """One imported statement file of one account. The same bytes are taken once."""

    __tablename__ = "bank_statement"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    account_id: Mapped[int] = mapped_column(ForeignKey("receiving_account.id"), index=True)
    file_name: Mapped[str]
    sha256: Mapped[str]
    mapping: Mapped[str]                                   # name of the layout: rules.MAPPINGS
    from_on: Mapped[date | None]
    to_on: Mapped[date | None]
    opening: Mapped[Money | None]
    closing: Mapped[Money | None]
    lines_new: Mapped[int] = mapped_column(default=0)
    lines_known: Mapped[int] = mapped_column(default=0)    # stood in an earlier statement already
    imported_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    imported_at: Mapped[datetime]

    account: Mapped[ReceivingAccount] = relationship()

    __table_args__ = (UniqueConstraint("account_id", "sha256"),)


class BankLine(Model):
    """One line of a statement. `serial` is the bank's own number, or a digest of the line where it gives none."""

    __tablename__ = "bank_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    account_id: Mapped[int] = mapped_column(ForeignKey("receiving_account.id"))
    statement_id: Mapped[int] = mapped_column(ForeignKey("bank_statement.id"), index=True)
    position: Mapped[int]                                  # row in the sheet, from 1
    serial: Mapped[str]
    booked_on: Mapped[date]
    direction: Mapped[str]                                 # in, out
    amount: Mapped[Money]
    fee: Mapped[Money] = mapped_column(default=Money(0))   # kept by the bank, told in a column of its own
    balance: Mapped[Money | None]
    payer_name: Mapped[str] = mapped_column(default="")    # the other side: payer of `in`, payee of `out`
    payer_account: Mapped[str] = mapped_column(default="")
    purpose: Mapped[str] = mapped_column(default="")       # 摘要、附言、用途
    state: Mapped[str] = mapped_column(default="suspense")
    matched_by: Mapped[str] = mapped_column(default="")    # reference, amount_payer, person
    subject_kind: Mapped[str] = mapped_column(default="")  # pledge, payment_order_line, fee, return, transit
    subject_ref: Mapped[str] = mapped_column(default="")
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    settled_at: Mapped[datetime | None]

    account: Mapped[ReceivingAccount] = relationship()
    statement: Mapped[BankStatement] = relationship()

    __table_args__ = (
        UniqueConstraint("account_id", "serial"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("fee >= 0", name="fee"),
        CheckConstraint("direction IN ('in', 'out')", name="direction"),
        CheckConstraint("state IN ('suspense', 'matched', 'returning', 'returned')", name="state"),
        CheckConstraint("(state = 'matched') = (subject_kind <> '')", name="matched_has_subject"),
        Index("ix_bank_line_open", "account_id", "state"),
    )


class Charge(Model):
    """One card or wallet payment asked of Stripe for one subject. `ref` is its idempotency key. The webhook settles it."""

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
    amount_fen: Mapped[int]                                # signed, as Stripe gives it
    fee_fen: Mapped[int]
    net_fen: Mapped[int]
    created_at: Mapped[datetime]


class PaymentOrder(Model):
    """A list of payments that a receiving body hands to its bank: prepared by one person, approved by another."""

    __tablename__ = "payment_order"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    number: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("receiving_account.id"), index=True)
    state: Mapped[str] = mapped_column(default="prepared")
    total: Mapped[Money]
    prepared_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    prepared_at: Mapped[datetime]
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    approved_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]

    account: Mapped[ReceivingAccount] = relationship()
    lines: Mapped[list["PaymentOrderLine"]] = relationship(back_populates="order", order_by="PaymentOrderLine.position")

    __table_args__ = (
        CheckConstraint("total > 0", name="total"),
        CheckConstraint("state IN ('prepared', 'approved', 'cancelled')", name="state"),
        CheckConstraint("(state = 'approved') = (approved_at IS NOT NULL)", name="approved_has_time"),
        CheckConstraint("approved_by IS NULL OR approved_by <> prepared_by", name="two_persons"),
        CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled_has_time"),
    )


class PaymentOrderLine(Model):
    """One payment: to whom, how much, for what. Paid when the bank's statement says so."""

    __tablename__ = "payment_order_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    order_id: Mapped[int] = mapped_column(ForeignKey("payment_order.id"), index=True)
    position: Mapped[int]
    subject_kind: Mapped[str]                              # release, refund, return
    subject_ref: Mapped[str]
    payee_name: Mapped[str]
    payee_bank: Mapped[str] = mapped_column(default="")
    payee_account: Mapped[str]
    amount: Mapped[Money]
    purpose: Mapped[str]
    state: Mapped[str] = mapped_column(default="ordered")  # ordered, paid, cancelled
    paid_on: Mapped[date | None]

    order: Mapped[PaymentOrder] = relationship(back_populates="lines")

    __table_args__ = (
        UniqueConstraint("order_id", "position"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("state IN ('ordered', 'paid', 'cancelled')", name="state"),
        CheckConstraint("(state = 'paid') = (paid_on IS NOT NULL)", name="paid_has_day"),
        Index("uq_payment_order_line_live", "subject_kind", "subject_ref", unique=True,
              sqlite_where=text("state <> 'cancelled'"), postgresql_where=text("state <> 'cancelled'")),
    )


class Receipt(Model):
    """A 捐赠票据 (for a gift) or 发票 (for a service payment) that the receiving body issued; a void one stays."""

    __tablename__ = "receipt"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    kind: Mapped[str]                                      # donation, invoice
    issuer_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    code: Mapped[str] = mapped_column(default="")          # 票据代码
    number: Mapped[str]                                    # 票据号码
    subject_kind: Mapped[str]
    subject_ref: Mapped[str]
    payer_name: Mapped[str]
    amount: Mapped[Money]
    issued_on: Mapped[date]
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    recorded_at: Mapped[datetime]
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str] = mapped_column(default="")

    issuer: Mapped[Organization] = relationship()
    file: Mapped[StoredFile | None] = relationship()

    __table_args__ = (
        UniqueConstraint("issuer_id", "kind", "code", "number"),
        CheckConstraint("kind IN ('donation', 'invoice')", name="kind"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("number <> ''", name="number"),
        CheckConstraint("(voided_at IS NULL) = (void_reason = '')", name="voided_has_reason"),
        Index("ix_receipt_subject", "subject_kind", "subject_ref"),
    )
