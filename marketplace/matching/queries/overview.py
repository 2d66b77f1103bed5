"""The whole market through one finished run, and the runs beside each other over time. Reads only."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Row, and_, func, select
from sqlalchemy.orm import Session

from marketplace.matching.models import MatchingRun, Pairing, RunEdit, RunInput, RunNeed
from marketplace.matching.queries.changes import organizations, pairs_of
from marketplace.matching.rules.edges import Edges, from_bytes
from marketplace.matching.rules.overview import Cell, Load, coverage, load
from marketplace.matching.rules.runs import OVERRIDES, EditKind, PairingState, RunState
from marketplace.matching.rules.spread import HUNDRED, Decile, deciles, share
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

MOST_LOADED = 20
MOST_RUNS = 24


@dataclass(frozen=True)
class Loaded:
    """One provider with what it got: pairs of the run, projects in hand, places it has said (None: it has not)."""

    provider: Organization
    pairs: int
    running: int
    free: int | None
    is_new: bool


@dataclass(frozen=True)
class Market:
    """What one run says of the whole market."""

    run: MatchingRun
    projects: int
    providers: int
    pairs: int
    cells: tuple[Cell, ...]
    load: Load
    steps: tuple[tuple[int, int], ...]      # (pairs, how many providers got so many)
    loaded: tuple[Loaded, ...]
    new_share: float | None                 # of the candidates
    few: int
    nobody: int


def edges_of(session: Session, run: MatchingRun) -> Edges | None:
    """Return the candidate columns that a run was computed from; None before it read them."""
    data = session.scalar(select(RunInput.edges).where(RunInput.run_id == run.id))
    return None if data is None else from_bytes(data)


def market_of_run(session: Session, run: MatchingRun, edges: Edges) -> Market:
    """Return the market of a finished run, edits included."""
    pairs = pairs_of(session, run)
    got = Counter(provider for _, provider in pairs)
    cells = _cells(session, run, edges)
    keys = [int(one) for one in edges.provider_keys]
    given = [got[one] for one in keys]
    return Market(
        run, edges.need_keys.size, edges.provider_keys.size, len(pairs), cells, load(given),
        tuple(sorted(Counter(given).items())), _loaded(session, edges, got),
        share(int(edges.is_new.sum()), edges.is_new.size), sum(cell.few for cell in cells),
        sum(cell.nobody for cell in cells))


def _cells(session: Session, run: MatchingRun, edges: Edges) -> tuple[Cell, ...]:
    """Return coverage by category and area; what was deleted since counts as neither."""
    rows = {row.id: row for row in session.execute(
        select(Project.id, Project.category_code, Project.area_code, RunNeed.given).join(
            RunNeed, RunNeed.project_id == Project.id).where(RunNeed.run_id == run.id))}
    found = [rows.get(int(key)) for key in edges.need_keys]
    return coverage(edges, [(row.category_code or "") if row else "" for row in found],
                    [(row.area_code or "") if row else "" for row in found], [row.given if row else 0 for row in found])


def _loaded(session: Session, edges: Edges, got: Mapping[int, int]) -> tuple[Loaded, ...]:
    """Return the providers with most pairs, most first."""
    places = {int(key): place for place, key in enumerate(edges.provider_keys)}
    top = sorted((one for one in got if one in places), key=lambda one: (-got[one], places[one]))[:MOST_LOADED]
    names = organizations(session, top)
    return tuple(
        Loaded(names[one], got[one], int(edges.running[places[one]]),
               int(edges.free[places[one]]) if edges.free[places[one]] >= 0 else None, bool(edges.is_new[places[one]]))
        for one in top if one in names)


@dataclass(frozen=True)
class Past:
    """One finished run in the row of runs: how many pairs people overruled of each hundred."""

    run: MatchingRun
    pairs: int
    overrides: int

    @property
    def per_hundred(self) -> float | None:
        """Return overrides per 100 pairs."""
        found = share(self.overrides, self.pairs)
        return None if found is None else found * HUNDRED


def past_runs(session: Session, *, path: str | None = None) -> list[Past]:
    """Return the newest finished runs, oldest first, with what people overruled in each."""
    statement = select(MatchingRun).where(MatchingRun.state == RunState.DONE).order_by(MatchingRun.number.desc())
    if path is not None:
        statement = statement.where(MatchingRun.scope.startswith(path, autoescape=True))
    runs = list(session.scalars(statement.limit(MOST_RUNS)))
    ids = [run.id for run in runs]
    pairs = _counts(session.execute(select(Pairing.run_id, func.count()).where(
        Pairing.run_id.in_(ids), Pairing.state != PairingState.REMOVED).group_by(Pairing.run_id)).all())
    edits = _counts(session.execute(select(RunEdit.run_id, func.count()).where(
        RunEdit.run_id.in_(ids), RunEdit.kind.in_([str(kind) for kind in OVERRIDES])).group_by(RunEdit.run_id)).all())
    return [Past(run, pairs.get(run.id, 0), edits.get(run.id, 0)) for run in reversed(runs)]


def _counts(rows: Sequence[Row[int, int]]) -> dict[int, int]:
    """Return counts by id."""
    return {row[0]: row[1] for row in rows}


def acceptance(session: Session) -> tuple[Decile, ...]:
    """Return of each tenth of the scores how many decided pairs were confirmed; the others were forbidden by hand."""
    confirmed = session.scalars(select(Pairing.total).where(Pairing.state == PairingState.CONFIRMED)).all()
    by_hand = select(Pairing.id).join(RunEdit, and_(
        RunEdit.run_id == Pairing.run_id, RunEdit.project_id == Pairing.project_id,
        RunEdit.provider_id == Pairing.provider_id)).where(RunEdit.kind == EditKind.FORBID)
    forbidden = session.scalars(select(Pairing.total).where(
        Pairing.state == PairingState.REMOVED, Pairing.id.in_(by_hand))).all()
    return deciles([*confirmed, *forbidden], [True] * len(confirmed) + [False] * len(forbidden))
