"""What the operator's pages of runs list: runs, pairs and projects of one, narrowed; for pages and files alike."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.matching.models import MatchingRun, Pairing, RunEdit, RunNeed, WeightSet
from marketplace.matching.rules.runs import NeedState, PairingState, Publication, RunState
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

MOST_FOUND, MOST_OFFERED = 20, 500


@dataclass(frozen=True)
class Wanted:
    """What a table is narrowed to: a buyer's ref, a category with all below it, words of the title, one state."""

    unit: str = ""
    category: str = ""
    words: str = ""
    state: str = ""


def runs(path: str | None = None) -> Select[Any]:
    """Return the runs, newest first; `path`: only runs of a unit and those below it."""
    found = select(MatchingRun).order_by(MatchingRun.number.desc()).options(joinedload(MatchingRun.weight_set))
    return found if path is None else found.where(MatchingRun.scope.startswith(path, autoescape=True))


def run_by_ref(session: Session, ref: str) -> MatchingRun | None:
    """Return a run by its ref."""
    return session.scalars(select(MatchingRun).where(MatchingRun.ref == ref)).first()


def live(session: Session, scope: str) -> MatchingRun | None:
    """Return the run in force of a scope."""
    return session.scalars(select(MatchingRun).where(
        MatchingRun.scope == scope, MatchingRun.publication == Publication.PUBLISHED)).first()


def newest_weights(session: Session) -> WeightSet | None:
    """Return the weights in force; None while nobody has set any."""
    return session.scalars(weight_sets().limit(1)).first()


def weight_sets() -> Select[Any]:
    """Return the versions of the weights, newest first."""
    return select(WeightSet).order_by(WeightSet.number.desc()).options(joinedload(WeightSet.person))


def scopes(session: Session) -> list[Organization]:
    """Return the units that have posted projects or units below them that have, by name."""
    paths = set(session.scalars(select(Project.buyer_path).distinct()))
    ids = {int(one) for path in paths for one in path.split("/") if one}
    return list(session.scalars(select(Organization).where(Organization.id.in_(ids)).order_by(Organization.name)))


def unit_name(session: Session, path: str) -> str | None:
    """Return the name of the unit at a place of the tree."""
    return session.scalar(select(Organization.name).where(Organization.path == path))


@dataclass(frozen=True)
class Counts:
    """How many rows the parts of a run have."""

    pairs: int
    short: int
    edits: int


def counts(session: Session, run: MatchingRun) -> Counts:
    """Return how many pairs stand, how many projects got too few, how many edits there are."""
    pairs_ = session.scalar(select(func.count()).where(Pairing.run_id == run.id, Pairing.state != PairingState.REMOVED))
    short_ = session.scalar(select(func.count()).where(RunNeed.run_id == run.id, RunNeed.state != NeedState.PAIRED))
    return Counts(pairs_ or 0, short_ or 0, run.edits)


def others(run: MatchingRun) -> Select[Any]:
    """Return the finished runs that one can be compared with, newest first."""
    return runs().where(MatchingRun.state == RunState.DONE, MatchingRun.id != run.id)


def newest_done(session: Session, *, published_first: bool = False) -> MatchingRun | None:
    """Return the run that pages about the whole market show: the newest done; or the one in force, if there is one."""
    done = runs().where(MatchingRun.state == RunState.DONE)
    live = done.where(MatchingRun.publication == Publication.PUBLISHED).limit(1)
    found: MatchingRun | None = session.scalars(live).first() if published_first else None
    return found or session.scalars(done.limit(1)).first()


