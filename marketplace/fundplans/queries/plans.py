"""Plans for pages: lists, one plan with its funds, lines and projects, and what changed since it was made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.access import Actor
from marketplace.core.errors import Denied
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.models import Funder, MatchingPool
from marketplace.funding.queries.sums import fen
from marketplace.fundplans import policy
from marketplace.fundplans.models import FundPlan, FundPlanFund, FundPlanLine, FundPlanProject
from marketplace.fundplans.queries.gaps import best_pairings, gaps_of
from marketplace.fundplans.queries.inputs import funds_of, pools_to_plan
from marketplace.fundplans.queries.papers import spoken
from marketplace.fundplans.rules import Outcome, PlanState
from marketplace.projects.models import Project

MOST_NAMED = 5


def plans_for_all() -> Select[FundPlan]:
    """Return the plans across funders, and those that organizations shared, newest first."""
    return _newest(select(FundPlan).where(
        FundPlan.organization_id.is_(None) | (FundPlan.state == PlanState.SHARED)))


def plans_of(actor: Actor) -> Select[FundPlan]:
    """Return an organization's own plans and those across funders that were shared and use its pools, newest first."""
    organization_id = actor.organization_id or 0        # nobody's: "is none" would be the plans across all funders
    uses = (select(FundPlanFund.plan_id).join(MatchingPool, MatchingPool.id == FundPlanFund.pool_id)
            .join(Funder, Funder.id == MatchingPool.funder_id)
            .where(Funder.organization_id == organization_id, Funder.verified_at.is_not(None)))
    return _newest(select(FundPlan).where(
        (FundPlan.organization_id == organization_id)
        | (FundPlan.organization_id.is_(None) & (FundPlan.state == PlanState.SHARED) & FundPlan.id.in_(uses))))


def _newest(query: Select[FundPlan]) -> Select[FundPlan]:
    """Load with a plan what every row of a list shows."""
    return query.options(joinedload(FundPlan.organization), joinedload(FundPlan.person)).order_by(FundPlan.id.desc())


def plan_by_ref(session: Session, ref: str, *, actor: Actor) -> FundPlan:
    """Return a plan that this actor may see; raises Denied(hidden) for any other."""
    found = session.scalar(select(FundPlan).where(FundPlan.ref == ref).options(
        joinedload(FundPlan.organization), joinedload(FundPlan.person)))
    if found is None or not policy.may_see(actor, found, [one.pool.funder for one in funds(session, found)]):
        raise Denied(policy.HIDDEN.reason, hidden=True)
    return found


def funds(session: Session, plan: FundPlan) -> Sequence[FundPlanFund]:
    """Return the funds of a plan, in the order in which their pools were opened."""
    return session.scalars(select(FundPlanFund).where(FundPlanFund.plan_id == plan.id).options(
        joinedload(FundPlanFund.pool).joinedload(MatchingPool.funder).joinedload(Funder.organization))
        .order_by(FundPlanFund.position)).all()


def lines(plan: FundPlan) -> Select[Any]:
    """Return the lines of a plan, project by project in the order of publication."""
    return (select(FundPlanLine).join(FundPlanProject, FundPlanProject.id == FundPlanLine.project_row_id)
            .where(FundPlanLine.plan_id == plan.id).options(
                joinedload(FundPlanLine.project_row).joinedload(FundPlanProject.project).joinedload(Project.buyer),
                joinedload(FundPlanLine.fund_row).joinedload(FundPlanFund.pool).joinedload(MatchingPool.funder)
                .joinedload(Funder.organization))
            .order_by(FundPlanProject.position, FundPlanLine.id))


