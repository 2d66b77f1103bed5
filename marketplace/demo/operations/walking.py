"""The walk's acts: one project from a line of the list to the contract, by the same operations as the site."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from sqlalchemy import ColumnElement, Integer, func, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from marketplace.accounts.models import Mandate
from marketplace.accounts.queries import people_of
from marketplace.awards import operations as awards
from marketplace.awards.models import Award, ExpertProfile, PanelSeat, Ranking
from marketplace.awards.queries.sheet import opened_bids, panel_of
from marketplace.awards.rules import SeatState
from marketplace.bids import operations as bids
from marketplace.bids.models import SealedBid
from marketplace.bids.rules import BidOffer, all_promises
from marketplace.catalogs import operations as catalogs
from marketplace.catalogs.models import PurchaseListItem
from marketplace.catalogs.rules import LineFacts, VersionState
from marketplace.contracts.rules import JOB_CONTRACT_DRAWN_UP
from marketplace.core.access import Actor, Role
from marketplace.core.calendar import WorkCalendar
from marketplace.core.clock import at_beijing, beijing, beijing_date
from marketplace.core.money import Money
from marketplace.core.outbox import Job
from marketplace.core.ports import Sealer
from marketplace.demo.operations.people import actor_of
from marketplace.demo.rules import texts
from marketplace.demo.rules.texts import BY_KEY, Place
from marketplace.organizations.models import Organization, ServiceCategory
from marketplace.organizations.rules import OrganizationKind, Verification
from marketplace.projects import operations as projects
from marketplace.projects.models import Project
from marketplace.projects.rules import FAIR_TYPES, months_end

BUYER_PLACE = "桐浦街道"
BUDGET = Money.yuan(368_000)
OFFERS = (Money.yuan(352_000), Money.yuan(346_800), Money.yuan(361_500), Money.yuan(339_900))
LATE_OFFER = Money.yuan(330_000)
STRENGTH = (Decimal("0.80"), Decimal("0.93"), Decimal("0.72"), Decimal("0.85"))
NOTICE_WORKDAYS = 5
NO_SKEW = timedelta(0)
ONE_MINUTE = timedelta(minutes=1)
CENT = Decimal("0.01")
TITLE = "桐浦街道长者助餐服务"
RECUSAL = "近三年在其中一家响应单位任理事，申请回避"


@dataclass(frozen=True)
class Cast:
    """Who plays: the buyer's two people, five organizations, and the moments of the simulated past."""

    buyer_id: int
    handler: Actor
    approver: Actor
    bidders: tuple[Actor, ...]
    names: tuple[str, ...]
    published_at: datetime
    closes_at: datetime


def cast(session: Session, *, calendar: WorkCalendar, now: datetime) -> Cast | None:
    """Find the cast in the demo world; None when somebody is missing. The deadline is the last one before now."""
    buyer = session.scalar(select(Organization).where(Organization.name == f"{BUYER_PLACE}办事处"))
    if buyer is None or (session.scalar(select(func.count()).select_from(ExpertProfile)) or 0) <= 5:  # noqa: PLR2004
        return None
    handlers = people_of(session, buyer.id, [Role.HANDLER])
    approvers = people_of(session, buyer.id, [Role.APPROVER])
    writers = session.execute(
        select(Organization, Mandate.person_id).join(Mandate, Mandate.organization_id == Organization.id)
        .where(Organization.kind == OrganizationKind.SERVICE_AGENCY, Mandate.role == Role.PROVIDER_ADMIN,
               Mandate.revoked_at.is_(None), Organization.verification == Verification.VERIFIED)
        .order_by(_feeds_the_old().desc(), Organization.id).limit(5)).all()
    if not handlers or not approvers or len(writers) < 5:  # noqa: PLR2004
        return None
    actors = tuple(Actor(person_id=person_id, name=body.contact_name or body.name, organization_id=body.id,
                         roles=frozenset({Role.PROVIDER_ADMIN})) for body, person_id in writers)
    published_at, closes_at = moments(calendar, now)
    return Cast(buyer_id=buyer.id, handler=actor_of(handlers[0], buyer, Role.HANDLER),
                approver=actor_of(approvers[0], buyer, Role.APPROVER), bidders=actors,
                names=tuple(body.name for body, _ in writers), published_at=published_at, closes_at=closes_at)


