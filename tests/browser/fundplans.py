"""Plans of money in the world: costs that gifts may pay, a second funder's pool, a shared plan, own ones, follows."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.queries import load_actor
from marketplace.core.access import SYSTEM
from marketplace.core.money import Money
from marketplace.funding import operations as funding
from marketplace.funding.models import Funder
from marketplace.funding.rules.terms import RuleTerms
from marketplace.fundplans import operations
from marketplace.fundplans.rules import Wish
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from tests.browser.portfolio import GIVER
from tests.fundplans.scene import reckon

COSTS = {"soon": ("居家助浴设备", 75_000), "sealed": ("送餐车和保温箱", 85_000), "opened": ("小组活动材料和场地", 70_000),
         "contracted": ("冬季慰问包", 42_000)}
TOO_LARGE = ("scoring",)


def build_fundplans(session: Session, *, refs: dict[str, str], people: dict[str, int], now: datetime) -> dict[str, str]:
    """Return the references of a plan across funders, of the foundation's own, and of one that was cancelled."""
    made = now - timedelta(days=2)
    officer, operator = load_actor(session, people["funder"]), load_actor(session, people["operator"])
    for name in (*COSTS, *TOO_LARGE):
        project = session.scalars(select(Project).where(Project.ref == refs[name])).one()
        project.takes_matching = True
        if name in COSTS:
            word, yuan = COSTS[name]
            funding.add_cost_line(session, actor=SYSTEM, project=project, name=word, amount=Money.yuan(yuan), now=made)
    giver = session.scalars(select(Funder).join(Organization, Organization.id == Funder.organization_id).where(
        Organization.name == GIVER)).one()
    pool = funding.open_pool(      # no receiver of the world is an association: plans say why it gives nothing
        session, actor=SYSTEM, funder=giver, name="望江助餐专项资金", cap=Money.yuan(25_000), now=made,
        terms=RuleTerms(numerator=3, denominator=1, categories=("A04",), receiver_kinds=("association",)))
    funding.start_pool(session, actor=SYSTEM, pool=pool, now=made)
    session.flush()
    shared = operations.make_plan(session, actor=operator, wish=Wish("2026 年社洽会第一轮配资", 60), now=made, is_own=False)
    reckon(session, shared, now=made)
    operations.share_plan(session, actor=operator, plan=shared, now=made)
    own = operations.make_plan(session, actor=officer, wish=Wish("银龄资金先安排助餐", 50), now=made, is_own=True)
    reckon(session, own, now=made)
    stopped = operations.make_plan(session, actor=officer, wish=Wish("试算", 50), now=made, is_own=True)
    operations.cancel_plan(session, actor=officer, plan=stopped, now=made)
    funder = session.scalars(select(Funder).where(Funder.organization_id == officer.organization_id)).one()
    for name in ("soon", "open"):
        operations.follow(session, actor=officer, funder=funder, now=made, is_on=True,
                          project=session.scalars(select(Project).where(Project.ref == refs[name])).one())
    session.flush()
    return {"fund_plan": shared.ref, "fund_plan_own": own.ref, "fund_plan_stopped": stopped.ref}