def projects(plan: FundPlan, *, outcome: str = "") -> Select[Any]:
    """Return the projects of a plan, or those with one outcome; "none" is every project without money."""
    query = (select(FundPlanProject).where(FundPlanProject.plan_id == plan.id).options(
        joinedload(FundPlanProject.project).joinedload(Project.buyer),
        selectinload(FundPlanProject.lines).joinedload(FundPlanLine.fund_row).joinedload(FundPlanFund.pool)
        .joinedload(MatchingPool.funder).joinedload(Funder.organization))
        .order_by(FundPlanProject.position))
    if outcome == "none":
        return query.where(FundPlanProject.outcome != Outcome.FUNDED)
    return query.where(FundPlanProject.outcome == outcome) if outcome else query


@dataclass(frozen=True)
class Totals:
    """The sums of a plan. `first_projects`, `first_spent`: of first come, first served."""

    counts: dict[str, int]
    available: Money
    spent: Money
    lines: int
    first_projects: int
    first_spent: Money
    wanted: Money

    @property
    def unfunded(self) -> int:
        """Return how many projects get nothing."""
        return sum(count for outcome, count in self.counts.items() if outcome != Outcome.FUNDED)


def totals(session: Session, plan: FundPlan) -> Totals:
    """Return the sums of a plan."""
    rows = session.execute(select(FundPlanProject.outcome, func.count()).where(FundPlanProject.plan_id == plan.id)
                           .group_by(FundPlanProject.outcome))
    money = session.execute(select(fen(FundPlanFund.available), fen(FundPlanFund.spent), fen(FundPlanFund.first_spent))
                            .where(FundPlanFund.plan_id == plan.id)).one()
    many = session.scalar(select(func.count()).select_from(FundPlanLine).where(FundPlanLine.plan_id == plan.id))
    first = session.scalar(select(func.count()).select_from(FundPlanProject).where(
        FundPlanProject.plan_id == plan.id, FundPlanProject.is_first))
    wanted = session.scalar(select(fen(FundPlanProject.gap)).where(FundPlanProject.plan_id == plan.id))
    return Totals(
        counts={str(outcome): int(count) for outcome, count in rows}, available=Money(int(money[0])),
        spent=Money(int(money[1])), lines=int(many or 0), first_projects=int(first or 0),
        first_spent=Money(int(money[2])), wanted=Money(int(wanted or 0)))


@dataclass(frozen=True)
class Changes:
    """What is no longer as the plan froze it: names of pools and projects (at most five), how many, a newer run."""

    pools: Sequence[str]
    projects: Sequence[str]
    pool_count: int
    project_count: int
    has_newer_run: bool

    @property
    def is_stale(self) -> bool:
        """Say whether anything changed."""
        return bool(self.pool_count or self.project_count or self.has_newer_run)


def changes(session: Session, plan: FundPlan, *, today: date) -> Changes:
    """Return what changed since a plan froze its inputs: money and rules of pools, gaps of projects, published runs.

    Drafts that people prepared from this very plan are no change of it.
    """
    papers = spoken(session, besides=plan)
    now = {one.pool.id: one for one in funds_of(session, pools_to_plan(
        session, organization_id=plan.organization_id, today=today), papers)}
    pools = [row.pool.name for row in funds(session, plan) if (one := now.get(row.pool_id)) is None
             or (one.rule.version, one.fund.left, dict(one.fund.already), one.fund.has_receiver) != (
                 row.rule_version, row.available.fen, dict(row.already), row.has_receiver)]
    rows = session.scalars(projects(plan)).all()
    gaps = gaps_of(session, [row.project for row in rows], papers)
    moved = [row.project.title for row in rows if (gap := gaps.get(row.project_id)) is None or gap.money != row.gap]
    newer = set(best_pairings(session)[1]) != set(plan.runs)
    return Changes(pools[:MOST_NAMED], moved[:MOST_NAMED], len(pools), len(moved), newer)


def shown_name(funder: Funder, actor: Actor) -> str:
    """Return a funder's name for somebody behind the wall; nothing where it asked not to be named (CL 82)."""
    is_own = funder.organization_id is not None and funder.organization_id == actor.organization_id
    return funder.name if is_own or not funder.is_name_withheld else N_("未公开名称的资助方")
