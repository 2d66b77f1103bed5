"""Guard the papers: the database itself refuses to change issued papers and frozen terms.

Revision ID: 20261122_03
Revises: 20261122_02
"""

from alembic import op

from marketplace.contracts.models import GUARDS as CONTRACT
from marketplace.documents.models import GUARDS as DOCUMENT

revision = "20261122_03"
down_revision = "20261122_02"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for guards in (DOCUMENT, CONTRACT):
        for statement in guards[op.get_bind().dialect.name]:
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for table in ("document", "contract"):
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"DROP TRIGGER {table}_unchanged")
        else:
            op.execute(f"DROP TRIGGER {table}_unchanged ON {table}")
            op.execute(f"DROP FUNCTION {table}_guard()")
