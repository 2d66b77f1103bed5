"""What an edit would change: the stored pairs solved again with it. A pure read; `operations.edits` commits it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.errors import Conflict
from marketplace.core.ports import FlowSolver
from marketplace.core.text import N_
from marketplace.matching.models import MatchingRun, Pairing, RunEdit, RunInput
from marketplace.matching.queries.computing import present
from marketplace.matching.queries.orders import Engines
from marketplace.matching.queries.together import check_fixed_apart, tied_in
from marketplace.matching.queries.wishes import Known, barred, checked
from marketplace.matching.rules import bounds, metrics, problem, summary, together
from marketplace.matching.rules.assignment import Solution
from marketplace.matching.rules.bounds import Prices
from marketplace.matching.rules.difference import Difference, difference
from marketplace.matching.rules.edges import Edges, from_bytes
from marketplace.matching.rules.edits import Edit, Pair, Wishes, added_from_plain, candidate_from_plain, fold
from marketplace.matching.rules.metrics import RunMetrics
from marketplace.matching.rules.problem import Problem
from marketplace.matching.rules.runs import OVERRIDES, EditKind, PairingState, Publication
from marketplace.matching.rules.shortage import Shortage, check_fixed, shortage
from marketplace.matching.rules.weights import Weights
from marketplace.organizations.models import Organization

MOST_TRIES = 5


@dataclass(frozen=True)
class Standing:
    """A finished run as it stands: what it was computed from, every edit, the pairs of now with their totals."""

    run_id: int
    ref: str
    number: int
    publication: str
    weights: Weights
    edges: Edges
    held: frozenset[Pair]
    wishes: Wishes
    pairs: Mapping[Pair, int]
    total: int
    overrides: int = 0

    @property
    def is_live(self) -> bool:
        """Say whether the run is in force."""
        return self.publication == Publication.PUBLISHED

    def problem(self, wishes: Wishes, *, weights: Weights | None = None, edges: Edges | None = None) -> Problem:
        """Return the problem with other wishes, weights or pairs."""
        return problem.make(edges or self.edges, weights or self.weights, wishes, held=self.held,
                            standing=self.pairs, is_live=self.is_live)


@dataclass(frozen=True)
class Plan:
    """What an edit would change, and all that committing it needs. `number`: the last edit it was computed on."""

    standing: Standing
    edit: Edit
    solution: Solution
    difference: Difference

    @property
    def number(self) -> int:
        """Return the number of the edit on which this was computed; who commits it says it again."""
        return self.standing.number

    @cached_property
    def prices(self) -> Prices:
        """Return what places are worth after it."""
        return bounds.prices(self.solution)

    @cached_property
    def metrics(self) -> RunMetrics:
        """Return the figures of the run after it."""
        return metrics.measure(
            self.solution, bounds.certificate(self.solution, self.prices), before=self.standing.held or None,
            overrides=self.standing.overrides + (self.edit.kind in OVERRIDES))

    @cached_property
    def pair_rows(self) -> dict[Pair, summary.Row]:
        """Return the pairs as they will be stored."""
        return summary.pair_rows(self.solution, self.prices)

    @cached_property
    def need_rows(self) -> dict[int, summary.Row]:
        """Return the projects as they will be stored."""
        return summary.need_rows(self.solution, self.prices)

    @cached_property
    def sha256(self) -> str:
        """Return the hash of all that decides the pairs after it."""
        made = self.solution.problem
        return problem.inputs_sha256(made.edges, made.weights, made.wishes, held=self.standing.held,
                                     standing=self.standing.pairs, is_live=self.standing.is_live)

    def ready(self) -> "Plan":
        """Compute everything now, before a transaction begins."""
        _ = self.metrics, self.pair_rows, self.need_rows, self.sha256
        return self


def standing_of(session: Session, run: MatchingRun) -> Standing:
    """Return a run as it stands; raises Conflict before it is computed."""
    kept = session.get(RunInput, run.id)
    if kept is None:
        raise Conflict(N_("方案还没有算好，算好后再调整"))
    edits = [_edit_of(row) for row in session.scalars(
        select(RunEdit).where(RunEdit.run_id == run.id).order_by(RunEdit.number))]
    rows = session.execute(select(Pairing.project_id, Pairing.provider_id, Pairing.total, Pairing.state).where(
        Pairing.run_id == run.id, Pairing.state != PairingState.REMOVED)).all()
    confirmed = frozenset((row[0], row[1]) for row in rows if row[3] == PairingState.CONFIRMED)
    overrides = sum(edit.kind in OVERRIDES for edit in edits)
    return Standing(
        run.id, run.ref, run.edits, run.publication, run.weight_set.weights, from_bytes(kept.edges),
        frozenset((one[0], one[1]) for one in kept.held), replace(fold(edits), confirmed=confirmed),
        {(row[0], row[1]): row[2] for row in rows}, int(str(run.metrics["total"])), overrides)


def _edit_of(row: RunEdit) -> Edit:
    """Return a stored edit as the rules know it."""
    edit = Edit(EditKind(row.kind), row.project_id, row.provider_id, row.value)
    if row.candidate is None:
        return edit
    if edit.kind == EditKind.ADD:
        return replace(edit, added=added_from_plain(row.candidate))
    return replace(edit, candidate=candidate_from_plain(row.candidate))


def preview_edit(session: Session, run: MatchingRun, edit: Edit, *, engines: Engines, now: datetime) -> Plan:
    """Return what an edit would change.

    Raises Invalid with a sentence when it breaks a rule or makes no sense, CannotHold when no assignment fulfils it.
    """
    standing = standing_of(session, run)
    known = Known(standing.edges, standing.wishes, frozenset(standing.pairs), standing.weights, run.scope, run.reach)
    edit = checked(session, known, edit, engines=engines, now=now)
    return _planned(session, standing, edit, engines.flows, now)


def _planned(session: Session, standing: Standing, edit: Edit, flows: FlowSolver, now: datetime) -> Plan:
    """Solve with the edit; candidates who are gone, and pairs that are barred since the run, are left out.

    Pairs that stand already stay: a person takes those out. Of two tied providers of one project the lower one goes.
    """
    wishes, edges = standing.wishes.after(edit), standing.edges
    for _ in range(MOST_TRIES):
        made = standing.problem(wishes, edges=edges)
        check_fixed(made)
        tied = tied_in(session, made, now=now)
        check_fixed_apart(session, together.clashes(wishes.fixed, tied), edit, before=standing.wishes, after=wishes)
        solution = together.solve(made, flows, tied).solution
        found = _difference(standing, solution)
        new = sorted({provider for _, provider in found.come})
        gone = set(new) - present(session, Organization, new)
        if gone:
            edges = problem.without(edges, (), gone)
        elif barred(session, found.come, now=now):
            possible = set(problem.pairs_of(edges, np.ones(len(edges.needs), np.bool_))) - standing.pairs.keys()
            edges = problem.without_pairs(edges, barred(session, possible, now=now))
        else:
            return Plan(standing, edit, solution, found)
    raise Conflict(N_("候选组织正在被删除。请稍后再试"))


def _difference(standing: Standing, solution: Solution) -> Difference:
    """Return what differs from what stands."""
    after = dict(zip(solution.pairs, solution.totals.tolist(), strict=True))
    return difference(standing.pairs, after, total_before=standing.total, total_after=solution.total)


def shortage_of(session: Session, run: MatchingRun, *, flows: FlowSolver) -> Shortage | None:
    """Return why not every project of a run can have a provider, the minimum score left aside; None when all can."""
    standing = standing_of(session, run)
    return shortage(standing.problem(standing.wishes), flows)
