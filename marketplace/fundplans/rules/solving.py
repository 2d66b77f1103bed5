"""A plan: which projects get all of their gap, from which funds; the bound; what first come would bring. Pure.

At the size of a fair an integer program is solved; above it, projects are taken in the order of what a yuan brings
beyond the price of the funds it uses, and earlier grants move where that makes room. The better way stands.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from marketplace.core.errors import Invalid
from marketplace.core.ports import Floats, FlowSolver, Ints, ProgramSolver
from marketplace.core.text import N_
from marketplace.fundplans.rules import Method, Outcome, Phase
from marketplace.fundplans.rules.instance import Instance, Mask, broken
from marketplace.fundplans.rules.programs import SCALE, relaxed, whole
from marketplace.fundplans.rules.rerouting import Grants, first_come, narrow_first

Tell = Callable[[Phase], None]
_HALF = 0.5
_DUST = 1e-6


@dataclass(frozen=True)
class Limits:
    """How far the integer program goes: at most so many pairs, so many seconds, until so near the bound."""

    pairs: int = 15_000
    seconds: float = 14.0
    gap: float = 0.001


LIMITS = Limits()


@dataclass(frozen=True)
class Solution:
    """What a plan proposes. `given`: fen (project, fund). Values in tenths of a point; `bound`: no plan brings more.

    `first`: the grants of first come, first served. `prices`: tenths that one more 万元 of a fund would bring.
    """

    given: Ints
    value: int
    bound: int
    method: Method
    first: Ints
    first_value: int
    prices: Floats


def quiet(_: Phase) -> None:
    """Tell nobody."""


def solve(instance: Instance, *, programs: ProgramSolver, flows: FlowSolver, limits: Limits = LIMITS,
          tell: Tell = quiet) -> Solution:
    """Return the plan of an instance; the same instance has the same plan, unless the seconds ran out.

    `tell` is called when a phase begins; what it raises ends the work.
    """
    first = first_come(instance)
    first_value = value_of(instance, first)
    if not instance.can.any():
        empty = np.zeros_like(instance.room)
        return Solution(empty, 0, 0, Method.EXACT, empty, 0, np.zeros(len(instance.funds)))
    tell(Phase.BOUND)
    easy = programs.solve(relaxed(instance))
    prices = np.maximum(easy.prices[len(instance.projects):], 0.0)
    bound = min(easy.value, bound_at(instance, prices))
    tell(Phase.GREEDY)
    order = by_profit(instance, prices)
    chosen, method = Grants(instance).place_all(order), Method.GREEDY
    if instance.arcs <= limits.pairs:
        tell(Phase.EXACT)
        better, proven = _exactly(instance, programs, limits, order)
        bound = min(bound, proven)
        if _worth(instance, better) >= _worth(instance, chosen):
            chosen, method = better, Method.EXACT
    tell(Phase.LINES)
    if first_value > _worth(instance, chosen):      # happens only where seconds ran out
        chosen = paid(first)
    given = distribute(instance, chosen, flows)
    value = value_of(instance, given)
    return Solution(given, value, max(int(bound + _DUST * max(bound, 1.0)), value), method, first, first_value, prices)


def paid(given: Ints) -> Mask:
    """Return which projects get money."""
    found: Mask = given.sum(axis=1) > 0
    return found


def _worth(instance: Instance, chosen: Mask) -> int:
    """Return the value of chosen projects."""
    return int(instance.values[chosen].sum())


def value_of(instance: Instance, given: Ints) -> int:
    """Return the value of the projects that get money."""
    return _worth(instance, paid(given))


def _exactly(instance: Instance, programs: ProgramSolver, limits: Limits, order: Ints) -> tuple[Mask, float]:
    """Return what the integer program chooses, made sure in whole fen and filled up, and its bound."""
    try:
        found = programs.solve(whole(instance), seconds=limits.seconds, gap=limits.gap)
    except Invalid:      # nothing found in time; doing nothing always fits
        return np.zeros(len(instance.projects), np.bool_), float("inf")
    switched = found.x[-len(instance.projects):] > _HALF
    first = [row for row in order if switched[row]]
    return Grants(instance).place_all([*first, *(row for row in order if not switched[row])]), found.bound


def cheapest(instance: Instance, prices: Floats) -> Floats:
    """Return what closing each gap costs at these prices, from the cheapest funds that may pay it, in tenths."""
    order = np.argsort(prices, kind="stable")
    room = instance.room[:, order]
    before = np.cumsum(room, axis=1) - room
    taken = np.clip(instance.gaps[:, None] - before, 0, room)
    cost: Floats = taken @ (prices[order] / SCALE)
    return cost


def by_profit(instance: Instance, prices: Floats) -> Ints:
    """Return the projects in question, those first that bring most a yuan beyond the price of the money they use."""
    profit = (instance.values - cheapest(instance, prices)) / np.maximum(instance.gaps, 1)
    order = np.argsort(-profit, kind="stable")
    return order[instance.can[order]]


def bound_at(instance: Instance, prices: Floats) -> float:
    """Return a bound that holds at any prices >= 0: what all money is worth, and what projects bring beyond it."""
    profits = np.maximum(instance.values - cheapest(instance, prices), 0.0)[instance.can]
    return float(prices @ (instance.lefts / SCALE) + profits.sum())


def distribute(instance: Instance, chosen: Mask, flows: FlowSolver) -> Ints:
    """Return grants that close all gaps of the chosen projects, narrow earmarks used first; raises Invalid if none do.

    A flow of least cost in whole numbers: every limit holds to the fen, and `broken` is asked once more.
    """
    rows, columns = np.where(chosen[:, None], instance.room, 0).nonzero()
    many, funds = len(instance.projects), len(instance.funds)
    rank = np.empty(funds, np.int64)
    rank[narrow_first(instance)] = np.arange(funds)
    supplies = np.concatenate([np.where(chosen, instance.gaps, 0), np.zeros(funds, np.int64), [0]])
    supplies[-1] = -supplies.sum()
    ends = np.arange(funds) + many
    flow = flows.min_cost_flow(
        tails=np.concatenate([rows, ends]), heads=np.concatenate([columns + many, np.full(funds, many + funds)]),
        capacities=np.concatenate([instance.room[rows, columns], instance.lefts]),
        costs=np.concatenate([rank[columns], np.zeros(funds, np.int64)]), supplies=supplies)
    given = np.zeros_like(instance.room)
    given[rows, columns] = flow[:len(rows)]
    if wrong := broken(instance, given):
        raise Invalid(N_("算出的安排不守限额（{what}），没有采用"), what="; ".join(wrong))
    return given


def outcomes(instance: Instance, given: Ints) -> list[Outcome]:
    """Return what happens to each project, and if nothing, the first reason that holds."""
    sums, reach = given.sum(axis=1), instance.room.sum(axis=1)
    found = []
    for row in range(len(instance.projects)):
        if sums[row]:
            found.append(Outcome.FUNDED)
        elif not reach[row]:
            found.append(Outcome.NO_FUND)
        else:
            found.append(Outcome.TOO_LARGE if reach[row] < instance.gaps[row] else Outcome.USED_UP)
    return found
