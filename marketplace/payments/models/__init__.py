"""Tables of payments: receiving accounts and statements, orders and receipts, card payments."""

from marketplace.payments.models.bank import BankLine, BankLinePart, BankStatement, ReceivingAccount
from marketplace.payments.models.orders import PaymentOrder, PaymentOrderLine, Receipt
from marketplace.payments.models.stripe import (
    BalanceTransaction,
    Charge,
    Dispute,
    Reconciliation,
    Refund,
    StripeEvent,
)

__all__ = [
    "BalanceTransaction", "BankLine", "BankLinePart", "BankStatement", "Charge", "Dispute", "PaymentOrder",
    "PaymentOrderLine", "Receipt", "ReceivingAccount", "Reconciliation", "Refund", "StripeEvent",
]
