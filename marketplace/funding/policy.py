"""Who may promise, sign, confirm, release, refund and look behind the wall. Pure: all that is needed is given.

The wall (rulebook 4.2, CL 22 to 28, 113, 114): nobody but a verified funder's own people pledges, and nobody else
learns what is missing, unless a filed plan of public fundraising stands behind the pool.
"""

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.funding.models import Commitment, Funder, MatchingPool, MoneyFlag, OwnContribution, Pledge, Release
from marketplace.funding.rules.buckets import Bucket
from marketplace.funding.rules.funders import FunderKind
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

SIGNERS = (Role.FUNDER, Role.PROVIDER_ADMIN)             # of a funder that is no unit
UNIT_SIGNERS = (Role.HANDLER, Role.APPROVER)             # of budget and lottery money
KEEPERS = (Role.PROVIDER_ADMIN, Role.FUNDER)             # of the body that receives
BUYERS = (Role.HANDLER, Role.APPROVER)
PROVIDERS = (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER)

_HIDDEN = denied(N_("没有这个页面，或您不能查看"), hidden=True)
_NOT_VERIFIED = N_("这个捐赠方还没有通过核验，不能认捐")
_NOT_YOURS = N_("只有捐赠方自己的人可以办理")
_NOT_KEEPER = N_("只有接收方自己的人可以办理")
_DONE = N_("这份认捐书已经办理，不用再做一次")
_TWO_PERSONS = N_("经办和批准不能是同一个人。请由另一位同事批准")


def is_officer(actor: Actor, funder: Funder) -> bool:
    """Say whether the actor acts for the funder: its officers, or the unit whose budget it is."""
    return actor.acts_for(funder.organization_id, *SIGNERS, *UNIT_SIGNERS)


def is_keeper(actor: Actor, organization_id: int) -> bool:
    """Say whether the actor acts for the body that receives the money."""
    return actor.acts_for(organization_id, *KEEPERS)


def may_register(actor: Actor, organization: Organization | None) -> Decision:
    """Say who may enter a funder: the operator, or the organization itself."""
    own = organization is not None and actor.acts_for(organization.id, *SIGNERS, *UNIT_SIGNERS)
    if actor.is_system or actor.has(Role.OPERATOR) or own:
        return ALLOWED
    return denied(N_("捐赠方由本组织的管理人员或系统管理员登记"))


def may_verify(actor: Actor) -> Decision:
    """Say who may verify a funder: the operator."""
    return ALLOWED if actor.is_system or actor.has(Role.OPERATOR) else denied(N_("核验捐赠方由系统管理员办理"))


def may_change_funder(actor: Actor, funder: Funder) -> Decision:
    """Say who may change a funder's facts: its own people, or the operator."""
    if actor.is_system or actor.has(Role.OPERATOR) or is_officer(actor, funder):
        return ALLOWED
    return _HIDDEN


def may_pledge(actor: Actor, funder: Funder) -> Decision:
    """Say who may promise in a funder's name: its own people, once it is verified.

    A named person's word is written down by the body that receives (`may_speak_for`).
    """
    if funder.verified_at is None:
        return denied(_NOT_VERIFIED)
    if actor.is_system or is_officer(actor, funder):
        return ALLOWED
    return denied(_NOT_YOURS)


def may_be_recorded(funder: Funder) -> Decision:
    """Say whose raised paddle may be written down by an event's recorder: any verified funder's."""
    return ALLOWED if funder.verified_at is not None else denied(_NOT_VERIFIED)


def may_speak_for(actor: Actor, funder: Funder, receiver_id: int) -> Decision:
    """Say who may write down a promise: the funder's people; for a named person also the receiving body's."""
    decision = may_pledge(actor, funder)
    is_person = funder.kind == FunderKind.PERSON
    if not decision and funder.verified_at is not None and is_person and is_keeper(actor, receiver_id):
        return ALLOWED
    return decision


def may_see_gap(actor: Actor, funder: Funder | None, pool: MatchingPool | None = None) -> Decision:
    """Say who may see what is left of a pool or still missing: people of a verified funder, and the pool's own.

    Where a filed plan's number is attached to the pool, anybody may (CL 24).
    """
    if pool is not None and pool.filed_plan_number:
        return ALLOWED
    if pool is not None and (actor.is_system or is_officer(actor, pool.funder)):
        return ALLOWED
    if actor.is_signed_in and funder is not None and funder.verified_at is not None and is_officer(actor, funder):
        return ALLOWED
    return denied(N_("剩余和缺口金额只对已核验的捐赠方显示（未经备案不得公开募捐）"))


def may_manage_pool(actor: Actor, pool: MatchingPool) -> Decision:
    """Say who may change a pool: the people of its verified funder."""
    if pool.funder.verified_at is None:
        return denied(_NOT_VERIFIED)
    return ALLOWED if actor.is_system or is_officer(actor, pool.funder) else _HIDDEN


