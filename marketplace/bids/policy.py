"""Who may bid, withdraw, open and see. Pure: facts that need the database arrive as arguments."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from marketplace.bids.models import SealedBid
from marketplace.bids.rules import MAX_CLOCK_SKEW, BidState, bidding_is_open, opening_is_due
from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.clock import beijing
from marketplace.core.text import N_
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

PROVIDER_ROLES = (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER)
UNIT_READERS = (Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN)
HIDDEN = denied(N_("没有这份响应，或您不能查看"), hidden=True)


@dataclass(frozen=True)
class Bidder:
    """What the gate asks about the organization that wants to bid (GPL 22, GPR 18)."""

    organization_id: int
    is_provider: bool
    bars: tuple[str, ...] = ()          # sentences of organizations.rules.Eligibility
    is_tied_to_buyer: bool = False


def may_draft(actor: Actor, project: Project, now: datetime) -> Decision:
    """People of a provider write a bid while the project takes them; whether it may be submitted is checked later."""
    if not actor.has(*PROVIDER_ROLES) or actor.organization_id is None:
        return denied(N_("只有社会组织的管理员或成员可以写响应文件。请在“我的账号”切换身份"))
    if actor.organization_id == project.buyer_id:
        return denied(N_("购买单位不能响应自己的项目"))
    return _window(project, now)


def may_submit(actor: Actor, project: Project, bidder: Bidder, now: datetime,
               clock_skew: timedelta = timedelta(0)) -> Decision:
    """Let a provider bid that passes the legal gate and is not tied to the buyer, in time by a trusted clock."""
    drafting = may_draft(actor, project, now)
    if not drafting:
        return drafting
    if bidder.organization_id != actor.organization_id or not bidder.is_provider:
        return denied(N_("您所在的单位没有登记为承接主体，不能响应"))
    if bidder.bars:
        return denied(bidder.bars[0])
    if bidder.is_tied_to_buyer:
        return denied(N_("贵单位与购买单位登记有关联关系，不能响应（政府采购法实施条例第十八条）"))
    if abs(clock_skew) > MAX_CLOCK_SKEW:
        return denied(N_("服务器时钟与数据库相差超过 2 秒，暂停收件。内容已保存在草稿里，请立即联系平台"))
    return ALLOWED


def may_withdraw(actor: Actor, bid: SealedBid, project: Project, now: datetime) -> Decision:
    """Let the bidder's own people withdraw until the deadline."""
    seen = may_see_own_bid(actor, bid)
    if not seen:
        return seen
    if bid.state != BidState.SEALED:
        return denied(N_("这份响应已不在密封状态，不能撤回"))
    if project.state != ProjectState.PUBLISHED or project.closes_at is None or now >= project.closes_at:
        return denied(N_("已过截止时间，不能撤回或替换"))
    return ALLOWED


def may_see_own_bid(actor: Actor, bid: SealedBid) -> Decision:
    """Only people of the organization that made it; for everybody else it does not exist."""
    return ALLOWED if actor.acts_for(bid.organization_id, *PROVIDER_ROLES) else HIDDEN


def may_open(actor: Actor, project: Project, now: datetime) -> Decision:
    """Single-key mode: the opening job alone, a minute after the deadline that holds now."""
    if not actor.is_system:
        return denied(N_("启封由系统在截止后自动进行，任何人不能提前或单独启封"))
    if project.state != ProjectState.PUBLISHED:
        return denied(N_("项目不在等待启封的状态"))
    if not opening_is_due(project.closes_at, now):
        return denied(N_("还没有到启封时间"))
    return ALLOWED


def may_see_offers(actor: Actor, project: Project) -> Decision:
    """Let the buyer's people read once the bids were opened; panel members read through their seat (awards)."""
    if project.opened_at is not None and actor.acts_for(project.buyer_id, *UNIT_READERS):
        return ALLOWED
    return HIDDEN


def may_see_bidders(actor: Actor, project: Project, bidder_ids: frozenset[int]) -> Decision:
    """Names on the opening record: the buyer's people and the bidders; the public learns them with the result."""
    if project.opened_at is None:
        return HIDDEN
    is_bidder = actor.organization_id in bidder_ids and actor.has(*PROVIDER_ROLES)
    if actor.is_system or is_bidder or actor.acts_for(project.buyer_id, *UNIT_READERS):
        return ALLOWED
    return denied(N_("响应人名称随结果公告公开"))


def _window(project: Project, now: datetime) -> Decision:
    """Say whether the project takes bids at `now`."""
    if project.published_at is None:
        return denied(N_("没有这个项目"), hidden=True)
    if project.state != ProjectState.PUBLISHED:
        return denied(N_("项目现在不接收响应"))
    if not bidding_is_open(project.published_at, project.closes_at, now):
        return denied(N_("已过截止时间 {closes_at}，不再接收响应。收件以服务器时间为准"),
                      closes_at="" if project.closes_at is None else f"{beijing(project.closes_at):%Y-%m-%d %H:%M}")
    return ALLOWED
