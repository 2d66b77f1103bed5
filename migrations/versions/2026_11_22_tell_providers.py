"""Tell providers: who was told or invited, which projects organizations follow or decline.

Revision ID: 20261122_15
Revises: 20261122_14
"""

import sqlalchemy as sa
from alembic import op

from marketplace.core.db import UTCDateTime
from marketplace.matching.models.outreach import TELLING_GUARDS

revision = "20261122_15"
down_revision = "20261122_14"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "project_follow",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("followed_by", sa.Integer(), nullable=True),
        sa.Column("followed_at", UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["followed_by"], ["person.id"], name=op.f("fk_project_follow_followed_by_person")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"],
                                name=op.f("fk_project_follow_organization_id_organization")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_project_follow_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_follow")),
        sa.UniqueConstraint("project_id", "organization_id",
                            name=op.f("uq_project_follow_project_id_organization_id")),
    )
    op.create_index(op.f("ix_project_follow_organization_id"), "project_follow", ["organization_id"])
    op.create_table(
        "project_decline",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("declined_by", sa.Integer(), nullable=True),
        sa.Column("declined_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_project_decline_reason")),
        sa.CheckConstraint("withdrawn_at IS NULL OR withdrawn_at >= declined_at",
                           name=op.f("ck_project_decline_withdrawn_later")),
        sa.ForeignKeyConstraint(["declined_by"], ["person.id"], name=op.f("fk_project_decline_declined_by_person")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"],
                                name=op.f("fk_project_decline_organization_id_organization")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_project_decline_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_decline")),
        sa.UniqueConstraint("ref", name=op.f("uq_project_decline_ref")),
    )
    op.create_index(op.f("ix_project_decline_organization_id"), "project_decline", ["organization_id"])
    op.create_index(op.f("ix_project_decline_project_id"), "project_decline", ["project_id"])
    op.create_index("uq_project_decline_standing", "project_decline", ["project_id", "organization_id"], unique=True,
                    sqlite_where=sa.text("withdrawn_at IS NULL"),
                    postgresql_where=sa.text("withdrawn_at IS NULL"))
    op.create_table(
        "telling",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("told_on", sa.Date(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.Column("considered", sa.Integer(), nullable=False),
        sa.Column("told_by", sa.Integer(), nullable=True),
        sa.Column("told_at", UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("text <> ''", name=op.f("ck_telling_text")),
        sa.CheckConstraint("line BETWEEN 0 AND 100", name=op.f("ck_telling_line")),
        sa.CheckConstraint("told >= 1 AND considered >= told", name=op.f("ck_telling_told")),
        sa.CheckConstraint("reached BETWEEN 0 AND told", name=op.f("ck_telling_reached")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_telling_project_id_project")),
        sa.ForeignKeyConstraint(["told_by"], ["person.id"], name=op.f("fk_telling_told_by_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telling")),
        sa.UniqueConstraint("project_id", "told_on", name=op.f("uq_telling_project_id_told_on")),
        sa.UniqueConstraint("ref", name=op.f("uq_telling_ref")),
    )
    op.create_table(
        "told_provider",
        sa.Column("telling_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"],
                                name=op.f("fk_told_provider_organization_id_organization")),
        sa.ForeignKeyConstraint(["telling_id"], ["telling.id"], name=op.f("fk_told_provider_telling_id_telling")),
        sa.PrimaryKeyConstraint("telling_id", "organization_id", name=op.f("pk_told_provider")),
    )
    op.create_index(op.f("ix_told_provider_organization_id"), "told_provider", ["organization_id"])
    op.create_table(
        "invitation_list",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("seed", sa.String(), nullable=True),
        sa.Column("seed_sha256", sa.String(), nullable=True),
        sa.Column("pool", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.Integer(), nullable=True),
        sa.Column("made_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("complete_at", UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(way = 'draw') = (seed IS NOT NULL AND seed_sha256 IS NOT NULL)",
                           name=op.f("ck_invitation_list_draw_has_seed")),
        sa.CheckConstraint("way <> 'draw' OR complete_at IS NOT NULL",
                           name=op.f("ck_invitation_list_draw_is_complete")),
        sa.CheckConstraint("way IN ('draw', 'recommend')", name=op.f("ck_invitation_list_way")),
        sa.ForeignKeyConstraint(["made_by"], ["person.id"], name=op.f("fk_invitation_list_made_by_person")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_invitation_list_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation_list")),
        sa.UniqueConstraint("project_id", name=op.f("uq_invitation_list_project_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_invitation_list_ref")),
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("opinion", sa.String(), nullable=False),
        sa.CheckConstraint("(side = 'lot') = (opinion = '')", name=op.f("ck_invitation_recommended_has_opinion")),
        sa.CheckConstraint("side IN ('lot', 'buyer', 'expert')", name=op.f("ck_invitation_side")),
        sa.CheckConstraint("place >= 1", name=op.f("ck_invitation_place")),
        sa.ForeignKeyConstraint(["list_id"], ["invitation_list.id"],
                                name=op.f("fk_invitation_list_id_invitation_list")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"],
                                name=op.f("fk_invitation_organization_id_organization")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("list_id", "organization_id", name=op.f("uq_invitation_list_id_organization_id")),
        sa.UniqueConstraint("list_id", "place", name=op.f("uq_invitation_list_id_place")),
    )
    op.create_index(op.f("ix_invitation_organization_id"), "invitation", ["organization_id"])
    op.create_table(
        "invitation_signature",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("signed_at", UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("side IN ('buyer', 'expert')", name=op.f("ck_invitation_signature_side")),
        sa.ForeignKeyConstraint(["list_id"], ["invitation_list.id"],
                                name=op.f("fk_invitation_signature_list_id_invitation_list")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_invitation_signature_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation_signature")),
        sa.UniqueConstraint("list_id", "person_id", name=op.f("uq_invitation_signature_list_id_person_id")),
        sa.UniqueConstraint("list_id", "side", name=op.f("uq_invitation_signature_list_id_side")),
    )
    for statement in TELLING_GUARDS[op.get_bind().dialect.name]:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.drop_table("invitation_signature")
    op.drop_table("invitation")
    op.drop_table("invitation_list")
    op.drop_table("told_provider")
    op.drop_table("telling")
    op.drop_table("project_decline")
    op.drop_table("project_follow")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION telling_guard()")
