"""Who may draw, score, decide, object and read: pure functions of actor, subject and moment."""

from datetime import datetime

from marketplace.awards.models import Award, Objection, Panel, PanelSeat
from marketplace.awards.rules import AwardState, SeatState, objection_is_in_time
from marketplace.bids.models import SealedBid
from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.projects.models import Project
from marketplace.projects.rules import STATE_LABELS, ProjectState

UNIT_ROLES = (Role.HANDLER, Role.APPROVER)
BIDDER_ROLES = (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER)
HIDDEN = denied(N_("没有这个页面"), hidden=True)
DECIDED = (ProjectState.AWARDED, ProjectState.CONTRACTED)


def _of_buyer(actor: Actor, project: Project, *roles: Role) -> Decision:
    """Own unit, in one of the roles. What stands behind is secret to everybody else."""
    if actor.is_system or actor.acts_for(project.buyer_id, *roles):
        return ALLOWED
    if actor.acts_for(project.buyer_id, *UNIT_ROLES):
        return denied(N_("这一步要由本单位的审核人办理"))
    return HIDDEN


def _while(project: Project, state: ProjectState) -> Decision:
    """Only while the project is in that state."""
    if project.state == state:
        return ALLOWED
    return denied(N_("现在是“{state}”，不能做这一步"), state=STATE_LABELS[ProjectState(project.state)])


def _both(first: Decision, second: Decision) -> Decision:
    """Return the first refusal, or the permission."""
    return second if first else first


def may_enrol_expert(actor: Actor) -> Decision:
    """Let the platform's operator keep the pool of experts."""
    if actor.is_system or actor.has(Role.OPERATOR):
        return ALLOWED
    return denied(N_("专家库由系统管理员维护"))


def may_see_panel(actor: Actor, project: Project) -> Decision:
    """Show the members to the buyer and the auditor; to everybody only with the result (Order 87 art 66)."""
    if actor.has(Role.AUDITOR) or project.state in DECIDED:
        return ALLOWED
    return _of_buyer(actor, project, *UNIT_ROLES, Role.UNIT_ADMIN)


def may_draw(actor: Actor, project: Project) -> Decision:
    """Let the buyer draw the panel once the offers are open: only then are the conflicts known."""
    return _both(_of_buyer(actor, project, *UNIT_ROLES), _while(project, ProjectState.OPENED))


def may_sit(actor: Actor, seat: PanelSeat) -> Decision:
    """Only the drawn person, and nobody else learns that the seat exists."""
    return ALLOWED if actor.person_id is not None and actor.person_id == seat.person_id else HIDDEN


def may_read_offers(actor: Actor, seat: PanelSeat) -> Decision:
    """Show offers to a member who declared no conflict; who is recused sees none of them, before or after."""
    if not may_sit(actor, seat):
        return HIDDEN
    if seat.state == SeatState.RECUSED:
        return denied(N_("您已回避这个项目，不能查看响应文件"))
    if seat.state == SeatState.DRAWN:
        return denied(N_("请先声明是否需要回避，再开始评分"))
    return ALLOWED


def may_score(actor: Actor, seat: PanelSeat) -> Decision:
    """Let a seated member score, until the own sheet is in."""
    if not may_sit(actor, seat):
        return HIDDEN
    if seat.state == SeatState.DRAWN:
        return denied(N_("请先声明是否需要回避，再开始评分"))
    if seat.state == SeatState.RECUSED:
        return denied(N_("您已回避这个项目，不能评分"))
    if seat.state == SeatState.SUBMITTED:
        return denied(N_("评分表已提交，不能再改"))
    return ALLOWED


def may_check_offers(actor: Actor, project: Project) -> Decision:
    """Let the buyer check qualifications after the opening (Order 87 art 44)."""
    return _both(_of_buyer(actor, project, *UNIT_ROLES), _while(project, ProjectState.OPENED))


def may_close_scoring(actor: Actor, project: Project) -> Decision:
    """Let the buyer gather the sheets and make the ranking."""
    return _both(_of_buyer(actor, project, *UNIT_ROLES), _while(project, ProjectState.OPENED))


def may_prepare_decision(actor: Actor, project: Project) -> Decision:
    """Open the desk of the decision to the buyer's people and the auditor, once the offers are open."""
    reader = ALLOWED if actor.has(Role.AUDITOR) else _of_buyer(actor, project, *UNIT_ROLES)
    if reader and project.opened_at is None:
        return denied(N_("启封之前没有可以比较的内容"))
    return reader


def may_compare(actor: Actor, project: Project, panel: Panel | None) -> Decision:
    """Show scores to the buyer and the auditor only when every sheet is in and the ranking is made."""
    reader = ALLOWED if actor.has(Role.AUDITOR) else _of_buyer(actor, project, *UNIT_ROLES)
    if reader and (panel is None or panel.closed_at is None):
        return denied(N_("全部评分表提交并汇总之前，任何人看不到分数"))
    return reader


def may_decide(actor: Actor, project: Project) -> Decision:
    """Let an approver of the buyer decide (GPR 43)."""
    return _of_buyer(actor, project, Role.APPROVER)


def may_award(actor: Actor, project: Project) -> Decision:
    """Let an approver decide while there is no decision yet."""
    return _both(may_decide(actor, project), _while(project, ProjectState.OPENED))


def may_revoke(actor: Actor, project: Project) -> Decision:
    """Let an approver take a decision back before there is a contract."""
    return _both(_of_buyer(actor, project, Role.APPROVER), _while(project, ProjectState.AWARDED))


def may_see_own_result(actor: Actor, bid: SealedBid) -> Decision:
    """Show a bidder its own scores once there is a decision; strangers do not learn that the bid exists."""
    if not actor.acts_for(bid.organization_id, *BIDDER_ROLES):
        return HIDDEN
    if bid.project.state not in (*DECIDED, ProjectState.FAILED):
        return denied(N_("结果还没有公布。公布后会通知您"))
    return ALLOWED


def may_object(actor: Actor, project: Project, *, is_participant: bool, award: Award | None,
               now: datetime) -> Decision:
    """Let those who took part object to the result, within the window (local rule, T40)."""
    if not actor.has(*BIDDER_ROLES):
        return denied(N_("参加本项目的组织登录后可以提出异议"))
    if not is_participant:
        return denied(N_("只有参加本项目的组织可以提出异议"))
    if award is None or award.state != AwardState.NOTIFIED or project.state != ProjectState.AWARDED:
        return denied(N_("结果公示期间才能提出异议"))
    if not objection_is_in_time(award.objections_until, now):
        return denied(N_("异议期已结束"))
    return ALLOWED


def may_see_objection(actor: Actor, objection: Objection) -> Decision:
    """Show an objection to the buyer, to whoever raised it, and to the auditor."""
    if actor.has(Role.AUDITOR) or actor.acts_for(objection.organization_id, *BIDDER_ROLES):
        return ALLOWED
    return _of_buyer(actor, objection.project, *UNIT_ROLES)


def may_answer_objection(actor: Actor, objection: Objection) -> Decision:
    """Let an approver of the buyer answer."""
    own = _of_buyer(actor, objection.project, Role.APPROVER)
    if own and objection.answered_at is not None:
        return denied(N_("这件异议已经答复"))
    return own
