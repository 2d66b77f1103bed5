"""Who may open accounts, grant and revoke, print slips, unlock. Pure: everything needed is in the arguments."""

from collections.abc import Iterable

from marketplace.accounts.rules import PROVIDER_ROLES, UNIT_ROLES, Place
from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_

_ONESELF = N_("不能给自己授权或收回自己的身份。请由另一位管理员办理")
_NOT_FOR_YOU = N_("您不能办理这个身份。经办、审核由本单位或上级单位管理员办理，管理身份由安全管理员办理")
_NOT_YOURS = N_("这位成员还有您管理范围以外的身份。请联系平台的安全管理员办理")


def _runs(actor: Actor, place: Place) -> bool:
    """Say whether the actor administers that organization: its unit or one above, or the provider itself."""
    if place.path:
        return actor.has(Role.UNIT_ADMIN) and actor.oversees(place.path)
    return actor.acts_for(place.id, Role.PROVIDER_ADMIN)


def may_open_account(actor: Actor) -> Decision:
    """Say who may open an account: administrators of units and providers, the security officer."""
    if actor.is_system or actor.has(Role.UNIT_ADMIN, Role.PROVIDER_ADMIN, Role.SECURITY_OFFICER):
        return ALLOWED
    return denied(N_("开通账号要由单位管理员或安全管理员办理"))


def may_change_mandate(actor: Actor, *, person_id: int, role: Role, place: Place | None) -> Decision:
    """Say who may grant or revoke a role: nobody for himself; each administrator within his own reach, else 404.

    The security officer gives the separated roles, experts, and the first administrators; unit administrators
    give unit roles in their unit and below; a provider's administrator gives that provider's roles.
    """
    if actor.is_system:
        return ALLOWED
    if actor.person_id == person_id:
        return denied(_ONESELF)
    if actor.has(Role.SECURITY_OFFICER):
        return ALLOWED
    if place is None or not _runs(actor, place):
        return denied(_NOT_FOR_YOU, hidden=True)
    return ALLOWED if role in UNIT_ROLES | PROVIDER_ROLES else denied(_NOT_FOR_YOU)


def may_manage_person(actor: Actor, *, person_id: int, places: Iterable[Place | None]) -> Decision:
    """Say who may print a slip for a person or unlock him: whoever administers every place he acts for.

    A slip sets a new password, so an administrator of one unit must not get at powers held elsewhere.
    """
    if actor.is_system:
        return ALLOWED
    if actor.person_id == person_id:
        return denied(N_("自己的密码请在“我的账号”里修改"))
    if actor.has(Role.SECURITY_OFFICER):
        return ALLOWED
    if not actor.has(Role.UNIT_ADMIN, Role.PROVIDER_ADMIN):
        return denied(N_("激活单要由单位管理员打印"))
    mine = [place is not None and _runs(actor, place) for place in places]
    if mine and all(mine):
        return ALLOWED
    return denied(_NOT_YOURS, hidden=not any(mine))


def may_deactivate(actor: Actor, *, person_id: int) -> Decision:
    """Say who may close or reopen an account: the security officer, never his own."""
    if actor.is_system:
        return ALLOWED
    if actor.person_id == person_id:
        return denied(N_("不能停用自己的账号。请由另一位安全管理员办理"))
    return ALLOWED if actor.has(Role.SECURITY_OFFICER) else denied(N_("停用账号要由安全管理员办理"))


def may_end_sessions(actor: Actor, *, person_id: int) -> Decision:
    """Say who may end a person's sessions: the person, or the security officer."""
    if actor.is_system or actor.person_id == person_id or actor.has(Role.SECURITY_OFFICER):
        return ALLOWED
    return denied(N_("只能结束自己的登录"))


def may_change_own(actor: Actor, *, person_id: int) -> Decision:
    """Say who may change profile, password and the mandate acted in: only the person."""
    return ALLOWED if actor.person_id == person_id else denied(N_("只能修改自己的资料"))


def may_run_platform(actor: Actor) -> Decision:
    """Say who may put failed background work back: the operator."""
    return ALLOWED if actor.is_system or actor.has(Role.OPERATOR) else denied(N_("后台任务由系统管理员处理"))
