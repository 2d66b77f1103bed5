"""Who may organize meetings, bring a project to a table, see a schedule. Pure."""

from collections.abc import Collection

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.meetings.models import MeetingEvent
from marketplace.meetings.rules import EVENT, NO_PRIVATE_MEETINGS, EventState, is_before_award
from marketplace.projects import policy as projects
from marketplace.projects.models import Project

UNIT_STAFF = (Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN)
PROVIDERS = (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER)
HIDDEN = denied(N_("没有这场洽谈会"), hidden=True)
_NOT_STAFF = N_("只有主办单位的工作人员或系统管理员可以这样做")


def is_staff(actor: Actor, event: MeetingEvent) -> bool:
    """Say whether the actor organizes this event: people of the host unit, or an operator."""
    return actor.is_system or actor.has(Role.OPERATOR) or actor.acts_for(event.host_id, *UNIT_STAFF)


def may_organize(actor: Actor) -> Decision:
    """Let units and operators prepare an event."""
    if actor.is_system or actor.has(Role.OPERATOR) or (actor.organization_id is not None and actor.has(*UNIT_STAFF)):
        return ALLOWED
    return denied(N_("只有购买单位的工作人员或系统管理员可以筹备洽谈会"))


def may_see(actor: Actor, event: MeetingEvent, *, parties: Collection[int] = ()) -> Decision:
    """Show the event to its staff, to auditors, and to organizations that take part (`parties`: their ids).

    A unit sees an event that is open to units. A visitor of the fair sees it once a schedule is published.
    """
    if is_staff(actor, event) or actor.has(Role.AUDITOR):
        return ALLOWED
    if actor.has(*UNIT_STAFF) and (event.is_open_to_units or actor.organization_id in parties):
        return ALLOWED
    shown = event.state in (EventState.PUBLISHED, EventState.OVER)
    return ALLOWED if shown and actor.organization_id in parties and actor.has(*PROVIDERS) else HIDDEN


def may_see_all(actor: Actor, event: MeetingEvent) -> Decision:
    """Show all parties, drafts of a schedule and points to staff and auditors; others see their own."""
    if is_staff(actor, event) or actor.has(Role.AUDITOR):
        return ALLOWED
    return denied(N_("这里只显示您自己单位的洽谈安排"))


def may_change(actor: Actor, event: MeetingEvent) -> Decision:
    """Let staff change facts, parties and decisions until the event is over."""
    if not is_staff(actor, event):
        return denied(_NOT_STAFF)
    return ALLOWED if event.state != EventState.OVER else denied(N_("洽谈会已经结束，不能再改"))


def may_add_table(actor: Actor, event: MeetingEvent, project: Project) -> Decision:
    """Let staff add projects that they may see, and a unit its own where the event is open to units.

    A project between notice and award takes no private meetings, whoever asks (rulebook 2.7a).
    """
    if event.state == EventState.OVER:
        return denied(N_("洽谈会已经结束，不能再改"))
    if is_staff(actor, event):
        if not (actor.is_system or projects.may_view(actor, project)):
            return projects.HIDDEN
    elif not (event.is_open_to_units and actor.acts_for(project.buyer_id, *UNIT_STAFF)):
        return denied(_NOT_STAFF)
    return may_meet(project)


def may_meet(project: Project) -> Decision:
    """Refuse private meetings about a project between notice and award."""
    return denied(NO_PRIVATE_MEETINGS, title=project.title) if is_before_award(project.state) else ALLOWED


def may_remove_table(actor: Actor, event: MeetingEvent, project: Project) -> Decision:
    """Let staff, or the unit that brought it, take a project away."""
    if event.state == EventState.OVER:
        return denied(N_("洽谈会已经结束，不能再改"))
    own = event.is_open_to_units and actor.acts_for(project.buyer_id, *UNIT_STAFF)
    return ALLOWED if is_staff(actor, event) or own else denied(_NOT_STAFF)


def may_publish(actor: Actor, event: MeetingEvent) -> Decision:
    """Let staff publish a version that is ready."""
    return _step(actor, event, "publish", N_("还没有排好的洽谈表，不能公布"))


def may_withdraw(actor: Actor, event: MeetingEvent) -> Decision:
    """Let staff take a published schedule back."""
    return _step(actor, event, "withdraw", N_("洽谈表没有公布，不用撤回"))


def may_close(actor: Actor, event: MeetingEvent) -> Decision:
    """Let staff end a published event."""
    return _step(actor, event, "close", N_("洽谈表公布以后才能结束洽谈会"))


def _step(actor: Actor, event: MeetingEvent, action: str, otherwise: str) -> Decision:
    """Allow staff a step that the lifecycle has now."""
    if not is_staff(actor, event):
        return denied(_NOT_STAFF)
    return ALLOWED if EVENT.allows(EventState(event.state), action) else denied(otherwise)
