"""Seals bids before the deadline and opens them a minute after it."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from marketplace.awards import operations as awards
from marketplace.awards.operations.notices import project_facts
from marketplace.awards.rules import NoticeKind
from marketplace.bids import operations as bids
from marketplace.bids.rules import BidOffer, all_promises
from marketplace.core.access import SYSTEM
from marketplace.demo.operations.world import Bidder, World
from marketplace.demo.rules import texts
from marketplace.demo.rules.plan import Planned, price
from marketplace.demo.rules.texts import DOMAINS, Place
from marketplace.projects.models import Project

NO_SKEW = timedelta(0)       # the moments are simulated: no clock is compared
LATEST = timedelta(minutes=12)
BY_CODE = {domain.code: domain for domain in DOMAINS}


def bid_and_open(session: Session, world: World, planned: Planned, project: Project) -> None:
    """Let organizations bid up to today, and open the bids when the deadline has passed."""
    assert project.closes_at is not None
    for bidder, at in _who_and_when(world, planned, project):
        bids.submit_bid(session, actor=bidder.actor, project=project, offer=offer(world, bidder, project),
                        sealer=world.sealer, now=at, clock_skew=NO_SKEW)
    opened_at = project.closes_at + timedelta(seconds=61)
    if opened_at > world.now:
        return
    if bids.open_bids(session, actor=SYSTEM, project=project, sealer=world.sealer, now=opened_at) is None:
        awards.publish_notice(
            session, actor=SYSTEM, project=project, kind=NoticeKind.FAILURE, title=project.title,
            facts={**project_facts(project), "reason": project.end_reason},
            unique_key=f"{NoticeKind.FAILURE}:{project.ref}", now=opened_at)


def _who_and_when(world: World, planned: Planned, project: Project) -> list[tuple[Bidder, datetime]]:
    """Return who bids at which moment, in order; only moments before today's."""
    rng = world.rng
    assert project.published_at is not None
    assert project.closes_at is not None
    count = {"failed": rng.choice((0, 1, 1, 2, 2)), "open": rng.choice((0, 0, 0, 1, 1, 2))}.get(
        planned.fate, rng.choice((3, 3, 3, 4, 4, 5)))
    key = BY_CODE[project.category_code or ""].key
    near = [one for one in world.bidders if key in one.fields]
    others = [one for one in world.bidders if key not in one.fields]
    rng.shuffle(near)
    chosen = [*near[:count], *rng.sample(others, max(0, count - len(near)))]
    first = project.published_at + timedelta(hours=1)
    last = min(project.closes_at - LATEST, world.now - timedelta(minutes=5))
    if last <= first:
        return []
    moments = sorted(first + (last - first) * rng.random() for _ in chosen)
    return list(zip(chosen, moments, strict=True))


def offer(world: World, bidder: Bidder, project: Project) -> BidOffer:
    """Return what an organization offers for a project: below the ceiling, with texts of its own."""
    domain = BY_CODE[project.category_code or ""]
    ceiling = project.ceiling or project.budget
    assert ceiling is not None
    where = Place(project.place, project.place)
    return BidOffer(price=price(world.rng, ceiling), contact_name=bidder.contact, contact_phone=bidder.phone,
                    answers=all_promises(), **texts.offer_texts(world.rng, domain, bidder.name, where))
