"""Guard the ledger: the database itself refuses to change what was posted, made a rule, promised or agreed.

Revision ID: 20261122_09
Revises: 20261122_08
"""

from alembic import op

from marketplace.agreements.models import AGREEMENT_GUARDS
from marketplace.funding.models.pledges import COMMITMENT_GUARDS
from marketplace.funding.models.pools import RULE_GUARDS
from marketplace.ledger.models import GUARDS as LEDGER_GUARDS

revision = "20261122_09"
down_revision = "20261122_08"
branch_labels = None
depends_on = None

TRIGGERS = {"journal": ("unchanged", "undeleted", "untruncated"), "transfer": ("unchanged", "undeleted", "untruncated", "unsealed"),
            "matching_rule": ("unchanged",), "commitment": ("unchanged",), "donation_agreement": ("unchanged",)}
FUNCTIONS = ("ledger_guard", "ledger_sealed", "matching_rule_guard", "commitment_guard", "donation_agreement_guard")


def upgrade() -> None:
    for guards in (LEDGER_GUARDS, RULE_GUARDS, COMMITMENT_GUARDS, AGREEMENT_GUARDS):
        for statement in guards[op.get_bind().dialect.name]:
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    lite = op.get_bind().dialect.name == "sqlite"
    for table, names in TRIGGERS.items():
        for name in names:
            op.execute(f"DROP TRIGGER IF EXISTS {table}_{name}" + ("" if lite else f" ON {table}"))
    if not lite:
        for function in FUNCTIONS:
            op.execute(f"DROP FUNCTION {function}()")
