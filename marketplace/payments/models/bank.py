"""Receiving accounts, their statements, the lines of these, and to whom each part of a line belongs."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
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
    proof_file: Mapped[StoredFile | None] = relationship()

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
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    has_gaps: Mapped[bool] = mapped_column(default=False)  # balances broke, and the treasurer confirmed it
    imported_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    imported_at: Mapped[datetime]

    account: Mapped[ReceivingAccount] = relationship()
    file: Mapped[StoredFile | None] = relationship()

    __table_args__ = (UniqueConstraint("account_id", "sha256"),)


class BankLine(Model):
    """One line of a statement. `serial` is the bank's own number, or a digest of the line where it gives none.

    `settled` is the part of it that belongs to somebody (its live parts); what is left lies in suspense. The line's
    subject names the one part that took all of it, or says `parts`.
    """

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
    settled: Mapped[Money] = mapped_column(default=Money(0))
    matched_by: Mapped[str] = mapped_column(default="")    # rules.lines.MatchedBy
    subject_kind: Mapped[str] = mapped_column(default="")  # pledge, clawback, payment_order_line, fee, transit, parts
    subject_ref: Mapped[str] = mapped_column(default="")
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    settled_at: Mapped[datetime | None]

    account: Mapped[ReceivingAccount] = relationship()
    statement: Mapped[BankStatement] = relationship()
    parts: Mapped[list["BankLinePart"]] = relationship(back_populates="line", order_by="BankLinePart.id")

    @property
    def rest(self) -> Money:
        """Return what belongs to nobody yet."""
        return self.amount - self.settled

    __table_args__ = (
        UniqueConstraint("account_id", "serial"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("fee >= 0", name="fee"),
        CheckConstraint("settled >= 0 AND settled <= amount", name="settled"),
        CheckConstraint("(state = 'matched') = (settled = amount)", name="matched_is_settled"),
        CheckConstraint("direction IN ('in', 'out')", name="direction"),
        CheckConstraint("state IN ('suspense', 'matched', 'returning', 'returned')", name="state"),
        CheckConstraint("(state = 'matched') = (subject_kind <> '')", name="matched_has_subject"),
        Index("ix_bank_line_open", "account_id", "state"),
    )


class BankLinePart(Model):
    """A part of a line that belongs to one subject. A part taken back stays, with who did it and why."""

    __tablename__ = "bank_line_part"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    line_id: Mapped[int] = mapped_column(ForeignKey("bank_line.id"), index=True)
    subject_kind: Mapped[str]                              # pledge, clawback, payment_order_line, fee, transit
    subject_ref: Mapped[str]
    amount: Mapped[Money]
    matched_by: Mapped[str]
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    settled_at: Mapped[datetime]
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    undone_at: Mapped[datetime | None]
    undo_reason: Mapped[str] = mapped_column(default="")

    line: Mapped[BankLine] = relationship(back_populates="parts")

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("(undone_at IS NULL) = (undo_reason = '')", name="undone_has_reason"),
        Index("ix_bank_line_part_subject", "subject_kind", "subject_ref"),
    )
