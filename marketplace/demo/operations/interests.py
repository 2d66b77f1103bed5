"""Declares interests: one that bars a pair, one flag cleared by an operator, one that waits, a few that say "none"."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.awards.models import Award
from marketplace.bids.models import SealedBid
from marketplace.conflicts import operations as conflicts
from marketplace.conflicts import queries
from marketplace.conflicts.rules import Clearing, Ground, Outcome, Relation, Stated
from marketplace.core.access import Role
from marketplace.core.clock import beijing_date
from marketplace.demo.operations.people import SIGN_IN_UNIT, signed_in
from marketplace.demo.operations.world import Bidder, Unit, World
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

DECLARED, SETTLED = 4, 3                                     # working days ago
BEGAN, ENDED = timedelta(days=900), timedelta(days=400)      # within the three years that count
CLEARED = "核对聘书和该单位的说明：顾问是无报酬的志愿身份，结束已满一年，不参与采购需求和评审，不构成利益冲突"


@dataclass(frozen=True)
class Bodies:
    """Who is in the play: one whom a buyer's handler worked for, one that waits, one named without its code."""

    barred: Bidder
    waiting: Bidder
    unsure: Bidder
    none: tuple[Bidder, ...]


def declare_interests(session: Session, world: World) -> None:
    """Let people who buy and organizations declare what ties them; the operator settles one of the flags."""
    buying = running_units(session, world) or world.units[:1]
    bodies = _bodies(session, world)
    _declare_of_staff(session, world, bodies)
    _declare_of_providers(session, world, bodies, buying)
    session.flush()
    _settle_one(session, world)


def running_units(session: Session, world: World) -> list[Unit]:
    """Return the units with a project that is open now, in the order of the world."""
    buyers = set(session.scalars(select(Project.buyer_id).where(Project.state == ProjectState.PUBLISHED).distinct()))
    return [unit for unit in world.units if unit.organization_id in buyers]


def _bodies(session: Session, world: World) -> Bodies:
    """Return who plays which part; whoever won from the unit of the sign-ins plays none that would spoil it."""
    unit = world.units[SIGN_IN_UNIT].organization_id
    won = set(session.scalars(select(SealedBid.organization_id).join(Award, Award.bid_id == SealedBid.id)
                              .join(Project, Project.id == SealedBid.project_id).where(Project.buyer_id == unit)))
    others = world.bidders[1:]                                # the first one is that of the sign-ins
    free = [one for one in others if one.organization_id not in won] + [
        one for one in others if one.organization_id in won]
    return Bodies(free[0], free[1], free[2], tuple(free[3:5]))


def _stated(session: Session, world: World, relation: Relation, organization_id: int, *, words: str,
            by_code: bool = True) -> Stated:
    """Return a relation with one body, ended more than a year ago."""
    body, today = session.get_one(Organization, organization_id), beijing_date(world.now)
    return Stated(relation, body.name, body.credit_code if by_code else None, since=today - BEGAN,
                  until=today - ENDED, words=words)


def _declare_of_staff(session: Session, world: World, bodies: Bodies) -> None:
    """Let the sign-ins' handler name a former employer, their approver one without its code, a colleague nobody."""
    unit, now = world.units[SIGN_IN_UNIT], world.morning(DECLARED)
    conflicts.declare_own(
        session, actor=unit.handler, says_none=False, now=now, words="涉及该组织的采购，由同事经办。",
        stated=[_stated(session, world, Relation.EMPLOYMENT, bodies.barred.organization_id,
                        words="曾在该组织任专职社工")])
    conflicts.declare_own(
        session, actor=unit.approver, says_none=False, now=now + timedelta(hours=2),
        stated=[_stated(session, world, Relation.EMPLOYMENT, bodies.unsure.organization_id, by_code=False,
                        words="曾兼职授课，只记得机构名称")])
    conflicts.declare_own(session, actor=world.district.handler, stated=[], says_none=True,
                          now=now + timedelta(hours=3))


def _declare_of_providers(session: Session, world: World, bodies: Bodies, buying: list[Unit]) -> None:
    """Let the sign-ins' provider say that it advised a buyer, another that it wrote a buyer's needs, others "none"."""
    now, own = world.morning(DECLARED) + timedelta(minutes=40), world.bidders[0]
    spoken = (
        (own, [_stated(session, world, Relation.OTHER, buying[0].organization_id,
                       words="本中心督导曾受聘为该单位的社区营造顾问，没有报酬")]),
        (bodies.waiting, [_stated(session, world, Relation.REQUIREMENT, buying[-1].organization_id,
                                  words="受托完成过服务需求调研报告，项目需求引用了其中的数据")]),
        *((one, []) for one in bodies.none),
    )
    for place, (bidder, stated) in enumerate(spoken):
        conflicts.declare(session, actor=bidder.actor, stated=stated, says_none=not stated,
                          organization=session.get_one(Organization, bidder.organization_id),
                          now=now + timedelta(hours=place))


def _settle_one(session: Session, world: World) -> None:
    """Let the operator clear what the provider of the sign-ins declared, where a running project makes it matter."""
    provider, now = session.get_one(Organization, world.bidders[0].organization_id), world.morning(SETTLED)
    operator = signed_in(session, Role.OPERATOR)
    for case in queries.waiting(session, clearing=Clearing.LOOK, today=beijing_date(now), provider=provider):
        if case.tie.ground is Ground.PROVIDER_UNSURE:
            conflicts.settle(session, actor=operator, provider=provider, tie_key=case.tie.key, outcome=Outcome.CLEARED,
                             reason=CLEARED, now=now)
