"""Who may draw up, see and sign a donation agreement. Pure."""

from collections.abc import Sequence

from marketplace.agreements.models import DonationAgreement
from marketplace.agreements.rules import AgreementState
from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

RECEIVER_ROLES: Sequence[Role] = (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER, Role.FUNDER)
UNIT_READERS: Sequence[Role] = (Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN)
OVERSEERS: Sequence[Role] = (Role.OPERATOR, Role.AUDITOR)
READERS: Sequence[Role] = (*RECEIVER_ROLES, *UNIT_READERS, *OVERSEERS)
HIDDEN = denied(N_("没有这份捐赠协议，或您不能查看"), hidden=True)


def may_draw_up(actor: Actor, receiver: Organization, project: Project) -> Decision:
    """Allow the receiving body's people, once the purchase contract stands: money never comes near the award before."""
    if not (actor.is_system or actor.acts_for(receiver.id, *RECEIVER_ROLES)):
        return denied(N_("只有接收捐赠的单位可以起草捐赠协议"))
    if project.state != ProjectState.CONTRACTED:
        return denied(N_("项目签约以后才能起草捐赠协议：捐赠不能影响评审和合同价"))
    return ALLOWED


def may_view(actor: Actor, agreement: DonationAgreement, funders: Sequence[int | None]) -> Decision:
    """Show an agreement to receiving body, provider, the donors in it, the project's buyer and those above, overseers.

    `funders` are the organizations of the donors in the agreement.
    """
    if actor.is_system or actor.has(*OVERSEERS):
        return ALLOWED
    bodies = {agreement.receiver_id, agreement.provider_id, *funders}
    if actor.organization_id in bodies and actor.has(*RECEIVER_ROLES):
        return ALLOWED
    if actor.has(*UNIT_READERS) and actor.oversees(agreement.project.buyer_path):
        return ALLOWED
    return HIDDEN


def may_record_signing(actor: Actor, agreement: DonationAgreement) -> Decision:
    """Allow the receiving body to register the signed copy of a printed agreement."""
    if not actor.acts_for(agreement.receiver_id, *RECEIVER_ROLES):
        return denied(N_("由接收捐赠的单位登记签署"))
    if agreement.state == AgreementState.FROZEN:
        return denied(N_("协议文件还没有印成，请稍后再登记"))
    if agreement.state == AgreementState.SIGNED:
        return denied(N_("签署已经登记"))
    return ALLOWED
