"""Guard the audit: the database itself refuses to change or delete an event.

Revision ID: 20261122_02
Revises: 20261122_01
"""

from alembic import op

from marketplace.core.audit import GUARDS

revision = "20261122_02"
down_revision = "20261122_01"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in GUARDS[op.get_bind().dialect.name]:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_event_unchanged")
        op.execute("DROP TRIGGER audit_event_undeleted")
    else:
        op.execute("DROP TRIGGER audit_event_unchanged ON audit_event")
        op.execute("DROP TRIGGER audit_event_untruncated ON audit_event")
        op.execute("DROP FUNCTION audit_event_guard()")
