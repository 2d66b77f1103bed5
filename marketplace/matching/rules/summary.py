"""What a run stores of an assignment: one plain row a pairing and one a project, by keys. Pure."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from marketplace.matching.rules.assignment import Solution
from marketplace.matching.rules.bounds import Prices
from marketplace.matching.rules.edits import Pair
from marketplace.matching.rules.hard import RULES, HardRule
from marketplace.matching.rules.problem import Ints64
from marketplace.matching.rules.ranking import Channel
from marketplace.matching.rules.runs import NeedState, Reason
from marketplace.matching.rules.weights import CRITERIA, TENTHS, Criterion

_CHANNELS = (str(Channel.CATEGORY), str(Channel.TEXT))
Row = dict[str, Any]


def pair_rows(solution: Solution, prices: Prices) -> dict[Pair, Row]:
    """Return each chosen pair: total, contributions that sum to it, what its provider's place is worth to others."""
    problem, rows = solution.problem, solution.rows
    edges, weights = problem.edges, problem.weights
    scarcity = prices.scarcity[edges.providers[rows]].tolist()
    is_new = edges.is_new[edges.providers[rows]].tolist()
    columns = zip(
        solution.pairs, edges.parts[rows].tolist(), solution.totals.tolist(), solution.loads.tolist(), is_new,
        problem.is_held[rows].tolist(), edges.known[rows].tolist(), edges.channels[rows].tolist(), scarcity,
        strict=True)
    found: dict[Pair, Row] = {}
    for pair, parts, total, load, newcomer, is_held, known, channel, price in columns:
        contributions = {str(one): points for one, points in zip(CRITERIA, parts, strict=True)}
        if newcomer:
            contributions[Criterion.NEWCOMER] = weights.newcomer * TENTHS
        if load:
            contributions[Criterion.LOAD] = -load
        if is_held:
            contributions[Criterion.SWITCHING] = weights.switching * TENTHS
        found[pair] = {
            "project_id": pair[0], "provider_id": pair[1], "total": total, "contributions": contributions,
            "known": known, "channel": _CHANNELS[channel], "price": price, "is_pinned": pair in problem.wishes.pins}
    return found


def need_rows(solution: Solution, prices: Prices) -> dict[int, Row]:
    """Return what became of each project: candidates, the rule that removed most, paired or why not, who came first."""
    problem = solution.problem
    edges = problem.edges
    counts = np.bincount(edges.needs, minlength=len(edges.need_keys))
    best, gap, rival = _best(solution, prices)
    rules = tuple(RULES)
    top = edges.ruled_out.argmax(axis=1) if len(edges.ruled_out) else np.zeros(0, np.int64)
    (reach, tied), wanted = _reachable(solution), problem.wanted.tolist()
    found: dict[int, Row] = {}
    for at, key in enumerate(edges.need_keys.tolist()):
        removed = int(edges.ruled_out[at, top[at]])
        given, wants = int(solution.given[at]), wanted[at]
        state, reason = _state(given, wants, takes_part=bool(problem.takes_part[at]), candidates=int(counts[at]),
                               reaches=bool(reach[at]), is_tied=bool(tied[at]))
        row = int(best[at])
        found[key] = {
            "project_id": key, "wants": wants, "given": given, "candidates": int(counts[at]),
            "top_rule": int(rules[int(top[at])]) if removed else int(HardRule.NONE), "top_rule_count": removed,
            "state": str(state), "reason": str(reason),
            "best_provider_id": int(edges.provider_keys[edges.providers[row]]) if row >= 0 else None,
            "best_total": _first_total(solution, row) if row >= 0 else None,
            "gap": int(gap[at]) if rival[at] >= 0 else None,
            "rival_id": int(edges.need_keys[rival[at]]) if rival[at] >= 0 else None}
    return found


def _state(given: int, wants: int, *, takes_part: bool, candidates: int, reaches: bool,
           is_tied: bool) -> tuple[NeedState, Reason]:
    """Return the state of a project and why it has fewer than it asks for."""
    if not takes_part:
        return NeedState.WITHDRAWN, Reason.WITHDRAWN
    if given >= wants and given:
        return NeedState.PAIRED, Reason.NONE
    if not candidates:
        return NeedState.UNASSIGNED, Reason.NO_CANDIDATE
    why = Reason.TAKEN if reaches else Reason.TIED if is_tied else Reason.UNDER_LEAST
    return (NeedState.PARTLY if given else NeedState.UNASSIGNED), why


def _first_total(solution: Solution, row: int) -> int:
    """Return the total of a pair as if it were the first its provider gets."""
    problem = solution.problem
    return int(problem.values[row]) - problem.load * int(problem.edges.running[problem.edges.providers[row]])


def _reachable(solution: Solution) -> tuple[Ints64, Ints64]:
    """Return how many candidates of each need that it did not get reach the minimum; how many more but for a tie."""
    problem, edges = solution.problem, solution.problem.edges
    first = problem.malus(edges.providers, problem.fixed[edges.providers])
    fits = (problem.values - first >= problem.least) & ~solution.chosen
    is_apart, many = problem.is_apart, len(edges.need_keys)
    return (np.bincount(edges.needs[fits & ~is_apart], minlength=many),
            np.bincount(edges.needs[fits & is_apart], minlength=many))


def _best(solution: Solution, prices: Prices) -> tuple[Ints64, Ints64, Ints64]:
    """Return of each need its best candidate's row, and where it was not given the gap and the need that holds it.

    The gap is by how many tenths the total would fall, at the least, if the place were given to this need.
    """
    problem, edges = solution.problem, solution.problem.edges
    worth = problem.values + problem.stay
    shown = problem.values - problem.malus(edges.providers, np.zeros(len(edges.needs), np.int64))
    order = np.lexsort((edges.providers, -shown, edges.needs))
    needs = edges.needs[order]
    best = np.full(len(edges.need_keys), -1, np.int64)
    best[needs[::-1]] = order[::-1]
    gap, rival = np.zeros(len(best), np.int64), np.full(len(best), -1, np.int64)
    holder = _holders(solution, prices)
    at = np.flatnonzero((best >= 0) & problem.takes_part)
    rows = best[at]
    missed = ~solution.chosen[rows] & problem.is_open[rows] & (holder[edges.providers[rows]] >= 0)
    at, rows = at[missed], rows[missed]
    gap[at] = prices.worth[edges.providers[rows]] - (worth[rows] - prices.left[edges.needs[rows]])
    rival[at] = holder[edges.providers[rows]]
    return best, gap, rival


def _holders(solution: Solution, prices: Prices) -> Ints64:
    """Return of each provider the need that holds its last place: the one that gains least by it."""
    problem, edges = solution.problem, solution.problem.edges
    rows = np.flatnonzero(solution.chosen & ~problem.is_fixed)
    gain = (problem.values + problem.stay)[rows] - prices.left[edges.needs[rows]]
    order = rows[np.lexsort((edges.needs[rows], gain))]
    holder = np.full(len(problem.places), -1, np.int64)
    holder[edges.providers[order[::-1]]] = edges.needs[order[::-1]]
    return holder


def sums_up(row: Mapping[str, Any]) -> bool:
    """Say whether the contributions of a stored pair sum to its total."""
    return bool(sum(row["contributions"].values()) == row["total"])
