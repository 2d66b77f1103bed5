"""Keep the text of public files.

Revision ID: 20261122_06
Revises: 20261122_05
"""

import sqlalchemy as sa
from alembic import op

import marketplace.core.db

revision = "20261122_06"
down_revision = "20261122_05"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'text_extract',
        sa.Column('sha256', sa.String(), nullable=False),
        sa.Column('state', sa.String(), nullable=False),
        sa.Column('reason', sa.String(), nullable=False),
        sa.Column('text', sa.String(), nullable=False),
        sa.Column('characters', sa.Integer(), nullable=False),
        sa.Column('extracted_at', marketplace.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('whole', 'cut', 'refused')", name=op.f('ck_text_extract_state')),
        sa.CheckConstraint("(state = 'whole') = (reason = '')", name=op.f('ck_text_extract_reason')),
        sa.CheckConstraint('characters >= 0', name=op.f('ck_text_extract_characters')),
        sa.PrimaryKeyConstraint('sha256', name=op.f('pk_text_extract')),
    )


def downgrade() -> None:
    op.drop_table('text_extract')
