"""How much a pool puts beside a pledge: who is eligible, how much is asked, what limits it, and why. Pure.

Rounding: asked = floor(base x numerator / denominator) in whole fen: a pool never gives a fraction of a fen too much.
A fen of a pledge is matched once: the next pool is reckoned on the part that the pools before it left uncovered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.core.access import ALLOWED, Decision, denied
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.rules.terms import RuleTerms
from marketplace.organizations.rules import KIND_LABELS, OrganizationKind

Translate = Callable[[str], str]


class Limit(StrEnum):
    """What kept a pool from giving all that was asked; of equal ones the first in this order is named."""

    PLEDGE = "pledge"
    COST_LINE = "cost_line"
    DONOR = "donor"
    PROJECT = "project"
    ROUND = "round"
    POOL = "pool"
    MOVED = "moved"       # no limit: another pool carried this sum before


LIMIT_LABELS: Mapping[Limit, str] = {
    Limit.PLEDGE: N_("每笔上限"), Limit.COST_LINE: N_("费用项"), Limit.DONOR: N_("捐赠方上限"), Limit.PROJECT: N_("项目上限"),
    Limit.ROUND: N_("活动或轮次上限"), Limit.POOL: N_("资金池总额"),
    Limit.MOVED: N_("从其他资金池转来"),
}
_LEFT: Mapping[Limit, str] = {
    Limit.PLEDGE: N_("每笔最多配 {left} 元"), Limit.COST_LINE: N_("该费用项还可接受 {left} 元"),
    Limit.DONOR: N_("该捐赠方的配套上限还剩 {left} 元"), Limit.PROJECT: N_("本项目配套上限还剩 {left} 元"),
    Limit.ROUND: N_("本场活动的配套上限还剩 {left} 元"), Limit.POOL: N_("资金池还剩 {left} 元"),
    Limit.MOVED: N_("从其他资金池转来 {left} 元"),
}


@dataclass(frozen=True, kw_only=True)
class PledgeFacts:
    """What a rule looks at in one pledge. `on`: the day of the pledge in Beijing."""

    amount: Money
    on: date
    category: str = ""
    area: str = ""
    receiver_kind: str = ""
    budget: Money | None = None
    is_verbal: bool = False
    is_of_pool_funder: bool = False    # the pool's own funder pledged: matching it would be matching oneself


@dataclass(frozen=True, kw_only=True)
class Room:
    """How many fen are left for this pledge in each scope; None: not limited."""

    pool: int
    donor: int | None = None
    project: int | None = None
    round: int | None = None
    cost_line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one pool gives for one pledge, and why."""

    base: Money                    # the part of the pledge that it is reckoned on
    asked: Money
    amount: Money
    limited_by: Limit | None = None
    ratio: str
    floor: Money | None = None     # set when the floor of small projects lifted what is asked
    is_rest: bool = False          # other pools cover a part of the pledge

    @property
    def reason(self) -> str:
        """Return the sentence as it is stored: Chinese, facts filled in."""
        return why(self)


def _matches(codes: tuple[str, ...], code: str) -> bool:
    """Say whether one of the prefixes covers the code; no prefix covers all."""
    return not codes or any(code.startswith(prefix) for prefix in codes)


def obstacles(terms: RuleTerms, facts: PledgeFacts) -> list[Decision]:
    """Return every reason why the rule does not cover this pledge; none: it does."""
    kinds = "、".join(KIND_LABELS[OrganizationKind(kind)] for kind in terms.receiver_kinds)
    found = (
        (facts.is_of_pool_funder, denied(N_("资金池出资方自己的认捐不配套"))),
        (facts.is_verbal and not terms.matches_verbal, denied(N_("口头认捐签署认捐书后才配套"))),
        (terms.starts_on is not None and facts.on < terms.starts_on,
         denied(N_("配套从 {day} 开始"), day=terms.starts_on and terms.starts_on.isoformat())),
        (terms.ends_on is not None and facts.on > terms.ends_on,
         denied(N_("配套已于 {day} 结束"), day=terms.ends_on and terms.ends_on.isoformat())),
        (not _matches(terms.categories, facts.category),
         denied(N_("项目类别不在配套范围（{codes}）"), codes="、".join(terms.categories))),
        (not _matches(terms.areas, facts.area), denied(N_("项目地区不在配套范围（{codes}）"), codes="、".join(terms.areas))),
        (bool(terms.receiver_kinds) and facts.receiver_kind not in terms.receiver_kinds,
         denied(N_("接收方类型不在配套范围（{kinds}）"), kinds=kinds)),
    )
    return [reason for holds, reason in found if holds]


def eligible(terms: RuleTerms, facts: PledgeFacts) -> Decision:
    """Say whether the rule covers this pledge; if not, the first reason."""
    return next(iter(obstacles(terms, facts)), ALLOWED)


