"""Journals and their transfers: written once. The database refuses every change but the seal."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import DDL, CheckConstraint, ForeignKey, Index, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.core.money import Money


class Journal(Model):
    """One balanced posting. `idem_key` makes it happen once; `position` and `chain_hash` come from the sealer."""

    __tablename__ = "journal"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    idem_key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]                                        # what happened: pledge.promised, match.reserved ...
    subject_kind: Mapped[str]
    subject_ref: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[int | None]
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("journal.id"), unique=True)
    own_hash: Mapped[str]
    position: Mapped[int | None] = mapped_column(unique=True)
    chain_hash: Mapped[str | None]

    transfers: Mapped[list["Transfer"]] = relationship(back_populates="journal", order_by="Transfer.line")
    reverses: Mapped["Journal | None"] = relationship(remote_side=[id])  # noqa: A003

    __table_args__ = (
        CheckConstraint("(position IS NULL) = (chain_hash IS NULL)", name="sealed"),
        Index("ix_journal_subject", "subject_kind", "subject_ref"),
        Index("ix_journal_unsealed", "id", sqlite_where=text("position IS NULL"),
              postgresql_where=text("position IS NULL")),
    )


class Transfer(Model):
    """`amount` from account `credit` to account `debit`: two entries that cannot but balance."""

    __tablename__ = "transfer"

    id: Mapped[int] = mapped_column(primary_key=True)
    journal_id: Mapped[int] = mapped_column(ForeignKey("journal.id"))
    line: Mapped[int]
    debit: Mapped[str] = mapped_column(index=True)
    credit: Mapped[str] = mapped_column(index=True)
    amount: Mapped[Money]

    journal: Mapped[Journal] = relationship(back_populates="transfers")

    __table_args__ = (
        UniqueConstraint("journal_id", "line"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("debit <> credit", name="two_accounts"),
    )


_FIXED = ("id", "ref", "idem_key", "kind", "subject_kind", "subject_ref", "at", "actor_id", "reverses_id", "own_hash")
_SEALING = "OLD.position IS NULL AND NEW.position IS NOT NULL AND NEW.chain_hash IS NOT NULL"
_SAME_SQLITE = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in _FIXED)
_SAME_POSTGRESQL = " AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in _FIXED)
_REFUSED = "what was posted is never changed"
_IS_SEALED = "(SELECT position FROM journal WHERE id = NEW.journal_id) IS NOT NULL"   # its hash is in the chain already

GUARDS: Mapping[str, tuple[str, ...]] = {
    "sqlite": (
        f"""CREATE TRIGGER journal_unchanged BEFORE UPDATE ON journal
        WHEN NOT ({_SEALING} AND {_SAME_SQLITE}) BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END""",
        f"""CREATE TRIGGER journal_undeleted BEFORE DELETE ON journal
        BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END""",
        f"""CREATE TRIGGER transfer_unchanged BEFORE UPDATE ON transfer
        BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END""",
        f"""CREATE TRIGGER transfer_undeleted BEFORE DELETE ON transfer
        BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END""",
        f"""CREATE TRIGGER transfer_unsealed BEFORE INSERT ON transfer
        WHEN {_IS_SEALED}
        BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END""",
    ),
    "postgresql": (
        f"""CREATE FUNCTION ledger_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$""",
        f"""CREATE TRIGGER journal_unchanged BEFORE UPDATE ON journal FOR EACH ROW
        WHEN (NOT ({_SEALING} AND {_SAME_POSTGRESQL})) EXECUTE FUNCTION ledger_guard()""",
        """CREATE TRIGGER journal_undeleted BEFORE DELETE ON journal
        FOR EACH ROW EXECUTE FUNCTION ledger_guard()""",
        """CREATE TRIGGER journal_untruncated BEFORE TRUNCATE ON journal
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard()""",
        """CREATE TRIGGER transfer_unchanged BEFORE UPDATE OR DELETE ON transfer
        FOR EACH ROW EXECUTE FUNCTION ledger_guard()""",
        """CREATE TRIGGER transfer_untruncated BEFORE TRUNCATE ON transfer
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard()""",
        f"""CREATE FUNCTION ledger_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF {_IS_SEALED} THEN
            RAISE EXCEPTION '{_REFUSED}';
          END IF;
          RETURN NEW;
        END $$""",
        """CREATE TRIGGER transfer_unsealed BEFORE INSERT ON transfer
        FOR EACH ROW EXECUTE FUNCTION ledger_sealed()""",
    ),
}
for _dialect, _statements in GUARDS.items():
    for _statement in _statements:
        event.listen(Transfer.__table__, "after_create",
                     DDL(_statement.replace("%", "%%")).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]
