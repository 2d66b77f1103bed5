"""Releases of held money to milestones by two people, and flags that stop matching money until somebody looked."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money
from marketplace.files.models import StoredFile
from marketplace.funding.models.pledges import Pledge


class Release(Model):
    """Held money of one pledge for one milestone: proposed by one person with evidence, confirmed by another."""

    __tablename__ = "milestone_release"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    idem_key: Mapped[str] = mapped_column(unique=True)
    pledge_id: Mapped[int] = mapped_column(ForeignKey("pledge.id"), index=True)
    milestone: Mapped[int]                                  # position in the project's plan, from 1
    amount: Mapped[Money]
    payee_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    payee_account: Mapped[str] = mapped_column(default="")
    evidence: Mapped[str]                                   # what shows that the milestone is reached
    evidence_file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"))
    state: Mapped[str] = mapped_column(default="proposed")  # proposed, confirmed, refused, disbursed, withdrawn
    note: Mapped[str] = mapped_column(default="")
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    disbursed_at: Mapped[datetime | None]

    pledge: Mapped[Pledge] = relationship()
    evidence_file: Mapped[StoredFile | None] = relationship()

    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("milestone > 0", name="milestone"),
        CheckConstraint("state IN ('proposed', 'confirmed', 'refused', 'disbursed', 'withdrawn')", name="state"),
        CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name="decided_has_time"),
        CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="two_persons"),
        CheckConstraint("(state = 'disbursed') = (disbursed_at IS NOT NULL)", name="disbursed_has_time"),
    )


class MoneyFlag(Model):
    """A reason to look before matching money is confirmed (套捐): related parties, the same payer in a ring ..."""

    __tablename__ = "money_flag"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    pledge_id: Mapped[int] = mapped_column(ForeignKey("pledge.id"), index=True)
    kind: Mapped[str]                                       # rules.gaming.FlagKind
    facts: Mapped[dict[str, object]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(default="open")      # open, cleared, upheld
    note: Mapped[str] = mapped_column(default="")
    raised_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]

    pledge: Mapped[Pledge] = relationship()

    __table_args__ = (
        CheckConstraint("state IN ('open', 'cleared', 'upheld')", name="state"),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_has_time"),
        CheckConstraint("state = 'open' OR note <> ''", name="decided_has_note"),
        Index("uq_money_flag", "pledge_id", "kind", unique=True,
              sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    )
