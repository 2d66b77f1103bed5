"""What a run computes, outside any transaction: read, score, solve, measure. Nothing is written here."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.text import N_
from marketplace.matching.queries import carrying, facts
from marketplace.matching.queries.market import bars_of, market_of
from marketplace.matching.queries.orders import Engines, Note, Order
from marketplace.matching.queries.together import tied_in
from marketplace.matching.rules import bounds, metrics, problem, together
from marketplace.matching.rules.assignment import Solution
from marketplace.matching.rules.bounds import Prices
from marketplace.matching.rules.candidates import Wish, candidates
from marketplace.matching.rules.edges import Edges
from marketplace.matching.rules.metrics import RunMetrics
from marketplace.matching.rules.problem import Problem
from marketplace.matching.rules.runs import PHASE_STARTS, Phase
from marketplace.matching.rules.together import Apart, Tied
from marketplace.matching.rules.weights import TENTHS
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

MOST_BOUND = 500                         # ids that one statement asks for
_APART = N_("为避免互相关联的组织承接同一合同，{count} 对建议没有采用（政府采购法实施条例第十八条：同一负责人，或者直接控股、管理的供应商，"
            "不得参加同一合同）；求解的总值最多因此少 {cost} 分")
Watch = Callable[[Phase, int], None]


@dataclass(frozen=True)
class Outcome:
    """What a run found: what it was computed from, the assignment with its prices, its figures, who was left out.

    `tied`: who may not stand beside whom in one project; `said`: the notes that hold whatever was solved.
    """

    order: Order
    edges: Edges
    sha256: str
    apart: Apart
    prices: Prices
    metrics: RunMetrics
    tied: Tied
    said: tuple[Note, ...] = ()

    @property
    def solution(self) -> Solution:
        """Return the assignment."""
        return self.apart.solution

    @property
    def notes(self) -> tuple[Note, ...]:
        """Return what stands beside the result, the pairs left out for a tie last."""
        if not self.apart.left_out:
            return self.said
        return (*self.said, Note(_APART, {"count": len(self.apart.left_out), "cost": self.apart.cost / TENTHS}))


def size_of(session: Session, *, scope: str, reach: str, now: datetime) -> int:
    """Return how many projects a run would pair."""
    return len(_project_ids(session, scope, reach, now))


def compute(session: Session, order: Order, *, engines: Engines, now: datetime, watch: Watch) -> Outcome:
    """Read projects and market, score, solve and measure. `watch` is told of each step and may raise to stop."""
    watch(Phase.READING, PHASE_STARTS[Phase.READING])
    simple = engines.converter.to_simplified
    ids = _project_ids(session, order.scope, order.reach, now)
    needs = [one for part in _portions(ids) for one in facts.need_facts(
        session, session.scalars(select(Project).where(Project.id.in_(part)).options(joinedload(Project.buyer))
                                 .order_by(Project.id)), simple=simple)]
    market = market_of(session, tools=engines, now=now)
    bars = bars_of(session, ids, now=now)
    watch(Phase.SCORING, PHASE_STARTS[Phase.SCORING])
    start, room = PHASE_STARTS[Phase.SCORING], PHASE_STARTS[Phase.SOLVING] - PHASE_STARTS[Phase.SCORING]
    edges = candidates(market, needs, Wish(order.weights, bars=bars), progress=lambda done, every: watch(
        Phase.SCORING, start + room * done // max(every, 1)))
    order, notes = carrying.confirmed(session, order, ids, bars, now=now)
    order, edges, more = carrying.overruled(session, order, edges, engines=engines, now=now)
    return solve(order, edges, engines=engines, watch=watch, tied=tied_in(session, _problem(order, edges), now=now),
                 notes=(*notes, *more))


def _problem(order: Order, edges: Edges) -> Problem:
    """Return what is solved; confirmed pairs that are no candidates any more are added to the candidates."""
    edges = problem.with_candidates(edges, {pair: one.candidate for pair, one in order.confirmed.items()})
    return problem.make(edges, order.weights, order.wishes, held=order.held)


def solve(order: Order, edges: Edges, *, engines: Engines, watch: Watch, tied: Tied,
          notes: Iterable[Note] = ()) -> Outcome:
    """Solve and measure candidate pairs, no two tied providers in one project."""
    watch(Phase.SOLVING, PHASE_STARTS[Phase.SOLVING])
    made = together.solve(_problem(order, edges), engines.flows, tied)
    watch(Phase.METRICS, PHASE_STARTS[Phase.METRICS])
    prices, solved = bounds.prices(made.solution), made.solution.problem
    figures = metrics.measure(made.solution, bounds.certificate(made.solution, prices), before=order.held or None,
                              overrides=len(order.overruled))
    return Outcome(order, solved.edges, problem.inputs_sha256(solved.edges, order.weights, solved.wishes,
                                                              held=order.held),
                   made, prices, figures, tied, tuple(notes))


def without(outcome: Outcome, projects: Sequence[int], providers: Sequence[int], *, engines: Engines,
            watch: Watch) -> Outcome:
    """Solve again without projects and providers that are gone since they were read; a note says how many."""
    edges = problem.without(outcome.edges, projects, providers)
    gone = {*projects}, {*providers}
    kept = {pair: one for pair, one in outcome.order.confirmed.items()
            if pair[0] not in gone[0] and pair[1] not in gone[1]}
    note = Note(N_("计算期间有 {projects} 个项目、{providers} 个组织被删除，已不计入"),
                {"projects": len(projects), "providers": len(providers)})
    return solve(replace(outcome.order, confirmed=kept), edges, engines=engines, watch=watch, tied=outcome.tied,
                 notes=(*outcome.said, note))


def _project_ids(session: Session, scope: str, reach: str, now: datetime) -> list[int]:
    """Return the projects that take part, in order."""
    return list(session.scalars(select(Project.id).where(
        facts.in_reach(reach, now=now), Project.buyer_path.startswith(scope, autoescape=True)).order_by(Project.id)))


def present(session: Session, model: type[Project | Organization], ids: Sequence[int]) -> set[int]:
    """Return which ids exist."""
    return {one for part in _portions(ids) for one in session.scalars(select(model.id).where(model.id.in_(part)))}


def _portions(ids: Sequence[int]) -> list[Sequence[int]]:
    """Split ids so that no statement binds too many."""
    return [ids[start:start + MOST_BOUND] for start in range(0, len(ids), MOST_BOUND)]
