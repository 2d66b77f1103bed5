"""Plan funds."""

import sqlalchemy as sa
from alembic import op

from marketplace.core.db import MoneyColumn, UTCDateTime
from marketplace.fundplans.models import FOLLOW_GUARDS, FUND_GUARDS, PLAN_GUARDS, PROJECT_GUARDS

revision = "20261122_12"
down_revision = "20261122_11"
branch_labels = None
depends_on = None

TABLES = ("fund_plan_line", "fund_plan_fund", "fund_plan_project", "fund_plan", "fund_follow")


def upgrade() -> None:
    """Add plans with their frozen inputs and lines, and what funders follow; the database keeps both as written."""
    op.create_table('fund_plan',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('ref', sa.String(), nullable=False),
        sa.Column('organization_id', sa.Integer(), nullable=True),
        sa.Column('title', sa.String(), nullable=False),
        sa.Column('points', sa.Integer(), nullable=False),
        sa.Column('runs', sa.JSON(), nullable=False),
        sa.Column('inputs_sha256', sa.String(), nullable=False),
        sa.Column('state', sa.String(), nullable=False),
        sa.Column('phase', sa.String(), nullable=False),
        sa.Column('attempt', sa.Integer(), nullable=False),
        sa.Column('cancel_asked_at', UTCDateTime(timezone=True), nullable=True),
        sa.Column('error', sa.String(), nullable=False),
        sa.Column('method', sa.String(), nullable=False),
        sa.Column('value', sa.Integer(), nullable=True),
        sa.Column('bound', sa.Integer(), nullable=True),
        sa.Column('first_value', sa.Integer(), nullable=True),
        sa.Column('created_by', sa.Integer(), nullable=True),
        sa.Column('created_at', UTCDateTime(timezone=True), nullable=False),
        sa.Column('started_at', UTCDateTime(timezone=True), nullable=True),
        sa.Column('solved_at', UTCDateTime(timezone=True), nullable=True),
        sa.Column('shared_at', UTCDateTime(timezone=True), nullable=True),
        sa.Column('shared_by', sa.Integer(), nullable=True),
        sa.Column('withdrawn_at', UTCDateTime(timezone=True), nullable=True),
        sa.Column('withdraw_reason', sa.String(), nullable=False),
        sa.CheckConstraint("(phase = 'done') = (solved_at IS NOT NULL)", name=op.f('ck_fund_plan_done_has_time')),
        sa.CheckConstraint("(phase = 'failed') = (error <> '')", name=op.f('ck_fund_plan_failed_has_error')),
        sa.CheckConstraint("(state = 'withdrawn') = (withdraw_reason <> '')",
            name=op.f('ck_fund_plan_withdrawn_has_reason')),
        sa.CheckConstraint("(state = 'withdrawn') = (withdrawn_at IS NOT NULL)",
            name=op.f('ck_fund_plan_withdrawn_has_time')),
        sa.CheckConstraint("method IN ('', 'exact', 'greedy')", name=op.f('ck_fund_plan_method')),
        sa.CheckConstraint("phase IN ('waiting', 'bound', 'greedy', 'exact', 'lines', 'done', 'cancelled', 'failed')",
            name=op.f('ck_fund_plan_phase')),
        sa.CheckConstraint("state <> 'draft' OR phase <> 'done'", name=op.f('ck_fund_plan_draft_is_not_done')),
        sa.CheckConstraint("state <> 'shared' OR shared_at IS NOT NULL", name=op.f('ck_fund_plan_shared_has_time')),
        sa.CheckConstraint("state IN ('draft', 'solved', 'shared', 'withdrawn')", name=op.f('ck_fund_plan_state')),
        sa.CheckConstraint("state NOT IN ('solved', 'shared') OR phase = 'done'",
            name=op.f('ck_fund_plan_solved_is_done')),
        sa.CheckConstraint("title <> ''", name=op.f('ck_fund_plan_title')),
        sa.CheckConstraint('(shared_at IS NULL) = (shared_by IS NULL)', name=op.f('ck_fund_plan_shared_has_person')),
        sa.CheckConstraint('(solved_at IS NULL) = (value IS NULL) AND (solved_at IS NULL) = (bound IS NULL)'
            ' AND (solved_at IS NULL) = (first_value IS NULL)',
            name=op.f('ck_fund_plan_solved_has_values')),
        sa.CheckConstraint('points BETWEEN 1 AND 100', name=op.f('ck_fund_plan_points')),
        sa.CheckConstraint('value IS NULL OR (value <= bound AND first_value <= value AND first_value >= 0)',
            name=op.f('ck_fund_plan_values')),
        sa.ForeignKeyConstraint(['created_by'], ['person.id'], name=op.f('fk_fund_plan_created_by_person')),
        sa.ForeignKeyConstraint(['organization_id'], ['organization.id'],
            name=op.f('fk_fund_plan_organization_id_organization')),
        sa.ForeignKeyConstraint(['shared_by'], ['person.id'], name=op.f('fk_fund_plan_shared_by_person')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_fund_plan')),
        sa.UniqueConstraint('ref', name=op.f('uq_fund_plan_ref'))
    )
    op.create_index(op.f('ix_fund_plan_organization_id'), 'fund_plan', ['organization_id'], unique=False)
    op.create_table('fund_follow',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('funder_id', sa.Integer(), nullable=False),
        sa.Column('project_id', sa.Integer(), nullable=False),
        sa.Column('is_on', sa.Boolean(), nullable=False),
        sa.Column('person_id', sa.Integer(), nullable=True),
        sa.Column('at', UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['funder_id'], ['funder.id'], name=op.f('fk_fund_follow_funder_id_funder')),
        sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_fund_follow_person_id_person')),
        sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_fund_follow_project_id_project')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_fund_follow'))
    )
    op.create_index('ix_fund_follow_pair', 'fund_follow', ['funder_id', 'project_id', 'id'], unique=False)
    op.create_table('fund_plan_fund',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('plan_id', sa.Integer(), nullable=False),
        sa.Column('pool_id', sa.Integer(), nullable=False),
        sa.Column('position', sa.Integer(), nullable=False),
        sa.Column('rule_version', sa.Integer(), nullable=False),
        sa.Column('parts', sa.Integer(), nullable=False),
        sa.Column('whole', sa.Integer(), nullable=False),
        sa.Column('cap', MoneyColumn(), nullable=True),
        sa.Column('available', MoneyColumn(), nullable=False),
        sa.Column('categories', sa.JSON(), nullable=False),
        sa.Column('areas', sa.JSON(), nullable=False),
        sa.Column('already', sa.JSON(), nullable=False),
        sa.Column('spent', MoneyColumn(), nullable=False),
        sa.Column('first_spent', MoneyColumn(), nullable=False),
        sa.Column('price', sa.Integer(), nullable=False),
        sa.CheckConstraint('available > 0 AND (cap IS NULL OR cap > 0)', name=op.f('ck_fund_plan_fund_available')),
        sa.CheckConstraint('parts > 0 AND whole >= parts', name=op.f('ck_fund_plan_fund_share')),
        sa.CheckConstraint('price >= 0', name=op.f('ck_fund_plan_fund_price')),
        sa.CheckConstraint('spent >= 0 AND spent <= available AND first_spent >= 0 AND first_spent <= available',
            name=op.f('ck_fund_plan_fund_spent')),
        sa.ForeignKeyConstraint(['plan_id'], ['fund_plan.id'], name=op.f('fk_fund_plan_fund_plan_id_fund_plan')),
        sa.ForeignKeyConstraint(['pool_id'], ['matching_pool.id'],
            name=op.f('fk_fund_plan_fund_pool_id_matching_pool')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_fund_plan_fund')),
        sa.UniqueConstraint('plan_id', 'pool_id', name=op.f('uq_fund_plan_fund_plan_id_pool_id'))
    )
    op.create_index(op.f('ix_fund_plan_fund_pool_id'), 'fund_plan_fund', ['pool_id'], unique=False)
    op.create_table('fund_plan_project',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('plan_id', sa.Integer(), nullable=False),
        sa.Column('project_id', sa.Integer(), nullable=False),
        sa.Column('position', sa.Integer(), nullable=False),
        sa.Column('value', sa.Integer(), nullable=False),
        sa.Column('is_paired', sa.Boolean(), nullable=False),
        sa.Column('budget', MoneyColumn(), nullable=False),
        sa.Column('gap', MoneyColumn(), nullable=True),
        sa.Column('basis', sa.String(), nullable=False),
        sa.Column('category', sa.String(), nullable=False),
        sa.Column('area', sa.String(), nullable=False),
        sa.Column('outcome', sa.String(), nullable=False),
        sa.Column('is_first', sa.Boolean(), nullable=False),
        sa.CheckConstraint("(gap IS NULL) = (basis = 'unknown')",
            name=op.f('ck_fund_plan_project_unknown_is_not_zero')),
        sa.CheckConstraint("basis IN ('cost_lines', 'budget', 'unknown')", name=op.f('ck_fund_plan_project_basis')),
        sa.CheckConstraint("gap IS NOT NULL OR outcome IN ('', 'gap_unknown')",
            name=op.f('ck_fund_plan_project_unknown_gets_nothing')),
        sa.CheckConstraint("outcome IN ('', 'funded', 'no_fund', 'too_large', 'used_up', 'gap_unknown')",
            name=op.f('ck_fund_plan_project_outcome')),
        sa.CheckConstraint('budget > 0 AND (gap IS NULL OR gap > 0)', name=op.f('ck_fund_plan_project_gap')),
        sa.CheckConstraint('value >= 1', name=op.f('ck_fund_plan_project_value')),
        sa.ForeignKeyConstraint(['plan_id'], ['fund_plan.id'], name=op.f('fk_fund_plan_project_plan_id_fund_plan')),
        sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_fund_plan_project_project_id_project')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_fund_plan_project')),
        sa.UniqueConstraint('plan_id', 'project_id', name=op.f('uq_fund_plan_project_plan_id_project_id'))
    )
    op.create_index(op.f('ix_fund_plan_project_project_id'), 'fund_plan_project', ['project_id'], unique=False)
    op.create_table('fund_plan_line',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('plan_id', sa.Integer(), nullable=False),
        sa.Column('project_row_id', sa.Integer(), nullable=False),
        sa.Column('fund_row_id', sa.Integer(), nullable=False),
        sa.Column('amount', MoneyColumn(), nullable=False),
        sa.CheckConstraint('amount > 0', name=op.f('ck_fund_plan_line_amount')),
        sa.ForeignKeyConstraint(['fund_row_id'], ['fund_plan_fund.id'],
            name=op.f('fk_fund_plan_line_fund_row_id_fund_plan_fund')),
        sa.ForeignKeyConstraint(['plan_id'], ['fund_plan.id'], name=op.f('fk_fund_plan_line_plan_id_fund_plan')),
        sa.ForeignKeyConstraint(['project_row_id'], ['fund_plan_project.id'],
            name=op.f('fk_fund_plan_line_project_row_id_fund_plan_project')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_fund_plan_line')),
        sa.UniqueConstraint('project_row_id', 'fund_row_id', name=op.f('uq_fund_plan_line_project_row_id_fund_row_id'))
    )
    op.create_index(op.f('ix_fund_plan_line_fund_row_id'), 'fund_plan_line', ['fund_row_id'], unique=False)
    op.create_index('ix_fund_plan_line_plan', 'fund_plan_line', ['plan_id'], unique=False)
    for guards in (PLAN_GUARDS, PROJECT_GUARDS, FUND_GUARDS, FOLLOW_GUARDS):
        for statement in guards[op.get_bind().dialect.name]:
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Take them away, with their triggers."""
    for table in TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES[1:]:
            op.execute(f"DROP FUNCTION {table}_guard()")