def _feeds_the_old() -> ColumnElement[int]:
    """Return whether an organization says that it serves meals: such ones play first."""
    served = select(ServiceCategory.id).where(ServiceCategory.organization_id == Organization.id,
                                              ServiceCategory.code == BY_KEY["meals"].code).exists()
    return sql_cast(served, Integer)


def moments(calendar: WorkCalendar, now: datetime) -> tuple[datetime, datetime]:
    """Return a publishing moment and a deadline that the rule set allows; the deadline is past by two minutes."""
    day = beijing_date(now)
    while not calendar.is_workday(day) or at_beijing(day, 17) > now - timedelta(minutes=2):
        day -= timedelta(days=1)
    first = day
    while not calendar.is_workday(first) or calendar.add_workdays(first, NOTICE_WORKDAYS) > day:
        first -= timedelta(days=1)
    return at_beijing(first, 10), at_beijing(day, 17)


def list_line(session: Session, who: Cast) -> PurchaseListItem:
    """Publish the buyer's purchase list with one more line; return the line as the version says it."""
    now = who.published_at - timedelta(days=8)
    buyer = session.get_one(Organization, who.buyer_id)
    made = catalogs.open_list(session, actor=who.handler, unit=buyer, year=beijing(who.published_at).year, now=now)
    version = made.versions[-1]
    if version.state != VersionState.DRAFT:
        version = catalogs.amend(session, actor=who.handler, purchase_list=made, reason="新增长者助餐服务", now=now)
    item = catalogs.add_line(session, actor=who.handler, version=version, now=now, facts=LineFacts(
        title=_title(session), catalog_code=BY_KEY["meals"].code, content="为独居、高龄和低收入老人提供堂食与送餐",
        target_group="60 岁以上老人", budget=BUDGET, funding_source="年度部门预算", period="12个月", method="公开遴选"))
    catalogs.submit_version(session, actor=who.handler, version=version, now=now + timedelta(hours=2))
    catalogs.publish_version(session, actor=who.approver, version=version, now=now + timedelta(hours=5))
    return item


def _title(session: Session) -> str:
    """Return the title of the next walk's project."""
    number = session.scalar(select(func.count()).select_from(Project).where(Project.title.startswith(TITLE))) or 0
    return f"{TITLE}（演示第 {number + 1} 次）"


def post(session: Session, who: Cast, item: PurchaseListItem, rng: Random) -> Project:
    """Turn the line into a project, complete it, have it reviewed by a second person, publish it."""
    drafted = who.published_at - timedelta(days=3)
    domain, where = BY_KEY["meals"], Place(BUYER_PLACE, "石桥社区")
    project = projects.draft_from_line(session, actor=who.handler, line=item.line, item=item, now=drafted)
    start = (who.published_at + timedelta(days=40)).date().replace(day=1)
    projects.save_draft(session, actor=who.handler, project=project, now=drafted + timedelta(hours=1), changes={
        "summary": texts.summary(rng, domain, where, 320), "body": texts.body(rng, domain, where, 320, 12),
        "target_group": "60 岁以上独居、高龄和低收入老人", "beneficiaries": 320, "place": f"{BUYER_PLACE}石桥社区等六个社区",
        "fair_type": FAIR_TYPES[4], "ceiling": BUDGET, "takes_matching": True, "price_weight": 10, "panel_size": 5,
        "service_from": start, "service_to": months_end(start, 12), "contact_name": who.handler.name,
        "contact_phone": "0000-86123450", "indicators": texts.indicators(rng, domain),
        "criteria": texts.criteria(rng, domain, 10), "milestones": texts.milestones(rng)})
    projects.submit_for_review(session, actor=who.handler, project=project, now=drafted + timedelta(hours=2))
    return projects.publish(session, actor=who.approver, project=project, closes_at=who.closes_at, now=who.published_at)


def submit(session: Session, who: Cast, project: Project, sealer: Sealer, rng: Random) -> list[SealedBid]:
    """Seal and submit four organizations' bids on the days before the deadline."""
    return [
        bids.submit_bid(session, actor=who.bidders[place], project=project, sealer=sealer, clock_skew=NO_SKEW,
                        offer=_offer(who, place, OFFERS[place], rng),
                        now=who.closes_at - timedelta(hours=40 - 9 * place, minutes=7 * place))
        for place in range(len(OFFERS))
    ]


