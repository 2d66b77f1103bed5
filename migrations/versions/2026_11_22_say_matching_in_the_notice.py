"""Say matching in the notice: whether a project's published notice said that matching money may come to it.

Revision ID: 20261122_07
Revises: 20261122_06
"""

import sqlalchemy as sa
from alembic import op

revision = "20261122_07"
down_revision = "20261122_06"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("project", sa.Column("takes_matching", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("project", "takes_matching")
