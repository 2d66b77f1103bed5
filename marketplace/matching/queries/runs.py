"""One run by its ref, the run in force, its figures, loads, two runs side by side. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.access import Actor, require
from marketplace.matching.models import MatchingRun, Pairing, RunNeed, WeightSet
from marketplace.matching.policy import runs as policy
from marketplace.matching.queries.changes import pairs_of
from marketplace.matching.queries.facts import in_reach
from marketplace.matching.rules.difference import Difference, difference
from marketplace.matching.rules.metrics import RunMetrics, from_plain
from marketplace.matching.rules.runs import PairingState
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

MOST_FOUND = 20


@dataclass(frozen=True)
class Comparison:
    """Two finished runs: their figures, and the pairs that only one of them has."""

    left: RunMetrics
    right: RunMetrics
    difference: Difference


def by_ref(session: Session, ref: str, *, actor: Actor) -> MatchingRun:
    """Return a run that the actor may see; raises Denied (404) otherwise."""
    require(policy.may_see(actor))
    run = session.scalar(select(MatchingRun).where(MatchingRun.ref == ref).options(
        joinedload(MatchingRun.weight_set), joinedload(MatchingRun.person)))
    if run is None:
        require(policy.HIDDEN)
    assert run is not None
    return run


def metrics_of(run: MatchingRun) -> RunMetrics | None:
    """Return the figures of a run; None before it is computed."""
    return from_plain(run.metrics) if run.metrics else None


def weight_sets(session: Session) -> list[WeightSet]:
    """Return the versions of the weights, the one in force first."""
    return list(session.scalars(select(WeightSet).options(joinedload(WeightSet.person))
                                .order_by(WeightSet.number.desc())))


def loads(session: Session, run: MatchingRun) -> list[tuple[Organization, int]]:
    """Return the providers with their numbers of pairs in a run, the busiest first."""
    count = func.count(Pairing.id)
    rows = session.execute(
        select(Organization, count).join(Pairing, Pairing.provider_id == Organization.id)
        .where(Pairing.run_id == run.id, Pairing.state != PairingState.REMOVED)
        .group_by(Organization.id).order_by(count.desc(), Organization.name))
    return [(one, many) for one, many in rows]


def compare(session: Session, left: MatchingRun, right: MatchingRun) -> Comparison | None:
    """Return what differs between two finished runs; None while one of them is not computed."""
    first, second = metrics_of(left), metrics_of(right)
    if first is None or second is None:
        return None
    return Comparison(first, second, difference(pairs_of(session, left), pairs_of(session, right),
                                                total_before=first.total, total_after=second.total))


def projects_to_add(session: Session, run: MatchingRun, typed: str, *, now: datetime) -> list[Project]:
    """Return projects of a run's kind that were posted after it, and that a person may mean; newest first."""
    return list(session.scalars(select(Project).where(
        in_reach(run.reach, now=now), Project.buyer_path.startswith(run.scope, autoescape=True),
        Project.id.not_in(select(RunNeed.project_id).where(RunNeed.run_id == run.id)),
        or_(Project.ref == typed, Project.number == typed, Project.title.contains(typed, autoescape=True)))
        .order_by(Project.id.desc()).limit(MOST_FOUND)))
