"""Pledges and where each of their fen stands, what backs them on paper, and a project's sums."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.documents.models import Document, guard_table, guards
from marketplace.files.models import StoredFile
from marketplace.funding.models.funders import Funder
from marketplace.funding.rules.buckets import BUCKET_SUM, BUCKETS
from marketplace.organizations.models import Organization
from marketplace.payments.models import ReceivingAccount
from marketplace.projects.models import Project

_NONE_NEGATIVE = " AND ".join(f"{bucket} >= 0" for bucket in BUCKETS)


class _Buckets:
    """One column for each place where money can be."""

    open: Mapped[Money] = mapped_column(default=Money(0))
    paid: Mapped[Money] = mapped_column(default=Money(0))
    held: Mapped[Money] = mapped_column(default=Money(0))
    released: Mapped[Money] = mapped_column(default=Money(0))
    disbursed: Mapped[Money] = mapped_column(default=Money(0))
    refunding: Mapped[Money] = mapped_column(default=Money(0))
    refunded: Mapped[Money] = mapped_column(default=Money(0))
    disputed: Mapped[Money] = mapped_column(default=Money(0))
    dropped: Mapped[Money] = mapped_column(default=Money(0))


class Pledge(_Buckets, Model):
    """A promise of money by one funder for one project to one receiving body; `amount` is the sum of its buckets.

    A pledge of kind `matched` is a pool's confirmed matching money for one project: its amount grows and shrinks with
    the captured allocations, and one row exists for each pool and project.
    """

    __tablename__ = "pledge"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    code: Mapped[str] = mapped_column(unique=True)          # on the bank transfer: rules.pledges.new_code
    client_key: Mapped[str] = mapped_column(unique=True)    # of the form or the device: the same tap is one pledge
    kind: Mapped[str] = mapped_column(default="own")        # own, matched
    funder_id: Mapped[int] = mapped_column(ForeignKey("funder.id"), index=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    pool_id: Mapped[int | None] = mapped_column(ForeignKey("matching_pool.id"))
    receiver_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("receiving_account.id"))
    amount: Mapped[Money]
    state: Mapped[str] = mapped_column(index=True)          # rules.buckets.state_of, kept for lists
    is_verbal: Mapped[bool] = mapped_column(default=False)
    exit: Mapped[str | None]
    exit_reason: Mapped[str] = mapped_column(default="")
    landing: Mapped[str]                                    # rules.landing.Landing: in which paper the money stands
    cost_line_id: Mapped[int | None] = mapped_column(ForeignKey("cost_line.id"))
    round_ref: Mapped[str] = mapped_column(default="", index=True)   # the pledging event or grant round it came from
    purpose: Mapped[str] = mapped_column(default="")
    lottery_purpose: Mapped[str] = mapped_column(default="")         # rules.funders.LotteryPurpose, of lottery money
    management_percent: Mapped[int] = mapped_column(default=0)       # of the receiving body, as agreed (CL 61)
    leftover_rule: Mapped[str] = mapped_column(default="similar")    # similar, return, project
    naming: Mapped[str] = mapped_column(default="")
    is_name_withheld: Mapped[bool] = mapped_column(default=False)    # CL 82
    pledged_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]                     # promise lapses unless signed (verbal) or paid
    made_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    changed_at: Mapped[datetime]

    funder: Mapped[Funder] = relationship()
    project: Mapped[Project] = relationship()
    receiver: Mapped[Organization] = relationship()
    account: Mapped[ReceivingAccount | None] = relationship()
    instalments: Mapped[list["Instalment"]] = relationship(back_populates="pledge", order_by="Instalment.number")

    __table_args__ = (
        CheckConstraint(f"amount = {BUCKET_SUM}", name="every_fen_has_a_place"),
        CheckConstraint(_NONE_NEGATIVE, name="none_negative"),
        CheckConstraint("kind = 'matched' OR amount > 0", name="amount"),
        CheckConstraint("kind IN ('own', 'matched')", name="kind"),
        CheckConstraint("(kind = 'matched') = (pool_id IS NOT NULL)", name="matched_has_pool"),
        CheckConstraint("(dropped = 0) = (exit IS NULL)", name="dropped_has_exit"),
        CheckConstraint("NOT is_verbal OR (signed_at IS NULL AND open + dropped = amount)",
                        name="verbal_brings_nothing"),
        CheckConstraint("management_percent BETWEEN 0 AND 30", name="management_percent"),
        Index("ix_pledge_project", "project_id", "kind", "id"),
        Index("ix_pledge_due", "expires_at", sqlite_where=text("open > 0"), postgresql_where=text("open > 0")),
        Index("uq_pledge_matched", "pool_id", "project_id", unique=True,
              sqlite_where=text("kind = 'matched'"), postgresql_where=text("kind = 'matched'")),
    )


class FundedProject(_Buckets, Model):
    """The sums of one project's pledges of one kind, kept with them: pages read these, never a sum over pledges."""

    __tablename__ = "funded_project"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    kind: Mapped[str]                                       # own, matched
    amount: Mapped[Money] = mapped_column(default=Money(0))
    verbal: Mapped[Money] = mapped_column(default=Money(0))  # the part of `open` that nobody has signed yet
    donors: Mapped[int] = mapped_column(default=0)           # live pledges, not different donors: rules count those

    __table_args__ = (
        UniqueConstraint("project_id", "kind"),
        CheckConstraint("kind IN ('own', 'matched')", name="kind"),
        CheckConstraint(f"amount = {BUCKET_SUM}", name="every_fen_has_a_place"),
        CheckConstraint(_NONE_NEGATIVE, name="none_negative"),
        CheckConstraint("verbal >= 0 AND verbal <= open", name="verbal"),
    )


