"""Bank lines: which way, where they stand, who said whose they are. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum

from marketplace.core.text import N_


class Direction(StrEnum):
    """Which way the money went, seen from the account."""

    IN = "in"
    OUT = "out"


class LineState(StrEnum):
    """Where a line stands. `returning`: its rest is on an order to be paid back."""

    SUSPENSE = "suspense"
    MATCHED = "matched"
    RETURNING = "returning"
    RETURNED = "returned"


class MatchedBy(StrEnum):
    """Who or what said whose a part of a line is."""

    REFERENCE = "reference"
    AMOUNT_PAYER = "amount_payer"
    FEE_WORDS = "fee_words"
    PERSON = "person"


class SubjectKind(StrEnum):
    """What a part of a line belongs to."""

    PLEDGE = "pledge"
    CLAWBACK = "clawback"
    ORDER_LINE = "payment_order_line"
    FEE = "fee"
    TRANSIT = "transit"


DIRECTION_LABELS: Mapping[Direction, str] = {Direction.IN: N_("收入"), Direction.OUT: N_("支出")}
LINE_LABELS: Mapping[LineState, str] = {
    LineState.SUSPENSE: N_("待认领"), LineState.MATCHED: N_("已认领"), LineState.RETURNING: N_("待退回"),
    LineState.RETURNED: N_("已退回"),
}
MATCHED_BY_LABELS: Mapping[MatchedBy, str] = {
    MatchedBy.REFERENCE: N_("按附言里的编号"), MatchedBy.AMOUNT_PAYER: N_("按金额和付款人"),
    MatchedBy.FEE_WORDS: N_("按银行收费字样"), MatchedBy.PERSON: N_("人工认领"),
}
SUBJECT_LABELS: Mapping[SubjectKind, str] = {
    SubjectKind.PLEDGE: N_("认捐来款"), SubjectKind.CLAWBACK: N_("退回的未用资金"), SubjectKind.ORDER_LINE: N_("付款单付款"),
    SubjectKind.FEE: N_("银行收费"), SubjectKind.TRANSIT: N_("网上收款转入"),
}
_FEE = re.compile(r"手续费|工本费|账户管理费|对公服务费|跨行汇款费|短信服务费|年费|收费")


def is_fee(*, name: str, purpose: str) -> bool:
    """Say whether an outgoing line is a charge of the bank itself: its words say so and nobody else is paid."""
    return not name.strip() and bool(_FEE.search(unicodedata.normalize("NFKC", purpose)))
