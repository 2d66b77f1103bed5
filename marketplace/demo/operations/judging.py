"""Draws panels, declares, scores, ranks, awards, objects, draws up contracts: as far as a project's fate wants."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from marketplace.awards import operations as awards
from marketplace.awards.models import Award, Panel, PanelSeat
from marketplace.awards.queries.sheet import opened_bids
from marketplace.awards.rules import SeatState
from marketplace.bids.models import SealedBid
from marketplace.contracts import operations as contracts
from marketplace.core.access import SYSTEM
from marketplace.core.clock import at_beijing, beijing_date
from marketplace.demo.operations.world import Bidder, Unit, World
from marketplace.demo.rules import texts
from marketplace.demo.rules.plan import Planned
from marketplace.projects.models import Project

RECUSED = 0.06
HALF = 2


def judge(session: Session, world: World, planned: Planned, unit: Unit, project: Project) -> None:
    """Judge an opened project until its fate is reached."""
    assert project.opened_at is not None
    days = _working_moments(world, project.opened_at, late=planned.fate == "awarded")
    panel = awards.draw_panel(session, actor=unit.handler, project=project, now=days[0])
    _declare(session, world, panel, now=days[1])
    if planned.fate == "drawn":
        return
    offers = opened_bids(session, project, valid_only=True)
    seats = [seat for seat in panel.seats if seat.state == SeatState.SEATED]
    strength = {bid.id: world.rng.uniform(0.68, 0.95) for bid in offers}
    if planned.fate == "scoring":
        seats = seats[:max(1, len(seats) // HALF)]
    for seat in seats:
        _score(session, world, seat, offers, strength, now=days[2])
    if planned.fate == "scoring":
        return
    ranking = awards.close_scoring(session, actor=unit.handler, project=project, now=days[3])
    if planned.fate == "ranked" or not ranking:
        return
    best = min(ranking, key=lambda row: (row.rank, row.lot or 0))
    award = awards.award(session, actor=unit.approver, project=project, bid=best.bid, now=days[4],
                         reason=texts.sentence(world.rng, texts.AWARD_REASONS))
    if planned.fate == "awarded":
        _object(session, world, unit, project, offers=offers, award=award)
        return
    contracts.draw_up_contract(session, actor=SYSTEM, award=award, now=award.objections_until + timedelta(minutes=2),
                               is_demo=True)


def _working_moments(world: World, opened_at: datetime, *, late: bool) -> list[datetime]:
    """Return five moments in order: draw, declarations, sheets, ranking, award. Late: the award is today's news."""
    day, made = beijing_date(opened_at), []
    for days, hour in ((1, 10), (0, 11), (1, 15)):   # drawn and declared on one day, scored on the next
        day = world.calendar.add_workdays(day, days)
        made.append(at_beijing(day, hour, world.rng.randrange(60)))
    made.append(made[-1] + timedelta(minutes=50))
    award = at_beijing(world.calendar.add_workdays(day, 1), 10, world.rng.randrange(60))
    if late:
        award = max(award, world.now - timedelta(hours=world.rng.randrange(2, 30)))
    made.append(award)
    if made[-1] >= world.now:   # squeezed: everything happened in the hours before now
        step = (world.now - opened_at) / 7
        made = [opened_at + step * (place + 1) for place in range(5)]
    return made


def _declare(session: Session, world: World, panel: Panel, *, now: datetime) -> None:
    """Every drawn member declares; now and then one withdraws and the next in the draw is asked."""
    waiting = [seat for seat in panel.seats if seat.state == SeatState.DRAWN]
    recusals = 0
    while waiting:
        seat = waiting.pop(0)
        withdraws = recusals == 0 and world.rng.random() < RECUSED
        recusals += withdraws
        awards.declare(session, actor=world.experts[seat.person_id], seat=seat, has_conflict=withdraws, now=now,
                       reason=world.rng.choice(texts.RECUSALS) if withdraws else "")
        if withdraws:
            waiting = [one for one in panel.seats if one.state == SeatState.DRAWN]


def _score(session: Session, world: World, seat: PanelSeat, offers: list[SealedBid], strength: dict[int, float], *,
           now: datetime) -> None:
    """Fill in and hand in one sheet: near each offer's strength, in half points."""
    rng, actor = world.rng, world.experts[seat.person_id]
    criteria = seat.panel.project.criteria
    for bid in offers:
        points = {one.id: Decimal(min(2 * one.weight, round(
            2 * one.weight * min(0.99, max(0.4, rng.gauss(strength[bid.id], 0.05)))))) / 2 for one in criteria}
        first = criteria[0].id
        awards.save_scores(session, actor=actor, seat=seat, bid=bid, points=points, now=now,
                           comments={first: texts.sentence(rng, texts.COMMENTS)})
    awards.submit_sheet(session, actor=actor, seat=seat, now=now + timedelta(minutes=20))


def _object(session: Session, world: World, unit: Unit, project: Project, *, offers: list[SealedBid],
            award: Award) -> None:
    """Let a loser object now and then; half of the objections are answered already."""
    rng = world.rng
    at = award.awarded_at + (min(world.now, award.objections_until) - award.awarded_at) / 2
    if rng.random() > 0.3:  # noqa: PLR2004
        return
    loser = next((bid for bid in offers if bid.id != award.bid_id), None)
    who = next((one for one in world.bidders if loser and one.organization_id == loser.organization_id), None)
    if who is None:
        return
    _raise(session, world, unit, project, who=who, at=at)


def _raise(session: Session, world: World, unit: Unit, project: Project, *, who: Bidder, at: datetime) -> None:
    """Raise an objection at `at`, and perhaps answer it."""
    rng = world.rng
    objection = awards.raise_objection(session, actor=who.actor, project=project, now=at,
                                       text=texts.sentence(rng, texts.OBJECTIONS))
    if rng.random() < 0.5:  # noqa: PLR2004
        awards.answer_objection(session, actor=unit.approver, objection=objection, upheld=False,
                                now=at + (world.now - at) / 2, answer=texts.sentence(rng, texts.OBJECTION_ANSWERS))