def _narrowed(statement: Select[Any], wanted: Wanted) -> Select[Any]:
    """Narrow a statement that has joined Project."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.unit:
        conditions.append(Project.buyer_id == select(Organization.id).where(
            Organization.ref == wanted.unit).scalar_subquery())
    if wanted.category:
        conditions.append(Project.category_code.startswith(wanted.category, autoescape=True))
    if wanted.words:
        conditions.append(Project.title.contains(wanted.words, autoescape=True))
    return statement.where(*conditions)


def pairs(run: MatchingRun, wanted: Wanted) -> Select[Any]:
    """Return the pairs that stand in a run, highest first; state `pinned`: only those that people asked for."""
    found = select(Pairing).join(Pairing.project).where(
        Pairing.run_id == run.id, Pairing.state != PairingState.REMOVED).options(
        joinedload(Pairing.project).joinedload(Project.buyer), joinedload(Pairing.provider))
    if wanted.state == "pinned":
        found = found.where(Pairing.is_pinned)
    elif wanted.state in set(PairingState):
        found = found.where(Pairing.state == wanted.state)
    return _narrowed(found, wanted).order_by(Pairing.total.desc(), Pairing.id)


def short(run: MatchingRun, wanted: Wanted) -> Select[Any]:
    """Return the projects of a run that got nobody or fewer than they ask for, fewest candidates first."""
    found = select(RunNeed).join(RunNeed.project).where(
        RunNeed.run_id == run.id, RunNeed.state != NeedState.PAIRED).options(
        joinedload(RunNeed.project).joinedload(Project.buyer), joinedload(RunNeed.best_provider),
        joinedload(RunNeed.rival))
    if wanted.state in set(NeedState):
        found = found.where(RunNeed.state == wanted.state)
    return _narrowed(found, wanted).order_by(RunNeed.candidates, RunNeed.project_id)


def reasons(session: Session, run: MatchingRun) -> list[tuple[str, str]]:
    """Return (reason, state) of every project that got nobody or too few."""
    return [(reason, state) for reason, state in session.execute(select(RunNeed.reason, RunNeed.state).where(
        RunNeed.run_id == run.id, RunNeed.state != NeedState.PAIRED))]


def edits(run: MatchingRun) -> Select[Any]:
    """Return what people changed in a run, newest first."""
    return select(RunEdit).where(RunEdit.run_id == run.id).order_by(RunEdit.number.desc()).options(
        joinedload(RunEdit.project), joinedload(RunEdit.provider))


def units(session: Session, run: MatchingRun) -> list[Organization]:
    """Return the buyers whose projects take part in a run, by name."""
    return list(session.scalars(select(Organization).where(Organization.id.in_(
        select(Project.buyer_id).join(RunNeed, RunNeed.project_id == Project.id).where(RunNeed.run_id == run.id)))
        .order_by(Organization.name)))


def categories(session: Session, run: MatchingRun) -> list[str]:
    """Return the category codes of the projects of a run."""
    return [code for code in session.scalars(
        select(Project.category_code).join(RunNeed, RunNeed.project_id == Project.id).where(
            RunNeed.run_id == run.id).distinct().order_by(Project.category_code)) if code]


def need_of(session: Session, run: MatchingRun, project: str) -> RunNeed | None:
    """Return what a run did with a project, by the project's ref."""
    return session.scalars(select(RunNeed).join(RunNeed.project).where(
        RunNeed.run_id == run.id, Project.ref == project)).first()


def pairing(session: Session, run: MatchingRun, project: int, provider: int) -> Pairing:
    """Return the pairing of a project and a provider in a run; there must be one."""
    return session.scalars(select(Pairing).where(
        Pairing.run_id == run.id, Pairing.project_id == project, Pairing.provider_id == provider)).one()


def candidates_of(session: Session, run: MatchingRun, typed: str) -> list[str]:
    """Return names to offer for a project: its pairs and its nearest; those of all projects where none is named."""
    mine = select(Pairing.provider_id).join(Pairing.project).where(Pairing.run_id == run.id)
    best = select(RunNeed.best_provider_id).join(RunNeed.project).where(RunNeed.run_id == run.id)
    if typed:
        named = or_(Project.ref == typed, Project.number == typed, Project.title == typed)
        mine, best = mine.where(named), best.where(named)
    return list(session.scalars(select(Organization.name).where(or_(
        Organization.id.in_(mine), Organization.id.in_(best))).order_by(Organization.name).limit(MOST_OFFERED)))


def projects_like(session: Session, run: MatchingRun, typed: str, *, most: int = MOST_FOUND) -> list[Project]:
    """Return the projects of a run that a person may mean: by ref, number or words of the title."""
    return list(session.scalars(select(Project).join(RunNeed, RunNeed.project_id == Project.id).where(
        RunNeed.run_id == run.id, or_(Project.ref == typed, Project.number == typed,
                                      Project.title.contains(typed, autoescape=True)))
        .order_by(Project.title).limit(most)))


def providers_like(session: Session, typed: str) -> list[Organization]:
    """Return the providers that a person may mean: by ref, code or words of the name."""
    return list(session.scalars(select(Organization).where(Organization.is_provider, or_(
        Organization.ref == typed, Organization.credit_code == typed,
        Organization.name.contains(typed, autoescape=True))).order_by(Organization.name).limit(MOST_FOUND)))

