"""Who may prepare an event, stand at its door, record, check a name, look at the own paddle. Pure."""

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.pledging.models import Guest, PledgingEvent
from marketplace.pledging.rules import EventState

STAFF = (Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN, Role.FUNDER, Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER)
HIDDEN = denied(N_("没有这场认捐会"), hidden=True)
_NOT_STAFF = N_("只有主办单位或接收方的工作人员可以这样做")


def is_staff(actor: Actor, event: PledgingEvent) -> bool:
    """Say whether the actor works for the host or the receiving body of the event."""
    return actor.is_system or actor.acts_for(event.host_id, *STAFF) or actor.acts_for(event.receiver_id, *STAFF)


def may_host(actor: Actor) -> Decision:
    """Allow a person who acts for an organization to prepare an event in its name."""
    if actor.is_system or (actor.organization_id is not None and actor.has(*STAFF)):
        return ALLOWED
    return denied(N_("请先切换到您所在单位的身份，再筹备认捐会"))


def may_see(actor: Actor, event: PledgingEvent) -> Decision:
    """Show it to staff, operators and auditors; to all others the event does not exist."""
    return ALLOWED if is_staff(actor, event) or actor.has(Role.OPERATOR, Role.AUDITOR) else HIDDEN


def may_work(actor: Actor, event: PledgingEvent) -> Decision:
    """Let staff work at the door, at the list, at the desk of the recorders."""
    return ALLOWED if is_staff(actor, event) else denied(_NOT_STAFF)


def may_change(actor: Actor, event: PledgingEvent) -> Decision:
    """Change facts and footing until the event begins."""
    if not is_staff(actor, event):
        return denied(_NOT_STAFF)
    return ALLOWED if event.state == EventState.DRAFT else denied(N_("认捐会已经开始，资料和依据不能再改"))


def may_raise_in_public(actor: Actor, event: PledgingEvent) -> Decision:
    """Let only the people of the charity that filed the plan stand an event on it: it runs what is raised in public.

    Numbers of filed plans can be read by anybody; a body without the right only joins in (rulebook 4.2; CL 26).
    """
    if not may_change(actor, event):
        return may_change(actor, event)
    if actor.is_system or actor.acts_for(event.receiver_id, *STAFF):
        return ALLOWED
    return denied(N_("公开募捐只能由备案方案的慈善组织自己办理。请接收方的人员来选定这项依据（慈善法第二十六条）"))


def may_go_live(actor: Actor, event: PledgingEvent) -> Decision:
    """Begin only on a chosen footing: a closed list, or a filed plan."""
    if not may_change(actor, event):
        return may_change(actor, event)
    if not event.footing:
        return denied(N_("还没有选定依据：定向邀请名单，或已备案的募捐方案"))
    return ALLOWED if event.guests else denied(N_("名单还是空的。请先登记参加单位和具名个人"))


def may_add_guests(actor: Actor, event: PledgingEvent) -> Decision:
    """Let the list grow until the event is over; who joins after its beginning came through the door."""
    if not is_staff(actor, event):
        return denied(_NOT_STAFF)
    return ALLOWED if event.state != EventState.CLOSED else denied(N_("认捐会已经结束，名单不再变动"))


def may_check_name(actor: Actor, guest: Guest) -> Decision:
    """Let a second person, or an operator, look at a shown name before the hall sees it."""
    if actor.has(Role.OPERATOR) and actor.person_id != guest.added_by:
        return ALLOWED
    if not is_staff(actor, guest.event):
        return denied(_NOT_STAFF)
    if actor.person_id is not None and actor.person_id == guest.added_by:
        return denied(N_("大屏名称要由另一个人核对"))
    return ALLOWED


def may_open_round(actor: Actor, event: PledgingEvent) -> Decision:
    """Open and close rounds while the event runs."""
    if not is_staff(actor, event):
        return denied(_NOT_STAFF)
    return ALLOWED if event.state == EventState.LIVE else denied(N_("认捐会没有在进行，不能开轮"))


def may_close(actor: Actor, event: PledgingEvent) -> Decision:
    """End a running event."""
    if not is_staff(actor, event):
        return denied(_NOT_STAFF)
    return ALLOWED if event.state == EventState.LIVE else denied(N_("认捐会没有在进行"))


def may_see_own(actor: Actor, guest: Guest) -> Decision:
    """Show a guest's own page to people of its organization, and to staff of the event."""
    funder_organization = guest.funder.organization_id
    if is_staff(actor, guest.event) or (actor.is_signed_in and funder_organization is not None
                                        and actor.organization_id == funder_organization):
        return ALLOWED
    return HIDDEN
