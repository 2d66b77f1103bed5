"""Texts of public files by their SHA-256: read once, whoever publishes the same bytes."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.db import Model


class TextExtract(Model):
    """What could be read of one file. It is made only while the file is public and clean, and can be made again."""

    __tablename__ = "text_extract"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]                                     # core.ports.Extraction
    reason: Mapped[str] = mapped_column(default="")        # a sentence; empty when the whole text is here
    text: Mapped[str]
    characters: Mapped[int]
    extracted_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("state IN ('whole', 'cut', 'refused')", name="state"),
        CheckConstraint("(state = 'whole') = (reason = '')", name="reason"),
        CheckConstraint("characters >= 0", name="characters"),
    )
