"""Keep the dictionary of the search.

Revision ID: 20261122_04
Revises: 20261122_03
"""

revision = "20261122_04"
down_revision = "20261122_03"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
