"""The foundation's view (F3): projects for its purpose, with gap, co-funders and reasons. Only for verified funders."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.errors import Denied
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.models import Funder, Pledge
from marketplace.funding.queries.portfolio import portfolio
from marketplace.funding.rules.payout import Payout
from marketplace.fundplans.models import FundFollow
from marketplace.fundplans.queries.gaps import asking, best_pairings, bites, committed_money
from marketplace.fundplans.queries.inputs import funds_of, pools_to_plan
from marketplace.fundplans.rules.gaps import Gap, is_off_lottery
from marketplace.fundplans.rules.shortlist import Purpose, Scored, Wanted, ranked
from marketplace.organizations.models import ServedArea, ServiceCategory
from marketplace.projects.models import Project

NAMED = 3


@dataclass(frozen=True)
class Row:
    """One project for a funder. `co_funders`: at most three that may be named; `co_count`: all, named or not."""

    project: Project
    gap: Gap
    scored: Scored
    signed: Money
    co_funders: Sequence[str] = field(default=())
    co_count: int = 0
    is_followed: bool = False

    @property
    def room(self) -> Money | None:
        """Return what the funder's own pools could give."""
        return None if self.scored.room is None else Money(self.scored.room)


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to; `only`: refs of a shared list."""

    category: str = ""
    area: str = ""
    is_followed: bool = False
    is_known: bool = False
    text: str = ""
    only: frozenset[str] = frozenset()

    def keeps(self, row: Row) -> bool:
        """Say whether a row stays."""
        project = row.project
        return all((
            not self.category or (project.category_code or "").startswith(self.category),
            not self.area or (project.area_code or "").startswith(self.area),
            not self.is_followed or row.is_followed, not self.is_known or row.gap.fen is not None,
            not self.text or self.text in project.title or self.text == project.number,
            not self.only or project.ref in self.only))


@dataclass(frozen=True)
class Shortlist:
    """The list, what it was ranked by, how many projects there are before filters, which codes can be chosen."""

    rows: Sequence[Row]
    purpose: Purpose
    payout: Payout | None
    total: int
    categories: Sequence[str]
    areas: Sequence[str]


def purpose_of(session: Session, funder: Funder, *, today: date) -> tuple[Purpose, Payout | None]:
    """Return what a funder gives for and what it must still spend this year."""
    pools = [(pool, rule) for pool, rule in pools_to_plan(
        session, organization_id=funder.organization_id, today=today) if pool.funder_id == funder.id]
    found = portfolio(session, funder, today=today).payout
    return Purpose(
        tuple(one.fund for one in funds_of(session, pools)),
        tuple(session.scalars(select(ServiceCategory.code).where(
            ServiceCategory.organization_id == funder.organization_id).order_by(ServiceCategory.code))),
        tuple(session.scalars(select(ServedArea.area_code).where(
            ServedArea.organization_id == funder.organization_id).order_by(ServedArea.area_code))),
        found.due.fen if found else None), found


def shortlist(session: Session, funder: Funder, *, filters: Filters, today: date) -> Shortlist:
    """Return the projects that lack money or may lack some, the nearest to the funder's purpose first."""
    purpose, payout = purpose_of(session, funder, today=today)
    found = {one.ref: (one, gap) for one, gap in asking(session) if gap.fen != 0}
    ids = [one.id for one, _ in found.values()]
    pairings, signed = best_pairings(session)[0], committed_money(session, ids)
    wanted = [Wanted(
        ref=one.ref, budget=one.budget.fen if one.budget else None, gap=gap.fen, category=one.category_code or "",
        area=one.area_code or "", pairing=pairings.get(one.id), signed=signed.get(one.id, Money(0)).fen,
        is_off_lottery=is_off_lottery(gap.costs)) for one, gap in found.values()]
    others, followed = _co_funders(session, funder, ids), follows(session, funder)
    rows = []
    for scored in ranked(purpose, wanted):
        one, gap = found[scored.ref]
        names, count = others.get(one.id, ([], 0))
        rows.append(Row(one, gap, scored, signed.get(one.id, Money(0)), names[:NAMED], count, one.id in followed))
    return Shortlist(
        [row for row in rows if filters.keeps(row)], purpose, payout, len(rows),
        sorted({one.category_code for one, _ in found.values() if one.category_code}),
        sorted({one.area_code for one, _ in found.values() if one.area_code}))


def _co_funders(session: Session, funder: Funder, project_ids: Sequence[int]) -> dict[int, tuple[list[str], int]]:
    """Return by project the other funders of signed pledges: those that may be named, and how many there are."""
    withheld = func.max(case((Pledge.is_name_withheld, 1), else_=0))
    pairs = [row for some in bites(project_ids) for row in session.execute(
        select(Pledge.project_id, Pledge.funder_id, withheld)
        .where(Pledge.project_id.in_(some), Pledge.funder_id != funder.id, Pledge.is_verbal.is_(False),
               Pledge.amount > Money(0), Pledge.exit.is_(None))
        .group_by(Pledge.project_id, Pledge.funder_id).order_by(Pledge.project_id, Pledge.funder_id))]
    givers = {one.id: one for some in bites(sorted({row[1] for row in pairs})) for one in session.scalars(
        select(Funder).where(Funder.id.in_(some)).options(joinedload(Funder.organization)))}
    found: dict[int, tuple[list[str], int]] = {}
    for project_id, funder_id, is_withheld in pairs:
        names, count = found.get(project_id, ([], 0))
        other = givers[funder_id]
        found[project_id] = ([*names, *([] if is_withheld or other.is_name_withheld else [other.name])], count + 1)
    return found


def follows(session: Session, funder: Funder) -> set[int]:
    """Return the projects that a funder follows: the newest row of each pair says so."""
    newest = select(func.max(FundFollow.id)).where(FundFollow.funder_id == funder.id).group_by(FundFollow.project_id)
    return set(session.scalars(select(FundFollow.project_id).where(FundFollow.id.in_(newest), FundFollow.is_on)))


def project_by_ref(session: Session, ref: str) -> Project:
    """Return a published project; raises Denied(hidden) for any other."""
    found = session.scalar(select(Project).where(Project.ref == ref, Project.published_at.is_not(None)))
    if found is None:
        raise Denied(N_("没有这个项目"), hidden=True)
    return found
