"""Issued papers: a number, stored bytes with their SHA-256, a verify code. Never rendered again."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, UniqueConstraint
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
