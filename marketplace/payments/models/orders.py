"""Orders to pay with their lines, and receipts."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.files.models import StoredFile
from marketplace.organizations.models import Organization
from marketplace.payments.models.bank import ReceivingAccount

# a release and the rest of a bank line are paid once; a pledge may be refunded again when the first refund is paid
_ONCE = "state = 'ordered' OR (state = 'paid' AND subject_kind <> 'refund')"


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
              sqlite_where=text(_ONCE), postgresql_where=text(_ONCE)),
    )


class Receipt(Model):
    """A 捐赠票据 (for a gift) or 发票 (for a service payment) of the body that was paid; a void one stays."""

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
