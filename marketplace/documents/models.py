"""Issued papers: a number, stored bytes with their SHA-256, a verify code. Never rendered again."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import DDL, JSON, CheckConstraint, ForeignKey, FromClause, UniqueConstraint, event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.files.models import StoredFile


class NumberSeries(Model):
    """The last number given in one series (for example contract, 2026); raised by one conditional UPDATE."""

    __tablename__ = "number_series"

    series: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int] = mapped_column(default=0)

    __table_args__ = (CheckConstraint("last >= 0", name="last"),)


class Document(Model):
    """One issued paper. `verify_code` stands in the QR; `superseded_by` points to the newer paper."""

    __tablename__ = "document"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    kind: Mapped[str]                                      # contract, receipt, notice, slip ...
    title: Mapped[str] = mapped_column(default="")         # what it is, in words, for the verify page
    facts: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)   # public facts (rules.PUBLIC_FACTS)
    number: Mapped[str] = mapped_column(unique=True)
    verify_code: Mapped[str] = mapped_column(unique=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    sha256: Mapped[str] = mapped_column(unique=True)
    pages: Mapped[int]
    data_sha256: Mapped[str]                               # of the canonical JSON that was printed
    toolchain: Mapped[str] = mapped_column(default="")     # versions that made the bytes
    issued_at: Mapped[datetime]
    superseded_by_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"))
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str] = mapped_column(default="")
    is_demo: Mapped[bool] = mapped_column(default=False)

    file: Mapped[StoredFile] = relationship()
    superseded_by: Mapped["Document | None"] = relationship(remote_side=[id])  # noqa: A003

    __table_args__ = (UniqueConstraint("kind", "number"), CheckConstraint("pages > 0", name="pages"),
                      CheckConstraint("(voided_at IS NULL) = (void_reason = '')", name="voided_has_reason"))


def guards(table: str, columns: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return, by dialect, the statements that make the database itself refuse to change these columns."""
    lite = " OR ".join(f"NEW.{c} IS NOT OLD.{c}" for c in columns)
    post = " OR ".join(f"NEW.{c}::text IS DISTINCT FROM OLD.{c}::text" for c in columns)
    return {
        "sqlite": (f"""CREATE TRIGGER {table}_unchanged BEFORE UPDATE ON {table} WHEN {lite}
        BEGIN SELECT RAISE(ABORT, 'what was issued is never changed'); END""",),
        "postgresql": (
            f"""CREATE FUNCTION {table}_guard() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'what was issued is never changed'; END $$""",
            f"""CREATE TRIGGER {table}_unchanged BEFORE UPDATE ON {table}
            FOR EACH ROW WHEN ({post}) EXECUTE FUNCTION {table}_guard()"""),
    }


def guard_table(table: FromClause, statements: Mapping[str, tuple[str, ...]]) -> None:
    """Add the guards wherever the table is made without migrations (tests)."""
    for dialect, lines in statements.items():
        for line in lines:
            made = DDL(line.replace("%", "%%")).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", made)


GUARDS = guards("document", ("number", "verify_code", "file_id", "sha256", "pages", "data_sha256", "issued_at",
                             "title", "facts", "toolchain", "is_demo"))
guard_table(Document.__table__, GUARDS)