def may_open_pool(actor: Actor, funder: Funder) -> Decision:
    """Say who may open a pool: the people of a verified funder."""
    return may_pledge(actor, funder)


def may_see_pledge(actor: Actor, pledge: Pledge) -> Decision:
    """Say who may open a pledge's own page: its funder, its receiver, the project's buyer, those who oversee."""
    if actor.is_system or actor.has(Role.OPERATOR, Role.AUDITOR) or is_officer(actor, pledge.funder):
        return ALLOWED
    if is_keeper(actor, pledge.receiver_id) or actor.acts_for(pledge.project.buyer_id, *BUYERS):
        return ALLOWED
    return _HIDDEN


def may_cancel(actor: Actor, pledge: Pledge) -> Decision:
    """Say who may take a promise back: a verbal one its funder or the receiver; a signed one only the receiver.

    A signed promise for the public good can be demanded (CL 41; CC 660): the funder asks, the receiver lets go.
    """
    if pledge.kind != "own":
        return denied(N_("配捐随认捐增减，不能单独取消"))
    if actor.is_system or is_keeper(actor, pledge.receiver_id):
        return ALLOWED
    if not is_officer(actor, pledge.funder):
        return _HIDDEN
    if pledge.is_verbal:
        return ALLOWED
    return denied(N_("已签的认捐要由接收方同意解除（慈善法第四十一条）。请把原因告诉接收方，由接收方办理"))


def may_write_off(actor: Actor, pledge: Pledge) -> Decision:
    """Say who may give up what was signed and never came: the receiving body, which could demand it."""
    if pledge.kind != "own" or pledge.is_verbal:
        return denied(N_("只有已签的认捐可以核销"))
    if actor.is_system or is_keeper(actor, pledge.receiver_id):
        return ALLOWED
    return denied(_NOT_KEEPER, hidden=not may_see_pledge(actor, pledge))


# ---- commitments ----

def may_prepare(actor: Actor, funder: Funder, receiver_id: int, *, is_on_paper: bool = False) -> Decision:
    """Say who may prepare the signed paper: whoever may write down the promise.

    On paper, for a guest who signs by hand, also the receiving body's people.
    """
    if is_on_paper and funder.verified_at is not None and is_keeper(actor, receiver_id):
        return ALLOWED
    return may_speak_for(actor, funder, receiver_id)


def may_register_copy(actor: Actor, commitment: Commitment, *, people: int = 2) -> Decision:
    """Say who may register the scan that a guest signed: the receiving body's people, another than who prepared it.

    `people`: how many could.
    """
    if not (actor.is_system or is_keeper(actor, commitment.receiver_id)):
        return denied(_NOT_KEEPER, hidden=not may_see_commitment(actor, commitment))
    if not commitment.is_on_paper:
        return denied(N_("这份认捐书在线办理，由捐赠方批准"))
    if commitment.funder.verified_at is None:
        return denied(_NOT_VERIFIED)
    if commitment.state != "prepared":
        return denied(_DONE)
    if actor.is_signed_in and actor.person_id == commitment.prepared_by and people > 1:
        return denied(_TWO_PERSONS)
    return ALLOWED


def may_return(actor: Actor, commitment: Commitment) -> Decision:
    """Say who may send a waiting commitment back: anybody who could sign it, and who could prepare it."""
    decision = may_prepare(actor, commitment.funder, commitment.receiver_id, is_on_paper=commitment.is_on_paper)
    if decision and commitment.state != "prepared":
        return denied(_DONE)
    return decision


def may_approve(actor: Actor, commitment: Commitment, *, people: int = 2) -> Decision:
    """Say who may approve a commitment: another person of the funder (the same one only where there is but one).

    `people`: how many could approve it. A unit's money is approved by an approver.
    """
    decision = may_speak_for(actor, commitment.funder, commitment.receiver_id)
    if decision and commitment.state != "prepared":
        return denied(_DONE)
    if not decision or actor.is_system:
        return decision
    if commitment.funder.kind in (FunderKind.LOTTERY, FunderKind.GOVERNMENT_BUDGET) and not actor.has(Role.APPROVER):
        return denied(N_("财政资金和公益金的认捐书由审核人批准"))
    if actor.person_id == commitment.prepared_by and people > 1:
        return denied(_TWO_PERSONS)
    return ALLOWED


def may_see_commitment(actor: Actor, commitment: Commitment) -> Decision:
    """Say who may read a commitment: the funder, the receiver, those who oversee."""
    if actor.is_system or actor.has(Role.OPERATOR, Role.AUDITOR) or is_officer(actor, commitment.funder):
        return ALLOWED
    return ALLOWED if is_keeper(actor, commitment.receiver_id) else _HIDDEN


# ---- money ----

