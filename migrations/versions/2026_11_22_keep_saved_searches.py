"""Keep saved searches and what they found.

Revision ID: 20261122_05
Revises: 20261122_04
"""

import sqlalchemy as sa
from alembic import op

from marketplace.core.db import UTCDateTime

revision = "20261122_05"
down_revision = "20261122_04"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_search",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("frequency", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("since", UTCDateTime(timezone=True), nullable=False),
        sa.Column("paused_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("ended_at", UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("name <> '' AND length(name) <= 60", name=op.f("ck_saved_search_name")),
        sa.CheckConstraint("question <> ''", name=op.f("ck_saved_search_question")),
        sa.CheckConstraint("frequency IN ('at_once', 'daily', 'weekly')", name=op.f("ck_saved_search_frequency")),
        sa.CheckConstraint("channel IN ('inbox', 'email')", name=op.f("ck_saved_search_channel")),
        sa.CheckConstraint("length(token) >= 22", name=op.f("ck_saved_search_token")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_saved_search_version")),
        sa.CheckConstraint("since >= created_at", name=op.f("ck_saved_search_since")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_saved_search_person_id_person")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"],
                                name=op.f("fk_saved_search_organization_id_organization")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search")),
        sa.UniqueConstraint("ref", name=op.f("uq_saved_search_ref")),
        sa.UniqueConstraint("token", name=op.f("uq_saved_search_token")),
    )
    op.create_index("ix_saved_search_person_id", "saved_search", ["person_id"])
    op.create_index("uq_saved_search_live", "saved_search", ["person_id", "question"], unique=True,
                    sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "saved_search_hit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("saved_search_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("news_key", sa.String(), nullable=False),
        sa.Column("news_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("found_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("told_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("message_ref", sa.String(), nullable=True),
        sa.CheckConstraint("(told_at IS NULL) = (message_ref IS NULL)",
                           name=op.f("ck_saved_search_hit_told_has_message")),
        sa.CheckConstraint("kind <> '' AND ref <> '' AND news_key <> ''", name=op.f("ck_saved_search_hit_names")),
        sa.ForeignKeyConstraint(["saved_search_id"], ["saved_search.id"],
                                name=op.f("fk_saved_search_hit_saved_search_id_saved_search")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search_hit")),
        sa.UniqueConstraint("saved_search_id", "kind", "ref", "news_key",
                            name=op.f("uq_saved_search_hit_saved_search_id_kind_ref_news_key")),
    )
    op.create_index("ix_saved_search_hit_message_ref", "saved_search_hit", ["message_ref"])
    op.create_index("ix_saved_search_hit_document", "saved_search_hit", ["kind", "ref"])
    op.create_index("ix_saved_search_hit_waiting", "saved_search_hit", ["saved_search_id"],
                    sqlite_where=sa.text("told_at IS NULL"), postgresql_where=sa.text("told_at IS NULL"))
    op.create_table(
        "saved_search_mute",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("saved_search_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("muted_at", UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["saved_search_id"], ["saved_search.id"],
                                name=op.f("fk_saved_search_mute_saved_search_id_saved_search")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search_mute")),
        sa.UniqueConstraint("saved_search_id", "kind", "ref",
                            name=op.f("uq_saved_search_mute_saved_search_id_kind_ref")),
    )


def downgrade() -> None:
    for table in ("saved_search_mute", "saved_search_hit", "saved_search"):
        op.drop_table(table)
