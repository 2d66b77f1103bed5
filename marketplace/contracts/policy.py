"""Who may draw up, see, sign, publish and file a contract. Pure."""

from collections.abc import Sequence
from datetime import datetime

from marketplace.awards.models import Award
from marketplace.awards.rules import AwardState
from marketplace.contracts.models import Contract
from marketplace.contracts.rules import ContractState
from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.projects.models import Project

UNIT_WRITERS: Sequence[Role] = (Role.HANDLER, Role.APPROVER)
UNIT_READERS: Sequence[Role] = (*UNIT_WRITERS, Role.UNIT_ADMIN)
PROVIDER_ROLES: Sequence[Role] = (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER)
OVERSEERS: Sequence[Role] = (Role.OPERATOR, Role.AUDITOR)
HIDDEN = denied(N_("没有这份合同，或您不能查看"), hidden=True)


def may_draw_up(actor: Actor, project: Project) -> Decision:
    """Allow the system, and the buyer's own people, to fix the terms."""
    if actor.is_system or actor.acts_for(project.buyer_id, *UNIT_WRITERS):
        return ALLOWED
    return denied(N_("只有购买单位的经办人或审核人可以生成合同"))


def is_due(award: Award, project: Project, now: datetime) -> Decision:
    """Say whether nothing stands in the way of the contract: the award lives, its objection period is over."""
    if award.state != AwardState.NOTIFIED:
        return denied(N_("中选结果已撤销，不能签约"))
    if now < award.objections_until:
        return denied(N_("异议期还没有结束，不能签约"))
    if project.open_objections:
        return denied(N_("还有 {count} 件异议没有答复，不能签约"), count=project.open_objections)
    return ALLOWED


def may_view(actor: Actor, contract: Contract) -> Decision:
    """Show a contract to both parties, the units above the buyer, the operator and the auditor; to nobody else."""
    if actor.is_system or actor.has(*OVERSEERS):
        return ALLOWED
    if actor.acts_for(contract.buyer_id, *UNIT_READERS) or actor.acts_for(contract.provider_id, *PROVIDER_ROLES):
        return ALLOWED
    if actor.has(*UNIT_READERS) and actor.oversees(contract.project.buyer_path):
        return ALLOWED
    return HIDDEN


def _buyer(actor: Actor, contract: Contract) -> Decision:
    """Allow the buyer's handlers and approvers; strangers do not learn that the contract exists."""
    if actor.acts_for(contract.buyer_id, *UNIT_WRITERS):
        return ALLOWED
    if not may_view(actor, contract):
        return HIDDEN
    return denied(N_("只有购买单位的经办人或审核人可以做这一步"))


def may_record_signing(actor: Actor, contract: Contract) -> Decision:
    """Allow the buyer to register the signed copy, once the paper is there and not signed yet."""
    if not (own := _buyer(actor, contract)):
        return own
    if contract.state == ContractState.FROZEN:
        return denied(N_("合同文件还没有生成，暂时不能登记签署"))
    if contract.state == ContractState.SIGNED:
        return denied(N_("签署已经登记，不用再做一次"))
    return ALLOWED


def may_publish(actor: Actor, contract: Contract) -> Decision:
    """Allow the buyer to publish a signed contract once."""
    if not (own := _buyer(actor, contract)):
        return own
    if contract.state != ContractState.SIGNED:
        return denied(N_("登记签署之后才能公开合同"))
    if contract.published_at is not None:
        return denied(N_("合同已经公开，不用再做一次"))
    return ALLOWED


def may_record_filing(actor: Actor, contract: Contract) -> Decision:
    """Allow the buyer to note that a copy was filed, once."""
    if not (own := _buyer(actor, contract)):
        return own
    if contract.state != ContractState.SIGNED:
        return denied(N_("登记签署之后才能登记备案"))
    if contract.filed_on is not None:
        return denied(N_("备案已经登记，不用再做一次"))
    return ALLOWED
