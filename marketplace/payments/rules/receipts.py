"""Receipts: 捐赠票据 for gifts, 发票 for service payments; what their numbers look like. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_

LONGEST = 30


class ReceiptKind(StrEnum):
    """Which paper: the 公益事业捐赠票据 of a receiving body, or the invoice of a provider."""

    DONATION = "donation"
    INVOICE = "invoice"


RECEIPT_LABELS: Mapping[ReceiptKind, str] = {ReceiptKind.DONATION: N_("捐赠票据"), ReceiptKind.INVOICE: N_("发票")}


@dataclass(frozen=True)
class ReceiptFacts:
    """What stands on a receipt."""

    kind: ReceiptKind
    number: str
    amount: Money
    issued_on: date
    code: str = ""


def tidy(typed: str, *, field: str, required: bool = False) -> str:
    """Return a code or number of a receipt: letters and digits, in capitals; raises Invalid."""
    plain = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", typed or "")).upper()
    if not plain and required:
        raise Invalid(N_("请填写票据号码"), field=field)
    if len(plain) > LONGEST or not re.fullmatch(r"[0-9A-Z]*", plain):
        raise Invalid(N_("“{typed}”不是票据的代码或号码。只有字母和数字，最多 {most} 位"), field=field, typed=typed,
                      most=LONGEST)
    return plain
