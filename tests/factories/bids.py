"""Offers and bids, valid by default, made by the real operations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from marketplace.bids import operations, rules
from marketplace.bids.models import Opening, SealedBid
from marketplace.bids.rules import BidOffer
from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.money import Money
from marketplace.core.ports import Sealer
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from tests.factories import NOW
from tests.factories.accounts import actor_of, make_person
from tests.factories.organizations import make_organization

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\nxref\n0 1\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"


@dataclass(frozen=True)
class Bidding:
    """An organization that may bid, and one of its people."""

    organization: Organization
    actor: Actor


def make_bidder(session: Session, *, name: str | None = None, role: Role = Role.PROVIDER_MEMBER,
                **profile: object) -> Bidding:
    """A verified service agency with one person."""
    body = make_organization(session, name=name, **profile)
    session.flush()
    person = make_person(session, name="周敏", role=role, organization_id=body.id)
    return Bidding(body, actor_of(session, person))


def an_offer(*, price: Money | None = None, **changes: object) -> BidOffer:
    """A complete offer of 356,000.00 yuan."""
    offer = BidOffer(
        price=price or Money.yuan(356_000), summary="6 个社区工作日午餐，2 处堂食、4 处配送",
        plan="由中央厨房统一制作，十一点前送到各社区助餐点。每周公布菜单，每月收集意见。", team="专职 5 人，持证社工 3 人，志愿者 40 人",
        track_record="2024 年至 2026 年承接同类服务 3 项，验收合格", budget_notes="人员 40%，餐食 50%，其他 10%",
        contact_name="周敏", contact_phone="13800005678", answers=rules.all_promises())
    return replace(offer, **changes)


def make_bid(session: Session, project: Project, sealer: Sealer, bidding: Bidding | None = None, *,
             offer: BidOffer | None = None, now: datetime = NOW) -> SealedBid:
    """A sealed bid of one organization."""
    bidding = bidding or make_bidder(session)
    return operations.submit_bid(session, actor=bidding.actor, project=project, offer=offer or an_offer(),
                                 sealer=sealer, now=now)


def make_opening(session: Session, project: Project, sealer: Sealer, *, prices: Sequence[int] = (356_000, 340_000, 361_000),
                 now: datetime | None = None) -> Opening:
    """The opening of a published project with one new bidder for each price (yuan)."""
    for price in prices:
        make_bid(session, project, sealer, offer=an_offer(price=Money.yuan(price)))
    assert project.closes_at is not None
    opened = operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer,
                                  now=now or project.closes_at + timedelta(seconds=60))
    assert opened is not None
    return opened
