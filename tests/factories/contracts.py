"""Awards whose objection period is over, and contracts drawn up from them by the real operation."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.awards.models import Award
from marketplace.bids.models import SealedBid
from marketplace.contracts import operations
from marketplace.contracts.models import Contract
from marketplace.core.access import SYSTEM, Actor
from marketplace.core.ports import Sealer
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.projects.operations import mark_awarded
from tests.factories.bids import Bidding, make_bid, make_bidder, make_opening
from tests.factories.projects import Desk, make_desk, make_published

OBJECTIONS = timedelta(days=3)


@dataclass(frozen=True)
class Deal:
    """A contract's surroundings: both desks, the project, the award."""

    desk: Desk
    provider: Bidding
    project: Project
    award: Award

    @property
    def due(self) -> datetime:
        """The first moment at which the contract may be drawn up."""
        return self.award.objections_until


def make_award(session: Session, sealer: Sealer, *, desk: Desk | None = None, provider_profile: dict[str, object] | None = None,
               **changes: object) -> Deal:
    """A project with three opened bids, the named provider's first among them, and its award."""
    desk = desk or make_desk(session)
    project = make_published(session, desk, **changes)
    provider = make_bidder(session, **{"address": "澜川区长庆里 3 号", **(provider_profile or {})})
    make_bid(session, project, sealer, provider)
    make_opening(session, project, sealer, prices=(360_000, 361_000))
    bid = session.scalars(select(SealedBid).where(SealedBid.organization_id == provider.organization.id)).one()
    assert bid.offer is not None
    assert project.opened_at is not None
    at = project.opened_at + timedelta(days=1)
    mark_awarded(session, project=project, now=at)
    award = Award(project_id=project.id, bid_id=bid.id, price=bid.offer.price, reason="综合评分第一", awarded_at=at,
                  objections_until=at + OBJECTIONS)
    session.add(award)
    session.flush()
    return Deal(desk, provider, project, award)


def make_contract(session: Session, sealer: Sealer, *, is_demo: bool = False, deal: Deal | None = None,
                  **changes: object) -> tuple[Deal, Contract]:
    """A contract with frozen terms, drawn up the moment the objection period ended."""
    deal = deal or make_award(session, sealer, **changes)
    contract = operations.draw_up_contract(session, actor=SYSTEM, award=deal.award, now=deal.due, is_demo=is_demo)
    assert contract is not None
    return deal, contract


def as_role(actor: Actor, organization: Organization | None, *roles: object, path: str = "") -> Actor:
    """The same person acting for another organization in other roles."""
    return replace(actor, organization_id=organization.id if organization else None, roles=frozenset(roles),  # type: ignore[arg-type]
                   unit_path=path)
