"""Reads of payments: accounts, statements, orders, receipts, card payments."""

from marketplace.payments.queries.bank import (
    account_by_ref,
    accounts_of,
    accounts_to_verify,
    bank_accounts_of,
    in_suspense,
    is_ordered,
    line_by_ref,
    line_counts,
    lines_of,
    order_by_ref,
    order_line_by_ref,
    ordered_lines,
    ordered_refs,
    orders_of,
    parts_of,
    receipt_by_ref,
    receipts_of,
    statements_of,
)

__all__ = [
    "account_by_ref", "accounts_of", "accounts_to_verify", "bank_accounts_of",
    "in_suspense", "is_ordered", "line_by_ref", "line_counts",
    "lines_of", "order_by_ref", "order_line_by_ref", "ordered_lines",
    "ordered_refs", "orders_of", "parts_of",
    "receipt_by_ref", "receipts_of", "statements_of",
]
