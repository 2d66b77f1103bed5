"""Rules of payments: accounts, statements and their layouts, lines, orders, receipts. Pure."""

from marketplace.payments.rules.stripe import (
    JOB_CHARGE_SUCCEEDED,
    JOB_DISPUTE_CLOSED,
    JOB_DISPUTE_OPENED,
    JOB_REFUND_ASKED,
    JOB_REFUND_FAILED,
    JOB_REFUND_SETTLED,
)

__all__ = [
    "JOB_CHARGE_SUCCEEDED", "JOB_DISPUTE_CLOSED", "JOB_DISPUTE_OPENED", "JOB_REFUND_ASKED", "JOB_REFUND_FAILED",
    "JOB_REFUND_SETTLED",
]
