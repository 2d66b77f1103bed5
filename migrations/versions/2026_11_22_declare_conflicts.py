"""Declare conflicts: declarations of interests, their relations, what was settled; the database keeps every row.

Revision ID: 20261122_11
Revises: 20261122_10
"""

import sqlalchemy as sa
from alembic import op

from marketplace.conflicts.models import GUARDS, TABLES
from marketplace.core.db import UTCDateTime

revision = "20261122_11"
down_revision = "20261122_10"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and their guards."""
    op.create_table(
        "conflict_declaration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("declarer", sa.String(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("says_none", sa.Boolean(), nullable=False),
        sa.Column("statement", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("declared_by", sa.Integer(), nullable=False),
        sa.Column("declared_at", UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("declarer IN ('provider', 'staff')", name=op.f("ck_conflict_declaration_declarer")),
        sa.CheckConstraint("(declarer = 'staff') = (person_id IS NOT NULL)",
                           name=op.f("ck_conflict_declaration_staff_is_a_person")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"],
                                name=op.f("fk_conflict_declaration_organization_id_organization")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_conflict_declaration_person_id_person")),
        sa.ForeignKeyConstraint(["declared_by"], ["person.id"],
                                name=op.f("fk_conflict_declaration_declared_by_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflict_declaration")),
        sa.UniqueConstraint("ref", name=op.f("uq_conflict_declaration_ref")),
    )
    op.create_index("ix_conflict_declaration_newest", "conflict_declaration", ["organization_id", "person_id", "id"])
    op.create_table(
        "declared_relation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("declaration_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("body_name", sa.String(), nullable=False),
        sa.Column("body_code", sa.String(), nullable=True),
        sa.Column("person_name", sa.String(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("words", sa.String(), nullable=False),
        sa.CheckConstraint(
            "relation IN ('employment', 'board', 'control', 'kin', 'sponsor', 'requirement', 'other')",
            name=op.f("ck_declared_relation_relation")),
        sa.CheckConstraint("body_name <> ''", name=op.f("ck_declared_relation_body_name")),
        sa.CheckConstraint("until IS NULL OR since IS NULL OR until >= since",
                           name=op.f("ck_declared_relation_dates")),
        sa.ForeignKeyConstraint(["declaration_id"], ["conflict_declaration.id"],
                                name=op.f("fk_declared_relation_declaration_id_conflict_declaration")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declared_relation")),
        sa.UniqueConstraint("declaration_id", "position",
                            name=op.f("uq_declared_relation_declaration_id_position")),
    )
    _settlements()
    for table in TABLES:
        for statement in GUARDS[table][op.get_bind().dialect.name]:
            op.get_bind().exec_driver_sql(statement)


def _settlements() -> None:
    """Add what operators settled."""
    op.create_table(
        "conflict_settlement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("tie_key", sa.String(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("provider_id", sa.Integer(), nullable=False),
        sa.Column("other_name", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("declaration_id", sa.Integer(), nullable=True),
        sa.Column("settled_by", sa.Integer(), nullable=False),
        sa.Column("settled_at", UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("outcome IN ('cleared', 'confirmed')", name=op.f("ck_conflict_settlement_outcome")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_conflict_settlement_reason")),
        sa.ForeignKeyConstraint(["provider_id"], ["organization.id"],
                                name=op.f("fk_conflict_settlement_provider_id_organization")),
        sa.ForeignKeyConstraint(["declaration_id"], ["conflict_declaration.id"],
                                name=op.f("fk_conflict_settlement_declaration_id_conflict_declaration")),
        sa.ForeignKeyConstraint(["settled_by"], ["person.id"], name=op.f("fk_conflict_settlement_settled_by_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflict_settlement")),
        sa.UniqueConstraint("ref", name=op.f("uq_conflict_settlement_ref")),
    )
    op.create_index("ix_conflict_settlement_tie_key", "conflict_settlement", ["tie_key"])
    op.create_index("ix_conflict_settlement_provider_id", "conflict_settlement", ["provider_id"])


def downgrade() -> None:
    """Take them away; triggers go with their tables."""
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION conflict_guard()")
