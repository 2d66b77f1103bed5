"""Who may set local numbers."""

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_


def may_set_local(actor: Actor) -> Decision:
    """Only the platform's operator enters what the local rule says; the audit keeps who and when."""
    if actor.is_system or actor.has(Role.OPERATOR):
        return ALLOWED
    return denied(N_("只有系统管理员可以录入地方规则"))
