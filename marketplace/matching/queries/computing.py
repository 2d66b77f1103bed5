"""What a run computes, outside any transaction: read, score, solve, measure. Nothing is written here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.ports import Converter, FlowSolver
from marketplace.core.text import N_
from marketplace.matching.models import MatchingRun, Pairing, RunEdit
from marketplace.matching.queries import facts
from marketplace.matching.queries.market import bars_of, market_of
from marketplace.matching.rules import assignment, bounds, metrics, problem
from marketplace.matching.rules.assignment import Solution
from marketplace.matching.rules.bounds import Prices
from marketplace.matching.rules.candidates import Wish, candidates
from marketplace.matching.rules.edges import Edges
from marketplace.matching.rules.edits import Candidate, Edit, Pair, Wishes, fold
from marketplace.matching.rules.hard import HardRule
from marketplace.matching.rules.metrics import RunMetrics
from marketplace.matching.rules.runs import PHASE_STARTS, EditKind, PairingState, Phase, Publication
from marketplace.matching.rules.weights import CRITERIA, Weights
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

MOST_BOUND = 500                         # ids that one statement asks for
_ON_PAIRS = (EditKind.PIN, EditKind.FORBID, EditKind.RELEASE)
Watch = Callable[[Phase, int], None]


class Engines(Protocol):
    """What a run needs from vendors; the services of an app have it."""

    converter: Converter
    flows: FlowSolver


@dataclass(frozen=True)
class Confirmed:
    """A confirmed pair of the run in force, carried into a new one: its columns, who confirmed it and when."""

    candidate: Candidate
    at: datetime
    by: int | None


@dataclass(frozen=True)
class Order:
    """What a run is asked to compute: plain values, read before the work begins.

    `held`: pairs of the run in force, `live_number` its number; `confirmed`: those of them that are frozen; `dropped`:
    how many pins and forbids of it do not hold in a new run.
    """

    run_id: int
    ref: str
    scope: str
    reach: str
    weights: Weights
    held: frozenset[Pair] = frozenset()
    confirmed: Mapping[Pair, Confirmed] = field(default_factory=dict)
    live_number: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class Note:
    """A sentence (message id) about who was left out, with what stands in its places."""

    sentence: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def as_plain(self) -> dict[str, object]:
        """Return plain values for a row."""
        return {"sentence": self.sentence, "facts": dict(self.facts)}


@dataclass(frozen=True)
class Outcome:
    """What a run found: what it was computed from, the assignment with its prices, its figures, who was left out."""

    order: Order
    edges: Edges
    sha256: str
    solution: Solution
    prices: Prices
    metrics: RunMetrics
    notes: tuple[Note, ...] = ()


def order_of(session: Session, run: MatchingRun) -> Order:
    """Return what a run is asked to compute, with the pairs of the run that is in force for its scope."""
    live = session.scalar(select(MatchingRun).where(
        MatchingRun.scope == run.scope, MatchingRun.publication == Publication.PUBLISHED, MatchingRun.id != run.id))
    order = Order(run.id, run.ref, run.scope, run.reach, run.weight_set.weights)
    if live is None:
        return order
    rows = session.scalars(select(Pairing).where(
        Pairing.run_id == live.id, Pairing.state != PairingState.REMOVED).order_by(Pairing.id)).all()
    frozen = {(one.project_id, one.provider_id): Confirmed(candidate_of(one), one.confirmed_at, one.confirmed_by)
              for one in rows if one.confirmed_at is not None}
    holding = fold(Edit(EditKind(one.kind), one.project_id, one.provider_id) for one in session.scalars(
        select(RunEdit).where(RunEdit.run_id == live.id, RunEdit.kind.in_(_ON_PAIRS)).order_by(RunEdit.number)))
    return replace(order, held=frozenset((one.project_id, one.provider_id) for one in rows), confirmed=frozen,
                   live_number=live.number, dropped=len((holding.pins | holding.forbids) - frozen.keys()))


def candidate_of(pairing: Pairing) -> Candidate:
    """Return the columns of a stored pair."""
    parts = tuple(pairing.contributions.get(str(one), 0) for one in CRITERIA)
    return Candidate(pairing.provider_id, parts, pairing.known, int(pairing.channel == "text"))


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
    kept, notes = _carried(order, ids, bars)
    return solve(replace(order, confirmed=kept), edges, engines=engines, watch=watch, notes=notes)


def solve(order: Order, edges: Edges, *, engines: Engines, watch: Watch, notes: Iterable[Note] = ()) -> Outcome:
    """Solve and measure stored pairs; confirmed pairs that are no candidates any more are added to them."""
    watch(Phase.SOLVING, PHASE_STARTS[Phase.SOLVING])
    extra = {pair: one.candidate for pair, one in order.confirmed.items()}
    edges = problem.with_candidates(edges, extra)
    wishes = Wishes(confirmed=frozenset(order.confirmed))
    solution = assignment.solve(problem.make(edges, order.weights, wishes, held=order.held), engines.flows)
    watch(Phase.METRICS, PHASE_STARTS[Phase.METRICS])
    prices = bounds.prices(solution)
    figures = metrics.measure(solution, bounds.certificate(solution, prices),
                              before=order.held or None)
    return Outcome(order, edges, problem.inputs_sha256(edges, order.weights, wishes, held=order.held), solution, prices,
                   figures, tuple(notes))


def without(outcome: Outcome, projects: Sequence[int], providers: Sequence[int], *, engines: Engines,
            watch: Watch) -> Outcome:
    """Solve again without projects and providers that are gone since they were read; a note says how many."""
    edges = problem.without(outcome.edges, projects, providers)
    gone = {*projects}, {*providers}
    kept = {pair: one for pair, one in outcome.order.confirmed.items()
            if pair[0] not in gone[0] and pair[1] not in gone[1]}
    note = Note(N_("计算期间有 {projects} 个项目、{providers} 个组织被删除，已不计入"),
                {"projects": len(projects), "providers": len(providers)})
    return solve(replace(outcome.order, confirmed=kept), edges, engines=engines, watch=watch,
                 notes=(*outcome.notes, note))


def _carried(order: Order, ids: Sequence[int], bars: Mapping[int, Mapping[int, int]]) -> tuple[
        dict[Pair, Confirmed], tuple[Note, ...]]:
    """Return the confirmed pairs that stay frozen: those whose project takes part and against which no rule stands."""
    taking_part, kept, barred = set(ids), {}, 0
    for pair, one in order.confirmed.items():
        if pair[0] not in taking_part:
            continue
        if bars.get(pair[0], {}).get(pair[1], 0) & int(HardRule.CONFLICT):
            barred += 1
        else:
            kept[pair] = one
    notes = [Note(N_("{count} 个已确认的配对因为利益冲突没有沿用"), {"count": barred})] if barred else []
    if order.dropped:
        notes.append(Note(N_("第 {number} 号方案的 {count} 条指定和排除没有沿用；仍需要的，请在新方案里重新填写"),
                          {"number": order.live_number, "count": order.dropped}))
    return kept, tuple(notes)


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
