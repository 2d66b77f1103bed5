"""A plan from its making to its withdrawal. Nothing here moves money or promises any."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.funding.queries.portfolio import funders_of
from marketplace.fundplans import policy
from marketplace.fundplans.models import FundPlan, FundPlanFund, FundPlanProject
from marketplace.fundplans.queries.inputs import Inputs, read_inputs
from marketplace.fundplans.rules import (
    JOB_PLAN_SHARED,
    JOB_SOLVE_PLAN,
    MAX_REASON,
    MOST_FUNDS,
    MOST_PROJECTS,
    PLAN_STEPS,
    Phase,
    PlanState,
    Wish,
    check_wish,
)


def make_plan(session: Session, *, actor: Actor, wish: Wish, now: datetime, is_own: bool) -> FundPlan:
    """Freeze pools and projects as they stand and have the plan reckoned. `is_own`: of the actor's organization only.

    Raises Invalid when there is nothing to plan with, with what to do about it.
    """
    organization_id = actor.organization_id if is_own else None
    require(policy.may_plan_own(actor, funders_of(session, actor)) if is_own else policy.may_plan_for_all(actor))
    wish = check_wish(wish)
    inputs = read_inputs(session, organization_id=organization_id, points=wish.points, today=beijing_date(now))
    _check_inputs(inputs)
    plan = FundPlan(organization_id=organization_id, title=wish.title, points=wish.points, runs=list(inputs.runs),
                    inputs_sha256=inputs.instance.digest(), created_by=actor.person_id, created_at=now,
                    asked_by=actor.person_id, asked_at=now)
    session.add(plan)
    session.flush()
    _freeze(session, plan, inputs)
    _ask(session, plan, now)
    record(session, actor=actor, action="fundplans.make", subject=("fund_plan", plan.ref), now=now, title=plan.title,
           inputs=plan.inputs_sha256, projects=len(inputs.projects), funds=len(inputs.funds))
    return plan


def _check_inputs(inputs: Inputs) -> None:
    """Refuse a plan of nothing, and one that is larger than anything that was tried."""
    if inputs.spent and not inputs.funds:
        raise Invalid(N_("资金池的余额都已按方案起草或签了认捐书，没有可以再安排的。签成后请相应调低资金池总额，退回的会放出来"))
    if not inputs.funds:
        raise Invalid(N_("没有可用的资金池。资金池要已开放、有余额、规则在有效期内，资助方要已核验"))
    if not any(one.gap.fen for one in inputs.projects):
        raise Invalid(N_("没有可以安排的项目：要已公布、可以接受捐赠、缺口已知，并在资金池的类别和地区里"))
    if len(inputs.projects) > MOST_PROJECTS or len(inputs.funds) > MOST_FUNDS:
        raise Invalid(N_("一次最多安排 {projects} 个项目和 {funds} 个资金池"), projects=MOST_PROJECTS, funds=MOST_FUNDS)


def _freeze(session: Session, plan: FundPlan, inputs: Inputs) -> None:
    """Write the inputs beside the plan."""
    session.add_all([FundPlanProject(
        plan_id=plan.id, project_id=one.project.id, position=place, value=one.value, is_paired=one.is_paired,
        budget=one.project.budget, gap=one.gap.money, basis=one.gap.basis, category=one.project.category_code or "",
        area=one.project.area_code or "", costs=[asdict(cost) for cost in one.gap.costs],
        drafted=Money(one.gap.drafted)) for place, one in enumerate(inputs.projects)])
    session.add_all([FundPlanFund(
        plan_id=plan.id, pool_id=one.pool.id, position=place, rule_version=one.rule.version, parts=one.fund.parts,
        whole=one.fund.of, cap=None if one.fund.cap is None else Money(one.fund.cap), available=Money(one.fund.left),
        categories=list(one.fund.categories), areas=list(one.fund.areas), already=dict(one.fund.already),
        pledge_cap=one.rule.per_pledge_cap, donor_cap=one.rule.per_donor_cap, has_receiver=one.fund.has_receiver,
        receiver_kinds=list(one.rule.receiver_kinds), is_lottery=one.fund.is_lottery, drafted=Money(one.drafted),
        signed=Money(one.signed)) for place, one in enumerate(inputs.funds)])
    session.flush()


def _ask(session: Session, plan: FundPlan, now: datetime) -> None:
    """Ask for the reckoning."""
    enqueue(session, JOB_SOLVE_PLAN, now=now, plan_ref=plan.ref, attempt=plan.attempt)


def solve_again(session: Session, *, actor: Actor, plan: FundPlan, now: datetime) -> None:
    """Have a cancelled or failed draft reckoned again, on the same frozen inputs."""
    plan = locked(session, plan)
    require(policy.may_solve_again(actor, plan, funders_of(session, actor)))
    plan.attempt += 1
    plan.phase, plan.error, plan.cancel_asked_at, plan.started_at = Phase.WAITING, "", None, None
    plan.asked_by, plan.asked_at = actor.person_id, now
    session.flush()
    _ask(session, plan, now)
    record(session, actor=actor, action="fundplans.solve_again", subject=("fund_plan", plan.ref), now=now,
           attempt=plan.attempt)


def cancel_plan(session: Session, *, actor: Actor, plan: FundPlan, now: datetime) -> None:
    """Stop the reckoning: at once while it waits, else when the phase that runs is over."""
    plan = locked(session, plan)
    require(policy.may_cancel(actor, plan))
    plan.cancel_asked_at = now
    if plan.phase == Phase.WAITING:
        plan.phase = Phase.CANCELLED
    session.flush()
    record(session, actor=actor, action="fundplans.cancel", subject=("fund_plan", plan.ref), now=now, phase=plan.phase)


def share_plan(session: Session, *, actor: Actor, plan: FundPlan, now: datetime) -> None:
    """FundPlan: solved -> shared. The verified funders whose pools it uses can read it; it remains a proposal."""
    plan = locked(session, plan)
    require(policy.may_share(actor, plan))
    plan.state = PLAN_STEPS.after(PlanState(plan.state), "share")
    plan.shared_at, plan.shared_by = now, actor.person_id
    session.flush()
    record(session, actor=actor, action="fundplans.share", subject=("fund_plan", plan.ref), now=now)
    enqueue(session, JOB_PLAN_SHARED, now=now, plan_ref=plan.ref)


def withdraw_plan(session: Session, *, actor: Actor, plan: FundPlan, reason: str, now: datetime) -> None:
    """FundPlan: draft, solved, shared -> withdrawn, with the reason. Promises that people made stay what they are."""
    plan = locked(session, plan)
    require(policy.may_withdraw(actor, plan))
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        raise Invalid(N_("请写明撤回的原因，不超过 {most} 字"), field="reason", most=MAX_REASON)
    plan.state = PLAN_STEPS.after(PlanState(plan.state), "withdraw")
    plan.withdrawn_at, plan.withdraw_reason = now, reason
    session.flush()
    record(session, actor=actor, action="fundplans.withdraw", subject=("fund_plan", plan.ref), now=now, reason=reason)


def locked(session: Session, plan: FundPlan) -> FundPlan:
    """Return the plan with its row locked and read again: steps of one plan come one after the other."""
    found = session.scalar(select(FundPlan).where(FundPlan.id == plan.id).with_for_update(of=FundPlan)
                           .execution_options(populate_existing=True))
    assert found is not None
    return found
