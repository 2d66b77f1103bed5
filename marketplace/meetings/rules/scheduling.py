"""From a problem to a schedule: pairs by flow, rounds by colouring, repair where somebody is away. Pure.

With everybody there in all rounds the schedule has exactly the points of the bound. Otherwise the bound is that of the
same flow with each party's rounds counted, and the schedule says how near it came.
"""

from collections.abc import Callable

import numpy as np

from marketplace.core.errors import Invalid
from marketplace.core.ports import FlowSolver
from marketplace.core.text import N_
from marketplace.meetings.rules.bmatching import best_pairs
from marketplace.meetings.rules.colouring import Grid
from marketplace.meetings.rules.problems import FREE, Bools, Ints, Problem, Schedule, Short
from marketplace.meetings.rules.refilling import counts, refill, seat_more

PHASES = (N_("核对名单"), N_("选出配对"), N_("排入轮次"), N_("填补空档"))


def schedule(problem: Problem, flows: FlowSolver, *, tell: Callable[[int], None] = lambda _: None) -> Schedule:
    """Return the best schedule that was found; `tell` hears the number of each phase as it begins and may raise."""
    tell(0)
    grid = _with_fixed_pins(problem)
    tell(1)
    bound_pairs = best_pairs(problem, flows, worth=problem.gains)
    worth = problem.worth()
    chosen = bound_pairs if worth is problem.gains else best_pairs(problem, flows, worth=worth)
    tell(2)
    unplaced = _seat(problem, grid, chosen, worth)
    tell(3)
    if not (problem.everybody_stays and len(grid.round_of) == chosen.sum()):
        seat_more(problem, grid, worth=worth)
        refill(problem, flows, grid, worth=worth)
        seat_more(problem, grid, worth=worth)
        unplaced = [pair for pair in unplaced if pair not in grid.round_of]
    return _result(problem, grid, bound_pairs, unplaced)


def check(problem: Problem, names: tuple[str, ...]) -> None:
    """Refuse what cannot be scheduled whatever the solver does: least numbers above rounds, pins that collide."""
    degrees, fixed = problem.degrees, dict[tuple[int, int], int]()
    pinned = np.zeros(len(problem.least), np.int64)
    for party in np.flatnonzero(problem.least > degrees).tolist():
        raise Invalid(N_("“{name}”要求至少 {least} 场，但只有 {rounds} 轮在场，每轮最多一场。请把最少场次改为 {rounds} 以下，或减少缺席轮次"),
                      name=names[party], least=int(problem.least[party]), rounds=int(degrees[party]))
    for pair, place in sorted(problem.pins.items()):
        for party in (int(problem.left[pair]), int(problem.right[pair])):
            pinned[party] += 1
            if pinned[party] > degrees[party]:
                raise Invalid(N_("“{name}”被指定了 {count} 场，但只有 {rounds} 轮在场。请撤回一场指定"), name=names[party],
                              count=int(pinned[party]), rounds=int(degrees[party]))
            if place != FREE:
                _check_place(problem, names[party], party, place, fixed)
        if not (problem.presence[problem.left[pair]] & problem.presence[problem.right[pair]]).any():
            raise Invalid(N_("“{name}”和“{other}”没有一轮同时在场，不能指定他们洽谈"), name=names[problem.left[pair]],
                          other=names[problem.right[pair]])


def _check_place(problem: Problem, name: str, party: int, place: int, fixed: dict[tuple[int, int], int]) -> None:
    """Refuse a pin in a round in which the party is away or pinned already."""
    if place >= problem.rounds:
        raise Invalid(N_("“{name}”被指定在第 {round} 轮，但本场只有 {rounds} 轮。请撤回这场指定"), name=name, round=place + 1,
                      rounds=problem.rounds)
    if not problem.presence[party, place]:
        raise Invalid(N_("“{name}”第 {round} 轮不在场，不能指定在这一轮"), name=name, round=place + 1)
    if (party, place) in fixed:
        raise Invalid(N_("“{name}”第 {round} 轮被指定了两场。请撤回其中一场"), name=name, round=place + 1)
    fixed[party, place] = 1


def _with_fixed_pins(problem: Problem) -> Grid:
    """Return a grid with the meetings whose round is fixed; nobody may move them, so these rounds are closed."""
    grid = Grid(problem)
    for pair, place in problem.pins.items():
        if place != FREE:
            grid.put(pair, place)
            grid.present[grid.left[pair]][place] = grid.present[grid.right[pair]][place] = False
    return grid


def _seat(problem: Problem, grid: Grid, chosen: Bools, worth: Ints) -> list[int]:
    """Seat pins first, then what stays in its old round, then the others by points; return pins without a round."""
    unplaced = [pair for pair in sorted(problem.pins) if pair not in grid.round_of and not grid.seat(pair)]
    waiting = [pair for pair in np.flatnonzero(chosen).tolist() if pair not in grid.round_of]
    for pair in waiting:
        place = problem.kept.get(pair, FREE)
        if place != FREE and grid.is_free(grid.left[pair], place) and grid.is_free(grid.right[pair], place):
            grid.put(pair, place)
    points = worth.tolist()
    for pair in sorted(waiting, key=lambda pair: (-points[pair], pair)):
        if pair not in grid.round_of:
            grid.seat(pair)
    return unplaced


def _result(problem: Problem, grid: Grid, best: Bools, unplaced: list[int]) -> Schedule:
    """Return the grid as columns with its total, the bound and who is short."""
    pairs = np.array(sorted(grid.round_of), np.int64)
    places = np.array([grid.round_of[pair] for pair in pairs.tolist()], np.int64)
    had = counts(problem, grid)
    ends = np.concatenate([problem.left[best], problem.right[best]])
    possible = np.bincount(ends, minlength=len(had))
    partners = np.bincount(np.concatenate([problem.left, problem.right]), minlength=len(had))
    short = tuple(Short(party, int(problem.least[party]), int(had[party]), int(partners[party]),
                        int(problem.degrees[party])) for party in np.flatnonzero(had < problem.least).tolist())
    return Schedule(pairs, places, int(problem.gains[pairs].sum()), int(problem.gains[best].sum()), short,
                    is_proven_short=bool((possible < problem.least).any()), unplaced=tuple(unplaced))
