"""What a run is asked to compute, with what it takes over from the run in force; what it says beside its result."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.ports import Converter, FlowSolver
from marketplace.matching.models import MatchingRun, Pairing, RunEdit
from marketplace.matching.rules.edits import Candidate, Edit, Pair, Wishes, fold
from marketplace.matching.rules.runs import EditKind, PairingState, Publication
from marketplace.matching.rules.weights import CRITERIA, Weights

_ON_PAIRS = (EditKind.PIN, EditKind.FORBID, EditKind.RELEASE)
_ON_SIDES = (EditKind.WITHDRAW, EditKind.ADD)


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
class Overruled:
    """A pin or forbid that holds in the run in force; `reason` is the one given there.

    `is_idle`: a pin whose project or provider was withdrawn there.
    """

    edit: Edit
    reason: str
    is_idle: bool = False


@dataclass(frozen=True)
class Order:
    """What a run is asked to compute: plain values, read before the work begins.

    `held`: pairs of the run in force, `live_number` its number; `confirmed`: those of them that are frozen;
    `overruled`: pins and forbids that are to hold in the new run too; `dropped`: how many are not asked to.
    """

    run_id: int
    ref: str
    scope: str
    reach: str
    weights: Weights
    held: frozenset[Pair] = frozenset()
    confirmed: Mapping[Pair, Confirmed] = field(default_factory=dict)
    live_number: int = 0
    overruled: tuple[Overruled, ...] = ()
    dropped: int = 0

    @property
    def wishes(self) -> Wishes:
        """Return what holds from the beginning."""
        return fold((one.edit for one in self.overruled), Wishes(confirmed=frozenset(self.confirmed)))


@dataclass(frozen=True)
class Note:
    """A sentence (message id) about who was left out, with what stands in its places."""

    sentence: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def as_plain(self) -> dict[str, object]:
        """Return plain values for a row."""
        return {"sentence": self.sentence, "facts": dict(self.facts)}


def order_of(session: Session, run: MatchingRun, *, carries: bool = False) -> Order:
    """Return what a run is asked to compute, with the pairs of the run that is in force for its scope.

    `carries`: pins and forbids of that run are asked for again.
    """
    live = session.scalar(select(MatchingRun).where(
        MatchingRun.scope == run.scope, MatchingRun.publication == Publication.PUBLISHED, MatchingRun.id != run.id))
    order = Order(run.id, run.ref, run.scope, run.reach, run.weight_set.weights)
    if live is None:
        return order
    rows = session.scalars(select(Pairing).where(
        Pairing.run_id == live.id, Pairing.state != PairingState.REMOVED).order_by(Pairing.id)).all()
    frozen = {(one.project_id, one.provider_id): Confirmed(candidate_of(one), one.confirmed_at, one.confirmed_by)
              for one in rows if one.confirmed_at is not None}
    holding = [one for one in _overruled(session, live) if one.edit.pair not in frozen]
    return replace(order, held=frozenset((one.project_id, one.provider_id) for one in rows), confirmed=frozen,
                   live_number=live.number, overruled=tuple(holding) if carries else (),
                   dropped=0 if carries else len(holding))


def _overruled(session: Session, run: MatchingRun) -> list[Overruled]:
    """Return the pins and forbids that hold in a run, in the order in which they were made."""
    rows = session.scalars(select(RunEdit).where(
        RunEdit.run_id == run.id, RunEdit.kind.in_((*_ON_PAIRS, *_ON_SIDES))).order_by(RunEdit.number)).all()
    edits = [(Edit(EditKind(one.kind), one.project_id, one.provider_id), one.reason) for one in rows]
    wishes = fold(edit for edit, _ in edits)
    newest = {edit.pair: at for at, (edit, _) in enumerate(edits) if edit.kind in _ON_PAIRS}
    holding = sorted(newest[pair] for pair in wishes.pins | wishes.forbids)
    return [Overruled(*edits[at], is_idle=edits[at][0].pair in wishes.pins - wishes.fixed) for at in holding]


def candidate_of(pairing: Pairing) -> Candidate:
    """Return the columns of a stored pair."""
    parts = tuple(pairing.contributions.get(str(one), 0) for one in CRITERIA)
    return Candidate(pairing.provider_id, parts, pairing.known, int(pairing.channel == "text"))
