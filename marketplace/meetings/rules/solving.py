"""From what people decided to the meetings, with what is to be said about them. Pure; the solver is handed in."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from marketplace.core.errors import Invalid
from marketplace.core.ports import FlowSolver
from marketplace.core.text import N_
from marketplace.meetings.rules.inputs import Inputs, Seat, problem_of, seats_of
from marketplace.meetings.rules.problems import Ints, Problem
from marketplace.meetings.rules.scheduling import check, schedule
from marketplace.meetings.rules.shortages import Shortage, shortage_of


@dataclass(frozen=True)
class Solution:
    """The meetings, their points against the bound, who has nobody to meet, and what least numbers are short."""

    seats: tuple[Seat, ...]
    total: int
    bound: int
    is_exact: bool
    lonely: tuple[str, ...]
    shortages: tuple[Shortage, ...]
    inputs_hash: str

    def findings(self) -> dict[str, object]:
        """Return what is kept beside the meetings."""
        return {"lonely": list(self.lonely), "shortages": [one.as_facts() for one in self.shortages]}


def solve(inputs: Inputs, points: Ints, flows: FlowSolver, *, before: tuple[Seat, ...] = (),
          tell: Callable[[int], None] = lambda _: None) -> Solution:
    """Schedule the event; raises Invalid where nothing can be scheduled, or a pin finds no round.

    Least numbers that cannot be met come back as `shortages`: whoever keeps the result must not pass over them.
    """
    if not inputs.tables or not inputs.organizations:
        raise Invalid(N_("名单还不全：至少要有一张桌子和一家组织"))
    problem = problem_of(inputs, points, before=before)
    check(problem, inputs.names)
    if not len(problem.left):
        raise Invalid(N_("没有一对可以洽谈：所有组织和项目的类别都不相同，或已全部排除。请核对名单"))
    found = schedule(problem, flows, tell=tell)
    if found.unplaced:
        pair = found.unplaced[0]
        raise Invalid(N_("指定的“{name}”和“{other}”排不进任何一轮。请撤回一场指定，或减少缺席轮次"),
                      name=inputs.names[problem.left[pair]], other=inputs.names[problem.right[pair]])
    return Solution(seats_of(inputs, problem, found), found.total, found.bound, is_exact=found.total == found.bound,
                    lonely=_lonely(problem, inputs.names), shortages=shortage_of(problem, found, inputs.names),
                    inputs_hash=problem.fingerprint())


def _lonely(problem: Problem, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of parties that share no pair with anybody."""
    met = np.bincount(np.concatenate([problem.left, problem.right]), minlength=len(names))
    return tuple(names[party] for party in np.flatnonzero(met == 0).tolist())
