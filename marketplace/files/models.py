"""Uploaded and issued files: who owns them, whether they are clean, where the bytes lie."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.db import Model, new_ref


class StoredFile(Model):
    """A file by its SHA-256. Only a clean one may be attached or downloaded by anybody but its uploader's tests."""

    __tablename__ = "stored_file"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(index=True)
    owner_organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"), index=True)
    uploaded_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    is_public: Mapped[bool] = mapped_column(default=False)
    scan_state: Mapped[str] = mapped_column(default="pending")
    scan_note: Mapped[str | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("scan_state IN ('pending', 'clean', 'infected', 'failed')", name="scan_state"),
        CheckConstraint("size >= 0", name="size"),
    )