def asked_for(terms: RuleTerms, base: Money, budget: Money | None) -> tuple[int, bool]:
    """Return the fen asked before any cap, and whether the floor of small projects lifted them.

    The floor never lifts above the pledge itself: splitting a gift into crumbs brings nothing more than 1:1.
    """
    plain = base.fen * terms.numerator // terms.denominator
    if terms.floor is None or terms.floor_budget is None or budget is None or budget > terms.floor_budget:
        return plain, False
    lifted = min(terms.floor.fen, base.fen)
    return max(plain, lifted), lifted > plain


def decide(terms: RuleTerms, facts: PledgeFacts, room: Room, base: Money | None = None) -> Share:
    """Return what the pool gives for `base` (the whole pledge unless given): the least of asked and every room."""
    base = facts.amount if base is None else base
    asked, lifted = asked_for(terms, base, facts.budget)
    lefts = {
        Limit.PLEDGE: terms.per_pledge_cap.fen if terms.per_pledge_cap else None, Limit.COST_LINE: room.cost_line,
        Limit.DONOR: room.donor, Limit.PROJECT: room.project, Limit.ROUND: room.round, Limit.POOL: room.pool,
    }
    amount, limited_by = asked, None
    for limit, left in lefts.items():
        if left is not None and left < amount:
            amount, limited_by = max(left, 0), limit
    return Share(base=base, asked=Money(asked), amount=Money(amount), limited_by=limited_by, ratio=terms.ratio,
                 floor=terms.floor if lifted else None, is_rest=base < facts.amount)


def covered(terms: RuleTerms, share: Share, live: Money | None = None) -> Money:
    """Return the part of `base` that the given amount matches, rounded up: what is left goes to the next pool.

    `live`: what is left of the amount after returns; the part shrinks with it.
    """
    given = share.amount.fen
    part = share.base.fen if given >= share.asked.fen else min(
        share.base.fen, -(-given * terms.denominator // terms.numerator))
    return Money(part if live is None else -(-part * live.fen // given))


def retell(terms: RuleTerms, *, pledged: Money, base: Money, asked: Money, given: Money, limited_by: str) -> Share:
    """Return the share of a stored allocation, to say its reason in another language."""
    lifted = asked.fen > base.fen * terms.numerator // terms.denominator
    return Share(base=base, asked=asked, amount=given, limited_by=Limit(limited_by) if limited_by else None,
                 ratio=terms.ratio, floor=terms.floor if lifted else None, is_rest=base < pledged)


def why(share: Share, translate: Translate = str) -> str:
    """Return why it is this sum, in the reader's language.

    按 1:2 应配 5,000.00 元，本项目配套上限还剩 3,200.00 元，实配 3,200.00 元
    """
    if share.floor:
        first = translate(N_("小项目每笔至少配 {floor} 元、不超过认捐，应配 {asked} 元"))
    else:
        first = translate(N_("按 {ratio} 应配 {asked} 元"))
    if share.is_rest:
        first = translate(N_("其余 {base} 元由本资金池接着配，{then}")).format(base=share.base, then=first)
    parts = [first.format(floor=share.floor, asked=share.asked, ratio=share.ratio)]
    if share.limited_by is not None:
        parts.append(translate(_LEFT[share.limited_by]).format(left=share.amount))
    last = N_("实配 {amount} 元") if share.amount.fen else N_("本次不配套")
    parts.append(translate(last).format(amount=share.amount))
    return translate(N_("，")).join(parts)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a project is towards the conditions of a rule: signed pledges only, own contribution only when proved."""

    donors: int
    pledged: Money
    own: Money
    budget: Money | None


def _share_of(budget: Money | None, percent: int) -> int | None:
    """Return `percent` of the budget in whole fen, rounded up; without a budget nothing can be reckoned."""
    return None if budget is None else -(-budget.fen * percent // 100)


def awaits(terms: RuleTerms, progress: Progress) -> list[Decision]:
    """Return every condition that is not met yet; matching money is confirmed only when all are (none is returned)."""
    percent, needed = terms.threshold_percent or 0, _share_of(progress.budget, terms.threshold_percent or 0)
    own_needed = _share_of(progress.budget, terms.own_percent)
    found = (
        (progress.donors < terms.min_donors, denied(N_("要有 {n} 个捐赠方认捐后才确认"), n=terms.min_donors)),
        (terms.threshold is not None and progress.pledged < terms.threshold,
         denied(N_("项目认捐合计达到 {sum} 元后才确认"), sum=str(terms.threshold))),
        (percent > 0 and (needed is None or progress.pledged.fen < needed),
         denied(N_("项目认捐合计达到预算的 {percent}% 后才确认"), percent=percent)),
        (terms.own_percent > 0 and (own_needed is None or progress.own.fen < own_needed),
         denied(N_("自筹经证明达到预算的 {percent}% 后才确认"), percent=terms.own_percent)),
    )
    return [reason for holds, reason in found if holds]
