"""Who may issue, void and replace papers. Pure."""

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_


def may_issue(actor: Actor) -> Decision:
    """Allow the system and signed-in people: each slice decides about its own papers."""
    if actor.is_system or actor.is_signed_in:
        return ALLOWED
    return denied(N_("请先登录，再开具文件"))


def may_void(actor: Actor) -> Decision:
    """Allow the operator and the system to void a paper that was issued by mistake."""
    if actor.is_system or actor.has(Role.OPERATOR):
        return ALLOWED
    return denied(N_("作废已开具的文件，请联系平台系统管理员"))
