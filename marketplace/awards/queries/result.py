"""Ranking, comparison and result: for the buyer after the sum, for each bidder its own, for the public the order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.awards import policy
from marketplace.awards.models import Award, Notice, Objection, Panel, PanelSeat, Ranking, Score
from marketplace.awards.queries.pool import COUNTED
from marketplace.awards.queries.qualification import Checked, checked_offers
from marketplace.awards.queries.sheet import panel_of
from marketplace.awards.rules import AwardState, Flag, NoticeKind, SeatState, mean, round_points
from marketplace.bids.models import SealedBid
from marketplace.core.access import Actor, Decision, require
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.projects.models import Criterion, Project

SHOWN_PLACES = 2


def ranking_of(session: Session, project: Project) -> list[Ranking]:
    """Return the ranking in order, ties for first by lot."""
    rows = session.scalars(select(Ranking).where(Ranking.project_id == project.id)).all()
    return sorted(rows, key=lambda row: (row.rank, row.lot or 0, row.bid.receipt_number))


def first_of(ranking: Sequence[Ranking]) -> Ranking | None:
    """Return the first row whose offer still is valid: rank, then the lot that broke a tie."""
    return next((row for row in ranking if row.bid.offer is not None and row.bid.offer.is_valid), None)


def live_award(session: Session, project: Project) -> Award | None:
    """Return the award that stands, or None."""
    return session.scalar(select(Award).where(Award.project_id == project.id, Award.state == AwardState.NOTIFIED))


def award_by_ref(session: Session, ref: str) -> Award | None:
    """Return the award with that reference, revoked or not."""
    return session.scalar(select(Award).where(Award.ref == ref))


def took_part(session: Session, project: Project, actor: Actor) -> bool:
    """Say whether the actor's organization had a bid opened in this project."""
    return actor.organization_id is not None and session.scalar(
        select(SealedBid.id).where(SealedBid.project_id == project.id, SealedBid.state.in_(COUNTED),
                                   SealedBid.organization_id == actor.organization_id)) is not None


def criterion_means(session: Session, project: Project) -> dict[tuple[int, int], Decimal]:
    """Return the mean of the submitted sheets by (bid id, criterion id), for show with two decimals."""
    rows = session.scalars(
        select(Score).join(PanelSeat, PanelSeat.id == Score.seat_id)
        .where(Score.project_id == project.id, PanelSeat.state == SeatState.SUBMITTED))
    given: dict[tuple[int, int], list[Decimal]] = {}
    for row in rows:
        if row.points is None:
            continue
        given.setdefault((row.bid_id, row.criterion_id), []).append(row.points)
    return {key: round_points(mean(points), SHOWN_PLACES) for key, points in given.items()}


@dataclass(frozen=True)
class Column:
    """One offer in the comparison: what it asks, what was found, and, after the sum, its points and place."""

    checked: Checked
    place: Ranking | None
    means: Mapping[int, Decimal]

    @property
    def bid(self) -> SealedBid:
        """Return the bid."""
        return self.checked.bid


@dataclass(frozen=True)
class Comparison:
    """The buyer's page of decision. Points are there only once every sheet is in and summed up."""

    project: Project
    panel: Panel | None
    criteria: Sequence[Criterion]
    columns: Sequence[Column]
    award: Award | None
    may_see_scores: Decision

    @property
    def sheets_in(self) -> int:
        """Return how many sheets are submitted."""
        seats = self.panel.seats if self.panel else ()
        return sum(seat.state == SeatState.SUBMITTED for seat in seats)

    @property
    def valid(self) -> int:
        """Return how many offers count as valid."""
        return sum(column.checked.offer.is_valid for column in self.columns)

    @property
    def flags(self) -> Sequence[Flag]:
        """Return what was noticed among the valid offers, each thing once."""
        noticed: list[Flag] = []
        for column in self.columns:
            noticed.extend(flag for flag in column.checked.flags if flag not in noticed)
        return noticed

    def name_of(self, bid_ref: str) -> str:
        """Return the name of the organization behind a bid."""
        return next(column.bid.organization.name for column in self.columns if column.bid.ref == bid_ref)

    @property
    def barred(self) -> Sequence[Column]:
        """Return the offers that a hard rule bars and that still count as valid."""
        return [column for column in self.columns if column.checked.must_be_refused]

    @property
    def first(self) -> Column | None:
        """Return the offer that comes first."""
        return next((one for one in self.columns if one.place and one.checked.offer.is_valid), None)


