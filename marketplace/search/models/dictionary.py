"""The dictionary in numbered versions: published ones never change, one draft at most is edited.

Version 0 is the one that comes with the product, in search/data; it has no rows here.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.db import Model


class DictionaryVersion(Model):
    """One version. It is a draft until it is published; `documents_done` grows while the index is made anew with it."""

    __tablename__ = "dictionary_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)       # a draft has the next one: two drafts cannot be
    base: Mapped[int]                                      # the version that it began from
    note: Mapped[str] = mapped_column(default="")
    opened_at: Mapped[datetime]
    opened_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    published_at: Mapped[datetime | None]
    published_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    digest: Mapped[str | None]                             # rules.wordbook.digest_of
    entry_count: Mapped[int] = mapped_column(default=0)
    documents_total: Mapped[int] = mapped_column(default=0)
    documents_done: Mapped[int] = mapped_column(default=0)
    indexed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("number >= 1 AND base >= 0 AND base < number", name="number"),
        CheckConstraint("length(note) <= 200", name="note"),
        CheckConstraint("(published_at IS NULL) = (digest IS NULL)", name="published_has_digest"),
        CheckConstraint("published_at IS NULL OR (note <> '' AND entry_count >= 1)", name="published_has_note"),
        CheckConstraint("indexed_at IS NULL OR published_at IS NOT NULL", name="indexed"),
        CheckConstraint("documents_total >= 0 AND documents_done >= 0", name="documents"),
    )

    @property
    def is_draft(self) -> bool:
        """Say whether it can still be edited."""
        return self.published_at is None


class DictionaryEntry(Model):
    """One word of one version."""

    __tablename__ = "dictionary_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("dictionary_version.id"))
    place: Mapped[int]                                     # in the order of the book
    term: Mapped[str]
    term_key: Mapped[str]                                  # rules.wordbook.key_of
    concept: Mapped[str]
    kind: Mapped[str]
    broader: Mapped[str] = mapped_column(default="")       # names separated by |

    __table_args__ = (
        UniqueConstraint("version_id", "term_key"),
        CheckConstraint("length(term) BETWEEN 2 AND 30 AND term_key <> '' AND concept <> ''", name="term"),
        CheckConstraint("kind IN ('concept', 'generic', 'place')", name="kind"),
        CheckConstraint("broader = '' OR term = concept", name="broader"),
        Index("ix_dictionary_entry_place", "version_id", "place"),
        Index("ix_dictionary_entry_concept", "version_id", "concept"),
    )
