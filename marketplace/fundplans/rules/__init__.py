"""Plans of money: their states, what a solver is doing, why a project got nothing, whether a gap is known. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from marketplace.core.errors import Invalid
from marketplace.core.lifecycle import Lifecycle
from marketplace.core.text import N_

JOB_SOLVE_PLAN = "fundplans.solve"      # plan_ref, attempt: reckon it
JOB_PLAN_ENDED = "fundplans.ended"      # plan_ref, attempt, tells_asker: it is reckoned, or failed
JOB_PLAN_SHARED = "fundplans.shared"    # plan_ref: others may read it now
LOOKS_FOR = timedelta(minutes=1)        # whoever asked is taken to have the page open that long
FULL_POINTS = 100
TENTHS = 10
USUAL_POINTS = 50                       # of a project without a pairing, unless the maker says otherwise
MAX_TITLE, MAX_REASON = 80, 500
MOST_PROJECTS, MOST_FUNDS = 20_000, 1_000


class PlanState(StrEnum):
    """Where a plan stands. It only proposes: no state moves money."""

    DRAFT = "draft"
    SOLVED = "solved"
    SHARED = "shared"
    WITHDRAWN = "withdrawn"


PLAN_LABELS: Mapping[PlanState, str] = {
    PlanState.DRAFT: N_("未算出"), PlanState.SOLVED: N_("已算出"), PlanState.SHARED: N_("已发出"),
    PlanState.WITHDRAWN: N_("已撤回"),
}
PLAN_LOOKS: Mapping[PlanState, str] = {
    PlanState.DRAFT: "plain", PlanState.SOLVED: "info", PlanState.SHARED: "ok", PlanState.WITHDRAWN: "plain",
}
PLAN_STEPS = Lifecycle(
    {
        (PlanState.DRAFT, "solve"): PlanState.SOLVED, (PlanState.SOLVED, "share"): PlanState.SHARED,
        (PlanState.DRAFT, "withdraw"): PlanState.WITHDRAWN, (PlanState.SOLVED, "withdraw"): PlanState.WITHDRAWN,
        (PlanState.SHARED, "withdraw"): PlanState.WITHDRAWN,
    },
    PLAN_LABELS,
)


class Phase(StrEnum):
    """What is being done with a draft; the last three are ends."""

    WAITING = "waiting"
    BOUND = "bound"
    GREEDY = "greedy"
    EXACT = "exact"
    LINES = "lines"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


PHASE_LABELS: Mapping[Phase, str] = {
    Phase.WAITING: N_("排队等待计算"), Phase.BOUND: N_("求上限"), Phase.GREEDY: N_("逐个项目安排并腾挪"),
    Phase.EXACT: N_("求整体最优"), Phase.LINES: N_("写成逐笔安排"), Phase.DONE: N_("算完"), Phase.CANCELLED: N_("已取消"),
    Phase.FAILED: N_("没有算成"),
}
PHASE_STARTS: Mapping[Phase, int] = {   # per cent done when the phase begins
    Phase.WAITING: 0, Phase.BOUND: 5, Phase.GREEDY: 30, Phase.EXACT: 55, Phase.LINES: 90, Phase.DONE: 100,
}
BUSY = (Phase.WAITING, Phase.BOUND, Phase.GREEDY, Phase.EXACT, Phase.LINES)


class Outcome(StrEnum):
    """What a plan does with a project, and if nothing, why."""

    FUNDED = "funded"
    NO_FUND = "no_fund"
    TOO_LARGE = "too_large"
    USED_UP = "used_up"
    GAP_UNKNOWN = "gap_unknown"


OUTCOME_LABELS: Mapping[Outcome, str] = {
    Outcome.FUNDED: N_("已安排"), Outcome.NO_FUND: N_("没有资金可以给它"),
    Outcome.TOO_LARGE: N_("缺口太大：可用的资金都按上限给也补不齐"), Outcome.USED_UP: N_("资金已用于得分更高的项目"),
    Outcome.GAP_UNKNOWN: N_("缺口未知：购买单位还没有列出捐赠可以支付的费用"),
}
OUTCOME_NEXT: Mapping[Outcome, str] = {
    Outcome.NO_FUND: N_("请资助方放宽资金池的类别或地区，或另找资助方"),
    Outcome.TOO_LARGE: N_("请资助方提高每个项目或每笔的上限、比例，或请购买单位分期列出费用"),
    Outcome.USED_UP: N_("增加资金池总额后重新计算"), Outcome.GAP_UNKNOWN: N_("请购买单位在项目里列出费用"),
}


class Method(StrEnum):
    """How a plan was found."""

    EXACT = "exact"
    GREEDY = "greedy"


METHOD_LABELS: Mapping[Method, str] = {
    Method.EXACT: N_("整数规划"), Method.GREEDY: N_("按影子价格逐个安排"),
}


def has_left(asked_at: datetime | None, ended_at: datetime) -> bool:
    """Say whether whoever asked for a plan may have gone on to something else before it ended, and wants a message."""
    return asked_at is None or ended_at - asked_at > LOOKS_FOR


@dataclass(frozen=True)
class Wish:
    """What the maker of a plan says: its title, and the points of projects that no published pairing speaks of."""

    title: str
    points: int = USUAL_POINTS


def check_wish(wish: Wish) -> Wish:
    """Return the wish with a tidy title; raises Invalid."""
    title = wish.title.strip()
    if not title or len(title) > MAX_TITLE:
        raise Invalid(N_("请填方案名称，不超过 {most} 字"), field="title", most=MAX_TITLE)
    if not 1 <= wish.points <= FULL_POINTS:
        raise Invalid(N_("没有配对结果的项目按 1 到 100 分计"), field="points")
    return Wish(title, wish.points)