def may_book(actor: Actor, pledge: Pledge) -> Decision:
    """Say who may identify money on an account of the receiving body, or take that back: that body's people."""
    if actor.is_system or is_keeper(actor, pledge.receiver_id):
        return ALLOWED
    return denied(_NOT_KEEPER, hidden=not may_see_pledge(actor, pledge))


def may_pay_by_card(actor: Actor, pledge: Pledge) -> Decision:
    """Say who may open a card payment: a signer of the verified funder, from its own signed pledge. No public link."""
    if not is_officer(actor, pledge.funder):
        return _HIDDEN
    if pledge.funder.verified_at is None:
        return denied(_NOT_VERIFIED)
    if pledge.kind != "own" or pledge.is_verbal or pledge.signed_at is None:
        return denied(N_("先签认捐书，才能付款"))
    if not pledge.open.fen:
        return denied(N_("这份认捐没有待付的款项"))
    return ALLOWED


def may_confirm(actor: Actor, pledge: Pledge) -> Decision:
    """Say who may confirm that the money is there: the receiving body's people."""
    return may_book(actor, pledge)


def may_refund(actor: Actor, pledge: Pledge) -> Decision:
    """Say who may decide that money goes back: the receiving body, whose money it is now."""
    return may_book(actor, pledge)


def may_propose_release(actor: Actor, pledge: Pledge) -> Decision:
    """Say who may propose a release: the project's buyer, or the receiving body."""
    if pledge.amount.fen and not getattr(pledge, Bucket.HELD).fen:
        return denied(N_("没有可以拨付的款项：要先由接收方确认到账"))
    if actor.is_system or is_keeper(actor, pledge.receiver_id) or actor.acts_for(pledge.project.buyer_id, *BUYERS):
        return ALLOWED
    return denied(N_("拨付由购买单位或接收方提出"), hidden=not may_see_pledge(actor, pledge))


def may_confirm_release(actor: Actor, release: Release) -> Decision:
    """Say who may confirm a release: the funder's officer or the buyer's approver, and never who proposed it."""
    pledge = release.pledge
    if release.state != "proposed":
        return denied(N_("这笔拨付已经办理，不用再做一次"))
    if not (is_officer(actor, pledge.funder) or actor.acts_for(pledge.project.buyer_id, Role.APPROVER)):
        return denied(N_("拨付要由捐赠方或购买单位的审核人确认"), hidden=not may_see_pledge(actor, pledge))
    if actor.person_id == release.proposed_by:
        return denied(_TWO_PERSONS)
    return ALLOWED


def may_withdraw_release(actor: Actor, release: Release) -> Decision:
    """Say who may withdraw a release that is not paid out: the receiving body, or who proposed it."""
    if release.state not in ("proposed", "confirmed"):
        return denied(N_("这笔拨付已经办结，不能撤回"))
    mine = actor.person_id is not None and actor.person_id == release.proposed_by
    if actor.is_system or mine or is_keeper(actor, release.pledge.receiver_id):
        return ALLOWED
    return denied(_NOT_KEEPER, hidden=not may_see_pledge(actor, release.pledge))


# ---- own contribution, cost lines, flags ----

def may_claim(actor: Actor, organization: Organization) -> Decision:
    """Say who may claim an own contribution: the people of the organization that brings it."""
    if actor.is_system or actor.acts_for(organization.id, *PROVIDERS):
        return ALLOWED
    return denied(N_("自筹由承接方自己申报"))


def may_decide_claim(actor: Actor, claim: OwnContribution) -> Decision:
    """Say who may accept or refuse an own contribution: the project's buyer, never who claimed it."""
    if claim.state != "claimed":
        return denied(N_("这项自筹已经核定，不用再做一次"))
    if not (actor.is_system or actor.acts_for(claim.project.buyer_id, *BUYERS)):
        return denied(N_("自筹由项目的购买单位核定"))
    if actor.person_id is not None and actor.person_id == claim.claimed_by:
        return denied(_TWO_PERSONS)
    return ALLOWED


def may_add_cost_line(actor: Actor, project: Project) -> Decision:
    """Say who may name what extra money pays for: the project's buyer."""
    if actor.is_system or actor.acts_for(project.buyer_id, *BUYERS):
        return ALLOWED
    return denied(N_("费用清单由项目的购买单位维护"))


def may_look_at_flags(actor: Actor) -> Decision:
    """Say who may see the review queue: the operator and the auditor."""
    return ALLOWED if actor.is_system or actor.has(Role.OPERATOR, Role.AUDITOR) else _HIDDEN


def may_decide_flag(actor: Actor, flag: MoneyFlag) -> Decision:
    """Say who may clear or uphold a flag: the operator, once, and nobody whose own money it is about."""
    if not (actor.is_system or actor.has(Role.OPERATOR)):
        return _HIDDEN
    if flag.state != "open":
        return denied(N_("这条提示已经处理，不用再做一次"))
    if is_officer(actor, flag.pledge.funder):
        return denied(N_("不能处理与自己单位有关的提示"))
    return ALLOWED
