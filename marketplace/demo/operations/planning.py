"""Plans of money: buyers name extra costs, two more funders open pools, a foundation follows projects and plans."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM, Role
from marketplace.core.clock import beijing_date
from marketplace.core.money import Money
from marketplace.demo.operations.giving import CHAMBER
from marketplace.demo.operations.people import signed_in
from marketplace.demo.operations.world import World
from marketplace.funding import operations as funding
from marketplace.funding.models import Funder
from marketplace.funding.queries.portfolio import funders_of
from marketplace.funding.rules.terms import RuleTerms
from marketplace.fundplans import operations as fundplans
from marketplace.fundplans.models import FundPlan
from marketplace.fundplans.queries.inputs import read_inputs
from marketplace.fundplans.queries.shortlist import Filters, shortlist
from marketplace.fundplans.rules import BUSY, USUAL_POINTS, PlanState, Wish
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import OrganizationKind
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

COSTS = (("节假日加餐和慰问物资", 18_000), ("入户辅具与小型改造材料", 36_000), ("志愿者交通和误餐补贴", 12_000),
         ("活动教具和图书", 24_000), ("合同以外的加密探访", 48_000), ("骨干培训和外请督导", 30_000), ("专用设备购置", 72_000))
RUNNING = (ProjectState.PUBLISHED, ProjectState.OPENED, ProjectState.AWARDED, ProjectState.CONTRACTED)
NAMED_OF = 5                 # of so many projects that take matching money, all but one name a cost
FOLLOWED = 5
ALL_TITLE, OWN_TITLE = "各资助方资金统筹（第一稿）", "本会年度资助安排（试算）"


def name_costs(session: Session, world: World) -> None:
    """Let buyers name what gifts may pay for beside the contract, in most of the projects that take them."""
    now = world.morning(1)
    handlers = {unit.organization_id: unit.handler for unit in world.units}
    projects = session.scalars(select(Project).where(
        Project.state.in_(RUNNING), Project.takes_matching).order_by(Project.published_at, Project.id))
    for place, project in enumerate(projects):
        if place % NAMED_OF == NAMED_OF - 1:
            continue
        name, amount = COSTS[place % len(COSTS)]
        funding.add_cost_line(session, actor=handlers[project.buyer_id], project=project, name=name,
                              amount=Money.yuan(amount), now=now)


def open_other_pools(session: Session, world: World) -> None:
    """Open a pool of another foundation, for disabled people, and one of the chamber, for communities."""
    own = funders_of(session, signed_in(session, Role.FUNDER))
    others = (Funder.kind == "foundation", Funder.id.not_in([one.id for one in own]))
    chamber = (Organization.name == CHAMBER, Organization.kind == OrganizationKind.ASSOCIATION)
    for where, name, purpose, yuan, terms in (
        (others, "助残康复配套资金", "支持残疾人康复和照料者喘息", 150_000, RuleTerms(
            numerator=1, denominator=1, per_project_cap=Money.yuan(40_000), categories=("A0406",))),
        (chamber, "商会邻里互助配套资金", "支持社区协商、志愿服务和应急演练", 120_000, RuleTerms(
            numerator=1, denominator=3, per_project_cap=Money.yuan(30_000), categories=("A1001", "A1005"))),
    ):
        if (funder := _funder(session, *where)) is not None:
            now = world.morning(40)
            pool = funding.open_pool(session, actor=SYSTEM, funder=funder, name=name, purpose=purpose,
                                     cap=Money.yuan(yuan), terms=terms, now=now)
            funding.start_pool(session, actor=SYSTEM, pool=pool, now=now + timedelta(hours=2))


def _funder(session: Session, *where: ColumnElement[bool]) -> Funder | None:
    """Return the first verified funder of a kind that is an organization."""
    return session.scalar(select(Funder).join(Organization, Organization.id == Funder.organization_id)
                          .where(Funder.verified_at.is_not(None), *where).order_by(Funder.id).limit(1))


def follow_projects(session: Session, world: World) -> None:
    """Let the foundation of the sign-ins follow the projects nearest to its purpose."""
    officer = signed_in(session, Role.FUNDER)
    funder = funders_of(session, officer)[0]
    found = shortlist(session, funder, filters=Filters(), today=beijing_date(world.now))
    for row in found.rows[:FOLLOWED]:
        fundplans.follow(session, actor=officer, funder=funder, project=row.project, now=world.now, is_on=True)


def ask_for_plans(session: Session, *, now: datetime) -> list[str]:
    """Ask for the foundation's own plan and the operator's across funders; return those with anything to plan."""
    made = []
    for role, title in ((Role.FUNDER, OWN_TITLE), (Role.OPERATOR, ALL_TITLE)):
        actor, is_own = signed_in(session, role), role is Role.FUNDER
        inputs = read_inputs(session, organization_id=actor.organization_id if is_own else None, points=USUAL_POINTS,
                             today=beijing_date(now))
        if inputs.funds and any(one.gap.fen for one in inputs.projects):
            made.append(fundplans.make_plan(session, actor=actor, wish=Wish(title), now=now, is_own=is_own).ref)
    return made


def is_planned(session: Session, plan_ref: str) -> bool:
    """Say whether the worker has done with a plan."""
    return session.scalar(select(FundPlan.phase).where(FundPlan.ref == plan_ref)) not in BUSY


def share_common_plan(session: Session, *, now: datetime) -> None:
    """Send the operator's plan to the funders whose pools it uses; the foundation keeps its own until it decides."""
    for plan in session.scalars(select(FundPlan).where(FundPlan.organization_id.is_(None),
                                                       FundPlan.state == PlanState.SOLVED)):
        fundplans.share_plan(session, actor=signed_in(session, Role.OPERATOR), plan=plan, now=now)
