"""Why not every project can have a provider: demand, supply, the rule that removes most, and what would help. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from marketplace.core.errors import Invalid
from marketplace.core.ports import FlowSolver
from marketplace.core.text import N_
from marketplace.matching.rules import assignment
from marketplace.matching.rules.assignment import Solution
from marketplace.matching.rules.hard import RULES, HardRule
from marketplace.matching.rules.metrics import top_rule
from marketplace.matching.rules.problem import ASSUMED_FREE, Ints64, Mask, Problem

FIXES = 3


@dataclass(frozen=True)
class Sentence:
    """A sentence for people (message id) with what stands in its places."""

    text: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Shortage:
    """What stands against a wish, in numbers: the projects that get nobody and the providers they compete for.

    `demand`: places asked for by the projects that compete; `supply`: places of all providers that could serve them;
    `short`: places that stay empty whatever is chosen; `keys`: those projects. `rule`: the hard rule that removes most
    of their providers, and how many. `fixes`: three things that would help, the strongest first.
    """

    demand: int
    supply: int
    short: int
    keys: tuple[int, ...]
    rule: HardRule
    removed: int
    fixes: tuple[Sentence, ...]

    @property
    def sentence(self) -> Sentence:
        """Say it in one sentence."""
        return Sentence(N_("有 {demand} 个名额的需求，能承接的组织只有 {supply} 个名额，至少 {short} 个名额无法满足"),
                        {"demand": self.demand, "supply": self.supply, "short": self.short})

    @property
    def rule_sentence(self) -> Sentence | None:
        """Say which rule removes most; None where none does."""
        if not self.rule:
            return None
        return Sentence(N_("排除最多的规则是“{rule}”（{count} 家次）"),
                        {"rule": RULES[self.rule].label, "count": self.removed})


class CannotHold(Invalid):
    """A wish that no assignment fulfils; `shortage` says what stands against it."""

    def __init__(self, sentence: str, shortage: Shortage, **facts: object) -> None:
        super().__init__(sentence, field="value", **facts)
        self.shortage = shortage


def shortage(problem: Problem, flows: FlowSolver) -> Shortage | None:
    """Return why not every place asked for can be filled, the minimum score left aside; None when all of them can."""
    full = assignment.solve(_unweighed(problem), flows)
    short = int(full.unassigned.sum())
    if not short:
        return None
    needs, providers = _competing(full)
    rule, removed = top_rule(problem.edges.ruled_out[needs])
    return Shortage(
        int(problem.units[needs].sum()), int(problem.places[providers].sum()), short,
        tuple(problem.edges.need_keys[full.unassigned > 0].tolist()), HardRule(rule), removed,
        _fixes(problem, needs, providers, HardRule(rule), removed))


def check_fixed(problem: Problem) -> None:
    """Raise CannotHold when pins and confirmed pairs ask for more than a side has."""
    edges = problem.edges
    over = np.flatnonzero(problem.fixed > problem.capacity)
    if len(over):
        one = over[:1]
        needs = np.unique(edges.needs[problem.is_fixed & np.isin(edges.providers, one)])
        many, places = int(problem.fixed[one[0]]), int(problem.capacity[one[0]])
        raise CannotHold(
            N_("指定和确认的配对要用 {demand} 个名额，这个组织只有 {supply} 个。请先解除其他指定，或增加它的承接能力"),
            _conflict(problem, needs.astype(np.int64), many, places, _pin_fixes()), demand=many, supply=places)
    given = np.bincount(edges.needs[problem.is_fixed], minlength=len(problem.units))
    asked = np.array([problem.wishes.wanted.get(key, wants) for key, wants in
                      zip(edges.need_keys.tolist(), edges.wants.tolist(), strict=True)])
    above = np.flatnonzero(given > asked)
    if len(above):
        many, wants = int(given[above[0]]), int(asked[above[0]])
        raise CannotHold(
            N_("已为这个项目指定或确认 {supply} 个组织，而它只要 {demand} 个。请先解除其他指定，或增加所需组织数"),
            _conflict(problem, above[:1], wants, many, _want_fixes()), demand=wants, supply=many)


def _conflict(problem: Problem, needs: Ints64, demand: int, supply: int, fixes: tuple[Sentence, ...]) -> Shortage:
    """Return the shortage of pins that contradict each other."""
    rule, removed = top_rule(problem.edges.ruled_out[needs])
    return Shortage(demand, supply, abs(demand - supply), tuple(problem.edges.need_keys[needs].tolist()),
                    HardRule(rule), removed, fixes)


def _pin_fixes() -> tuple[Sentence, ...]:
    """Return what helps when a provider is asked for too often."""
    return (Sentence(N_("请该组织在“组织资料”更新可同时承接的项目数")), Sentence(N_("解除其中一个指定，由系统重新安排")),
            Sentence(N_("改为指定另一个匹配度相近的组织")))


def _want_fixes() -> tuple[Sentence, ...]:
    """Return what helps when a project has more pins than it asks for."""
    return (Sentence(N_("把这个项目所需的组织数改大")), Sentence(N_("解除其中一个指定，由系统重新安排")),
            Sentence(N_("把其中一个组织指定给另一个项目")))


def _unweighed(problem: Problem) -> Problem:
    """Return the problem in which only the number of filled places counts."""
    weights = replace(problem.weights, load=0, least=0)
    return replace(problem, weights=weights, values=np.ones_like(problem.values), stay=np.zeros_like(problem.stay))


def _competing(full: Solution) -> tuple[Ints64, Ints64]:
    """Return the needs and providers among which places are short: all an empty place can reach by changing over."""
    problem = full.problem
    edges, wish = problem.edges, np.flatnonzero(problem.is_open & ~full.chosen)
    used = np.flatnonzero(full.chosen & ~problem.is_fixed)
    needs: Mask = full.unassigned > 0
    providers = np.zeros(len(problem.places), np.bool_)
    while True:
        providers[edges.providers[wish[needs[edges.needs[wish]]]]] = True
        wider = needs.copy()
        wider[edges.needs[used[providers[edges.providers[used]]]]] = True
        if (wider == needs).all():
            return np.flatnonzero(needs), np.flatnonzero(providers)
        needs = wider


def _fixes(problem: Problem, needs: Ints64, providers: Ints64, rule: HardRule, removed: int) -> tuple[Sentence, ...]:
    """Return the three things that help most, those with the largest effect first."""
    assumed = int(problem.is_assumed[providers].sum())
    many = int((problem.units[needs] > 1).sum())
    withdrawn, forbidden = len(problem.wishes.no_providers), len(problem.wishes.forbids)
    options: list[tuple[int, Sentence]] = [
        (assumed, Sentence(N_("请 {count} 个没有填写承接能力的组织填写；现在每个只按 {places} 个项目计算"),
                           {"count": assumed, "places": ASSUMED_FREE})),
        (removed, Sentence(N_("针对“{rule}”：{remedy}"), {
            "rule": RULES[rule].label, "remedy": RULES[rule].remedy} if rule else {"rule": "", "remedy": ""})),
        (many, Sentence(N_("{count} 个项目要多个组织；减少所需的组织数"), {"count": many})),
        (withdrawn, Sentence(N_("让撤出的 {count} 个组织重新加入"), {"count": withdrawn})),
        (forbidden, Sentence(N_("解除 {count} 条排除"), {"count": forbidden})),
    ]
    found = [one for size, one in sorted(options, key=lambda option: -option[0]) if size]
    always = (Sentence(N_("邀请更多组织登记这些项目的服务类别和服务区域")),
              Sentence(N_("请采购单位分期发布，或放宽公告中的资格条件")),
              Sentence(N_("由采购单位另行征集这些项目的承接组织")))
    return tuple([*found, *always][:FIXES])


def lower_least(solution: Solution, flows: FlowSolver, *, by: int = 5) -> int:
    """Return how many more places would be filled if the minimum were `by` points lower."""
    problem = solution.problem
    least = max(problem.weights.least - by, 0)
    lower = assignment.solve(replace(problem, weights=replace(problem.weights, least=least)), flows)
    return int(solution.unassigned.sum() - lower.unassigned.sum())
