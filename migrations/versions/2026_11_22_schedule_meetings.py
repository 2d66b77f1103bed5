"""Schedule meetings."""

import sqlalchemy as sa
from alembic import op

from marketplace.core.db import UTCDateTime

revision = "20261122_13"
down_revision = "20261122_12"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table('meeting_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('ref', sa.String(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('host_id', sa.Integer(), nullable=True),
    sa.Column('place', sa.String(), nullable=False),
    sa.Column('starts_at', UTCDateTime(timezone=True), nullable=False),
    sa.Column('rounds', sa.Integer(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('break_minutes', sa.Integer(), nullable=False),
    sa.Column('pause_after', sa.Integer(), nullable=False),
    sa.Column('pause_minutes', sa.Integer(), nullable=False),
    sa.Column('is_open_to_units', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('over_at', UTCDateTime(timezone=True), nullable=True),
    sa.Column('created_by', sa.Integer(), nullable=True),
    sa.Column('created_at', UTCDateTime(timezone=True), nullable=False),
    sa.Column('version_id', sa.Integer(), nullable=False),
    sa.CheckConstraint("(state = 'over') = (over_at IS NOT NULL)", name=op.f('ck_meeting_event_over_has_time')),
    sa.CheckConstraint("state IN ('draft', 'scheduled', 'published', 'over')", name=op.f('ck_meeting_event_state')),
    sa.CheckConstraint('break_minutes BETWEEN 0 AND 60', name=op.f('ck_meeting_event_break_minutes')),
    sa.CheckConstraint('minutes BETWEEN 5 AND 240', name=op.f('ck_meeting_event_minutes')),
    sa.CheckConstraint('pause_after >= 0 AND pause_after < rounds', name=op.f('ck_meeting_event_pause_after')),
    sa.CheckConstraint('pause_minutes BETWEEN 0 AND 240', name=op.f('ck_meeting_event_pause_minutes')),
    sa.CheckConstraint('rounds BETWEEN 1 AND 40', name=op.f('ck_meeting_event_rounds')),
    sa.ForeignKeyConstraint(['created_by'], ['person.id'], name=op.f('fk_meeting_event_created_by_person')),
    sa.ForeignKeyConstraint(['host_id'], ['organization.id'], name=op.f('fk_meeting_event_host_id_organization')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meeting_event')),
    sa.UniqueConstraint('ref', name=op.f('uq_meeting_event_ref'))
    )
    op.create_index(op.f('ix_meeting_event_host_id'), 'meeting_event', ['host_id'], unique=False)
    op.create_table('meeting_table',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('ref', sa.String(), nullable=False),
    sa.Column('event_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('project_id', sa.Integer(), nullable=False),
    sa.Column('least', sa.Integer(), nullable=False),
    sa.Column('added_by', sa.Integer(), nullable=True),
    sa.Column('added_at', UTCDateTime(timezone=True), nullable=False),
    sa.CheckConstraint('least >= 0', name=op.f('ck_meeting_table_least')),
    sa.CheckConstraint('number BETWEEN 1 AND 9999', name=op.f('ck_meeting_table_number')),
    sa.ForeignKeyConstraint(['added_by'], ['person.id'], name=op.f('fk_meeting_table_added_by_person')),
    sa.ForeignKeyConstraint(['event_id'], ['meeting_event.id'], name=op.f('fk_meeting_table_event_id_meeting_event')),
    sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_meeting_table_project_id_project')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meeting_table')),
    sa.UniqueConstraint('event_id', 'number', name=op.f('uq_meeting_table_event_id_number')),
    sa.UniqueConstraint('event_id', 'project_id', name=op.f('uq_meeting_table_event_id_project_id')),
    sa.UniqueConstraint('ref', name=op.f('uq_meeting_table_ref'))
    )
    op.create_index(op.f('ix_meeting_table_project_id'), 'meeting_table', ['project_id'], unique=False)
    op.create_table('meeting_visitor',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('ref', sa.String(), nullable=False),
    sa.Column('event_id', sa.Integer(), nullable=False),
    sa.Column('organization_id', sa.Integer(), nullable=False),
    sa.Column('least', sa.Integer(), nullable=False),
    sa.Column('added_by', sa.Integer(), nullable=True),
    sa.Column('added_at', UTCDateTime(timezone=True), nullable=False),
    sa.CheckConstraint('least >= 0', name=op.f('ck_meeting_visitor_least')),
    sa.ForeignKeyConstraint(['added_by'], ['person.id'], name=op.f('fk_meeting_visitor_added_by_person')),
    sa.ForeignKeyConstraint(['event_id'], ['meeting_event.id'], name=op.f('fk_meeting_visitor_event_id_meeting_event')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_meeting_visitor_organization_id_organization')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meeting_visitor')),
    sa.UniqueConstraint('event_id', 'organization_id', name=op.f('uq_meeting_visitor_event_id_organization_id')),
    sa.UniqueConstraint('ref', name=op.f('uq_meeting_visitor_ref'))
    )
    op.create_index(op.f('ix_meeting_visitor_organization_id'), 'meeting_visitor', ['organization_id'], unique=False)
    op.create_table('meeting_absence',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('table_id', sa.Integer(), nullable=True),
    sa.Column('visitor_id', sa.Integer(), nullable=True),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.CheckConstraint('(table_id IS NULL) <> (visitor_id IS NULL)', name=op.f('ck_meeting_absence_one_side')),
    sa.CheckConstraint('round BETWEEN 1 AND 40', name=op.f('ck_meeting_absence_round')),
    sa.ForeignKeyConstraint(['table_id'], ['meeting_table.id'], name=op.f('fk_meeting_absence_table_id_meeting_table')),
    sa.ForeignKeyConstraint(['visitor_id'], ['meeting_visitor.id'], name=op.f('fk_meeting_absence_visitor_id_meeting_visitor')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meeting_absence')),
    sa.UniqueConstraint('table_id', 'round', name=op.f('uq_meeting_absence_table_id_round')),
    sa.UniqueConstraint('visitor_id', 'round', name=op.f('uq_meeting_absence_visitor_id_round'))
    )
    op.create_table('meeting_decision',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('ref', sa.String(), nullable=False),
    sa.Column('event_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('project_id', sa.Integer(), nullable=False),
    sa.Column('organization_id', sa.Integer(), nullable=False),
    sa.Column('round', sa.Integer(), nullable=True),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('decided_by', sa.Integer(), nullable=True),
    sa.Column('decided_at', UTCDateTime(timezone=True), nullable=False),
    sa.Column('lifted_by', sa.Integer(), nullable=True),
    sa.Column('lifted_at', UTCDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("kind = 'pin' OR round IS NULL", name=op.f('ck_meeting_decision_forbid_has_no_round')),
    sa.CheckConstraint("kind IN ('pin', 'forbid')", name=op.f('ck_meeting_decision_kind')),
    sa.CheckConstraint("reason <> ''", name=op.f('ck_meeting_decision_reason')),
    sa.ForeignKeyConstraint(['decided_by'], ['person.id'], name=op.f('fk_meeting_decision_decided_by_person')),
    sa.ForeignKeyConstraint(['event_id'], ['meeting_event.id'], name=op.f('fk_meeting_decision_event_id_meeting_event')),
    sa.ForeignKeyConstraint(['lifted_by'], ['person.id'], name=op.f('fk_meeting_decision_lifted_by_person')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_meeting_decision_organization_id_organization')),
    sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_meeting_decision_project_id_project')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meeting_decision')),
    sa.UniqueConstraint('ref', name=op.f('uq_meeting_decision_ref'))
    )
    op.create_index(op.f('ix_meeting_decision_event_id'), 'meeting_decision', ['event_id'], unique=False)
    op.create_index('uq_meeting_decision_pair', 'meeting_decision', ['event_id', 'project_id', 'organization_id'], unique=True, sqlite_where=sa.text('lifted_at IS NULL'), postgresql_where=sa.text('lifted_at IS NULL'))
    op.create_table('meeting_schedule',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('ref', sa.String(), nullable=False),
    sa.Column('event_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('phase', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('rounds', sa.Integer(), nullable=False),
    sa.Column('keeps_before', sa.Boolean(), nullable=False),
    sa.Column('points_from', sa.String(), nullable=False),
    sa.Column('inputs_hash', sa.String(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('bound', sa.Integer(), nullable=False),
    sa.Column('meeting_count', sa.Integer(), nullable=False),
    sa.Column('is_exact', sa.Boolean(), nullable=False),
    sa.Column('findings', sa.JSON(), nullable=False),
    sa.Column('started_by', sa.Integer(), nullable=True),
    sa.Column('started_at', UTCDateTime(timezone=True), nullable=False),
    sa.Column('done_at', UTCDateTime(timezone=True), nullable=True),
    sa.Column('published_at', UTCDateTime(timezone=True), nullable=True),
    sa.Column('replaced_at', UTCDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state IN ('waiting', 'running')) = (done_at IS NULL)", name=op.f('ck_meeting_schedule_done_has_time')),
    sa.CheckConstraint("state <> 'published' OR published_at IS NOT NULL", name=op.f('ck_meeting_schedule_published_has_time')),
    sa.CheckConstraint("state IN ('waiting', 'running', 'ready', 'published', 'replaced', 'failed', 'cancelled')", name=op.f('ck_meeting_schedule_state')),
    sa.CheckConstraint('total >= 0 AND total <= bound', name=op.f('ck_meeting_schedule_total')),
    sa.ForeignKeyConstraint(['event_id'], ['meeting_event.id'], name=op.f('fk_meeting_schedule_event_id_meeting_event')),
    sa.ForeignKeyConstraint(['started_by'], ['person.id'], name=op.f('fk_meeting_schedule_started_by_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meeting_schedule')),
    sa.UniqueConstraint('event_id', 'number', name=op.f('uq_meeting_schedule_event_id_number')),
    sa.UniqueConstraint('ref', name=op.f('uq_meeting_schedule_ref'))
    )
    op.create_index('uq_meeting_schedule_published', 'meeting_schedule', ['event_id'], unique=True, sqlite_where=sa.text("state = 'published'"), postgresql_where=sa.text("state = 'published'"))
    op.create_index('uq_meeting_schedule_under_way', 'meeting_schedule', ['event_id'], unique=True, sqlite_where=sa.text("state IN ('waiting', 'running')"), postgresql_where=sa.text("state IN ('waiting', 'running')"))
    op.create_table('meeting',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('schedule_id', sa.Integer(), nullable=False),
    sa.Column('round', sa.Integer(), nullable=False),
    sa.Column('table_number', sa.Integer(), nullable=False),
    sa.Column('project_id', sa.Integer(), nullable=False),
    sa.Column('organization_id', sa.Integer(), nullable=False),
    sa.Column('points', sa.Integer(), nullable=False),
    sa.Column('is_pinned', sa.Boolean(), nullable=False),
    sa.Column('cancelled_at', UTCDateTime(timezone=True), nullable=True),
    sa.Column('cancelled_by', sa.Integer(), nullable=True),
    sa.Column('cancel_reason', sa.String(), nullable=False),
    sa.CheckConstraint("(cancelled_at IS NULL) = (cancel_reason = '')", name=op.f('ck_meeting_cancelled_has_reason')),
    sa.CheckConstraint('points >= 0', name=op.f('ck_meeting_points')),
    sa.CheckConstraint('round BETWEEN 1 AND 40', name=op.f('ck_meeting_round')),
    sa.ForeignKeyConstraint(['cancelled_by'], ['person.id'], name=op.f('fk_meeting_cancelled_by_person')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_meeting_organization_id_organization')),
    sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_meeting_project_id_project')),
    sa.ForeignKeyConstraint(['schedule_id'], ['meeting_schedule.id'], name=op.f('fk_meeting_schedule_id_meeting_schedule')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meeting')),
    sa.UniqueConstraint('schedule_id', 'project_id', 'organization_id', name='uq_meeting_pair_once'),
    sa.UniqueConstraint('schedule_id', 'round', 'organization_id', name='uq_meeting_visitor_once_a_round'),
    sa.UniqueConstraint('schedule_id', 'round', 'project_id', name='uq_meeting_table_once_a_round')
    )
    op.create_index(op.f('ix_meeting_organization_id'), 'meeting', ['organization_id'], unique=False)
    op.create_index(op.f('ix_meeting_project_id'), 'meeting', ['project_id'], unique=False)


def downgrade() -> None:
    """Take them away."""
    op.drop_table('meeting')
    op.drop_table('meeting_schedule')
    op.drop_table('meeting_decision')
    op.drop_table('meeting_absence')
    op.drop_table('meeting_visitor')
    op.drop_table('meeting_table')
    op.drop_table('meeting_event')
