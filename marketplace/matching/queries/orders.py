"""What a run is asked to compute, with what it takes over from the run in force; what it says beside its result."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.ports import Converter, FlowSolver
from marketplace.matching.models import MatchingRun, Pairing, RunEdit
from marketplace.matching.rules.edits import Candidate, Edit, Pair, fold
from marketplace.matching.rules.runs import EditKind, PairingState, Publication
from marketplace.matching.rules.weights import CRITERIA, Weights

_ON_PAIRS = (EditKind.PIN, EditKind.FORBID, EditKind.RELEASE)


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
