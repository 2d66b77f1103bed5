"""Which pairs meet, not yet when: the best b-matching, by min-cost flow. Pure; the solver is handed in.

No party has more meetings than rounds in which it is there, all together no more than the rounds can seat. Least
numbers come before points: a unit of a least number is worth more than all points together, so as many of them are met
as can be met, and then the points are the most.
"""

from dataclasses import dataclass

import numpy as np

from marketplace.core.ports import FlowSolver
from marketplace.meetings.rules.problems import Bools, Ints, Problem


def best_pairs(problem: Problem, flows: FlowSolver, *, worth: Ints) -> Bools:
    """Return which pairs meet, pinned ones among them; the solver's choice is the same for the same problem."""
    chosen = np.zeros(len(problem.left), np.bool_)
    pinned = np.fromiter(problem.pins, np.int64, len(problem.pins))
    chosen[pinned] = True
    ends = np.concatenate([problem.left[pinned], problem.right[pinned]])
    taken = np.bincount(ends, minlength=len(problem.least)).astype(np.int64)
    room = np.maximum(problem.degrees - taken, 0)
    owed = np.clip(problem.least - taken, 0, room)
    open_pairs = np.flatnonzero(~chosen)
    limits = Limits(room, owed, max(_seats(problem) - len(pinned), 0))
    chosen[open_pairs] = solve(problem, flows, open_pairs, worth=worth[open_pairs], limits=limits)
    return chosen


def _seats(problem: Problem) -> int:
    """Return how many meetings there can be at all: in each round no more than the smaller side has people."""
    tables, others = problem.presence[:problem.tables], problem.presence[problem.tables:]
    return int(np.minimum(tables.sum(axis=0), others.sum(axis=0)).sum())


@dataclass(frozen=True)
class Limits:
    """At most `room` meetings for each party, `owed` first, `most` in all (None: as many as fit)."""

    room: Ints
    owed: Ints
    most: int | None = None


def solve(problem: Problem, flows: FlowSolver, pairs: Ints, *, worth: Ints, limits: Limits) -> Bools:
    """Return which of `pairs` a flow of least cost uses within the limits."""
    room, owed, most = limits.room, limits.owed, limits.most
    if not len(pairs):
        return np.zeros(0, np.bool_)
    parties, tables = len(room), problem.tables
    source, sink = parties, parties + 1
    sides = np.arange(parties)
    tails = np.where(sides < tables, source, sides)
    heads = np.where(sides < tables, sides, sink)
    through = min(int(room[:tables].sum()), int(room[tables:].sum()))
    through = through if most is None else min(through, most)
    dear = int(worth.max()) * through + 1
    used = flows.min_cost_flow(
        tails=np.concatenate([problem.left[pairs], tails, tails, [source]]),
        heads=np.concatenate([problem.right[pairs], heads, heads, [sink]]),
        capacities=np.concatenate([np.ones(len(pairs), np.int64), owed, room - owed, [through]]),
        costs=np.concatenate([-worth, np.full(parties, -dear), np.zeros(parties + 1, np.int64)]),
        supplies=np.concatenate([np.zeros(parties, np.int64), [through, -through]]))
    return used[:len(pairs)] > 0
