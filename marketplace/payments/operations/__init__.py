"""What changes payments: accounts, statements, lines, orders, receipts. Every verb is one operation."""

from marketplace.payments.operations.accounts import add_account, attach_proof, close_account, verify_account
from marketplace.payments.operations.lines import book_fee, settle_line, unsettle_part
from marketplace.payments.operations.orders import (
    approve_order,
    cancel_order,
    drop_payment,
    mark_paid,
    prepare_order,
)
from marketplace.payments.operations.receipts import keep_receipt, receipted, void_receipt
from marketplace.payments.operations.statements import check_statement, import_statement, keep_file

__all__ = [
    "add_account", "approve_order", "attach_proof", "book_fee", "cancel_order", "check_statement", "close_account",
    "drop_payment", "import_statement", "keep_file", "keep_receipt", "mark_paid", "prepare_order", "receipted",
    "settle_line", "unsettle_part", "verify_account", "void_receipt",
]