class Instalment(Model):
    """A part of a pledge with its day. The parts add up to the pledge when it is made."""

    __tablename__ = "instalment"

    id: Mapped[int] = mapped_column(primary_key=True)
    pledge_id: Mapped[int] = mapped_column(ForeignKey("pledge.id"))
    number: Mapped[int]
    due_on: Mapped[date]
    amount: Mapped[Money]

    pledge: Mapped[Pledge] = relationship(back_populates="instalments")
    __table_args__ = (UniqueConstraint("pledge_id", "number"), CheckConstraint("amount > 0", name="amount"))


class CostLine(Model):
    """What extra money pays for in a project: one cost is paid once (rulebook 2.7a, no double funding).

    `source`: contract (paid by the purchase contract: no pledge may name it) or extra (outputs beyond it).
    """

    __tablename__ = "cost_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    name: Mapped[str]
    source: Mapped[str] = mapped_column(default="extra")
    amount: Mapped[Money]
    funded: Mapped[Money] = mapped_column(default=Money(0))   # by live pledges and their matching money
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        CheckConstraint("source IN ('contract', 'extra')", name="source"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("funded >= 0 AND funded <= amount", name="paid_once"),
        CheckConstraint("source = 'extra' OR funded = 0", name="contract_pays_its_own"),
    )


class Commitment(Model):
    """The signed paper behind a pledge: prepared by one person of the funder, approved by another, then printed.

    On paper: prepared by the receiving body for a guest and printed, signed by hand, its scan registered by another.

    `facts` holds every fact to be printed and never changes; an approved one has its pledge.
    """

    __tablename__ = "commitment"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    number: Mapped[str] = mapped_column(unique=True)
    verify_code: Mapped[str] = mapped_column(unique=True)
    funder_id: Mapped[int] = mapped_column(ForeignKey("funder.id"), index=True)
    pledge_id: Mapped[int | None] = mapped_column(ForeignKey("pledge.id"), unique=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    receiver_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("receiving_account.id"))
    amount: Mapped[Money]
    facts: Mapped[dict[str, object]] = mapped_column(JSON)
    facts_sha256: Mapped[str]
    council_resolution: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="prepared")  # prepared, approved, issued, returned
    return_reason: Mapped[str] = mapped_column(default="")
    prepared_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    prepared_at: Mapped[datetime]
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    approved_at: Mapped[datetime | None]
    is_single_person: Mapped[bool] = mapped_column(default=False)   # the funder has one person here; the audit says so
    is_on_paper: Mapped[bool] = mapped_column(default=False)        # printed first, signed by hand
    signed_on: Mapped[date | None]                                  # the day that the scan bears
    document_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"))
    signed_copy_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    origin: Mapped[str] = mapped_column(default="", server_default="")   # what proposed it: plan ref.pool ref

    funder: Mapped[Funder] = relationship()
    pledge: Mapped[Pledge | None] = relationship()
    project: Mapped[Project] = relationship()
    receiver: Mapped[Organization] = relationship()
    account: Mapped[ReceivingAccount] = relationship()
    document: Mapped[Document | None] = relationship()
    signed_copy: Mapped[StoredFile | None] = relationship()

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("state IN ('prepared', 'approved', 'issued', 'returned')", name="state"),
        CheckConstraint("(state IN ('approved', 'issued')) = (approved_at IS NOT NULL)", name="approved_has_time"),
        CheckConstraint("state NOT IN ('approved', 'issued') OR pledge_id IS NOT NULL", name="approved_has_pledge"),
        CheckConstraint("state <> 'issued' OR document_id IS NOT NULL", name="issued_has_document"),
        CheckConstraint("document_id IS NULL OR state = 'issued' OR is_on_paper", name="printed_when_approved"),
        CheckConstraint("NOT is_on_paper OR state <> 'issued' OR signed_on IS NOT NULL", name="paper_has_day"),
        CheckConstraint("is_single_person OR approved_by IS NULL OR approved_by <> prepared_by", name="two_persons"),
        CheckConstraint("(state = 'returned') = (return_reason <> '')", name="returned_has_reason"),
    )


COMMITMENT_GUARDS = guards("commitment", (
    "number", "verify_code", "funder_id", "project_id", "receiver_id", "account_id", "amount", "facts", "facts_sha256",
    "prepared_by", "prepared_at"))
guard_table(Commitment.__table__, COMMITMENT_GUARDS)


class OwnContribution(Model):
    """What a provider adds itself (自筹), counted only when proved: a pledge agreement, a receipt, or in kind valued."""

    __tablename__ = "own_contribution"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    kind: Mapped[str]                                       # pledge, receipt, in_kind
    description: Mapped[str]
    amount: Mapped[Money]
    valuation: Mapped[str] = mapped_column(default="")      # how something in kind was valued
    proof_file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    state: Mapped[str] = mapped_column(default="claimed")   # claimed, proved, refused
    decision_note: Mapped[str] = mapped_column(default="")
    claimed_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    claimed_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]

    organization: Mapped[Organization] = relationship()
    project: Mapped[Project] = relationship()
    proof_file: Mapped[StoredFile] = relationship()

    __table_args__ = (
        CheckConstraint("kind IN ('pledge', 'receipt', 'in_kind')", name="kind"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("kind <> 'in_kind' OR valuation <> ''", name="in_kind_is_valued"),
        CheckConstraint("state IN ('claimed', 'proved', 'refused')", name="state"),
        CheckConstraint("(state = 'claimed') = (decided_at IS NULL)", name="decided_has_time"),
        CheckConstraint("decided_by IS NULL OR decided_by <> claimed_by", name="two_persons"),
    )
