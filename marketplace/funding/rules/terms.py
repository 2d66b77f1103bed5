"""The terms of a matching rule as plain values, how a ratio is read, and what makes terms impossible. Pure."""

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.organizations.rules import OrganizationKind

MOST_PARTS = 1_000_000     # of a ratio: both fit a column and every product fits 64 bits
MOST_TIMES = 100           # a pool never gives more than a hundred times the pledge
MOST_DAYS = 3_650
MOST_DONORS = 100_000
MOST_PERCENT = 100
MOST_PRIORITY = 10_000

_PAIR = re.compile(r"^(\d{1,9})[:/](\d{1,9})$")
_PERCENT = re.compile(r"^(\d{1,5})(?:\.(\d{1,4}))?(%?)$")


@dataclass(frozen=True, kw_only=True)
class RuleTerms:
    """One version of a rule, as in `models.MatchingRule`: numerator/denominator = matching fen for each fen pledged."""

    numerator: int
    denominator: int
    per_pledge_cap: Money | None = None
    per_donor_cap: Money | None = None
    per_project_cap: Money | None = None
    per_round_cap: Money | None = None
    min_donors: int = 0
    threshold: Money | None = None
    threshold_percent: int | None = None
    floor: Money | None = None
    floor_budget: Money | None = None
    own_percent: int = 0
    categories: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    receiver_kinds: tuple[str, ...] = ()
    starts_on: date | None = None
    ends_on: date | None = None
    priority: int = 100
    confirm_days: int = 0
    reserve_days: int = 30
    matches_verbal: bool = False

    @property
    def ratio(self) -> str:
        """Return the ratio as people say it: 1:2 is one fen beside every two."""
        return f"{self.numerator}:{self.denominator}"


def read_ratio(text: str, *, field: str | None = None) -> tuple[int, int]:
    """Read 1:2, 1：2, 1/2, 0.5 or 50% as (numerator, denominator) in lowest terms; raises Invalid."""
    typed = re.sub(r"\s", "", unicodedata.normalize("NFKC", text or ""))
    if found := _PAIR.match(typed):
        numerator, denominator = int(found[1]), int(found[2])
    elif found := _PERCENT.match(typed):
        fraction = found[2] or ""
        numerator, denominator = int(found[1] + fraction), 10 ** len(fraction) * (100 if found[3] else 1)
    else:
        raise Invalid(N_("“{typed}”不是配比。请填“配套:认捐”，例如 1:2，或 50%"), field=field, typed=text)
    check_ratio(numerator, denominator, field=field)
    shared = math.gcd(numerator, denominator)
    return numerator // shared, denominator // shared


def check_ratio(numerator: int, denominator: int, *, field: str | None = "ratio") -> None:
    """Refuse 0/0, a zero or negative side, more parts than fit, and more than a hundred times the pledge."""
    facts = {"ratio": f"{numerator}:{denominator}"}
    if numerator == denominator == 0:
        raise Invalid(N_("配比不能是 0:0。请填“配套:认捐”，例如 1:2"), field=field)
    if denominator <= 0:
        raise Invalid(N_("配比 {ratio} 的后一个数（认捐）要大于 0"), field=field, **facts)
    if numerator <= 0:
        raise Invalid(N_("配比 {ratio} 的前一个数（配套）要大于 0，否则什么也配不到"), field=field, **facts)
    if max(numerator, denominator) > MOST_PARTS:
        raise Invalid(N_("配比 {ratio} 的数太大。请约成最简，每个数不超过 1000000"), field=field, **facts)
    if numerator > denominator * MOST_TIMES:
        raise Invalid(N_("配比 {ratio} 超过认捐的 100 倍。请检查两个数是否写反"), field=field, **facts)


_AMOUNTS = (
    ("per_pledge_cap", N_("每笔上限要大于 0；不设上限请留空")), ("per_donor_cap", N_("每个捐赠方的上限要大于 0；不设上限请留空")),
    ("per_project_cap", N_("每个项目的上限要大于 0；不设上限请留空")),
    ("per_round_cap", N_("每场活动或每轮的上限要大于 0；不设上限请留空")),
    ("threshold", N_("认捐合计的门槛要大于 0；不设门槛请留空")), ("floor", N_("小项目的保底金额要大于 0；不设保底请留空")),
    ("floor_budget", N_("小项目的预算界线要大于 0；不设保底请留空")),
)
_COUNTS = (
    ("min_donors", 0, MOST_DONORS, N_("捐赠方个数的门槛要在 {least} 到 {most} 之间")),
    ("own_percent", 0, MOST_PERCENT, N_("自筹比例要在 {least} 到 {most} 之间（百分数）")),
    ("confirm_days", 0, MOST_DAYS, N_("确认前等待的天数要在 {least} 到 {most} 之间")),
    ("reserve_days", 1, MOST_DAYS, N_("额度保留的天数要在 {least} 到 {most} 之间")),
    ("priority", 0, MOST_PRIORITY, N_("优先级要在 {least} 到 {most} 之间，小的先配")),
)
_CODE = re.compile(r"^[0-9A-Za-z]{1,30}$")


def check_terms(terms: RuleTerms) -> None:
    """Refuse terms that cannot be meant, with one sentence and the field it belongs to (Invalid)."""
    check_ratio(terms.numerator, terms.denominator)
    for name, sentence in _AMOUNTS:
        amount: Money | None = getattr(terms, name)
        if amount is not None and amount.fen <= 0:
            raise Invalid(sentence, field=name)
    for name, least, most, sentence in _COUNTS:
        if not least <= getattr(terms, name) <= most:
            raise Invalid(sentence, field=name, least=least, most=most)
    if terms.threshold_percent is not None and not 1 <= terms.threshold_percent <= MOST_PERCENT:
        raise Invalid(N_("达到预算的比例要在 1 到 100 之间（百分数）；不设门槛请留空"), field="threshold_percent")
    _check_pairs(terms)
    _check_earmarks(terms)


def _check_earmarks(terms: RuleTerms) -> None:
    """Refuse what is not a code prefix, or not a kind of organization."""
    kinds = [kind.value for kind in OrganizationKind]
    found = (
        ("categories", [c for c in terms.categories if not _CODE.match(c)], N_("“{code}”不是类别代码")),
        ("areas", [c for c in terms.areas if not _CODE.match(c)], N_("“{code}”不是地区代码")),
        ("receiver_kinds", [k for k in terms.receiver_kinds if k not in kinds], N_("“{code}”不是接收方类型")),
    )
    for name, wrong, sentence in found:
        if wrong:
            raise Invalid(sentence, field=name, code=wrong[0])


def _check_pairs(terms: RuleTerms) -> None:
    """Refuse two fields that contradict each other."""
    if (terms.floor is None) != (terms.floor_budget is None):
        missing = "floor" if terms.floor is None else "floor_budget"
        raise Invalid(N_("小项目保底要同时填保底金额和预算界线，或者都不填"), field=missing)
    if terms.floor and terms.per_pledge_cap and terms.floor > terms.per_pledge_cap:
        raise Invalid(N_("小项目的保底 {floor} 元高于每笔上限 {cap} 元，永远配不到"), field="floor", floor=str(terms.floor),
                      cap=str(terms.per_pledge_cap))
    if terms.starts_on and terms.ends_on and terms.ends_on < terms.starts_on:
        raise Invalid(N_("结束日 {ends_on} 早于开始日 {starts_on}"), field="ends_on", starts_on=terms.starts_on.isoformat(),
                      ends_on=terms.ends_on.isoformat())
