"""How much a charity must spend in a year, and how much of that on management: settings with their source. Pure.

Sources: rulebook 4.3 (慈善法第六十一条；民发〔2016〕189号). A site that follows another text changes this table only.
"""

from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.organizations.rules import OrganizationKind

_LAW = N_("慈善法第六十一条")
_MEASURE = N_("民发〔2016〕189号")
_BODIES = (OrganizationKind.ASSOCIATION, OrganizationKind.SERVICE_AGENCY, OrganizationKind.CHARITY_FEDERATION)


class Base(StrEnum):
    """What the percentage is taken of."""

    INCOME = "income"
    NET_ASSETS = "net_assets"


BASE_LABELS = {Base.INCOME: N_("上年总收入"), Base.NET_ASSETS: N_("上年末净资产")}


@dataclass(frozen=True)
class PayoutRule:
    """At least `percent` of `base` a year for charity; management at most `management` per cent of the spending.

    `also_income_percent`: whichever of the two sums is larger (small associations and agencies).
    """

    percent: int
    base: Base
    management: int
    source: str
    also_income_percent: int = 0


@dataclass(frozen=True)
class Step:
    """The rule for net assets of `least` and more."""

    least: Money
    rule: PayoutRule


def _steps(*rows: tuple[int, int, int], also: int = 0) -> tuple[Step, ...]:
    """Return steps from (net assets in 万元, per cent, management per cent), largest first; `also` for the last."""
    return tuple(Step(Money.yuan(wan * 10_000), PayoutRule(
        percent, Base.NET_ASSETS, management, _MEASURE, also if wan == 0 else 0)) for wan, percent, management in rows)


PUBLIC_FOUNDATION = PayoutRule(70, Base.INCOME, 10, _LAW)
PUBLIC_BODY = PayoutRule(70, Base.INCOME, 13, _MEASURE)
FOUNDATION_STEPS = _steps((6000, 6, 12), (800, 6, 13), (400, 7, 15), (0, 8, 20))
BODY_STEPS = _steps((1000, 6, 13), (500, 7, 14), (100, 8, 15), (0, 8, 20), also=50)
MANAGEMENT_FREE = Money.yuan(200_000)   # management below this sum a year is exempt from the percentage


@dataclass(frozen=True)
class Payout:
    """What is due in a year: the rule, the sum it is taken of, the least sum, what was spent, what is left."""

    rule: PayoutRule
    base_sum: Money
    least: Money
    spent: Money

    @property
    def due(self) -> Money:
        """Return what is still to be spent this year; never below zero."""
        return max(self.least - self.spent, Money(0))


def rule_for(kind: str, *, may_fundraise: bool, net_assets: Money | None) -> PayoutRule | None:
    """Return the rule of a body, or None where the law sets none (firms, bureaus) or net assets are not known."""
    is_foundation = kind == OrganizationKind.FOUNDATION
    if not is_foundation and kind not in _BODIES:
        return None
    if may_fundraise:
        return PUBLIC_FOUNDATION if is_foundation else PUBLIC_BODY
    if net_assets is None:
        return None
    steps = FOUNDATION_STEPS if is_foundation else BODY_STEPS
    return next((step.rule for step in steps if net_assets >= step.least), steps[-1].rule)


def _percent(amount: Money, percent: int) -> Money:
    """Return so many per cent of an amount, rounded up to the fen: a least sum is never rounded away."""
    return Money(-(-amount.fen * percent // 100))


def payout(rule: PayoutRule, *, income: Money | None, net_assets: Money | None, spent: Money) -> Payout | None:
    """Return what is due by a rule; None while the sum it is taken of has not been filled in."""
    base_sum = income if rule.base == Base.INCOME else net_assets
    if base_sum is None:
        return None
    least = _percent(base_sum, rule.percent)
    if rule.also_income_percent and income is not None:
        least = max(least, _percent(income, rule.also_income_percent))
    return Payout(rule, base_sum, least, spent)
