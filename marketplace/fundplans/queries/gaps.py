"""What published projects lack now, read in bulk, and what the newest published pairings say of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.money import Money
from marketplace.funding.models import Allocation, CostLine, FundedProject, OwnContribution, Pledge
from marketplace.funding.queries.sums import fen
from marketplace.funding.rules.landing import CLOSED, Place
from marketplace.fundplans.queries.papers import NOTHING, Spoken
from marketplace.fundplans.rules.gaps import Committed, Cost, Gap, gap_of
from marketplace.matching.models import MatchingRun, Pairing
from marketplace.matching.rules.runs import PairingState, Publication
from marketplace.projects.models import Project

_AT_ONCE = 500


def asking(session: Session, papers: Spoken = NOTHING) -> list[tuple[Project, Gap]]:
    """Return the published projects on which money may land now, in the order in which they were published."""
    found = session.scalars(
        select(Project).where(Project.published_at.is_not(None), Project.state.not_in(CLOSED))
        .options(joinedload(Project.buyer)).order_by(Project.published_at, Project.id)).all()
    gaps = gaps_of(session, found, papers)
    return [(one, gaps[one.id]) for one in found if one.id in gaps]


def gaps_of(session: Session, projects: Sequence[Project], papers: Spoken = NOTHING) -> dict[int, Gap]:
    """Return the gap of each project by id, without those on which no money may land now.

    `papers`: drafts from plans that close a part of the gaps.
    """
    known = _committed(session, projects, papers)
    found = {one.id: gap_of(Place(one.procedure, one.takes_matching, one.state), known[one.id]) for one in projects}
    return {key: gap for key, gap in found.items() if gap is not None}


def _committed(session: Session, projects: Sequence[Project], papers: Spoken) -> dict[int, Committed]:
    """Return what is known of the money of projects."""
    ids = [one.id for one in projects]
    signed = _sums(session, ids, select(FundedProject.project_id, fen(FundedProject.amount) - fen(FundedProject.dropped)
                                        - fen(FundedProject.refunded) - fen(FundedProject.verbal)), FundedProject)
    reserved = _sums(session, ids, select(Pledge.project_id, fen(Allocation.amount) - fen(Allocation.returned)).join(
        Pledge, Pledge.id == Allocation.pledge_id).where(Allocation.state == "reserved"), Pledge)
    own = _sums(session, ids, select(OwnContribution.project_id, fen(OwnContribution.amount)).where(
        OwnContribution.state == "proved"), OwnContribution)
    costs = _costs(session, ids)
    return {one.id: Committed(
        budget=one.budget.fen if one.budget else None, signed=signed.get(one.id, 0) + reserved.get(one.id, 0),
        own=own.get(one.id, 0), lines=tuple(costs[one.id]) if one.id in costs else None,
        drafts=papers.drafts.get(one.id, ())) for one in projects}


def _costs(session: Session, ids: Sequence[int]) -> dict[int, list[Cost]]:
    """Return what the named costs that gifts may pay still lack, by project, in the order in which they were named."""
    found: dict[int, list[Cost]] = {}
    for some in bites(ids):
        for one in session.scalars(select(CostLine).where(
                CostLine.project_id.in_(some), CostLine.source == "extra").order_by(CostLine.id)):
            found.setdefault(one.project_id, []).append(Cost(one.ref, one.name, (one.amount - one.funded).fen))
    return found


def _sums(session: Session, ids: Sequence[int], query: Any, model: Any) -> dict[int, int]:
    """Return one sum a project."""
    return {int(row[0]): int(row[1]) for some in bites(ids) for row in session.execute(
        query.where(model.project_id.in_(some)).group_by(model.project_id))}


def bites(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield ids in bites that every database takes."""
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start:start + _AT_ONCE]


def best_pairings(session: Session) -> tuple[Mapping[int, int], tuple[str, ...]]:
    """Return the highest total of each project in the newest published run that has it (tenths), and the runs' refs."""
    rows = session.execute(
        select(MatchingRun.ref, Pairing.project_id, Pairing.total).join(Pairing, Pairing.run_id == MatchingRun.id)
        .where(MatchingRun.publication == Publication.PUBLISHED, Pairing.state != PairingState.REMOVED)
        .order_by(MatchingRun.published_at.desc(), MatchingRun.id.desc())).all()
    run_of: dict[int, str] = {}
    best: dict[int, int] = {}
    for run, project_id, total in rows:
        if run_of.setdefault(project_id, run) == run:
            best[project_id] = max(best.get(project_id, 0), total)
    return best, tuple(sorted(set(run_of.values())))


def committed_money(session: Session, ids: Sequence[int]) -> Mapping[int, Money]:
    """Return by project what others have signed for it, own and matched."""
    sums = _sums(session, ids, select(FundedProject.project_id, fen(FundedProject.amount) - fen(FundedProject.dropped)
                                      - fen(FundedProject.refunded) - fen(FundedProject.verbal)), FundedProject)
    return {key: Money(value) for key, value in sums.items()}
