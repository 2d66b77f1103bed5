"""Who may do what with accounts, statements, lines, orders, receipts (bank) and charges (stripe). Pure."""

from marketplace.payments.policy.bank import (
    may_approve_order,
    may_cancel_order,
    may_keep,
    may_settle,
    may_use,
    may_verify,
    may_view,
)

__all__ = ["may_approve_order", "may_cancel_order", "may_keep", "may_settle", "may_use", "may_verify", "may_view"]
