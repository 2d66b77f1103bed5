"""Sheets on their way in: upload, mapping, check, apply, undo. Nothing is saved elsewhere until applied."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Model, new_ref
from marketplace.files.models import StoredFile


class ImportBatch(Model):
    """One uploaded sheet for one target (catalog, purchase_list, projects, organizations)."""

    __tablename__ = "import_batch"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    target: Mapped[str]
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"), index=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"))
    options: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)    # unit, year, good_rows ...
    mapping: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)    # per sheet: head row, column -> field
    check: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)      # counts, errors, differences
    changes: Mapped[list[object]] = mapped_column(JSON, default=list)         # what undo needs
    state: Mapped[str] = mapped_column(default="uploaded")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    message: Mapped[str] = mapped_column(default="")
    created_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]

    file: Mapped[StoredFile] = relationship()

    __table_args__ = (
        CheckConstraint("state IN ('uploaded', 'checked', 'applying', 'applied', 'undone', 'failed')", name="state"),
        CheckConstraint("(state IN ('applied', 'undone')) = (applied_at IS NOT NULL)", name="applied_has_time"),
        CheckConstraint("(state = 'undone') = (undone_at IS NOT NULL)", name="undone_has_time"),
    )


class RememberedMapping(Model):
    """How a unit's clerk last mapped a sheet with these headings."""

    __tablename__ = "remembered_mapping"

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    target: Mapped[str]
    fingerprint: Mapped[str]                               # of the normalised headings
    mapping: Mapped[dict[str, object]] = mapped_column(JSON)
    updated_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("organization_id", "target", "fingerprint"),)
