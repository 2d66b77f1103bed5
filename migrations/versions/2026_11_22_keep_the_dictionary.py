"""Keep the dictionary of the search.

Revision ID: 20261122_04
Revises: 20261122_03
"""

import sqlalchemy as sa
from alembic import op

from marketplace.core.db import UTCDateTime

revision = "20261122_04"
down_revision = "20261122_03"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dictionary_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("opened_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Integer(), nullable=True),
        sa.Column("published_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.Integer(), nullable=True),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("entry_count", sa.Integer(), nullable=False),
        sa.Column("documents_total", sa.Integer(), nullable=False),
        sa.Column("documents_done", sa.Integer(), nullable=False),
        sa.Column("indexed_at", UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("number >= 1 AND base >= 0 AND base < number", name=op.f("ck_dictionary_version_number")),
        sa.CheckConstraint("length(note) <= 200", name=op.f("ck_dictionary_version_note")),
        sa.CheckConstraint("(published_at IS NULL) = (digest IS NULL)",
                           name=op.f("ck_dictionary_version_published_has_digest")),
        sa.CheckConstraint("published_at IS NULL OR (note <> '' AND entry_count >= 1)",
                           name=op.f("ck_dictionary_version_published_has_note")),
        sa.CheckConstraint("indexed_at IS NULL OR published_at IS NOT NULL",
                           name=op.f("ck_dictionary_version_indexed")),
        sa.CheckConstraint("documents_total >= 0 AND documents_done >= 0",
                           name=op.f("ck_dictionary_version_documents")),
        sa.ForeignKeyConstraint(["opened_by"], ["person.id"], name=op.f("fk_dictionary_version_opened_by_person")),
        sa.ForeignKeyConstraint(["published_by"], ["person.id"],
                                name=op.f("fk_dictionary_version_published_by_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dictionary_version")),
        sa.UniqueConstraint("number", name=op.f("uq_dictionary_version_number")),
    )
    op.create_table(
        "dictionary_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("term_key", sa.String(), nullable=False),
        sa.Column("concept", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("broader", sa.String(), nullable=False),
        sa.CheckConstraint("length(term) BETWEEN 2 AND 30 AND term_key <> '' AND concept <> ''",
                           name=op.f("ck_dictionary_entry_term")),
        sa.CheckConstraint("kind IN ('concept', 'generic', 'place')", name=op.f("ck_dictionary_entry_kind")),
        sa.CheckConstraint("broader = '' OR term = concept", name=op.f("ck_dictionary_entry_broader")),
        sa.ForeignKeyConstraint(["version_id"], ["dictionary_version.id"],
                                name=op.f("fk_dictionary_entry_version_id_dictionary_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dictionary_entry")),
        sa.UniqueConstraint("version_id", "term_key", name=op.f("uq_dictionary_entry_version_id_term_key")),
    )
    op.create_index("ix_dictionary_entry_place", "dictionary_entry", ["version_id", "place"])
    op.create_index("ix_dictionary_entry_concept", "dictionary_entry", ["version_id", "concept"])


def downgrade() -> None:
    op.drop_table("dictionary_entry")
    op.drop_table("dictionary_version")
