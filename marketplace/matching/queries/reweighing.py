"""What other weights would change, figures and projects: a stored run solved again, an estimate, nothing written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.core.ports import FlowSolver
from marketplace.matching.models import MatchingRun
from marketplace.matching.queries.changes import Change, changed
from marketplace.matching.queries.previews import standing_of
from marketplace.matching.queries.together import tied_in
from marketplace.matching.rules import together
from marketplace.matching.rules.assignment import Solution
from marketplace.matching.rules.edits import Pair
from marketplace.matching.rules.metrics import RunMetrics, measure
from marketplace.matching.rules.reweigh import reweighed, unseen
from marketplace.matching.rules.weights import Criterion, Weights


@dataclass(frozen=True)
class Effect:
    """What other weights would change: figures before and after, projects that get somebody else.

    `unseen`: criteria that gave nothing in the run, of which the stored pairs know nothing. `moved`: pairs that differ.
    """

    run: MatchingRun
    before: RunMetrics
    after: RunMetrics
    changes: list[Change]
    moved: int
    unseen: tuple[Criterion, ...]


def effect(session: Session, run: MatchingRun, weights: Weights, *, flows: FlowSolver, now: datetime) -> Effect:
    """Return what these weights would change in a finished run; both sides are solved from the same stored pairs."""
    standing = standing_of(session, run)
    edges = reweighed(standing.edges, standing.weights.points, weights.points)
    made = standing.problem(standing.wishes)
    tied = tied_in(session, made, now=now)
    before = together.solve(made, flows, tied).solution
    after = together.solve(standing.problem(standing.wishes, weights=weights, edges=edges), flows, tied).solution
    totals = _totals(before), _totals(after)
    return Effect(run, measure(before, 0), measure(after, 0), changed(session, *totals),
                  len(totals[0].keys() ^ totals[1].keys()), unseen(standing.weights.points, weights.points))


def _totals(solution: Solution) -> Mapping[Pair, int]:
    """Return the chosen pairs with their totals."""
    return dict(zip(solution.pairs, solution.totals.tolist(), strict=True))
