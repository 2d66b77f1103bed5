"""News of plans of money: one is reckoned or failed, for the side that made it; one is shared, for who may read it."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.queries import people_of
from marketplace.core.access import Role
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.text import N_
from marketplace.fundplans.models import FundPlan
from marketplace.fundplans.policy import OFFICERS
from marketplace.fundplans.queries import plans as queries
from marketplace.fundplans.rules import Outcome, Phase, PlanState
from marketplace.inbox.operations import send
from marketplace.inbox.rules import Kind, Letter

OPS, FUND = "/ops/fund-plans", "/fund/plans"
NEXT = N_("方案只提出建议，不动用任何资金。请打开核对，每一笔由您单位自己决定。")


def tell_ended(plan_ref: str, attempt: int, *, tells_asker: bool) -> None:
    """Tell the side that made a plan that it is reckoned, or why not; once for each time it was asked for.

    Whoever asked hears of it only when it took long (`tells_asker`): otherwise the page that is open shows it.
    """
    now = utc_now()
    with transaction() as session:
        plan = _plan(session, plan_ref)
        if plan is None or plan.attempt != attempt or plan.state == PlanState.WITHDRAWN:
            return
        letter = _letter(session, plan)
        if letter is None:
            return
        for person in people_of(session, plan.organization_id, OFFICERS if plan.organization_id else (Role.OPERATOR,)):
            if tells_asker or person.id != plan.asked_by:
                send(session, person=person, letter=letter, now=now)


def _plan(session: Session, ref: str) -> FundPlan | None:
    """Return a plan."""
    return session.scalar(select(FundPlan).where(FundPlan.ref == ref))


def _letter(session: Session, plan: FundPlan) -> Letter | None:
    """Return what is said of a plan that ended; nothing of one that was cancelled, or is reckoned again."""
    url = f"{FUND if plan.organization_id else OPS}/{plan.ref}"
    key = f"fund-plan:{plan.ref}:{plan.attempt}"
    if plan.phase == Phase.FAILED:
        return Letter(
            kind=Kind.MONEY, subject=N_("资金方案“{title}”没有算成"),
            body=N_("没有保存任何安排。原因：{error}。可以用同一份数据再算一次，或另建方案。"),
            facts={"title": plan.title, "error": plan.error.rstrip("。")}, url=url, unique_key=key,
            organization_id=plan.organization_id)
    if plan.phase != Phase.DONE:
        return None
    found = queries.totals(session, plan)
    return Letter(
        kind=Kind.MONEY, subject=N_("资金方案“{title}”已算出：{funded} 个项目补齐缺口，共 {sum} 元"), body=NEXT,
        facts={"title": plan.title, "funded": found.counts.get(Outcome.FUNDED, 0), "sum": found.spent.grouped()},
        url=url, unique_key=key, organization_id=plan.organization_id)


def tell_shared(plan_ref: str) -> None:
    """Tell those who may read a plan since it was shared, once: the funders whose pools it uses, or the operators."""
    now = utc_now()
    with transaction() as session:
        plan = _plan(session, plan_ref)
        if plan is None or plan.state != PlanState.SHARED:
            return
        key = f"fund-plan-shared:{plan.ref}"
        if plan.organization is not None:
            letter = Letter(
                kind=Kind.MONEY, subject=N_("“{name}”发来资金方案“{title}”"), body=N_("方案只用到对方自己的资金池。"),
                facts={"name": plan.organization.name, "title": plan.title}, url=f"{OPS}/{plan.ref}", unique_key=key)
            for person in people_of(session, None, (Role.OPERATOR,)):
                send(session, person=person, letter=letter, now=now)
            return
        for body in _givers(session, plan):
            letter = Letter(
                kind=Kind.MONEY, subject=N_("资金方案“{title}”用到您单位的资金池"), body=NEXT,
                facts={"title": plan.title}, url=f"{FUND}/{plan.ref}", unique_key=f"{key}:{body}", organization_id=body)
            for person in people_of(session, body, OFFICERS):
                send(session, person=person, letter=letter, now=now)


def _givers(session: Session, plan: FundPlan) -> Sequence[int]:
    """Return the bodies of the verified funders whose pools a plan uses."""
    found = {one.pool.funder.organization_id for one in queries.funds(session, plan)
             if one.pool.funder.verified_at is not None}
    return sorted(one for one in found if one is not None)
