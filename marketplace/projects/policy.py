"""Who may do what with a project: pure functions of actor, project and moment."""

from datetime import datetime

from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.organizations.models import Organization
from marketplace.projects.models import Enquiry, Project
from marketplace.projects.rules import (
    LIFECYCLE,
    STATE_LABELS,
    Action,
    ProjectState,
    may_skip_second_person,
    questions_close_at,
)

UNIT_ROLES = (Role.HANDLER, Role.APPROVER)
UNIT_READERS = (Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN)
HIDDEN = denied(N_("没有这个项目"), hidden=True)


def is_public(project: Project) -> bool:
    """Say whether the project was ever published: from then on it stays in the open."""
    return project.published_at is not None and project.state not in (ProjectState.DRAFT, ProjectState.IN_REVIEW)


def may_view(actor: Actor, project: Project) -> Decision:
    """Show what is published to anybody; a draft to its unit; what was submitted also to the units above it."""
    if is_public(project) or actor.is_system or actor.acts_for(project.buyer_id, *UNIT_READERS):
        return ALLOWED
    if project.state == ProjectState.IN_REVIEW:
        above = actor.has(*UNIT_READERS) and actor.oversees(project.buyer_path)
        if above or actor.has(Role.AUDITOR):
            return ALLOWED
    return HIDDEN


def may_draft(actor: Actor, buyer: Organization) -> Decision:
    """Handlers and approvers draft for their own unit."""
    if not buyer.is_buyer:
        return denied(N_("“{name}”不是购买主体，不能发布项目"), name=buyer.name)
    if actor.is_system or actor.acts_for(buyer.id, *UNIT_ROLES):
        return ALLOWED
    return denied(N_("只有本单位的经办人或审核人可以起草项目"))


def _own(actor: Actor, project: Project, *roles: Role) -> Decision:
    """Own unit, in one of the roles; strangers do not even learn that an unpublished project exists."""
    if actor.acts_for(project.buyer_id, *roles):
        return ALLOWED
    if not may_view(actor, project):
        return HIDDEN
    return denied(N_("只有购买单位的经办人或审核人可以做这一步"))


def _step(project: Project, action: Action) -> Decision:
    """Say whether the lifecycle has this step now."""
    state = ProjectState(project.state)
    if LIFECYCLE.allows(state, action):
        return ALLOWED
    return denied(N_("现在是“{state}”，不能做这一步"), state=STATE_LABELS[state])


def _both(first: Decision, second: Decision) -> Decision:
    """Return the first refusal, or the permission."""
    return second if first else first


def may_edit(actor: Actor, project: Project) -> Decision:
    """Let the unit edit its draft; afterwards only an addendum changes anything."""
    own = _own(actor, project, *UNIT_ROLES)
    if own and project.state != ProjectState.DRAFT:
        return denied(N_("只有草稿可以修改。已发布的项目请发澄清或更正"))
    return own


def may_submit(actor: Actor, project: Project) -> Decision:
    """Handlers and approvers send a draft to review."""
    return _both(_own(actor, project, *UNIT_ROLES), _step(project, Action.SUBMIT))


def may_review(actor: Actor, project: Project) -> Decision:
    """Approvers of the unit read and return what waits for review."""
    return _both(_own(actor, project, Role.APPROVER), _step(project, Action.RETURN))


def may_publish(actor: Actor, project: Project, *, people: int) -> Decision:
    """Ask for an approver who neither drafted nor submitted it (SEC-07).

    `people`: how many draft or approve in the unit; a single one may do both.
    """
    decision = _both(_own(actor, project, Role.APPROVER), _step(project, Action.PUBLISH))
    is_first_person = actor.person_id in (project.created_by, project.submitted_by)
    if decision and is_first_person and not may_skip_second_person(people):
        return denied(N_("起草或送审的人不能自己批准。请由本单位另一位审核人发布"))
    return decision


def may_publish_addendum(actor: Actor, project: Project, now: datetime) -> Decision:
    """Until the deadline, in the open."""
    own = _own(actor, project, *UNIT_ROLES)
    if own and not is_open(project, now):
        return denied(N_("只有公开征集期间可以发布澄清或更正"))
    return own


def is_open(project: Project, now: datetime) -> bool:
    """Say whether offers may come in at `now`: [published_at, closes_at)."""
    return project.state == ProjectState.PUBLISHED and project.closes_at is not None and now < project.closes_at


def may_ask(actor: Actor, project: Project, now: datetime) -> Decision:
    """Let anybody signed in ask, except the buyer's own people, until two days before the deadline."""
    if not may_view(actor, project):
        return HIDDEN
    if not actor.is_signed_in:
        return denied(N_("登录后可以提问，提问人的名字不公开"))
    if actor.has(*UNIT_READERS) and actor.organization_id == project.buyer_id:
        return denied(N_("购买单位自己不提问；需要说明的内容请发澄清"))
    if not is_open(project, now) or project.closes_at is None or now >= questions_close_at(project.closes_at):
        return denied(N_("提问已经截止"))
    return ALLOWED


def may_answer(actor: Actor, project: Project) -> Decision:
    """Let the buyer's people answer, in the open, before the opening."""
    own = _own(actor, project, *UNIT_ROLES)
    if own and project.state != ProjectState.PUBLISHED:
        return denied(N_("启封后不再答复提问"))
    return own


def may_see_enquiry(actor: Actor, enquiry: Enquiry) -> Decision:
    """Answered: everybody. Waiting: the buyer and whoever asked."""
    if not may_view(actor, enquiry.project):
        return HIDDEN
    mine = actor.person_id is not None and actor.person_id == enquiry.asked_by
    if enquiry.answered_at is not None or mine or actor.acts_for(enquiry.project.buyer_id, *UNIT_READERS):
        return ALLOWED
    return HIDDEN


def may_terminate(actor: Actor, project: Project) -> Decision:
    """Drafts: whoever drafts. Published: an approver, with a reason that is published."""
    roles = UNIT_ROLES if project.state == ProjectState.DRAFT else (Role.APPROVER,)
    return _both(_own(actor, project, *roles), _step(project, Action.TERMINATE))


def may_fail(actor: Actor, project: Project) -> Decision:
    """Let the opening itself (too few offers) or an approver of the unit end it without a result."""
    return ALLOWED if actor.is_system else _own(actor, project, Role.APPROVER)
