"""Where somebody is away: round after round is filled anew, at its best given the others, until none gains. Pure.

A step never loses: first no least number that was met, then no point. Pinned meetings keep their place.
"""

import numpy as np

from marketplace.core.ports import FlowSolver
from marketplace.meetings.rules.bmatching import Limits, solve
from marketplace.meetings.rules.colouring import Grid
from marketplace.meetings.rules.problems import FREE, Bools, Ints, Problem

MOST_SWEEPS = 6
WIDTH = 2                        # times the number of rounds: as many of the best pairs of each party are looked at


def refill(problem: Problem, flows: FlowSolver, grid: Grid, *, worth: Ints) -> None:
    """Fill every round anew until a whole sweep gains nothing."""
    kept = _worth_a_look(problem, grid, worth)
    for _ in range(MOST_SWEEPS):
        before = _standing(problem, grid, worth)
        for place in range(problem.rounds):
            _refill_round(problem, flows, grid, place, kept=kept, worth=worth)
        if _standing(problem, grid, worth) == before:
            return


def _standing(problem: Problem, grid: Grid, worth: Ints) -> tuple[int, int]:
    """Return what a step may not lose: least numbers met, then points."""
    had = counts(problem, grid)
    return int(np.minimum(had, problem.least).sum()), int(worth[list(grid.round_of)].sum())


def counts(problem: Problem, grid: Grid) -> Ints:
    """Return how many meetings each party has."""
    placed = np.fromiter(grid.round_of, np.int64, len(grid.round_of))
    ends = np.concatenate([problem.left[placed], problem.right[placed]])
    return np.bincount(ends, minlength=len(problem.least)).astype(np.int64)


def _worth_a_look(problem: Problem, grid: Grid, worth: Ints) -> Bools:
    """Return the pairs among the best of either of their parties, and those seated: the others hardly ever matter."""
    most, chosen = WIDTH * problem.rounds, np.zeros(len(worth), np.bool_)
    for ends in (problem.left, problem.right):
        order = np.lexsort((-worth, ends))
        first = np.searchsorted(ends[order], ends[order])
        chosen[order[np.arange(len(order)) - first < most]] = True
    chosen[list(grid.round_of)] = True
    return chosen


def _refill_round(problem: Problem, flows: FlowSolver, grid: Grid, place: int, *, kept: Bools, worth: Ints) -> None:
    """Take everybody off one round but the pinned, and seat the best pairs that do not meet in another round."""
    there = problem.presence[:, place].copy()
    seated = [pair for pair, where in grid.round_of.items() if where == place]
    free = kept.copy()
    free[list(grid.round_of)] = False
    for pair in seated:
        if pair in problem.pins:
            there[[problem.left[pair], problem.right[pair]]] = False
        else:
            free[pair] = True
            grid.take(pair)
    pairs = np.flatnonzero(free & there[problem.left] & there[problem.right])
    room = there.astype(np.int64)
    owed = room * (counts(problem, grid) < problem.least)
    for pair in pairs[solve(problem, flows, pairs, worth=worth[pairs], limits=Limits(room, owed))].tolist():
        grid.put(pair, place)


def seat_more(problem: Problem, grid: Grid, *, worth: Ints) -> int:
    """Seat further pairs, the best first, wherever both still have a round; return how many."""
    room = problem.degrees - counts(problem, grid)
    waiting = np.flatnonzero((room[problem.left] > 0) & (room[problem.right] > 0))
    made = 0
    for pair in waiting[np.argsort(-worth[waiting], kind="stable")].tolist():
        if pair in grid.round_of or FREE not in grid.at[grid.left[pair]] or FREE not in grid.at[grid.right[pair]]:
            continue
        made += grid.seat(pair)
    return made
