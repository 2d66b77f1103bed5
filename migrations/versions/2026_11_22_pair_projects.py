"""Pair projects.

Revision ID: 20261122_10
Revises: 20261122_09
"""

import sqlalchemy as sa
from alembic import op

from marketplace.core.db import UTCDateTime
from marketplace.matching.models import EDIT_GUARDS, WEIGHT_GUARDS

revision = "20261122_10"
down_revision = "20261122_09"
branch_labels = None
depends_on = None

BUSY = "state IN ('queued', 'running')"
LIVE = "publication = 'published'"


def upgrade() -> None:
    """Add weight sets, runs, pairings and edits; the database itself keeps weights and edits as they were written."""
    op.create_table(
        "weight_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("plain", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_weight_set_reason")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_weight_set_number")),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name=op.f("fk_weight_set_created_by_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weight_set")),
        sa.UniqueConstraint("number", name=op.f("uq_weight_set_number")),
        sa.UniqueConstraint("ref", name=op.f("uq_weight_set_ref")),
    )
    op.create_table(
        "matching_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("reach", sa.String(), nullable=False),
        sa.Column("weight_set_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("worked_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("cancel_asked_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("inputs_sha256", sa.String(), nullable=True),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("edits", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("started_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("finished_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("publication", sa.String(), nullable=False),
        sa.Column("published_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.Integer(), nullable=True),
        sa.Column("unpublished_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("superseded_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("(publication = 'superseded') = (superseded_by_id IS NOT NULL)",
                           name=op.f("ck_matching_run_superseded_has_heir")),
        sa.CheckConstraint("(publication IN ('unpublished', 'superseded')) = (unpublished_at IS NOT NULL)",
                           name=op.f("ck_matching_run_unpublished_has_time")),
        sa.CheckConstraint("(state = 'failed') = (error <> '')", name=op.f("ck_matching_run_failed_has_error")),
        sa.CheckConstraint("(state IN ('done', 'cancelled', 'failed')) = (finished_at IS NOT NULL)",
                           name=op.f("ck_matching_run_finished_has_time")),
        sa.CheckConstraint("publication = 'draft' OR (state = 'done' AND published_at IS NOT NULL)",
                           name=op.f("ck_matching_run_published_is_done")),
        sa.CheckConstraint("publication IN ('draft', 'published', 'unpublished', 'superseded')",
                           name=op.f("ck_matching_run_publication")),
        sa.CheckConstraint("reach IN ('open', 'planned', 'all')", name=op.f("ck_matching_run_reach")),
        sa.CheckConstraint("state <> 'done' OR inputs_sha256 IS NOT NULL",
                           name=op.f("ck_matching_run_done_has_inputs")),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'cancelled', 'failed')",
                           name=op.f("ck_matching_run_state")),
        sa.CheckConstraint("state NOT IN ('running', 'done') OR started_at IS NOT NULL",
                           name=op.f("ck_matching_run_started_has_time")),
        sa.CheckConstraint("title <> ''", name=op.f("ck_matching_run_title")),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_matching_run_progress")),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name=op.f("fk_matching_run_created_by_person")),
        sa.ForeignKeyConstraint(["published_by"], ["person.id"], name=op.f("fk_matching_run_published_by_person")),
        sa.ForeignKeyConstraint(["superseded_by_id"], ["matching_run.id"],
                                name=op.f("fk_matching_run_superseded_by_id_matching_run")),
        sa.ForeignKeyConstraint(["weight_set_id"], ["weight_set.id"],
                                name=op.f("fk_matching_run_weight_set_id_weight_set")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matching_run")),
        sa.UniqueConstraint("number", name=op.f("uq_matching_run_number")),
        sa.UniqueConstraint("ref", name=op.f("uq_matching_run_ref")),
    )
    op.create_index(op.f("ix_matching_run_inputs_sha256"), "matching_run", ["inputs_sha256"])
    op.create_index("uq_matching_run_busy", "matching_run", ["scope", "reach", "weight_set_id"], unique=True,
                    sqlite_where=sa.text(BUSY), postgresql_where=sa.text(BUSY))
    op.create_index("uq_matching_run_published", "matching_run", ["scope"], unique=True,
                    sqlite_where=sa.text(LIVE), postgresql_where=sa.text(LIVE))
    op.create_table(
        "matching_run_input",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("edges", sa.LargeBinary(), nullable=False),
        sa.Column("held", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["matching_run.id"],
                                name=op.f("fk_matching_run_input_run_id_matching_run")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_matching_run_input")),
    )
    op.create_table(
        "matching_run_edit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("provider_id", sa.Integer(), nullable=True),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.Column("candidate", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("total_before", sa.Integer(), nullable=False),
        sa.Column("total_after", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind <> 'capacity' OR (provider_id IS NOT NULL AND project_id IS NULL AND value >= 0)",
                           name=op.f("ck_matching_run_edit_capacity_has_value")),
        sa.CheckConstraint("kind <> 'wanted' OR (project_id IS NOT NULL AND provider_id IS NULL AND value >= 1)",
                           name=op.f("ck_matching_run_edit_wanted_has_value")),
        sa.CheckConstraint("kind IN ('add', 'withdraw', 'pin', 'forbid', 'capacity', 'wanted', 'confirm', 'release')",
                           name=op.f("ck_matching_run_edit_kind")),
        sa.CheckConstraint("kind NOT IN ('add', 'withdraw') OR (project_id IS NULL) <> (provider_id IS NULL)",
                           name=op.f("ck_matching_run_edit_one_side_is_named")),
        sa.CheckConstraint("kind NOT IN ('pin', 'forbid', 'confirm', 'release') "
                           "OR (project_id IS NOT NULL AND provider_id IS NOT NULL)",
                           name=op.f("ck_matching_run_edit_pair_is_named")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_matching_run_edit_reason")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_matching_run_edit_number")),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name=op.f("fk_matching_run_edit_actor_id_person")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_matching_run_edit_project_id_project")),
        sa.ForeignKeyConstraint(["provider_id"], ["organization.id"],
                                name=op.f("fk_matching_run_edit_provider_id_organization")),
        sa.ForeignKeyConstraint(["run_id"], ["matching_run.id"],
                                name=op.f("fk_matching_run_edit_run_id_matching_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matching_run_edit")),
        sa.UniqueConstraint("ref", name=op.f("uq_matching_run_edit_ref")),
        sa.UniqueConstraint("run_id", "number", name=op.f("uq_matching_run_edit_run_id_number")),
    )
    op.create_table(
        "matching_run_need",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("wants", sa.Integer(), nullable=False),
        sa.Column("given", sa.Integer(), nullable=False),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.Column("top_rule", sa.Integer(), nullable=False),
        sa.Column("top_rule_count", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("best_provider_id", sa.Integer(), nullable=True),
        sa.Column("best_total", sa.Integer(), nullable=True),
        sa.Column("gap", sa.Integer(), nullable=True),
        sa.Column("rival_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("(state IN ('unassigned', 'withdrawn', 'partly')) = (reason <> '')",
                           name=op.f("ck_matching_run_need_nobody_has_reason")),
        sa.CheckConstraint("state IN ('paired', 'partly', 'unassigned', 'withdrawn')",
                           name=op.f("ck_matching_run_need_state")),
        sa.CheckConstraint("state NOT IN ('paired', 'partly') OR given > 0",
                           name=op.f("ck_matching_run_need_paired_has_provider")),
        sa.CheckConstraint("candidates >= 0 AND given >= 0 AND wants >= 0", name=op.f("ck_matching_run_need_counts")),
        sa.ForeignKeyConstraint(["best_provider_id"], ["organization.id"],
                                name=op.f("fk_matching_run_need_best_provider_id_organization")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_matching_run_need_project_id_project")),
        sa.ForeignKeyConstraint(["rival_id"], ["project.id"], name=op.f("fk_matching_run_need_rival_id_project")),
        sa.ForeignKeyConstraint(["run_id"], ["matching_run.id"],
                                name=op.f("fk_matching_run_need_run_id_matching_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matching_run_need")),
        sa.UniqueConstraint("run_id", "project_id", name=op.f("uq_matching_run_need_run_id_project_id")),
    )
    op.create_index(op.f("ix_matching_run_need_project_id"), "matching_run_need", ["project_id"])
    op.create_table(
        "pairing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("contributions", sa.JSON(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("price", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("is_pinned", sa.Boolean(), nullable=False),
        sa.Column("since_edit", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("(state = 'confirmed') = (confirmed_at IS NOT NULL)",
                           name=op.f("ck_pairing_confirmed_has_time")),
        sa.CheckConstraint("channel IN ('category', 'text')", name=op.f("ck_pairing_channel")),
        sa.CheckConstraint("state IN ('proposed', 'confirmed', 'removed')", name=op.f("ck_pairing_state")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_pairing_price")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["person.id"], name=op.f("fk_pairing_confirmed_by_person")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_pairing_project_id_project")),
        sa.ForeignKeyConstraint(["provider_id"], ["organization.id"],
                                name=op.f("fk_pairing_provider_id_organization")),
        sa.ForeignKeyConstraint(["run_id"], ["matching_run.id"], name=op.f("fk_pairing_run_id_matching_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairing")),
        sa.UniqueConstraint("ref", name=op.f("uq_pairing_ref")),
        sa.UniqueConstraint("run_id", "project_id", "provider_id",
                            name=op.f("uq_pairing_run_id_project_id_provider_id")),
    )
    op.create_index(op.f("ix_pairing_project_id"), "pairing", ["project_id"])
    op.create_index(op.f("ix_pairing_provider_id"), "pairing", ["provider_id"])
    for guards in (WEIGHT_GUARDS, EDIT_GUARDS):
        for statement in guards[op.get_bind().dialect.name]:
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Take them away, with their triggers."""
    for table in ("pairing", "matching_run_need", "matching_run_edit", "matching_run_input", "matching_run",
                  "weight_set"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION matching_run_edit_guard()")
        op.execute("DROP FUNCTION weight_set_guard()")
