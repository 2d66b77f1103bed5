"""What anybody may see of money: pools with four figures, confirmed allocations page by page, a project's money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.errors import Denied
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.models import (
    Allocation,
    FundedProject,
    Funder,
    MatchingPool,
    MatchingRule,
    OwnContribution,
    Pledge,
)
from marketplace.funding.queries.sums import bucket_sums, by_bucket, fen, fen_of, money
from marketplace.funding.rules.figures import Figures, figures
from marketplace.projects.models import Project

PAGE = 50


@dataclass(frozen=True)
class PublicPool:
    """A pool as the public sees it: no cap, nothing remaining."""

    pool: MatchingPool
    rule: MatchingRule | None
    figures: Figures
    projects: int


@dataclass(frozen=True)
class ConfirmedMatch:
    """One confirmed allocation: when, for which project, beside whose pledge (empty: name withheld), how much.

    The stored reason is not here: it names what a pool or a project had left, which only funders may see.
    """

    ref: str
    captured_at: datetime
    project_ref: str
    project_title: str
    donor: str
    pledged: Money
    amount: Money
    returned: Money
    rule_version: int
    ratio: str
    limited_by: str


@dataclass(frozen=True)
class MatchPage:
    """One page of confirmed allocations, newest first; `after` leads to the next one."""

    rows: Sequence[ConfirmedMatch]
    after: str | None


@dataclass(frozen=True)
class ProjectMoney:
    """A project's money: own and matched apart, proved own contributions, in which paper it stands."""

    project: Project
    own: Figures
    matched: Figures
    contributed: Money
    landings: Sequence[tuple[str, str, Figures]]      # landing, own or matched, figures
    changed_at: datetime | None


def public_pools() -> Select[MatchingPool]:
    """Return every pool that was ever opened, the newest first."""
    return (select(MatchingPool).where(MatchingPool.state != "draft").options(joinedload(MatchingPool.funder)
            .joinedload(Funder.organization)).order_by(MatchingPool.opened_at.desc(), MatchingPool.id.desc()))


def pool_by_ref(session: Session, ref: str) -> MatchingPool:
    """Return a pool, draft or not; raises Denied(hidden) when there is none."""
    found = session.scalar(select(MatchingPool).where(MatchingPool.ref == ref))
    if found is None:
        raise Denied(N_("没有这个配套资金池"), hidden=True)
    return found


def rules_in_force(session: Session, pools: Sequence[MatchingPool]) -> dict[int, MatchingRule]:
    """Return the rule in force of each pool, by pool id."""
    rows = session.scalars(select(MatchingRule).join(MatchingPool).where(
        MatchingRule.pool_id.in_([pool.id for pool in pools]), MatchingRule.version == MatchingPool.rule_version))
    return {rule.pool_id: rule for rule in rows}


def with_figures(session: Session, pools: Sequence[MatchingPool]) -> list[PublicPool]:
    """Return pools with figures and rule. A pool has one matched pledge a project: the sum runs over projects."""
    rows = session.execute(
        select(Pledge.pool_id, func.count(), *bucket_sums(Pledge))
        .where(Pledge.pool_id.in_([pool.id for pool in pools]), Pledge.kind == "matched")
        .group_by(Pledge.pool_id)).all()
    sums = {row[0]: (int(row[1]), figures(by_bucket(row[2:]))) for row in rows}
    rules = rules_in_force(session, pools)
    return [PublicPool(pool, rules.get(pool.id), sums.get(pool.id, (0, Figures()))[1], sums.get(pool.id, (0,))[0])
            for pool in pools]


def confirmed_matches(session: Session, pool: MatchingPool, *, after: str = "") -> MatchPage:
    """Return one page of a pool's confirmed allocations by key: the cost does not grow with their number."""
    query = (
        select(Allocation, Pledge, Project.ref, Project.title, Funder, MatchingRule)
        .join(Pledge, Pledge.id == Allocation.pledge_id).join(Project, Project.id == Pledge.project_id)
        .join(Funder, Funder.id == Pledge.funder_id).join(MatchingRule, MatchingRule.id == Allocation.rule_id)
        .options(joinedload(Funder.organization))
        .where(Allocation.pool_id == pool.id, Allocation.state == "captured")
        .order_by(Allocation.id.desc()).limit(PAGE + 1))
    if after:
        start = session.scalar(select(Allocation.id).where(Allocation.ref == after, Allocation.pool_id == pool.id))
        query = query.where(Allocation.id < (start or 0))
    rows = session.execute(query).all()
    shown = [ConfirmedMatch(
        allocation.ref, allocation.captured_at or allocation.reserved_at, ref, title, public_name(pledge, funder),
        pledge.amount, allocation.amount, allocation.returned, rule.version,
        f"{rule.numerator}:{rule.denominator}", allocation.limited_by)
        for allocation, pledge, ref, title, funder, rule in rows[:PAGE]]
    return MatchPage(shown, shown[-1].ref if len(rows) > PAGE else None)


def public_name(pledge: Pledge, funder: Funder) -> str:
    """Return the donor's name, or nothing where it asked not to be named (CL 82)."""
    return "" if pledge.is_name_withheld or funder.is_name_withheld else funder.name


def project_sums(session: Session, project_ids: Sequence[int]) -> Mapping[tuple[int, str], Figures]:
    """Return the kept figures of projects by (project id, kind)."""
    rows = session.scalars(select(FundedProject).where(FundedProject.project_id.in_(project_ids)))
    return {(row.project_id, row.kind): figures(fen_of(row), verbal=row.verbal.fen) for row in rows}


def project_money(session: Session, ref: str) -> ProjectMoney:
    """Return what is public of a published project's money; raises Denied(hidden) for any other."""
    project = session.scalar(select(Project).where(Project.ref == ref, Project.published_at.is_not(None))
                             .options(joinedload(Project.buyer)))
    if project is None:
        raise Denied(N_("没有这个项目"), hidden=True)
    sums = project_sums(session, [project.id])
    rows = session.execute(
        select(Pledge.landing, Pledge.kind, *bucket_sums(Pledge))
        .where(Pledge.project_id == project.id, Pledge.is_verbal.is_(False))
        .group_by(Pledge.landing, Pledge.kind).order_by(Pledge.landing, Pledge.kind.desc())).all()
    contributed = session.scalar(select(fen(OwnContribution.amount)).where(
        OwnContribution.project_id == project.id, OwnContribution.state == "proved"))
    changed_at = session.scalar(select(func.max(Pledge.changed_at)).where(Pledge.project_id == project.id))
    made = [(row[0], row[1], figures(by_bucket(row[2:]))) for row in rows]
    return ProjectMoney(
        project, sums.get((project.id, "own"), Figures()), sums.get((project.id, "matched"), Figures()),
        money(contributed or 0), [row for row in made if row[2].confirmed.fen], changed_at)