def submit_late(session: Session, who: Cast, project: Project, sealer: Sealer, rng: Random) -> None:
    """Try a fifth bid one second after the deadline; raises Denied."""
    bids.submit_bid(session, actor=who.bidders[4], project=project, sealer=sealer, clock_skew=NO_SKEW,
                    offer=_offer(who, 4, LATE_OFFER, rng), now=who.closes_at + timedelta(seconds=1))


def _offer(who: Cast, place: int, price: Money, rng: Random) -> BidOffer:
    """Return one organization's offer."""
    words = texts.offer_texts(rng, BY_KEY["meals"], who.names[place], Place(BUYER_PLACE, "石桥社区"))
    return BidOffer(price=price, contact_name=who.bidders[place].name, contact_phone=f"199000{90001 + place:05d}",
                    answers=all_promises(), **words)


def seat_panel(session: Session, who: Cast, project: Project,
               now: datetime) -> tuple[list[PanelSeat], PanelSeat, PanelSeat]:
    """Draw five; one withdraws and the next in the draw is seated. Return the drawn, who left, and who came."""
    panel = awards.draw_panel(session, actor=who.handler, project=project, now=now)
    drawn = list(panel.seats)
    for seat in drawn:
        leaves = seat is drawn[1]
        awards.declare(session, actor=_member(seat), seat=seat, has_conflict=leaves, now=now,
                       reason=RECUSAL if leaves else "")
    came = next(seat for seat in panel.seats if seat.state == SeatState.DRAWN)
    awards.declare(session, actor=_member(came), seat=came, has_conflict=False, now=now)
    return drawn, drawn[1], came


def _member(seat: PanelSeat) -> Actor:
    """Return the drawn person as the actor of the own sheet."""
    return Actor(person_id=seat.person_id, name=seat.person.name, roles=frozenset({Role.EXPERT}))


def score(session: Session, who: Cast, project: Project, now: datetime, rng: Random) -> Sequence[Ranking]:
    """Five members score four offers alone and hand in; the ranking is made from their sheets."""
    panel = panel_of(session, project)
    assert panel is not None
    offers = opened_bids(session, project, valid_only=True)
    order = {actor.organization_id: place for place, actor in enumerate(who.bidders)}
    for seat in (one for one in panel.seats if one.state == SeatState.SEATED):
        for bid in offers:
            share = STRENGTH[order[bid.organization_id]]
            points = {one.id: min(Decimal(one.weight), (one.weight * share * 2).to_integral_value() / 2
                                  + Decimal(rng.choice((-1, 0, 0, 1))) / 2) for one in project.criteria}
            awards.save_scores(session, actor=_member(seat), seat=seat, bid=bid, points=points, now=now,
                               comments={project.criteria[0].id: texts.sentence(rng, texts.COMMENTS)})
        awards.submit_sheet(session, actor=_member(seat), seat=seat, now=now)
    return awards.close_scoring(session, actor=who.handler, project=project, now=now)


def decide(session: Session, who: Cast, project: Project, ranking: Sequence[Ranking], now: datetime) -> Award:
    """Award the first in the ranking."""
    best = min(ranking, key=lambda row: (row.rank, row.lot or 0))
    return awards.award(session, actor=who.approver, project=project, bid=best.bid, now=now,
                        reason="评审小组排名第一，方案切合需求，报价合理")


def result_urls(session: Session, project_ref: str, organization_ids: Sequence[int]) -> list[str]:
    """Return the addresses of these organizations' own results: where their messages lead."""
    refs = session.scalars(
        select(SealedBid.ref).join(Project, Project.id == SealedBid.project_id)
        .where(Project.ref == project_ref, SealedBid.organization_id.in_(organization_ids)))
    return [f"/bids/{ref}/result" for ref in refs]


def print_now(session: Session, contract_ref: str, now: datetime) -> None:
    """Make the printing of a contract due now: it was asked for at a moment that is still to come."""
    for job in session.scalars(select(Job).where(Job.kind == JOB_CONTRACT_DRAWN_UP, Job.unique_key == contract_ref)):
        job.due_at = min(job.due_at, now)
    session.flush()
