"""Who sees the list of a project, tells or invites providers, follows, declines and asks why: pure functions."""

from datetime import datetime

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.matching.rules.outreach import Way, is_locked, outreach_of
from marketplace.projects.models import Project
from marketplace.projects.policy import is_open, is_public
from marketplace.projects.rules import ProjectState

BUYERS = (Role.HANDLER, Role.APPROVER)
PROVIDERS = (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER)
DECIDED = (ProjectState.AWARDED, ProjectState.CONTRACTED)
HIDDEN = denied(N_("没有这个页面"), hidden=True)


def is_kept_from(project: Project, *, holds_seat: bool) -> bool:
    """Say whether somebody on the panel must not learn who was looked at or invited: until the award."""
    return holds_seat and project.state not in DECIDED


def may_see_suggestions(actor: Actor, project: Project, *, holds_seat: bool) -> Decision:
    """Show the list to the buyer's handlers and approvers and to operators; never to the panel before the award."""
    if is_kept_from(project, holds_seat=holds_seat):
        return HIDDEN
    if actor.is_system or actor.acts_for(project.buyer_id, *BUYERS):
        return ALLOWED
    if actor.has(Role.OPERATOR) and is_public(project):
        return ALLOWED
    return HIDDEN


def _by(actor: Actor, project: Project, *roles: Role) -> Decision:
    """Own unit, in one of the roles; strangers do not learn that there is a list."""
    if actor.acts_for(project.buyer_id, *roles):
        return ALLOWED
    if actor.acts_for(project.buyer_id, *BUYERS):
        return denied(N_("这一步要由本单位的审核人办理"))
    if actor.has(Role.OPERATOR) and is_public(project):
        return denied(N_("告知和邀请由购买单位办理"))
    return HIDDEN


def _while_open(project: Project, way: Way, now: datetime) -> Decision:
    """Only in a procedure that knows this way, and while offers may come in."""
    found = outreach_of(project.procedure)
    if way not in found.ways:
        return denied(found.sentence)
    if not is_open(project, now):
        return denied(N_("只有公开征集期间可以告知或邀请"))
    return ALLOWED


def may_tell(actor: Actor, project: Project, now: datetime) -> Decision:
    """Let the buyer's handlers and approvers tell everybody above a line, while the project is open."""
    own = _by(actor, project, *BUYERS)
    return _while_open(project, Way.TELL, now) if own else own


def may_draw(actor: Actor, project: Project, now: datetime, *, holds_seat: bool) -> Decision:
    """Let an approver of the buyer draw by lot."""
    own = HIDDEN if is_kept_from(project, holds_seat=holds_seat) else _by(actor, project, Role.APPROVER)
    return _while_open(project, Way.DRAW, now) if own else own


def may_recommend(actor: Actor, project: Project, now: datetime, *, holds_seat: bool) -> Decision:
    """Let an approver recommend for the buyer."""
    own = HIDDEN if is_kept_from(project, holds_seat=holds_seat) else _by(actor, project, Role.APPROVER)
    return _while_open(project, Way.RECOMMEND, now) if own else own


def may_recommend_as_expert(actor: Actor, project: Project, now: datetime, *, holds_seat: bool,
                            is_eligible: bool) -> Decision:
    """Let an expert of the pool recommend who is free of ties and has no seat in this project's panel."""
    if holds_seat or not is_eligible or not actor.has(Role.EXPERT) or not is_public(project):
        return HIDDEN
    if actor.acts_for(project.buyer_id, *BUYERS):
        return HIDDEN
    return _while_open(project, Way.RECOMMEND, now)


def may_see_invitations(actor: Actor, project: Project, *, holds_seat: bool) -> Decision:
    """Show who is invited to the buyer and the auditor; to everybody with the award, never to the panel before it."""
    if not is_locked(project.procedure) or is_kept_from(project, holds_seat=holds_seat):
        return HIDDEN
    if project.state in DECIDED or actor.is_system or actor.acts_for(project.buyer_id, *BUYERS):
        return ALLOWED
    return ALLOWED if actor.has(Role.AUDITOR) and is_public(project) else HIDDEN


def may_ask_why(actor: Actor, project: Project) -> Decision:
    """Let people of an organization see how it stands to a published project that is not its own."""
    if not is_public(project):
        return HIDDEN
    if not actor.has(*PROVIDERS) or actor.organization_id is None:
        return denied(N_("只有社会组织的管理员或成员可以看本机构的匹配情况。请在“我的账号”切换身份"))
    return ALLOWED


def may_follow(actor: Actor, project: Project) -> Decision:
    """Let people of an organization follow a published project."""
    return may_ask_why(actor, project)


def may_decline(actor: Actor, project: Project, now: datetime) -> Decision:
    """Let people of an organization say that it will not take a project, while it is open; and take that back."""
    seen = may_ask_why(actor, project)
    if seen and not is_open(project, now):
        return denied(N_("项目已截止，不用再表示"))
    return seen
