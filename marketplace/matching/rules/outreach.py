"""How a buyer may make a project known or choose whom to invite, by procedure; what closed projects were like. Pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median_low

from marketplace.core.errors import Invalid
from marketplace.core.text import N_
from marketplace.matching.rules.ranking import Ranked
from marketplace.matching.rules.weights import TENTHS

JOB_PROVIDERS_TOLD = "matching.providers_told"        # telling_ref
JOB_PROVIDERS_INVITED = "matching.providers_invited"  # list_ref

MAX_TEXT, MAX_REASON, MAX_OPINION = 500, 300, 500
LINES = tuple(range(20, 85, 5))          # points: coarse steps, so that no line is cut to fit one organization
LEAST_TOLD = 3                           # fewer above the line would be a hand-picked few
LEAST_INVITED, MOST_INVITED = 3, 20      # GPL 34; Order 74 art 12; 214号 art 6
MOST_COMPARED = 4
LEAST_CLOSED = 3                         # of fewer closed projects no figure: somebody could be recognized


class Way(StrEnum):
    """A lawful way to reach providers."""

    TELL = "tell"                        # the same text to all above a line
    DRAW = "draw"                        # by lot among all who qualify
    RECOMMEND = "recommend"              # written and signed, by the buyer and by an expert


class Side(StrEnum):
    """Who put a provider on the list of invitations."""

    LOT = "lot"
    BUYER = "buyer"
    EXPERT = "expert"


SIDE_LABELS: Mapping[Side, str] = {Side.LOT: N_("随机抽取"), Side.BUYER: N_("采购人推荐"), Side.EXPERT: N_("评审专家推荐")}
WAY_LABELS: Mapping[Way, str] = {
    Way.TELL: N_("告知一条分数线以上的全部组织"), Way.DRAW: N_("从全部符合条件的组织中随机抽取"),
    Way.RECOMMEND: N_("采购人和评审专家分别书面推荐"),
}


@dataclass(frozen=True)
class Outreach:
    """What one procedure allows, in a sentence for people, and the article behind it."""

    ways: tuple[Way, ...]
    sentence: str
    source: str


_OPEN = N_("公告面向所有组织。可以把同一段话发给一条分数线以上的全部组织，不能只挑几家")
_INVITED = N_("不发公开公告时，供应商由随机抽取，或由采购人和评审专家分别书面推荐；采购人推荐的不超过一半")
OUTREACH: Mapping[str, Outreach] = {
    "open_tender": Outreach((Way.TELL,), _OPEN, N_("政府采购法第二十六条、实施条例第二十条第一项")),
    "below_threshold": Outreach((Way.TELL,), _OPEN, N_("采购人内控规则（参照政府采购法实施条例第二十条第一项）")),
    "grant_round": Outreach((Way.TELL,), _OPEN, N_("公益创投申报指南（面向全部申报组织，信息一致）")),
    "adoption": Outreach((Way.TELL,), _OPEN, N_("慈善法第四条（公开、公平）")),
    "framework": Outreach((Way.TELL,), _OPEN, N_("财政部令第110号（公开征集入围供应商）")),
    "invited_tender": Outreach(
        (Way.DRAW,), N_("邀请招标从符合条件的供应商中随机抽取三家以上，不能指定"), N_("政府采购法第三十四条、87号令第十四条")),
    "competitive_consultation": Outreach((Way.DRAW, Way.RECOMMEND), _INVITED, N_("财库〔2014〕214号第六条")),
    "competitive_negotiation": Outreach((Way.DRAW, Way.RECOMMEND), _INVITED, N_("74号令第十二条")),
    "request_for_quotations": Outreach((Way.DRAW, Way.RECOMMEND), _INVITED, N_("74号令第十二条")),
    "single_source": Outreach((), N_("单一来源只与公示的一家协商，不告知也不邀请其他组织"), N_("政府采购法第三十一条、第三十九条")),
}
_NOTHING = Outreach((), N_("还没有为这种采购方式规定联系组织的办法"), N_("政府采购法第二十六条"))


def outreach_of(procedure: str) -> Outreach:
    """Return what a procedure allows; nothing for one that is not known."""
    return OUTREACH.get(procedure, _NOTHING)


def is_locked(procedure: str) -> bool:
    """Say whether who was chosen is kept from the panel and the public until the award (GPL 22, 38; GPR 39)."""
    return bool({Way.DRAW, Way.RECOMMEND}.intersection(outreach_of(procedure).ways))


def above(rows: Iterable[Ranked], line: int) -> list[Ranked]:
    """Return everybody whose total reaches the line (points), in the order given: all of them, nobody left out."""
    return [row for row in rows if row.total >= line * TENTHS]


def counts_above(rows: Sequence[Ranked]) -> Mapping[int, int]:
    """Return for each line how many it would reach; what the buyer sees before choosing, without a name."""
    return {line: len(above(rows, line)) for line in LINES}


def may_choose(line: int, many: int) -> bool:
    """Say whether a line that reaches so many may be chosen; the lowest one may, however few there are."""
    return many >= LEAST_TOLD or (line == LINES[0] and many > 0)


def nearest_line(counts: Mapping[int, int], least: int) -> int:
    """Return the line nearest to a number of points among those that may be chosen; the lowest where none may."""
    lawful = [line for line in LINES if may_choose(line, counts[line])] or LINES[:1]
    return min(lawful, key=lambda line: abs(line - least))


def check_line(rows: Sequence[Ranked], line: int) -> list[Ranked]:
    """Return who is told; raises Invalid for a line that is none of the steps or would reach a hand-picked few."""
    if line not in LINES:
        raise Invalid(N_("请从列出的分数线中选一条"), field="line")
    chosen = above(rows, line)
    if not chosen:
        raise Invalid(N_("没有组织达到这条线。请选低一些的分数线"), field="line")
    if not may_choose(line, len(chosen)):
        raise Invalid(N_("这条线以上只有 {n} 家，等于挑选。请选低一些的分数线，至少告知 {least} 家"), field="line",
                      n=len(chosen), least=LEAST_TOLD)
    return chosen


def check_shares(*, buyer: int, expert: int) -> None:
    """Raise Invalid unless three are recommended and at most half of them by the buyer (214号 art 6)."""
    if buyer + expert < LEAST_INVITED:
        raise Invalid(N_("两方推荐合计不少于 {least} 家，现在是 {n} 家"), field="providers", least=LEAST_INVITED,
                      n=buyer + expert)
    if buyer > expert:
        raise Invalid(N_("采购人推荐的不得超过一半：采购人 {buyer} 家，专家 {expert} 家"), field="providers",
                      buyer=buyer, expert=expert)


def seed_digest(seed: str) -> str:
    """Return what is published at the draw: the seed itself follows with the award, and must fit."""
    return hashlib.sha256(seed.encode()).hexdigest()


class Size(StrEnum):
    """How many projects an organization says it can carry at once, as a range."""

    ONE = "1"
    FEW = "2-3"
    SOME = "4-6"
    MANY = "7+"
    UNKNOWN = "unknown"


SIZE_LABELS: Mapping[Size, str] = {
    Size.ONE: N_("同时 1 个项目"), Size.FEW: N_("同时 2–3 个项目"), Size.SOME: N_("同时 4–6 个项目"),
    Size.MANY: N_("同时 7 个以上项目"), Size.UNKNOWN: N_("未填写承接能力"),
}
_SIZE_ENDS = ((2, Size.ONE), (4, Size.FEW), (7, Size.SOME))


def size_of(capacity: int | None) -> Size:
    """Return the range of a capacity; half-open: 2 and 3 are one range, 4 begins the next."""
    if capacity is None:
        return Size.UNKNOWN
    return next((size for end, size in _SIZE_ENDS if capacity < end), Size.MANY)


@dataclass(frozen=True)
class Closed:
    """What closed projects of a kind were like: how many, how many took part in one, of what size. No name."""

    projects: int
    least: int
    middle: int
    most: int
    sizes: Mapping[Size, int]
    code: str                            # the beginning of the catalogue code they share


def closed_like(counts: Sequence[int], capacities: Sequence[int | None], *, code: str) -> Closed | None:
    """Return the figures of closed projects (bidders of each; capacities of all); None of too few projects."""
    if len(counts) < LEAST_CLOSED:
        return None
    sizes = dict.fromkeys(Size, 0)
    for capacity in capacities:
        sizes[size_of(capacity)] += 1
    return Closed(len(counts), min(counts), median_low(counts), max(counts),
                  {size: number for size, number in sizes.items() if number}, code)
