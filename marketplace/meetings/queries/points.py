"""The points of every pair at an event: from the newest matching runs where they have it, else from the registry."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from marketplace.matching.models.runs import MatchingRun, RunInput, RunNeed
from marketplace.matching.rules.edges import Edges, from_bytes
from marketplace.matching.rules.runs import RunState
from marketplace.meetings.rules.points import estimate
from marketplace.meetings.rules.problems import Ints
from marketplace.organizations.models import ServedArea, ServiceCategory
from marketplace.projects.models import Project

MOST_RUNS = 20


@dataclass(frozen=True)
class Points:
    """(tables, organizations) in tenths, 0 for no pair; `runs`: references of the matching runs that were used."""

    matrix: Ints
    runs: tuple[str, ...]

    @property
    def source(self) -> str:
        """Return where the points came from, for the row of a schedule."""
        return " ".join(self.runs)


def run_numbers(session: Session, source: str) -> list[int]:
    """Return the numbers of the matching runs that `Points.source` names, for people; a deleted one is left out."""
    return list(session.scalars(
        select(MatchingRun.number).where(MatchingRun.ref.in_(source.split())).order_by(MatchingRun.number)))


def points_of(session: Session, projects: Sequence[int], organizations: Sequence[int]) -> Points:
    """Return the points of all pairs. A body never meets the project that it buys itself."""
    made = _from_registry(session, projects, organizations)
    runs = _from_runs(session, projects, organizations, made)
    columns = {organization: column for column, organization in enumerate(organizations)}
    for row, buyer in enumerate(_buyers(session, projects)):
        if buyer is not None and buyer in columns:
            made[row, columns[buyer]] = 0
    return Points(made, runs)


def _buyers(session: Session, projects: Sequence[int]) -> list[int | None]:
    """Return the buyer of each project."""
    found = dict(session.execute(select(Project.id, Project.buyer_id).where(Project.id.in_(projects))).all())
    return [found.get(project) for project in projects]


def _from_registry(session: Session, projects: Sequence[int], organizations: Sequence[int]) -> Ints:
    """Return estimates from the categories and areas that both sides state."""
    needs = {each.id: (each.category_code, each.area_code) for each in session.execute(
        select(Project.id, Project.category_code, Project.area_code).where(Project.id.in_(projects)))}
    serves = _codes(session, select(ServiceCategory.organization_id, ServiceCategory.code).where(
        ServiceCategory.organization_id.in_(organizations)))
    areas = _codes(session, select(ServedArea.organization_id, ServedArea.area_code).where(
        ServedArea.organization_id.in_(organizations)))
    made = np.zeros((len(projects), len(organizations)), np.int64)
    known: dict[tuple[object, ...], int] = {}
    for row, project in enumerate(projects):
        category, area = needs.get(project, (None, None))
        for column, organization in enumerate(organizations):
            mine, here = serves.get(organization, ()), areas.get(organization, ())
            key = (category, area, mine, here)
            if key not in known:
                known[key] = estimate(category, area, serves=mine, areas=here)
            made[row, column] = known[key]
    return made


def _codes(session: Session, query: Select[int, str]) -> dict[int, tuple[str, ...]]:
    """Return the codes of each organization."""
    kept: dict[int, list[str]] = {}
    for organization, code in session.execute(query):
        kept.setdefault(organization, []).append(code)
    return {organization: tuple(sorted(codes)) for organization, codes in kept.items()}


def _from_runs(session: Session, projects: Sequence[int], organizations: Sequence[int], made: Ints) -> tuple[str, ...]:
    """Put in the points of the newest run that has each project; return which runs were used.

    Who was no candidate of a project there cannot stand above those who were.
    """
    waiting, used = {project: row for row, project in enumerate(projects)}, []
    columns = {organization: column for column, organization in enumerate(organizations)}
    ran = session.execute(
        select(MatchingRun.id, MatchingRun.ref).where(MatchingRun.state == RunState.DONE, MatchingRun.id.in_(
            select(RunNeed.run_id).where(RunNeed.project_id.in_(projects))))
        .order_by(MatchingRun.finished_at.desc(), MatchingRun.id.desc()).limit(MOST_RUNS)).all()
    for run_id, ref in ran:
        data = session.scalar(select(RunInput.edges).where(RunInput.run_id == run_id)) if waiting else None
        if data and (rows := _put_in(from_bytes(data), waiting, columns, made)):
            used.append(ref)
            for project in rows:
                del waiting[project]
    return tuple(used)


def _put_in(edges: Edges, waiting: dict[int, int], columns: dict[int, int], made: Ints) -> list[int]:
    """Write the points of one run into the rows that wait; return the projects that it has."""
    totals, mine = edges.base(), []
    for need, project in enumerate(edges.need_keys.tolist()):
        if project not in waiting:
            continue
        pairs = np.flatnonzero(edges.needs == need)
        keys = edges.provider_keys[edges.providers[pairs]].tolist()
        row = waiting[project]
        here = {columns[key]: int(total) for key, total in zip(keys, totals[pairs].tolist(), strict=True)
                if key in columns and total > 0}
        mine.append(project)
        if here:
            np.minimum(made[row], min(here.values()), out=made[row])
            made[row, list(here)] = list(here.values())
    return mine
