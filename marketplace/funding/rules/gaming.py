"""What makes people look before matching money is confirmed (套捐): kinds of flags and how each is found. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.text import N_

RING = 2                                   # different donors whose money comes from one payer


class FlagKind(StrEnum):
    """Why somebody must look."""

    RELATED_PARTY = "related_party"        # donor and provider or receiver are tied
    SAME_PAYER = "same_payer"              # one account or name paid for different donors of a project
    ROUND_TRIP = "round_trip"              # money went back to the account it came from
    DONOR_CAP_SPLIT = "donor_cap_split"    # one donor in several shapes goes beyond a pool's cap per donor


FLAG_LABELS: Mapping[FlagKind, str] = {
    FlagKind.RELATED_PARTY: N_("捐赠人与承接方或接收方有关联"), FlagKind.SAME_PAYER: N_("同一付款人替多个捐赠人付款"),
    FlagKind.ROUND_TRIP: N_("款项又转回了付款账户"), FlagKind.DONOR_CAP_SPLIT: N_("拆分认捐以绕过单个捐赠人的配捐上限"),
}
FLAG_SOURCES: Mapping[FlagKind, str] = {
    FlagKind.RELATED_PARTY: "慈善法第四十条：不得指定捐赠人的利害关系人作为受益人",
    FlagKind.SAME_PAYER: "防范套捐（配捐资金管理规则）", FlagKind.ROUND_TRIP: "慈善法第五十三条、防范套捐",
    FlagKind.DONOR_CAP_SPLIT: "配捐规则中单个捐赠人的上限",
}


class FlagState(StrEnum):
    """Where a flag stands."""

    OPEN = "open"
    CLEARED = "cleared"
    UPHELD = "upheld"


FLAG_STATE_LABELS: Mapping[FlagState, str] = {
    FlagState.OPEN: N_("待核查"), FlagState.CLEARED: N_("已排除"), FlagState.UPHELD: N_("已认定"),
}


@dataclass(frozen=True)
class Payment:
    """One payment that arrived: which donor it was for, who paid, from where."""

    funder_id: int
    payer_name: str
    payer_account: str


def ring(mine: Payment, others: Iterable[Payment]) -> list[Payment]:
    """Return the payments for other donors that came from the same account, or under the same name.

    A name alone counts only where one of the two accounts is unknown: namesakes bank at different places.
    """
    return [other for other in others if other.funder_id != mine.funder_id and _is_same_payer(mine, other)]


def _is_same_payer(one: Payment, other: Payment) -> bool:
    """Say whether two payments came from one payer."""
    if one.payer_account and other.payer_account:
        return one.payer_account == other.payer_account
    return bool(one.payer_name) and one.payer_name == other.payer_name
