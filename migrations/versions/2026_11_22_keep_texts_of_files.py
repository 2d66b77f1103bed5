"""Keep the text of public files.

Revision ID: 20261122_06
Revises: 20261122_05
"""

revision = "20261122_06"
down_revision = "20261122_05"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
