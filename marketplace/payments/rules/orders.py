"""Orders to pay: one payment, the states, the code on a payment, the file for the bank. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.money import Money
from marketplace.core.text import N_


class OrderState(StrEnum):
    """Where an order stands."""

    PREPARED = "prepared"
    APPROVED = "approved"
    CANCELLED = "cancelled"


class OrderLineState(StrEnum):
    """Where one payment stands: only the bank's statement makes it paid."""

    ORDERED = "ordered"
    PAID = "paid"
    CANCELLED = "cancelled"


class PaymentKind(StrEnum):
    """What is paid: a release for a milestone, a refund to a funder, money that belonged to nobody here."""

    RELEASE = "release"
    REFUND = "refund"
    RETURN = "return"


ORDER_LABELS: Mapping[OrderState, str] = {
    OrderState.PREPARED: N_("待复核"), OrderState.APPROVED: N_("已复核"), OrderState.CANCELLED: N_("已作废"),
}
ORDER_LINE_LABELS: Mapping[OrderLineState, str] = {
    OrderLineState.ORDERED: N_("待付款"), OrderLineState.PAID: N_("已付款"), OrderLineState.CANCELLED: N_("已取消"),
}
PAYMENT_LABELS: Mapping[PaymentKind, str] = {
    PaymentKind.RELEASE: N_("节点拨付"), PaymentKind.REFUND: N_("退还资助方"), PaymentKind.RETURN: N_("退回来款"),
}
FILE_HEADINGS = (N_("序号"), N_("收款户名"), N_("收款开户行"), N_("收款账号"), N_("金额（元）"), N_("用途"))
ORDER_PREFIX = "FK"       # 付款
MOST_LINES = 500


@dataclass(frozen=True)
class Payment:
    """One payment to be put on an order. `subject`: (PaymentKind, reference)."""

    subject: tuple[PaymentKind, str]
    payee_name: str
    payee_bank: str
    payee_account: str
    amount: Money
    purpose: str


def payment_code(order_number: str, position: int) -> str:
    """Return the code that stands in the purpose of a payment and comes back on the statement: FK20260007-3."""
    return f"{order_number.replace('-', '')}-{position}"


def file_rows(lines: Sequence[tuple[int, Payment]], *, total_word: str) -> list[list[str]]:
    """Return the rows of the payment file without its headings: one a payment, then the total."""
    rows = [[str(position), payment.payee_name, payment.payee_bank, payment.payee_account, payment.amount.plain(),
             payment.purpose] for position, payment in lines]
    whole = Money(sum(payment.amount.fen for _, payment in lines))
    return [*rows, [total_word, "", "", "", whole.plain(), ""]]


def names_code(purpose: str, code: str) -> bool:
    """Say whether a purpose names a payment's code, whatever its width, case and blanks."""
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", purpose)).upper()
    return re.search(rf"{re.escape(code)}(?!\d)", plain) is not None
