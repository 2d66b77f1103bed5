"""Experts, panels, sheets and awards, made by the real operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.accounts.queries import load_actor
from marketplace.awards import operations, queries
from marketplace.awards.models import Award, Panel, PanelSeat
from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.ports import Sealer
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from tests.factories import NOW, bids
from tests.factories.accounts import make_person
from tests.factories.projects import CLOSES, Desk, make_desk, make_published

OPENED = CLOSES + timedelta(seconds=60)
LATER = CLOSES + timedelta(days=1)
SEED = "2026-12-07"
_numbers = count(1)


@dataclass(frozen=True)
class Case:
    """A project whose offers are open, and the desk that buys."""

    desk: Desk
    project: Project


def make_expert(session: Session, *, name: str | None = None, fields: Sequence[str] = (), employer: str = "",
                organization: Organization | None = None, now: datetime = NOW) -> Person:
    """A person in the pool of experts."""
    person = make_person(session, name=name or f"专家{next(_numbers)}", role=Role.EXPERT, now=now)
    operations.enrol_expert(session, actor=SYSTEM, person=person, fields=fields, employer=employer,
                            employer_organization=organization, now=now)
    return person


def make_case(session: Session, sealer: Sealer, *, experts: int = 7, prices: Sequence[int] = (356_000, 340_000, 361_000),
              **changes: object) -> Case:
    """A project with opened offers, and a pool of experts."""
    desk = make_desk(session)
    project = make_published(session, desk, **changes)
    bids.make_opening(session, project, sealer, prices=prices)
    for _ in range(experts):
        make_expert(session)
    return Case(desk, project)


def draw(session: Session, case: Case, *, seed: str = SEED, now: datetime = OPENED) -> Panel:
    """The panel, drawn by the buyer's handler."""
    return operations.draw_panel(session, actor=case.desk.handler, project=case.project, seed=seed, now=now)


def member(session: Session, seat: PanelSeat) -> Actor:
    """The actor of a seat's person."""
    session.flush()
    return load_actor(session, seat.person_id)


def seat_all(session: Session, panel: Panel, *, now: datetime = OPENED) -> None:
    """Every drawn member declares that there is no conflict."""
    for seat in list(panel.seats):
        if seat.state == "drawn":
            operations.declare(session, actor=member(session, seat), seat=seat, has_conflict=False, now=now)


def fill_sheet(session: Session, seat: PanelSeat, *, share: Decimal = Decimal("0.8"), step: Decimal = Decimal("0.05"),
               now: datetime = OPENED) -> None:
    """Score every valid offer: `share` of the weight, `step` less for each next offer by receipt number."""
    for number, bid in enumerate(queries.opened_bids(session, seat.panel.project, valid_only=True)):
        points = {c.id: (c.weight * (share - step * number)).quantize(Decimal("0.01"))
                  for c in seat.panel.project.criteria}
        comments = {c.id: f"{c.name}：符合要求" for c in seat.panel.project.criteria}
        operations.save_scores(session, actor=member(session, seat), seat=seat, bid=bid, points=points,
                               comments=comments, now=now)


def score_all(session: Session, panel: Panel, *, now: datetime = OPENED) -> None:
    """Every member scores every offer and hands in the sheet."""
    seat_all(session, panel, now=now)
    for seat in list(panel.seats):
        if seat.state == "seated":
            fill_sheet(session, seat, now=now)
            operations.submit_sheet(session, actor=member(session, seat), seat=seat, now=now)


def make_ranked(session: Session, sealer: Sealer, **changes: object) -> Case:
    """A project whose offers are ranked and wait for the decision."""
    case = make_case(session, sealer, **changes)
    score_all(session, draw(session, case))
    operations.close_scoring(session, actor=case.desk.handler, project=case.project, now=LATER)
    return case


def make_award(session: Session, case: Case, *, place: int = 0, reason: str = "排名第一", now: datetime = LATER) -> Award:
    """The award to the offer at a place of the ranking (0 is the first)."""
    bid = queries.ranking_of(session, case.project)[place].bid
    return operations.award(session, actor=case.desk.approver, project=case.project, bid=bid, reason=reason, now=now)


def bidder_of(session: Session, bid: object) -> Actor:
    """The person who submitted a bid, acting for its organization."""
    return load_actor(session, bid.submitted_by)  # type: ignore[attr-defined]
