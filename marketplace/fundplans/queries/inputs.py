"""What a plan is reckoned on, read from pools and projects as they stand, or from the rows that a plan froze."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.money import Money
from marketplace.funding.models import Funder, MatchingPool, MatchingRule, PoolCap
from marketplace.funding.queries.pledge_pages import receiving_accounts
from marketplace.funding.rules.funders import FunderKind
from marketplace.fundplans.models import FundPlan, FundPlanFund, FundPlanProject
from marketplace.fundplans.queries.gaps import asking, best_pairings
from marketplace.fundplans.queries.papers import NOTHING, Spoken, spoken
from marketplace.fundplans.rules import TENTHS
from marketplace.fundplans.rules.gaps import Cost, Gap, is_off_lottery
from marketplace.fundplans.rules.instance import Asking, Fund, Instance
from marketplace.projects.models import Project

Pool = tuple[MatchingPool, MatchingRule]


@dataclass(frozen=True)
class ProjectInput:
    """One project with its gap and what it is worth."""

    project: Project
    gap: Gap
    value: int
    is_paired: bool


@dataclass(frozen=True)
class Limits:
    """The caps of a rule for one promise, whom it lets receive, and what papers from plans speak for: for pages."""

    pledge_cap: Money | None
    donor_cap: Money | None
    receiver_kinds: Sequence[str]
    has_receiver: bool
    drafted: Money
    signed: Money


@dataclass(frozen=True)
class FundInput:
    """One pool with the rule in force, and what it gave to which project before.

    `drafted`, `signed`: fen that papers from plans speak for; the fund has them no more.
    """

    pool: MatchingPool
    rule: MatchingRule
    fund: Fund
    drafted: int = 0
    signed: int = 0

    @property
    def available(self) -> Money:
        """Return what a plan may use of it."""
        return Money(self.fund.left)

    @property
    def limits(self) -> Limits:
        """Return what a page says of its rule; a frozen row has the same names."""
        return Limits(self.rule.per_pledge_cap, self.rule.per_donor_cap, self.rule.receiver_kinds,
                      self.fund.has_receiver, Money(self.drafted), Money(self.signed))


@dataclass(frozen=True)
class Inputs:
    """Everything that a plan freezes. `runs`: the published matching runs that gave values.

    `spent`: pools of which papers from plans speak for all that is left; they take no part.
    """

    projects: Sequence[ProjectInput]
    funds: Sequence[FundInput]
    runs: tuple[str, ...]
    points: int
    spent: Sequence[FundInput] = ()

    @property
    def drafted(self) -> Money:
        """Return what papers from plans that wait for a signature speak for, of all pools."""
        return Money(sum(one.drafted for one in (*self.funds, *self.spent)))

    @property
    def signed(self) -> Money:
        """Return what signed papers from plans speak for, of all pools."""
        return Money(sum(one.signed for one in (*self.funds, *self.spent)))

    @property
    def instance(self) -> Instance:
        """Return what is solved."""
        rows = [(_asking(one.project.ref, one), one.gap.fen) for one in self.projects]
        return make_instance(rows, [one.fund for one in self.funds], self.runs, self.points)


def _asking(ref: str, one: ProjectInput) -> Asking:
    """Return a project as the solver sees it; an unknown gap is left out by `make_instance`."""
    assert one.project.budget is not None
    return Asking(ref, one.value, one.project.budget.fen, one.gap.fen or 0, one.project.category_code or "",
                  one.project.area_code or "", tuple((cost.ref, cost.fen) for cost in one.gap.costs),
                  is_off_lottery(one.gap.costs))


def make_instance(rows: Sequence[tuple[Asking, int | None]], funds: Sequence[Fund], runs: Sequence[str],
                  points: int) -> Instance:
    """Return the instance of projects with known gaps; the others are frozen beside it."""
    unknown = [("unknown", one.ref) for one, gap in rows if gap is None]
    note = (("points", str(points)), *(("run", ref) for ref in runs), *unknown)
    return Instance(tuple(one for one, gap in rows if gap is not None), tuple(funds), note)


def pools_to_plan(session: Session, *, organization_id: int | None, today: date) -> list[Pool]:
    """Return the open pools of verified funders with money left and a rule that runs today, the oldest first."""
    query = (select(MatchingPool, MatchingRule).join(MatchingRule, (MatchingRule.pool_id == MatchingPool.id) & (
        MatchingRule.version == MatchingPool.rule_version)).join(Funder, Funder.id == MatchingPool.funder_id)
        .where(MatchingPool.state == "open", Funder.verified_at.is_not(None))
        .options(joinedload(MatchingPool.funder).joinedload(Funder.organization))
        .order_by(MatchingPool.opened_at, MatchingPool.id))
    if organization_id is not None:
        query = query.where(Funder.organization_id == organization_id)
    return [(pool, rule) for pool, rule in session.execute(query)
            if left_of(pool) > 0 and _runs(rule, today)]


def left_of(pool: MatchingPool) -> int:
    """Return what a pool can still give, in fen."""
    return (pool.cap - pool.reserved - pool.captured).fen


def _runs(rule: MatchingRule, today: date) -> bool:
    """Say whether a rule holds on a day."""
    return (rule.starts_on is None or rule.starts_on <= today) and (rule.ends_on is None or today <= rule.ends_on)


def funds_of(session: Session, pools: Sequence[Pool], papers: Spoken = NOTHING) -> list[FundInput]:
    """Return pools as funds: 1:2 means that beside every two there is one, so at most a third of a project is its.

    What `papers` speak for is no longer theirs; nothing may be left.
    """
    ids = [pool.id for pool, _ in pools]
    used: dict[int, dict[str, int]] = {}
    for pool_id, ref, amount in session.execute(select(PoolCap.pool_id, PoolCap.subject_ref, PoolCap.used).where(
            PoolCap.scope == "project", PoolCap.pool_id.in_(ids))):
        if amount.fen:
            used.setdefault(pool_id, {})[ref] = amount.fen
    receivers = {(one.organization_id, one.organization.kind) for one in (
        receiving_accounts(session) if any(rule.receiver_kinds for _, rule in pools) else ())}
    return [FundInput(pool, rule, Fund(
        pool.ref, rule.numerator, rule.numerator + rule.denominator, max(left_of(pool) - papers.of(pool.ref), 0),
        _fen(rule.per_project_cap), tuple(rule.categories), tuple(rule.areas),
        tuple(sorted(used.get(pool.id, {}).items())), _fen(rule.per_pledge_cap), _fen(rule.per_donor_cap),
        _has_receiver(pool, rule, receivers), pool.funder.kind == FunderKind.LOTTERY),
        papers.drafted.get(pool.ref, 0), papers.signed.get(pool.ref, 0)) for pool, rule in pools]


def _fen(amount: Money | None) -> int | None:
    """Return an amount in fen; None stays None."""
    return None if amount is None else amount.fen


def _has_receiver(pool: MatchingPool, rule: MatchingRule, receivers: Collection[tuple[int, str]]) -> bool:
    """Say whether anybody of the kinds that a rule names has a verified account; its own funder is no receiver.

    A rule that names no kind lets everybody receive.
    """
    return not rule.receiver_kinds or any(
        kind in rule.receiver_kinds and body != pool.funder.organization_id for body, kind in receivers)


def read_inputs(session: Session, *, organization_id: int | None, points: int, today: date) -> Inputs:
    """Return what a plan would be reckoned on now. An organization's own plan leaves out what its pools do not cover.

    Projects that lack nothing take no part; those whose gap is not known are kept, to say so.
    """
    papers = spoken(session)
    pools = funds_of(session, pools_to_plan(session, organization_id=organization_id, today=today), papers)
    funds = [one for one in pools if one.fund.left]
    best, runs = best_pairings(session)
    found = [ProjectInput(one, gap, max(best.get(one.id, points * TENTHS), 1), one.id in best)
             for one, gap in asking(session, papers) if gap.fen != 0 and one.budget is not None]
    if organization_id is not None:
        found = [one for one in found if any(each.fund.takes(
            one.project.category_code or "", one.project.area_code or "") for each in funds)]
    return Inputs(found, funds, runs, points, [one for one in pools if not one.fund.left])


def instance_of(session: Session, plan: FundPlan) -> Instance:
    """Return the instance that a plan froze; its digest is the plan's."""
    rows = session.execute(select(FundPlanProject, Project.ref).join(Project, Project.id == FundPlanProject.project_id)
                           .where(FundPlanProject.plan_id == plan.id).order_by(FundPlanProject.position)).all()
    projects = [(_frozen(ref, row), row.gap.fen if row.gap else None) for row, ref in rows]
    funds = session.execute(select(FundPlanFund, MatchingPool.ref).join(
        MatchingPool, MatchingPool.id == FundPlanFund.pool_id)
        .where(FundPlanFund.plan_id == plan.id).order_by(FundPlanFund.position)).all()
    return make_instance(projects, [Fund(
        ref, row.parts, row.whole, row.available.fen, _fen(row.cap), tuple(row.categories), tuple(row.areas),
        tuple(sorted(row.already.items())), _fen(row.pledge_cap), _fen(row.donor_cap), row.has_receiver,
        row.is_lottery) for row, ref in funds], plan.runs, plan.points)


def _frozen(ref: str, row: FundPlanProject) -> Asking:
    """Return a project as the plan froze it."""
    costs = costs_of(row.costs)
    return Asking(ref, row.value, row.budget.fen, row.gap.fen if row.gap else 0, row.category, row.area,
                  tuple((cost.ref, cost.fen) for cost in costs), is_off_lottery(costs))


def costs_of(rows: Sequence[Mapping[str, Any]]) -> tuple[Cost, ...]:
    """Return named costs, or parts of them, from a frozen row."""
    return tuple(Cost(str(one["ref"]), str(one["name"]), int(one["fen"])) for one in rows)
