"""Who may register, edit, verify and see an organization. Pure."""

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import OrganizationKind, Verification

ADMINISTRATORS = (Role.PROVIDER_ADMIN, Role.UNIT_ADMIN)
STAFF = (Role.OPERATOR, Role.SECURITY_OFFICER, Role.AUDITOR)
BUYERS = (Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN)


def may_register_unit(actor: Actor, parent: Organization | None) -> Decision:
    """Units are registered by an operator, or below a unit by an administrator who oversees it."""
    if actor.is_system or actor.has(Role.OPERATOR):
        return ALLOWED
    if parent is not None and actor.has(Role.UNIT_ADMIN) and actor.oversees(parent.path):
        return ALLOWED
    return denied(N_("只有系统管理员或上级单位的管理员可以登记下级单位"))


def may_register(actor: Actor, kind: OrganizationKind) -> Decision:  # noqa: ARG001 - the actor may be nobody yet
    """Anybody may register a body as unverified; a government unit only through register_unit."""
    if kind is OrganizationKind.UNIT:
        return denied(N_("机关单位由系统管理员登记，不能自行注册"))
    return ALLOWED


def may_take_over(actor: Actor) -> Decision:
    """Let operators take organizations over from a public source (an import)."""
    return ALLOWED if actor.is_system or actor.has(Role.OPERATOR) else denied(N_("只有系统管理员可以批量导入组织"))


def may_edit_profile(actor: Actor, organization: Organization) -> Decision:
    """Its own administrators and operators edit a profile."""
    if actor.is_system or actor.has(Role.OPERATOR) or actor.acts_for(organization.id, *ADMINISTRATORS):
        return ALLOWED
    return denied(N_("只有本组织的管理员可以修改组织资料。请联系贵组织的管理员"))


def may_edit_listings(actor: Actor) -> Decision:
    """Credit lists are entered by operators only, from the registration authority's publication."""
    return ALLOWED if actor.is_system or actor.has(Role.OPERATOR) else denied(N_("信用名录由系统管理员登记"))


def may_submit_for_verification(actor: Actor, organization: Organization) -> Decision:
    """Its administrators ask for the check, once at a time."""
    may = may_edit_profile(actor, organization)
    if not may:
        return may
    if organization.verification in (Verification.SUBMITTED, Verification.VERIFIED):
        return denied(N_("资料已提交或已通过核验，不用再次提交"))
    return ALLOWED


def may_verify(actor: Actor, organization: Organization) -> Decision:
    """Let an operator check an organization that is not the operator's own."""
    if actor.is_system:
        return ALLOWED
    if not actor.has(Role.OPERATOR):
        return denied(N_("只有系统管理员可以核验组织"))
    if actor.organization_id == organization.id:
        return denied(N_("不能核验自己所在的组织，请由另一位系统管理员办理"))
    return ALLOWED


def may_see(actor: Actor, organization: Organization) -> Decision:
    """Public once verified or taken over from a public source; before that only its own people and the operators."""
    if organization.public_since is not None or actor.is_system:
        return ALLOWED
    if actor.organization_id == organization.id or actor.has(*STAFF):
        return ALLOWED
    return denied(N_("没有这个组织"), hidden=True)


def may_see_contact(actor: Actor, organization: Organization) -> Decision:
    """Show the whole telephone number to its own people, buyers and operators; the public sees it masked (PIPL 6)."""
    if actor.is_signed_in and (actor.organization_id == organization.id or actor.has(*BUYERS, *STAFF)):
        return ALLOWED
    return denied(N_("联系电话对外只显示部分数字"))
