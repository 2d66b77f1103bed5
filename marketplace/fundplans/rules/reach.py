"""How much one fund could give to one project, and what keeps it from giving more, in the words of its rule. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.fundplans.rules.instance import Asking, Fund, Instance, covers


class Why(StrEnum):
    """What stands against a fund giving more to a project. The first ones keep it from giving anything."""

    RECEIVER = "receiver"
    LOTTERY = "lottery"
    SPENT = "spent"
    CATEGORY = "category"
    AREA = "area"
    SHARE = "share"
    PROJECT = "project"
    PLEDGE = "pledge"
    DONOR = "donor"
    LEFT = "left"
    GAP = "gap"


WHY_LABELS: Mapping[Why, str] = {
    Why.RECEIVER: N_("没有它的规则允许的接收方"), Why.LOTTERY: N_("福彩公益金不能支付它列出的费用"), Why.SPENT: N_("对这个项目已经给到上限"),
    Why.CATEGORY: N_("类别不在用途里"), Why.AREA: N_("地区不在范围里"), Why.SHARE: N_("按预算的比例"),
    Why.PROJECT: N_("每个项目的上限"), Why.PLEDGE: N_("每笔的上限"), Why.DONOR: N_("每个捐赠方的上限"), Why.LEFT: N_("余额"),
    Why.GAP: N_("够补齐缺口"),
}
WHY_NEXT: Mapping[Why, str] = {      # of a project that no fund may pay, where more than its earmark stands against it
    Why.RECEIVER: N_("请资助方放宽接收方类型，或请这类组织先核验收款账户"),
    Why.LOTTERY: N_("请购买单位把这项费用另列，或另找资助方"), Why.SPENT: N_("请资助方提高每个项目的上限或比例"),
}


@dataclass(frozen=True)
class Reach:
    """What one fund (its place in the plan) could give to a project at most, and why no more."""

    place: int
    fen: int
    why: Why

    @property
    def money(self) -> Money:
        """Return the sum."""
        return Money(self.fen)


def reach(fund: Fund, one: Asking) -> tuple[int, Why]:
    """Return the most a fund may give to a project, and the first of the limits that make it so."""
    given = dict(fund.already).get(one.ref, 0)
    nothing = (
        (not covers(fund.categories, one.category), Why.CATEGORY), (not covers(fund.areas, one.area), Why.AREA),
        (not fund.has_receiver, Why.RECEIVER), (fund.is_lottery and one.is_off_lottery, Why.LOTTERY))
    for holds, why in nothing:
        if holds:
            return 0, why
    limits = {
        Why.GAP: one.gap, Why.SHARE: one.budget * fund.parts // fund.of - given,
        Why.PROJECT: None if fund.cap is None else fund.cap - given, Why.PLEDGE: fund.pledge_cap,
        Why.DONOR: fund.donor_cap, Why.LEFT: fund.left}
    why, least = min(((why, fen) for why, fen in limits.items() if fen is not None), key=lambda one: one[1])
    return (0, Why.SPENT) if least <= 0 else (least, why)


@dataclass(frozen=True)
class Explained:
    """Why a project gets nothing: what each fund could give alone, how many may not pay it at all and why.

    `headline`: what else than category and area keeps every fund from it; None where that is all, or some could pay.
    """

    giving: tuple[Reach, ...]
    barred: Mapping[Why, int]
    headline: Why | None

    @property
    def most(self) -> Money:
        """Return what all funds together could give if nobody else asked."""
        return Money(sum(one.fen for one in self.giving))


def explained(instance: Instance, ref: str) -> Explained | None:
    """Return what the funds of an instance could do for a project; None where its gap is not known."""
    one = next((each for each in instance.projects if each.ref == ref), None)
    if one is None:
        return None
    found = [Reach(place, *reach(fund, one)) for place, fund in enumerate(instance.funds)]
    giving = tuple(sorted((each for each in found if each.fen), key=lambda each: (-each.fen, each.place)))
    barred = {why: count for why in Why if (count := sum(each.why is why and not each.fen for each in found))}
    return Explained(giving, barred, None if giving else next((why for why in WHY_NEXT if why in barred), None))