def comparison(session: Session, project: Project, *, actor: Actor, now: datetime) -> Comparison:
    """Return the offers side by side, best first once they are ranked. For the buyer's people and the auditor."""
    require(policy.may_prepare_decision(actor, project))
    panel = panel_of(session, project)
    may = policy.may_compare(actor, project, panel)
    places = {row.bid_id: row for row in ranking_of(session, project)} if may else {}
    means = criterion_means(session, project) if may else {}
    columns = [
        Column(one, places.get(one.bid.id), {c.id: means[one.bid.id, c.id] for c in project.criteria
                                             if (one.bid.id, c.id) in means})
        for one in checked_offers(session, project, day=beijing_date(now))
    ]
    columns.sort(key=lambda one: (one.place is None, one.place.rank if one.place else 0,
                                  (one.place.lot or 0) if one.place else 0, one.bid.receipt_number))
    return Comparison(project, panel, list(project.criteria), columns, live_award(session, project), may)


def spread(session: Session, project: Project) -> list[tuple[PanelSeat, Mapping[int, Decimal]]]:
    """Return each member's total by bid id, in the order of the draw. The caller has checked `may_compare`."""
    rows = session.execute(
        select(PanelSeat, Score).join(Score, Score.seat_id == PanelSeat.id).join(Panel, Panel.id == PanelSeat.panel_id)
        .where(Panel.project_id == project.id, PanelSeat.state == SeatState.SUBMITTED)
        .order_by(PanelSeat.draw_order))
    totals: dict[PanelSeat, dict[int, Decimal]] = {}
    for seat, score in rows:
        own = totals.setdefault(seat, {})
        own[score.bid_id] = own.get(score.bid_id, Decimal(0)) + (score.points or Decimal(0))
    return list(totals.items())


@dataclass(frozen=True)
class OwnLine:
    """One criterion of a bidder's own result: mean points, the most there are, what members wrote."""

    criterion: Criterion
    points: Decimal
    comments: Sequence[str]


@dataclass(frozen=True)
class OwnResult:
    """What a bidder learns: its own points, place and remarks, who won at what price, and until when to object."""

    bid: SealedBid
    place: Ranking | None
    of: int
    lines: Sequence[OwnLine]
    award: Award | None
    notice: Notice | None

    @property
    def has_won(self) -> bool:
        """Say whether this bid got the award."""
        return self.award is not None and self.award.bid_id == self.bid.id


def own_bid(session: Session, ref: str) -> SealedBid:
    """Return a bid by its reference; raises Denied (404). Whoever calls asks the policy next."""
    bid = session.scalar(select(SealedBid).where(SealedBid.ref == ref).options(joinedload(SealedBid.project)))
    if bid is None:
        raise Denied(N_("没有这份响应"), hidden=True)
    return bid


def own_result(session: Session, bid: SealedBid, *, actor: Actor) -> OwnResult:
    """Return the bidder's own result (87 art 69): by criterion the mean, never a single member's points."""
    require(policy.may_see_own_result(actor, bid))
    means = criterion_means(session, bid.project)
    remarks: dict[int, list[str]] = {}
    for score in session.scalars(
            select(Score).join(PanelSeat, PanelSeat.id == Score.seat_id)
            .where(Score.bid_id == bid.id, PanelSeat.state == SeatState.SUBMITTED, Score.comment != "")
            .order_by(Score.criterion_id, Score.comment)):
        remarks.setdefault(score.criterion_id, []).append(score.comment)
    ranking = ranking_of(session, bid.project)
    place = next((row for row in ranking if row.bid_id == bid.id), None)
    lines = [OwnLine(one, means[bid.id, one.id], remarks.get(one.id, [])) for one in bid.project.criteria
             if place is not None and (bid.id, one.id) in means]
    return OwnResult(bid, place, len(ranking), lines, live_award(session, bid.project),
                     result_notice(session, bid.project))


def result_notice(session: Session, project: Project) -> Notice | None:
    """Return the newest result notice of the project, if its award stands."""
    award = live_award(session, project)
    if award is None:
        return None
    return session.scalar(select(Notice).where(Notice.unique_key == f"{NoticeKind.RESULT}:{award.ref}"))


def objections_of(session: Session, project: Project, *, actor: Actor) -> list[Objection]:
    """Return the objections the actor may read, oldest first: the buyer all, a bidder its own."""
    rows = session.scalars(select(Objection).where(Objection.project_id == project.id).order_by(Objection.id))
    return [row for row in rows if policy.may_see_objection(actor, row)]


def objection_by_ref(session: Session, ref: str, *, actor: Actor) -> Objection:
    """Return an objection the actor may read; raises Denied (404)."""
    found = session.scalar(select(Objection).where(Objection.ref == ref))
    if found is None:
        raise Denied(N_("没有这件异议"), hidden=True)
    require(policy.may_see_objection(actor, found))
    return found


def my_bid(session: Session, project: Project, actor: Actor) -> SealedBid | None:
    """Return the opened bid of the actor's organization in this project."""
    if actor.organization_id is None:
        return None
    return session.scalar(select(SealedBid).where(
        SealedBid.project_id == project.id, SealedBid.organization_id == actor.organization_id,
        SealedBid.state.in_(COUNTED)))
