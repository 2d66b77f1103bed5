"""Who may do what with accounts, statements, orders, receipts and card payments."""

from marketplace.payments.policy.bank import (
    HIDDEN,
    OVERSEERS,
    TREASURERS,
    may_approve_order,
    may_cancel_order,
    may_keep,
    may_settle,
    may_use,
    may_verify,
    may_view,
)
from marketplace.payments.policy.stripe import (
    may_link_stripe,
    may_read_reconciliation,
    may_refund_charge,
    may_take_charge,
)

__all__ = [
    "HIDDEN", "OVERSEERS", "TREASURERS", "may_approve_order", "may_cancel_order", "may_keep", "may_link_stripe",
    "may_read_reconciliation", "may_refund_charge", "may_settle", "may_take_charge", "may_use", "may_verify",
    "may_view",
]
