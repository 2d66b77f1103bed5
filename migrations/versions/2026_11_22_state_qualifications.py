"""State qualifications: what a project's published qualification says, as facts that can be counted.

Revision ID: 20261122_14
Revises: 20261122_13
"""

from alembic import op

revision = "20261122_14"
down_revision = "20261122_13"
branch_labels = None
depends_on = None

COLUMNS = {  # written out: both engines take a column with its own CHECK, without a copy of the whole table
    "qualified_kinds": "JSON NOT NULL DEFAULT '[]'",
    "certified_min": "INTEGER CONSTRAINT ck_project_certified_min"
                     " CHECK (certified_min IS NULL OR certified_min BETWEEN 1 AND 500)",
    "grade_min": "INTEGER CONSTRAINT ck_project_grade_min CHECK (grade_min IS NULL OR grade_min BETWEEN 1 AND 5)",
}


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.execute(f"ALTER TABLE project ADD COLUMN {name} {kind}")


def downgrade() -> None:
    for name in COLUMNS:
        op.execute(f"ALTER TABLE project DROP COLUMN {name}")
