"""Who may declare, read a declaration, look at ties and settle them. Pure."""

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.organizations.models import Organization

PROVIDERS = (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER)
BUYERS = (Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN)


def may_read(actor: Actor, organization: Organization) -> Decision:
    """Show a provider's declarations to its own people and to operators; to others they do not exist."""
    if actor.acts_for(organization.id, *PROVIDERS) or actor.has(Role.OPERATOR):
        return ALLOWED
    return denied(N_("没有这个组织的声明"), hidden=True)


def may_declare(actor: Actor, organization: Organization) -> Decision:
    """Let a provider's administrator sign for it: the statement binds the organization."""
    if actor.acts_for(organization.id, Role.PROVIDER_ADMIN):
        return ALLOWED
    return denied(N_("利益关系声明由本组织的管理员提交。请联系贵组织的管理员"))


def may_declare_own(actor: Actor) -> Decision:
    """Let those who buy for a unit declare their own relations, and nobody else's."""
    if actor.organization_id is not None and actor.has(*BUYERS):
        return ALLOWED
    return denied(N_("只有采购单位的经办人、审核人和管理员申报本人的利害关系"))


def may_look(actor: Actor) -> Decision:
    """Show what waits to be settled to operators only: it names people."""
    return ALLOWED if actor.has(Role.OPERATOR) else denied(N_("利益冲突由系统管理员核对"))


def may_settle(actor: Actor, provider: Organization) -> Decision:
    """Let an operator settle what concerns a provider that is not the operator's own."""
    may = may_look(actor)
    if may and actor.organization_id == provider.id:
        return denied(N_("不能核对自己所在的组织，请由另一位系统管理员办理"))
    return may
