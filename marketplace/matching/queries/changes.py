"""Two sets of pairs side by side: which projects get somebody else. For previews, other weights, runs compared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.matching.models import MatchingRun, Pairing
from marketplace.matching.rules.runs import PairingState
from marketplace.matching.rules.weights import Criterion
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

Pairs = Mapping[tuple[int, int], int]           # (project id, provider id) -> total in tenths of a point
MOST_BOUND = 500                                # ids that one statement asks for


@dataclass(frozen=True)
class Side:
    """One provider that a project gets: total in tenths of a point."""

    provider_ref: str
    name: str
    total: int


@dataclass(frozen=True)
class Change:
    """One project whose providers differ: those of before, those of after."""

    project_ref: str
    title: str
    buyer: str
    before: tuple[Side, ...]
    after: tuple[Side, ...]

    @property
    def gain(self) -> int:
        """Return by how many tenths the project's total differs."""
        return sum(one.total for one in self.after) - sum(one.total for one in self.before)


def pairs_of(session: Session, run: MatchingRun) -> dict[tuple[int, int], int]:
    """Return the pairs that stand in a run."""
    rows = session.execute(select(Pairing.project_id, Pairing.provider_id, Pairing.total).where(
        Pairing.run_id == run.id, Pairing.state != PairingState.REMOVED))
    return {(project, provider): total for project, provider, total in rows}


def kept_bonus(session: Session, run: MatchingRun) -> int:
    """Return how many tenths of a run's total are nothing but the bonus for keeping what was published before."""
    rows = session.scalars(select(Pairing.contributions).where(
        Pairing.run_id == run.id, Pairing.state != PairingState.REMOVED))
    return sum(one.get(Criterion.SWITCHING, 0) for one in rows)


def changed(session: Session, before: Pairs, after: Pairs) -> list[Change]:
    """Return the projects whose providers differ, largest loss first, then by title."""
    projects = {project for project, _ in before.keys() ^ after.keys()}
    sides: dict[int, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = {one: ([], []) for one in projects}
    for number, pairs in enumerate((before, after)):
        for (project, provider), total in pairs.items():
            if project in projects:
                sides[project][number].append((provider, total))
    names = organizations(session, {one for both in sides.values() for side in both for one, _ in side})
    found = [
        Change(project.ref, project.title, project.buyer.name, *(
            tuple(Side(names[one].ref, names[one].name, total) for one, total in sorted(side) if one in names)
            for side in sides[project.id]))
        for project in projects_of(session, projects).values()]
    return sorted(found, key=lambda one: (one.gain, one.title, one.project_ref))


def projects_of(session: Session, ids: Iterable[int]) -> dict[int, Project]:
    """Return projects by id; those deleted since are missing."""
    return {one.id: one for part in _portions(ids) for one in session.scalars(
        select(Project).where(Project.id.in_(part)))}


def organizations(session: Session, ids: Iterable[int]) -> dict[int, Organization]:
    """Return organizations by id; those deleted since are missing."""
    return {one.id: one for part in _portions(ids) for one in session.scalars(
        select(Organization).where(Organization.id.in_(part)))}


def _portions(ids: Iterable[int]) -> list[list[int]]:
    """Split ids so that no statement binds too many."""
    wanted = sorted(set(ids))
    return [wanted[start:start + MOST_BOUND] for start in range(0, len(wanted), MOST_BOUND)]
