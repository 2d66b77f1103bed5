"""What the buyer should look at again: abnormally low prices, signs of collusion. Flags never decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations, pairwise

from marketplace.core.money import Money
from marketplace.core.text import N_

SHINGLE = 8                # characters
ALIKE = 0.5                # share of common shingles from which two texts are "abnormally alike"
SHORT_TEXT = 80            # shorter texts are alike by nature
REGULAR_FROM = 3           # prices; two always have one difference
_ORDER_87_37 = "87号令第三十七条"
_ORDER_87_60 = "87号令第六十条"


class FlagKind(StrEnum):
    """What was noticed."""

    LOW_MEAN = "low_mean"
    LOW_NEXT = "low_next"
    LOW_CEILING = "low_ceiling"
    SAME_PHONE = "same_phone"
    SAME_CONTACT = "same_contact"
    ALIKE_TEXT = "alike_text"
    REGULAR_PRICES = "regular_prices"
    RELATED = "related"


_LOW: Mapping[FlagKind, str] = {
    FlagKind.LOW_MEAN: N_("报价低于有效报价平均值的一半，请要求书面说明"),
    FlagKind.LOW_NEXT: N_("报价低于次低报价的一半，请要求书面说明"),
    FlagKind.LOW_CEILING: N_("报价低于最高限价的百分之四十五，请要求书面说明"),
}
_TOGETHER: Mapping[FlagKind, str] = {
    FlagKind.SAME_PHONE: N_("{one}与{other}的联系电话相同"),
    FlagKind.SAME_CONTACT: N_("{one}与{other}的联系人同名"),
    FlagKind.ALIKE_TEXT: N_("{one}与{other}的方案文字异常一致（重合 {share}）"),
    FlagKind.REGULAR_PRICES: N_("各报价呈规律性差异（等差或等比）"),
}


@dataclass(frozen=True)
class Flag:
    """One thing to look at: whose offers, a sentence with its facts, and the article."""

    kind: FlagKind
    keys: tuple[str, ...]
    sentence: str
    basis: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class OfferFacts:
    """What the comparison of offers needs to know of one."""

    key: str
    name: str
    price: Money
    contact_name: str = ""
    contact_phone: str = ""
    text: str = ""


def abnormally_low(prices: Mapping[str, Money], ceiling: Money | None) -> list[Flag]:
    """Return the prices to be explained in writing (Order 87 art 60; pilot numbers of rulebook 2.6).

    Below 50% of the mean of the valid prices; of the next lowest; below 45% of the highest allowed price.
    """
    found: list[Flag] = []
    ordered = sorted(prices, key=lambda key: (prices[key], key))
    whole = sum(price.fen for price in prices.values())
    for key, price in prices.items():
        if 2 * price.fen * len(prices) < whole:
            found.append(Flag(FlagKind.LOW_MEAN, (key,), _LOW[FlagKind.LOW_MEAN], _ORDER_87_60))
        if ceiling is not None and 100 * price.fen < 45 * ceiling.fen:
            found.append(Flag(FlagKind.LOW_CEILING, (key,), _LOW[FlagKind.LOW_CEILING], _ORDER_87_60))
    if len(ordered) > 1 and 2 * prices[ordered[0]].fen < prices[ordered[1]].fen:
        found.append(Flag(FlagKind.LOW_NEXT, (ordered[0],), _LOW[FlagKind.LOW_NEXT], _ORDER_87_60))
    return found


def collusion_signals(offers: Sequence[OfferFacts]) -> list[Flag]:
    """Return what may point to bidders acting together (Order 87 art 37), for people to judge."""
    found: list[Flag] = []
    for one, other in combinations(offers, 2):
        pair, names = (one.key, other.key), {"one": one.name, "other": other.name}
        if one.contact_phone and _digits(one.contact_phone) == _digits(other.contact_phone):
            found.append(_together(FlagKind.SAME_PHONE, pair, names))
        elif one.contact_name and one.contact_name.strip() == other.contact_name.strip():
            found.append(_together(FlagKind.SAME_CONTACT, pair, names))
        if (share := alikeness(one.text, other.text)) >= ALIKE:
            found.append(_together(FlagKind.ALIKE_TEXT, pair, {**names, "share": f"{round(share * 100)}%"}))
    if _is_regular([offer.price.fen for offer in offers]):
        found.append(_together(FlagKind.REGULAR_PRICES, tuple(offer.key for offer in offers), {}))
    return found


def _together(kind: FlagKind, keys: tuple[str, ...], facts: Mapping[str, object]) -> Flag:
    """Return one sign of acting together."""
    return Flag(kind, keys, _TOGETHER[kind], _ORDER_87_37, facts)


def alikeness(one: str, other: str) -> float:
    """Return the share of common 8-character pieces of two texts (Jaccard); 0 where one is too short."""
    first, second = _shingles(one), _shingles(other)
    if not first or not second:
        return 0.0
    return len(first & second) / len(first | second)


def _shingles(text: str) -> set[str]:
    """Return the pieces of a text without its spaces."""
    plain = "".join(text.split())
    if len(plain) < SHORT_TEXT:
        return set()
    return {plain[start:start + SHINGLE] for start in range(len(plain) - SHINGLE + 1)}


def _digits(phone: str) -> str:
    """Return the digits of a telephone number."""
    return "".join(sign for sign in phone if sign.isdigit())


def _is_regular(prices: Sequence[int]) -> bool:
    """Say whether at least three different prices stand at equal differences or equal ratios."""
    ordered = sorted(prices)
    if len(ordered) < REGULAR_FROM or len(set(ordered)) < len(ordered):
        return False
    steps = {after - before for before, after in pairwise(ordered)}
    ratios = [ordered[i] * ordered[i] == ordered[i - 1] * ordered[i + 1] for i in range(1, len(ordered) - 1)]
    return len(steps) == 1 or all(ratios)
