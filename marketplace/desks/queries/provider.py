"""The organization's desk: its bids by stage, papers that run out, open projects in its field."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.awards.models import Award
from marketplace.bids.models import BidDraft, SealedBid
from marketplace.bids.rules import BidState
from marketplace.contracts.models import Contract
from marketplace.core.access import Actor
from marketplace.core.clock import beijing_date
from marketplace.desks.rules import EXPIRY_WARNING
from marketplace.matching.queries.outreach import followed_by
from marketplace.organizations.models import Organization, Rating
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

MOST = 50
SUGGESTIONS = 6


@dataclass(frozen=True)
class Work:
    """One project that the organization works on: where its bid stands, what comes next."""

    project: Project
    stage: str                    # writing, sealed, opened, won, lost, contracted, ended
    ref: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Expiry:
    """A paper that runs out soon, or has."""

    grade: int
    issuer: str
    expires_on: date


@dataclass(frozen=True)
class ProviderDesk:
    """What an organization's desk shows beside the inbox."""

    organization: Organization
    work: Sequence[Work]
    expiring: Sequence[Expiry]
    suggestions: Sequence[Project]
    followed: Sequence[Project] = ()

    def count(self, *stages: str) -> int:
        """Return how many projects stand in one of these stages."""
        return sum(work.stage in stages for work in self.work)


def provider_desk(session: Session, actor: Actor, *, now: datetime) -> ProviderDesk | None:
    """Return the desk of the organization that the actor acts for; its own bids only, never another's."""
    organization = session.get(Organization, actor.organization_id) if actor.organization_id else None
    if organization is None:
        return None
    work = _work(session, organization.id)
    return ProviderDesk(organization, work, _expiring(session, organization.id, beijing_date(now)),
                        _suggestions(session, organization, [w.project.id for w in work], now),
                        followed_by(session, organization.id)[:SUGGESTIONS])


def _work(session: Session, organization_id: int) -> list[Work]:
    """Return drafts and bids with what became of them, newest first."""
    bids = session.scalars(
        select(SealedBid).where(SealedBid.organization_id == organization_id,
                                SealedBid.state.in_((BidState.SEALED, BidState.OPENED, BidState.UNREADABLE)))
        .options(joinedload(SealedBid.project).joinedload(Project.buyer))
        .order_by(SealedBid.submitted_at.desc()).limit(MOST)).unique().all()
    won = set(session.scalars(select(Award.bid_id).where(
        Award.state == "notified", Award.bid_id.in_([bid.id for bid in bids]))))
    signed = set(session.scalars(select(Contract.project_id).where(Contract.provider_id == organization_id)))
    sent = {bid.project_id for bid in bids}
    drafts = session.scalars(
        select(BidDraft).where(BidDraft.organization_id == organization_id)
        .options(joinedload(BidDraft.project).joinedload(Project.buyer)).order_by(BidDraft.saved_at.desc())).unique()
    writing = [Work(draft.project, "writing", at=draft.saved_at) for draft in drafts
               if draft.project_id not in sent and draft.project.state == ProjectState.PUBLISHED]
    return writing + [Work(bid.project, _stage(bid, won, signed), bid.ref, bid.submitted_at) for bid in bids]


def _stage(bid: SealedBid, won: set[int], signed: set[int]) -> str:
    """Return where a bid stands for the people who made it."""
    state = bid.project.state
    if bid.id in won:
        return "contracted" if bid.project_id in signed else "won"
    if state in (ProjectState.FAILED, ProjectState.TERMINATED):
        return "ended"
    if state in (ProjectState.AWARDED, ProjectState.CONTRACTED):
        return "lost"
    return "sealed" if bid.state == BidState.SEALED else "opened"


def _expiring(session: Session, organization_id: int, today: date) -> list[Expiry]:
    """Return ratings that run out within two months or ran out within the last two."""
    rows = session.scalars(select(Rating).where(
        Rating.organization_id == organization_id, Rating.expires_on <= today + EXPIRY_WARNING,
        Rating.expires_on >= today - EXPIRY_WARNING).order_by(Rating.expires_on)).all()
    return [Expiry(row.grade, row.issuer, row.expires_on) for row in rows]


def _suggestions(session: Session, organization: Organization, known: Sequence[int],
                 now: datetime) -> Sequence[Project]:
    """Return open projects in the categories that the organization says it serves, next deadline first."""
    served = [category.code for category in organization.categories]
    if not served:
        return []
    return session.scalars(
        select(Project).where(
            Project.state == ProjectState.PUBLISHED, Project.closes_at > now, Project.id.not_in(known),
            or_(*(Project.category_code.startswith(code, autoescape=True) for code in served)))
        .options(joinedload(Project.buyer)).order_by(Project.closes_at).limit(SUGGESTIONS)).unique().all()
