"""Proofs that an assignment is the best: the linear program's bound, and prices whose sum equals the total. Pure."""

from dataclasses import dataclass

import numpy as np

from marketplace.core.ports import Program, ProgramSolver
from marketplace.matching.rules.assignment import Solution
from marketplace.matching.rules.problem import Ints64, Mask, Problem


@dataclass(frozen=True)
class Prices:
    """What places are worth, in tenths, load included.

    Of each provider: `worth` of a place, `last` (the load of the last place given), `is_full`, `next_need` (the need
    that its place would go to next, -1 where nobody waits). Of each need: `left`, what it keeps of its worst pair.
    """

    worth: Ints64
    last: Ints64
    is_full: Mask
    left: Ints64
    next_need: Ints64

    @property
    def scarcity(self) -> Ints64:
        """Return what each provider's last place is worth to the next project, less its load; 0 with places left."""
        return np.where(self.is_full, self.worth - self.last, 0)


def lp_bound(problem: Problem, programs: ProgramSolver) -> float:
    """Return the optimum of the linear program on all open pairs, in tenths, the fixed pairs included."""
    edges, rows = problem.edges, np.flatnonzero(problem.is_open)
    needs = np.flatnonzero(problem.units)
    providers, at = np.unique(edges.providers[rows], return_inverse=True)
    room = np.minimum(problem.places[providers], np.bincount(at, minlength=len(providers)))
    slots = np.repeat(np.arange(len(providers)), room)
    ranks = np.arange(len(slots)) - np.repeat(np.cumsum(room) - room, room)
    costs = problem.malus(providers[slots], problem.fixed[providers][slots] + ranks)
    need_row = np.zeros(len(problem.units), np.int64)
    need_row[needs] = np.arange(len(needs))
    m, s = len(rows), len(slots)
    every = np.arange(m)
    found = programs.solve(Program(
        gains=np.concatenate([(problem.values + problem.stay)[rows], np.full(len(needs), problem.least), -costs])
        .astype(np.float64),
        rows=np.concatenate([need_row[edges.needs[rows]], np.arange(len(needs)), len(needs) + at, len(needs) + slots])
        .astype(np.int64),
        columns=np.concatenate([every, m + np.arange(len(needs)), every, m + len(needs) + np.arange(s)])
        .astype(np.int64),
        entries=np.concatenate([np.ones(m + len(needs) + m), -np.ones(s)]),
        low=np.concatenate([problem.units[needs], np.full(len(providers), -np.inf)]).astype(np.float64),
        high=np.concatenate([problem.units[needs], np.zeros(len(providers))]).astype(np.float64),
        most=np.concatenate([np.ones(m), problem.units[needs], np.ones(s)]).astype(np.float64),
    )).value if len(needs) else 0.0
    return found + _kept(problem)


def _kept(problem: Problem) -> int:
    """Return what the fixed pairs are worth, load included: nothing can change it."""
    rows = np.flatnonzero(problem.is_fixed)
    loads = problem.load * (problem.fixed * problem.edges.running + problem.fixed * (problem.fixed - 1) // 2)
    return int((problem.values + problem.stay)[rows].sum()) - int(loads.sum())


def prices(solution: Solution) -> Prices:
    """Return the lowest prices at which every need is content with what it got.

    They rise from what the places cost: a need keeps the worst of what it got, and a provider's price is at least what
    any need would still pay to change over. Raises ValueError when the assignment is not the best: then they never end.
    """
    problem = solution.problem
    edges, worth = problem.edges, problem.values + problem.stay
    used = np.flatnonzero(solution.chosen & ~problem.is_fixed)
    wish = np.flatnonzero(problem.is_open & ~solution.chosen)
    last = np.where(solution.taken > problem.fixed, problem.malus(np.arange(len(problem.places), dtype=np.int32),
                                                                  solution.taken - 1), 0).astype(np.int64)
    price, left = last.copy(), np.zeros(len(problem.units), np.int64)
    top = np.iinfo(np.int64).max // 4
    for _ in range(len(price) + 2):          # no path of changes is longer
        left = np.where(solution.unassigned > 0, problem.least, top)
        np.minimum.at(left, edges.needs[used], worth[used] - price[edges.providers[used]])
        risen = price.copy()
        np.maximum.at(risen, edges.providers[wish], worth[wish] - left[edges.needs[wish]])
        if (risen == price).all():
            break
        price = risen
    else:
        raise ValueError("not the best assignment: it has no prices")
    left = np.where(left == top, problem.least, left)
    asks = worth[wish] - left[edges.needs[wish]]
    binding = (asks == price[edges.providers[wish]]) & (price > last)[edges.providers[wish]]
    next_need = np.full(len(price), -1, np.int64)
    next_need[edges.providers[wish][binding][::-1]] = edges.needs[wish][binding][::-1]
    return Prices(price, last, solution.taken >= problem.capacity, left, next_need)


def certificate(solution: Solution, at: Prices) -> int:
    """Return the bound that the prices prove: no assignment has a higher objective. One that has it is the best."""
    problem = solution.problem
    edges, rows = problem.edges, np.flatnonzero(problem.is_open)
    left = np.maximum(at.left, problem.least)
    spare = (problem.values + problem.stay)[rows] - at.worth[edges.providers[rows]] - left[edges.needs[rows]]
    room = problem.places
    holders = np.repeat(np.arange(len(room), dtype=np.int32), room)
    ranks = np.arange(len(holders)) - np.repeat(np.cumsum(room) - room, room)
    gains = at.worth[holders] - problem.malus(holders, problem.fixed[holders] + ranks)
    return int((problem.units * left).sum()) + int(np.maximum(spare, 0).sum()) + int(np.maximum(gains, 0).sum()) \
        + _kept(problem)
