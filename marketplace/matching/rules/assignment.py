"""The assignment with the highest total, as a flow of least cost; two simple ways beside it, for comparison. Pure."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from marketplace.core.ports import FlowSolver
from marketplace.matching.rules.edges import Ints32
from marketplace.matching.rules.edits import Pair
from marketplace.matching.rules.problem import Ints64, Mask, Problem, pairs_of


@dataclass(frozen=True)
class Network:
    """Arcs in canonical order: pairs, then each need's arc to nobody, then each provider's places."""

    tails: Ints64
    heads: Ints64
    capacities: Ints64
    costs: Ints64
    supplies: Ints64
    rows: Ints64                         # of the candidate pairs that have an arc


@dataclass(frozen=True)
class Solution:
    """Which candidate pairs are chosen, the fixed ones included."""

    problem: Problem
    chosen: Mask

    @cached_property
    def rows(self) -> Ints64:
        """Return the chosen rows, in the order of the candidate pairs."""
        return np.flatnonzero(self.chosen)

    @cached_property
    def ranks(self) -> Ints64:
        """Return the rank, from 0, of each chosen row among its provider's: the best pair bears the least load."""
        problem, rows = self.problem, self.rows
        providers, needs = problem.edges.providers[rows], problem.edges.needs[rows]
        order = np.lexsort((needs, -problem.values[rows], providers))
        ordered = providers[order]
        first = np.r_[True, ordered[1:] != ordered[:-1]] if len(rows) else np.zeros(0, np.bool_)
        start = np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))
        ranks = np.empty(len(rows), np.int64)
        ranks[order] = np.arange(len(rows)) - start
        return ranks

    @cached_property
    def loads(self) -> Ints64:
        """Return the load malus of each chosen row, as a positive number."""
        return self.problem.malus(self.problem.edges.providers[self.rows], self.ranks)

    @cached_property
    def totals(self) -> Ints64:
        """Return the total of each chosen row: contributions and adjustments, what people see."""
        totals: Ints64 = self.problem.values[self.rows] - self.loads
        return totals

    @cached_property
    def given(self) -> Ints64:
        """Return how many providers each need gets."""
        return np.bincount(self.problem.edges.needs[self.rows], minlength=len(self.problem.units))

    @cached_property
    def taken(self) -> Ints64:
        """Return how many projects each provider gets."""
        return np.bincount(self.problem.edges.providers[self.rows], minlength=len(self.problem.places))

    @cached_property
    def unassigned(self) -> Ints64:
        """Return how many units of each need nobody gets."""
        problem = self.problem
        free = self.chosen & ~problem.is_fixed
        return problem.units - np.bincount(problem.edges.needs[free], minlength=len(problem.units))

    @property
    def total(self) -> int:
        """Return what people see as the total, in tenths: the pairs, and the minimum for each place left empty."""
        return int(self.totals.sum()) + self.problem.least * int(self.unassigned.sum())

    @property
    def objective(self) -> int:
        """Return what the solver made as high as it can be: the total and what keeping published pairs is worth."""
        return self.total + int(self.problem.stay[self.rows].sum())

    @property
    def pairs(self) -> list[Pair]:
        """Return the keys of the chosen pairs."""
        return pairs_of(self.problem.edges, self.rows)


def network(problem: Problem) -> Network:
    """Return the arcs of a problem. Pairs that cannot reach the minimum get none: they are never worth choosing.

    Costs are multiplied so that, among equal totals, more places are filled (a pair exactly at the minimum is proposed)
    and more of what stands is kept.
    """
    edges, worth = problem.edges, problem.values + problem.stay
    first = problem.malus(edges.providers, problem.fixed[edges.providers])
    rows = np.flatnonzero(problem.is_open & (worth - first >= problem.least))
    needs, need_at = np.unique(edges.needs[rows], return_inverse=True)
    providers, provider_at = np.unique(edges.providers[rows], return_inverse=True)
    units = problem.units[needs]
    scale = 2 * int(units.sum()) + 1
    slots, slot_costs, slot_room = _places(problem, providers, np.bincount(provider_at, minlength=len(providers)))
    sink = len(needs) + len(providers)
    return Network(
        tails=np.concatenate([need_at, np.arange(len(needs)), len(needs) + slots]).astype(np.int64),
        heads=np.concatenate([len(needs) + provider_at, np.full(len(needs) + len(slots), sink)]).astype(np.int64),
        capacities=np.concatenate([np.ones(len(rows), np.int64), units, slot_room]),
        costs=np.concatenate([-worth[rows] * scale - problem.stands[rows],
                              np.full(len(needs), 1 - problem.least * scale, np.int64), slot_costs * scale]),
        supplies=np.concatenate([units, np.zeros(len(providers), np.int64), [-int(units.sum())]]),
        rows=rows)


def _places(problem: Problem, providers: Ints32, degrees: Ints64) -> tuple[Ints64, Ints64, Ints64]:
    """Return each provider's arcs to the sink: its number, cost and room of each; one arc a place where load counts."""
    room = np.minimum(problem.places[providers], degrees).astype(np.int64)
    if not problem.load:
        return np.arange(len(providers)), np.zeros(len(providers), np.int64), room
    slots = np.repeat(np.arange(len(providers)), room)
    ranks = np.arange(len(slots)) - np.repeat(np.cumsum(room) - room, room)
    costs = problem.malus(providers[slots], problem.fixed[providers][slots] + ranks)
    return slots, costs, np.ones(len(slots), np.int64)


def solve(problem: Problem, flows: FlowSolver) -> Solution:
    """Return the assignment with the highest objective; the same problem gives the same assignment."""
    net = network(problem)
    flow = flows.min_cost_flow(tails=net.tails, heads=net.heads, capacities=net.capacities, costs=net.costs,
                               supplies=net.supplies)
    chosen = problem.is_fixed.copy()
    chosen[net.rows[flow[:len(net.rows)] > 0]] = True
    return Solution(problem, chosen)


def greedy(problem: Problem) -> Solution:
    """Return what taking the best pair left, again and again, gives."""
    order = np.lexsort((problem.edges.providers, problem.edges.needs, -(problem.values + problem.stay)))
    return _taken_in(problem, order)


def first_come(problem: Problem) -> Solution:
    """Return what serving one project after the other, each with the best provider left, gives."""
    order = np.lexsort((problem.edges.providers, -(problem.values + problem.stay), problem.edges.needs))
    return _taken_in(problem, order)


def _taken_in(problem: Problem, order: Ints64) -> Solution:
    """Take pairs in an order while both sides have room and the total reaches the minimum."""
    edges, chosen = problem.edges, problem.is_fixed.copy()
    order = order[problem.is_open[order]]
    units, places = problem.units.tolist(), problem.places.tolist()
    running = edges.running.astype(np.int64)
    burden = (problem.load * (running + problem.fixed)).tolist()
    worth = (problem.values + problem.stay)[order].tolist()
    for row, need, provider, value in zip(order.tolist(), edges.needs[order].tolist(), edges.providers[order].tolist(),
                                          worth, strict=True):
        if units[need] and places[provider] and value - burden[provider] >= problem.least:
            units[need] -= 1
            places[provider] -= 1
            burden[provider] += problem.load
            chosen[row] = True
    return Solution(problem, chosen)
