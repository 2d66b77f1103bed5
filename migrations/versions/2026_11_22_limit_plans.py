"""Limit plans: limits that a plan froze, papers it led to, who asked for it; editions of what an event's parties see.

Revision ID: 20261122_17
Revises: 20261122_15
"""

import sqlalchemy as sa
from alembic import op

from marketplace.core.db import UTCDateTime
from marketplace.fundplans.models import FUND_LIMIT_GUARDS, PROJECT_LIMIT_GUARDS

revision = "20261122_17"
down_revision = "20261122_15"
branch_labels = None
depends_on = None

ADDED = {  # written out: both engines take a column with its own constraint, without a copy of the whole table
    "fund_plan": {"asked_by": "INTEGER CONSTRAINT fk_fund_plan_asked_by_person REFERENCES person (id)"},
    "fund_plan_project": {"costs": "JSON NOT NULL DEFAULT '[]'", "drafted": "BIGINT NOT NULL DEFAULT 0"},
    "fund_plan_fund": {
        "pledge_cap": "BIGINT CONSTRAINT ck_fund_plan_fund_pledge_cap CHECK (pledge_cap IS NULL OR pledge_cap > 0)",
        "donor_cap": "BIGINT CONSTRAINT ck_fund_plan_fund_donor_cap CHECK (donor_cap IS NULL OR donor_cap > 0)",
        "receiver_kinds": "JSON NOT NULL DEFAULT '[]'", "has_receiver": "BOOLEAN NOT NULL DEFAULT TRUE",
        "is_lottery": "BOOLEAN NOT NULL DEFAULT FALSE", "drafted": "BIGINT NOT NULL DEFAULT 0",
        "signed": "BIGINT NOT NULL DEFAULT 0"},
    "fund_plan_line": {"parts": "JSON NOT NULL DEFAULT '[]'"},
    "commitment": {"origin": "VARCHAR NOT NULL DEFAULT ''"},
    "meeting_event": {"edition": "INTEGER NOT NULL DEFAULT 0"},
}
GUARDED = ("fund_plan_project", "fund_plan_fund")


def upgrade() -> None:
    """Add the columns; a plan that is there was asked for by its maker, and every version counts as one edition."""
    for table, columns in ADDED.items():
        for name, kind in columns.items():
            op.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
    op.add_column("fund_plan", sa.Column("asked_at", UTCDateTime(timezone=True), nullable=True))
    op.execute("UPDATE fund_plan SET asked_by = created_by, asked_at = created_at")
    op.execute("UPDATE meeting_event SET edition = (SELECT COALESCE(MAX(number), 0) FROM meeting_schedule"
               " WHERE meeting_schedule.event_id = meeting_event.id)")
    for guards in (PROJECT_LIMIT_GUARDS, FUND_LIMIT_GUARDS):
        for statement in guards[op.get_bind().dialect.name]:
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Take the columns away, with their triggers."""
    for table in GUARDED:
        on = f" ON {table}" if op.get_bind().dialect.name == "postgresql" else ""
        op.execute(f"DROP TRIGGER {table}_limits_unchanged{on}")
    op.drop_column("fund_plan", "asked_at")
    for table, columns in ADDED.items():
        for name in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
