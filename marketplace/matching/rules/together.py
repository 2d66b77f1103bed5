"""Tied providers are kept out of one project: the flow is solved again without the lower ones (GPR 18). Pure.

"No two of these in one project" is no limit that a flow knows. So this is a repair: it ends with a solution in which no
such pair is proposed, and that is the best without the pairs left out; it is not proven that other ones were better.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from marketplace.core.ports import FlowSolver
from marketplace.matching.rules import assignment
from marketplace.matching.rules.assignment import Solution
from marketplace.matching.rules.edits import Pair
from marketplace.matching.rules.problem import Ints64, Problem, closed

Tied = Mapping[int, frozenset[int]]      # provider key -> beside whom it may not stand in one project
SEVERAL = 2


@dataclass(frozen=True)
class Apart:
    """A solution without tied pairs, which pairs were left out for it, how many tenths that cost at the most.

    Nothing that keeps them apart has a higher objective than the solution before, so `cost` is a bound.
    """

    solution: Solution
    left_out: frozenset[Pair]
    cost: int


class Clash(NamedTuple):
    """Two tied providers in one project, by keys."""

    project: int
    one: int
    other: int

    @property
    def pairs(self) -> tuple[Pair, Pair]:
        """Return both pairs."""
        return (self.project, self.one), (self.project, self.other)


def askers(problem: Problem) -> Ints64:
    """Return the needs that may get several providers."""
    return np.flatnonzero(problem.wanted >= SEVERAL)


def candidates(problem: Problem) -> list[int]:
    """Return the keys of the providers that could stand beside another one: ties are looked up among these."""
    edges = problem.edges
    rows = np.isin(edges.needs, askers(problem)) & (problem.is_open | problem.is_fixed)
    found: list[int] = np.unique(edges.provider_keys[edges.providers[rows]]).tolist()
    return found


def solve(problem: Problem, flows: FlowSolver, tied: Tied) -> Apart:
    """Return the assignment in which no two tied providers get the same project; the same problem, the same answer.

    Each round leaves out the lower of each two and so closes at least one pair: it ends. Fixed pairs stay, whatever
    they are worth; two of them that are tied are a matter for people (`clashes`).
    """
    solution = first = assignment.solve(problem, flows)
    while lower := _lower_ones(solution, tied):
        solution = assignment.solve(closed(solution.problem, lower), flows)
    return Apart(solution, solution.problem.wishes.apart - problem.wishes.apart, first.objective - solution.objective)


def _lower_ones(solution: Solution, tied: Tied) -> frozenset[Pair]:
    """Return the pairs that must go: of each two tied providers of a project the one that is worth less."""
    found = set()
    for need, rows in _in_order(solution, tied):
        kept: set[int] = set()
        for provider, is_fixed in rows:
            if tied.get(provider, frozenset()) & kept and not is_fixed:
                found.add((need, provider))
            else:
                kept.add(provider)
    return frozenset(found)


def _in_order(solution: Solution, tied: Tied) -> Iterator[tuple[int, list[tuple[int, bool]]]]:
    """Yield each project with several providers: (provider, is it fixed), fixed ones first, then by worth and key."""
    if not tied or not (solution.given >= SEVERAL).any():
        return
    problem, rows = solution.problem, solution.rows
    edges = problem.edges
    several = (solution.given >= SEVERAL)[edges.needs[rows]]
    worth, rows = (solution.totals + problem.stay[rows])[several], rows[several]
    keys = edges.provider_keys[edges.providers[rows]]
    order = np.lexsort((keys, ~problem.stands[rows], -worth, ~problem.is_fixed[rows], edges.needs[rows]))
    columns = zip(edges.need_keys[edges.needs[rows]][order].tolist(), keys[order].tolist(),
                  problem.is_fixed[rows][order].tolist(), strict=True)
    for need, group in groupby(columns, key=itemgetter(0)):
        yield need, [(provider, is_fixed) for _, provider, is_fixed in group]


def clashes(pairs: Iterable[Pair], tied: Tied) -> list[Clash]:
    """Return every two tied providers that share a project among these pairs, in order."""
    if not tied:
        return []
    return [Clash(project, one, other) for project, keys in shared(pairs).items()
            for one, other in combinations(keys, 2) if other in tied.get(one, frozenset())]


def shared(pairs: Iterable[Pair]) -> dict[int, list[int]]:
    """Return the projects that have several providers among these pairs, each with them, in order."""
    return {project: keys for project, group in groupby(sorted(pairs), key=itemgetter(0))
            if len(keys := [provider for _, provider in group]) >= SEVERAL}
