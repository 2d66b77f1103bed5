"""The money of the demo world: every stage is reached through the operations, and the books are right."""

import random

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.demo import operations
from marketplace.demo.operations.projects import TAKES_MATCHING
from marketplace.demo.rules.plan import Planned, plan
from marketplace.funding.models import Allocation, Commitment, Funder, MatchingPool, Pledge, Release
from marketplace.funding.queries.verifying import verify
from marketplace.ledger.operations import seal_batch
from marketplace.organizations.models import Organization
from marketplace.payments.models import BankLine
from marketplace.pledging.models import Guest, PledgingEvent
from marketplace.web.services import services
from tests.demo.test_operations import NOW, World, small_world


def _taking(world: World) -> list[Planned]:
    """Two contracted and two open projects whose notices take matching money."""
    whole = [one for one in plan(random.Random(4), now=NOW, calendar=world.calendar) if one.number % 5 in TAKES_MATCHING]
    return [one for fate in ("contracted", "open") for one in [x for x in whole if x.fate == fate][:2]]


def test_givers_pools_pledges_bank_lines_and_an_evening_are_there_and_the_books_balance(session: Session) -> None:
    world = small_world(session)
    operations.hand_out_sign_ins(session, world)
    planned = _taking(world)
    operations.write_texts(world, planned, set())
    operations.play(session, world, planned)
    operations.add_money(session, world, services().files)
    session.flush()
    states = dict(session.execute(select(Pledge.state, func.count()).where(Pledge.kind == "own").group_by(Pledge.state)).all())
    assert {"verbal", "pledged", "paid", "held"} <= set(states)
    assert session.scalar(select(func.count()).select_from(MatchingPool).where(MatchingPool.state == "open")) == 2
    assert session.scalar(select(func.count()).select_from(Allocation)) > 0
    assert session.scalar(select(func.count()).select_from(Commitment).where(Commitment.state == "approved")) > 0
    assert session.scalar(select(func.count()).select_from(BankLine).where(BankLine.state == "suspense")) == 1
    assert session.scalar(select(func.count()).select_from(Release)) > 0
    assert session.scalar(select(func.count()).select_from(Funder).where(Funder.verified_at.is_(None))) == 0
    event = session.scalars(select(PledgingEvent)).one()
    assert session.scalar(select(func.count()).select_from(Guest).where(Guest.event_id == event.id)) >= 15
    fund = session.scalars(select(Organization).where(Organization.id == event.host_id)).one()
    assert ("基金会项目官员（复核）", "funder-2@demo.example", fund.name) in world.sign_ins
    while seal_batch(session):
        pass
    report = verify(session, now=NOW)
    assert report.problems == []
    assert report.ok
