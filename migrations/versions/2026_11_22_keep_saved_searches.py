"""Keep saved searches and what they found.

Revision ID: 20261122_05
Revises: 20261122_04
"""

revision = "20261122_05"
down_revision = "20261122_04"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
