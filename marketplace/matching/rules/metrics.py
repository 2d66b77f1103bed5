"""What a run is judged by: total against the best possible, fairness, stability, how little choice there is. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from marketplace.core.ports import FlowSolver, ProgramSolver
from marketplace.matching.rules import assignment, bounds
from marketplace.matching.rules.assignment import Solution
from marketplace.matching.rules.edges import Edges
from marketplace.matching.rules.edits import Pair
from marketplace.matching.rules.hard import RULES, HardRule
from marketplace.matching.rules.problem import Ints64, make
from marketplace.matching.rules.spread import HUNDRED, gini, share
from marketplace.matching.rules.weights import Weights

FEW = 3                                  # a project with fewer candidates hardly has a choice
TOP = 100                                # the busiest hundredth of the providers
_DIGITS = 6


@dataclass(frozen=True)
class RunMetrics:
    """The figures of one run; totals in tenths of a point, shares from 0 to 1, None where there is nothing to share.

    `total`: pairs and the minimum for each place left empty; `bound`: what the prices prove to be the most. A project's
    score is the mean of its pairs, 0 where it has none. Blocking: pairs in which both sides would rather have each
    other. `new_places`: newcomers' share of all places; `assumed`: providers whose places are assumed. `top_rule`: the
    hard rule that removed most providers from projects with no candidate, and how often.
    """

    needs: int
    units: int
    given: int
    providers: int
    places: int
    assumed: int
    edges: int
    total: int
    bound: int
    ratio: float
    matched_share: float | None
    mean_score: float
    p5_score: float
    min_score: int
    blocking_pairs: int
    blocking_share: float | None
    gini: float
    top_share: float | None
    new_pairs: float | None
    new_places: float | None
    none: int
    one: int
    few: int
    top_rule: int
    top_rule_count: int
    text_pairs: int
    changed: int | None = None
    overrides: int = 0

    @property
    def overrides_per_hundred(self) -> float | None:
        """Return how many times people overruled the proposal, for 100 pairs."""
        return share(self.overrides * HUNDRED, self.given)

    def as_plain(self) -> dict[str, object]:
        """Return plain values for a row."""
        return asdict(self)


def from_plain(plain: Mapping[str, object]) -> RunMetrics:
    """Return the metrics that `as_plain` wrote."""
    return RunMetrics(**{one.name: plain[one.name] for one in fields(RunMetrics)})  # type: ignore[arg-type]


def measure(solution: Solution, bound: int, *, before: frozenset[Pair] | None = None, overrides: int = 0) -> RunMetrics:
    """Return the figures of an assignment. `before`: pairs of the run to compare with; `overrides`: edits so far."""
    problem = solution.problem
    edges = problem.edges
    serving = problem.capacity > 0
    given, wanted = len(solution.rows), int(problem.wanted.sum())
    scores = need_scores(solution)[problem.takes_part]
    blocking = blocking_pairs(solution)
    counts = np.bincount(edges.needs, minlength=len(edges.need_keys))[problem.takes_part]
    rule, removed = top_rule(edges.ruled_out[problem.takes_part][counts == 0])
    is_new = edges.is_new
    return RunMetrics(
        needs=int(problem.takes_part.sum()), units=wanted, given=given, providers=int(serving.sum()),
        places=int(problem.capacity.sum()), assumed=int(problem.is_assumed.sum()), edges=len(edges.needs),
        total=solution.total, bound=bound, ratio=round(solution.objective / bound, _DIGITS) if bound else 1.0,
        matched_share=share(given, wanted), mean_score=round(float(scores.mean()), 1) if len(scores) else 0.0,
        p5_score=round(float(np.percentile(scores, 5)), 1) if len(scores) else 0.0,
        min_score=int(scores.min()) if len(scores) else 0,
        blocking_pairs=blocking, blocking_share=share(blocking, len(edges.needs)),
        gini=round(gini(solution.taken[serving]), _DIGITS), top_share=_top_share(solution.taken[serving]),
        new_pairs=share(int(solution.taken[is_new].sum()), given),
        new_places=share(int(problem.capacity[is_new].sum()), int(problem.capacity.sum())),
        none=int((counts == 0).sum()), one=int((counts == 1).sum()), few=int((counts < FEW).sum()),
        top_rule=rule, top_rule_count=removed, text_pairs=int(edges.channels[solution.rows].sum()),
        changed=None if before is None else len(before ^ frozenset(solution.pairs)), overrides=overrides)


def need_scores(solution: Solution) -> Ints64:
    """Return the score of each need: the mean total of its pairs, rounded down, 0 where it has none."""
    needs = solution.problem.edges.needs[solution.rows]
    sums = np.bincount(needs, weights=solution.totals, minlength=len(solution.given))
    return (sums / np.maximum(solution.given, 1)).astype(np.int64)


def blocking_pairs(solution: Solution) -> int:
    """Return how many candidate pairs block: both sides gain by leaving what they have for each other.

    A need with an empty place compares with the minimum, a provider with a place left with nothing. Points count
    without the load of other projects, the same for both sides.
    """
    problem = solution.problem
    edges, values = problem.edges, problem.values
    top = np.iinfo(np.int64).max // 4
    worst_of_need, worst_of_provider = np.full(len(problem.units), top), np.full(len(problem.places), top)
    rows = solution.rows
    np.minimum.at(worst_of_need, edges.needs[rows], values[rows])
    np.minimum.at(worst_of_provider, edges.providers[rows], values[rows])
    worst_of_need[solution.unassigned > 0] = problem.least - 1
    worst_of_provider[solution.taken < problem.capacity] = -1
    could = problem.is_open & ~solution.chosen & (values >= problem.least)
    return int((could & (values > worst_of_need[edges.needs]) & (values > worst_of_provider[edges.providers])).sum())


def top_rule(ruled_out: np.ndarray) -> tuple[int, int]:
    """Return the hard rule that removed most providers over some needs, and how many; (0, 0) when none removed any."""
    counts = ruled_out.sum(axis=0) if len(ruled_out) else np.zeros(len(RULES), np.int64)
    if not counts.any():
        return int(HardRule.NONE), 0
    return int(tuple(RULES)[int(counts.argmax())]), int(counts.max())


def _top_share(loads: Ints64) -> float | None:
    """Return the share of pairs that the busiest hundredth of the providers (at least one) got."""
    many = max(1, len(loads) // TOP)
    return share(int(np.sort(loads)[::-1][:many].sum()), int(loads.sum()))


def evaluate_assignment(edges: Edges, weights: Weights, flows: FlowSolver,
                        programs: ProgramSolver | None = None) -> dict[str, float | int | None]:
    """Return the figures of the best assignment of a market; `ratio_to_lp` by HiGHS where `programs` is given.

    Without it the ratio is to the bound that the prices prove, which is the same number.
    """
    problem = make(edges, weights)
    solution = assignment.solve(problem, flows)
    bound = bounds.certificate(solution, bounds.prices(solution))
    lp = bounds.lp_bound(problem, programs) if programs is not None else float(bound)
    found = measure(solution, bound)
    return {
        "ratio_to_lp": round(solution.objective / lp, _DIGITS) if lp else 1.0, "matched_share": found.matched_share,
        "blocking_pairs": found.blocking_pairs, "gini": found.gini, "newcomer_share": found.new_pairs,
        "objective": solution.objective, "lp": round(lp, 3), "total": found.total, "mean_score": found.mean_score,
    }
