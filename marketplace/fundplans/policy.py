"""Who may make, see, share a plan of money and follow projects. Pure: all that is needed is given.

Behind the wall (rulebook 4.2): gaps and what pools have left are for people of verified funders and for the operator.
"""

from collections.abc import Sequence

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.funding import policy as funding
from marketplace.funding.models import Funder
from marketplace.fundplans.models import FundPlan
from marketplace.fundplans.rules import BUSY, PLAN_STEPS, Phase, PlanState

OFFICERS = (*funding.SIGNERS, *funding.UNIT_SIGNERS)
OVERSEERS = (Role.OPERATOR, Role.AUDITOR)

HIDDEN = denied(N_("没有这个资金方案，或您不能查看"), hidden=True)
_NOT_FUNDER = N_("您的单位还没有登记为资助方。请先在“资助方资料”里登记，核验后可以做资金方案")
_NOT_VERIFIED = N_("资助方资料还没有核验，不能做资金方案。请在“资助方资料”里看还缺什么")
_OTHERS = N_("方案由作出它的一方办理")


def may_plan_for_all(actor: Actor) -> Decision:
    """Say who may make a plan across all funders: the operator."""
    if actor.is_system or actor.has(Role.OPERATOR):
        return ALLOWED
    return denied(N_("跨资助方的方案由系统管理员作"))


def may_plan_own(actor: Actor, funders: Sequence[Funder]) -> Decision:
    """Say who may make a plan of an organization's own pools: people of a verified funder. `funders`: its own ones."""
    if not any(funding.is_officer(actor, funder) for funder in funders):
        return denied(_NOT_FUNDER)
    return ALLOWED if any(funder.verified_at is not None for funder in funders) else denied(_NOT_VERIFIED)


def may_look_behind(actor: Actor, funder: Funder | None) -> Decision:
    """Say who may see the shortlist with gaps: people of a verified funder."""
    return funding.may_see_gap(actor, funder)


def is_own(actor: Actor, plan: FundPlan) -> bool:
    """Say whether the actor stands on the side that made the plan."""
    if plan.organization_id is None:
        return actor.is_system or actor.has(Role.OPERATOR)
    return actor.is_system or actor.acts_for(plan.organization_id, *OFFICERS)


def may_see(actor: Actor, plan: FundPlan, funders: Sequence[Funder]) -> Decision:
    """Say who may open a plan: who made it; once shared, the verified funders whose pools it uses, and overseers.

    `funders`: those of its pools. Plans across funders are seen by overseers always.
    """
    if is_own(actor, plan) or (plan.organization_id is None and actor.has(*OVERSEERS)):
        return ALLOWED
    if plan.state != PlanState.SHARED:
        return HIDDEN
    takes_part = any(one.verified_at is not None and funding.is_officer(actor, one) for one in funders)
    return ALLOWED if takes_part or actor.has(*OVERSEERS) else HIDDEN


def sees_papers(actor: Actor, funder: Funder) -> bool:
    """Say whether the actor may know which papers a funder prepared or signed from plans: its people, and overseers."""
    return actor.has(*OVERSEERS) or funding.is_officer(actor, funder)


def may_draft(actor: Actor, plan: FundPlan, funder: Funder) -> Decision:
    """Say who may prepare a commitment from a line: people of the pool's verified funder, while the plan stands."""
    if plan.state not in (PlanState.SOLVED, PlanState.SHARED):
        return denied(N_("这个方案已经撤回或还没有算出，不能据此起草认捐。请等它算出，或另建方案"))
    return funding.may_pledge(actor, funder)


def may_solve_again(actor: Actor, plan: FundPlan, funders: Sequence[Funder]) -> Decision:
    """Say who may have a draft reckoned again that was cancelled or failed: who could make a new one.

    `funders`: those of the actor's organization. Without a verified one it reads its plans and begins nothing.
    """
    if not is_own(actor, plan):
        return denied(_OTHERS)
    if plan.organization_id is not None and not actor.is_system and not (may := may_plan_own(actor, funders)):
        return may
    if plan.state == PlanState.DRAFT and plan.phase in (Phase.CANCELLED, Phase.FAILED):
        return ALLOWED
    return denied(N_("只有已取消或没有算成的方案可以再算"))


def may_cancel(actor: Actor, plan: FundPlan) -> Decision:
    """Say who may stop the reckoning."""
    if not is_own(actor, plan):
        return denied(_OTHERS)
    if plan.state == PlanState.DRAFT and plan.phase in BUSY and plan.cancel_asked_at is None:
        return ALLOWED
    return denied(N_("现在没有在计算，不用取消"))


def may_share(actor: Actor, plan: FundPlan) -> Decision:
    """Say who may show a plan to the funders whose pools it uses (one of an organization: to the operator)."""
    if not is_own(actor, plan):
        return denied(_OTHERS)
    if PLAN_STEPS.allows(PlanState(plan.state), "share"):
        return ALLOWED
    return denied(N_("算出来、还没有发出的方案才能发出"))


def may_withdraw(actor: Actor, plan: FundPlan) -> Decision:
    """Say who may withdraw a plan: afterwards nobody else sees it."""
    if not is_own(actor, plan):
        return denied(_OTHERS)
    if PLAN_STEPS.allows(PlanState(plan.state), "withdraw"):
        return ALLOWED
    return denied(N_("这个方案已经撤回"))
