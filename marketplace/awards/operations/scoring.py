"""A member's own sheet: points and comments saved piece by piece, submitted once."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.awards import policy
from marketplace.awards.models import PanelSeat, Score
from marketplace.awards.operations.panel import hold_seat, tell_when_sheets_are_in
from marketplace.awards.queries.sheet import missing_scores
from marketplace.awards.rules import JOB_SEATS_CHANGED, SEAT_STEPS, SeatState, check_points
from marketplace.bids.models import SealedBid
from marketplace.core import audit
from marketplace.core.access import Actor, require
from marketplace.core.errors import Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_

MAX_COMMENT = 1_000


def save_scores(session: Session, *, actor: Actor, seat: PanelSeat, bid: SealedBid,
                points: Mapping[int, Decimal | None], comments: Mapping[int, str], now: datetime) -> None:
    """Save points (criterion id -> 0 to its weight, two decimals) and comments of a member for one offer.

    Only the own seat, only while seated; criteria left out stay as they were, None takes points away.
    """
    _hold(session, actor, seat)
    if bid.project_id != seat.panel.project_id or bid.offer is None or not bid.offer.is_valid:
        raise Invalid(N_("这份响应不在本项目的有效响应里，不能评分"))
    criteria = {one.id: one for one in seat.panel.project.criteria}
    touched = points.keys() | comments.keys()
    if touched - criteria.keys():
        raise Invalid(N_("评分项不属于本项目"), field="points")
    for criterion_id, value in points.items():
        if value is not None:
            check_points(value, criteria[criterion_id].weight, criterion=criteria[criterion_id].name)
    if any(len(comment) > MAX_COMMENT for comment in comments.values()):
        raise Invalid(N_("每条评语最长 {most} 个字"), field="comment", most=MAX_COMMENT)
    kept = {score.criterion_id: score for score in session.scalars(
        select(Score).where(Score.seat_id == seat.id, Score.bid_id == bid.id))}
    for criterion_id in touched:
        score = kept.get(criterion_id)
        if score is None:
            score = Score(seat_id=seat.id, project_id=bid.project_id, bid_id=bid.id, criterion_id=criterion_id)
            session.add(score)
        score.points, score.saved_at = points.get(criterion_id, score.points), now
        score.comment = comments.get(criterion_id, score.comment or "").strip()
    session.flush()
    audit.record(session, actor=actor, action="awards.save_scores", subject=("panel_seat", seat.ref), now=now,
                 bid=bid.ref, criteria=len(touched))


def _hold(session: Session, actor: Actor, seat: PanelSeat) -> None:
    """Hold the panel, read the seat again, and refuse whoever may not write on this sheet now."""
    hold_seat(session, seat)
    require(policy.may_sit(actor, seat))
    require(policy.may_score(actor, seat))


def submit_sheet(session: Session, *, actor: Actor, seat: PanelSeat, now: datetime,
                 dissent: str = "") -> PanelSeat:
    """Hand in the complete sheet; it cannot be changed afterwards. Seat: seated -> submitted.

    A `dissent` is kept with its reasons; whoever writes none agrees with the result (GPR 41).
    """
    _hold(session, actor, seat)
    if missing := missing_scores(session, seat):
        raise Invalid(N_("还有 {count} 项没有评分。全部评完才能提交"), count=len(missing))
    seat.state = SEAT_STEPS.after(SeatState(seat.state), "submit")
    seat.submitted_at, seat.dissent = now, dissent.strip()
    session.flush()
    project = seat.panel.project
    audit.record(session, actor=actor, action="awards.submit_sheet", subject=("project", project.ref),
                 now=now, seat=seat.ref, has_dissent=bool(seat.dissent))
    enqueue(session, JOB_SEATS_CHANGED, now=now, project_ref=project.ref, seat_refs=[seat.ref])
    tell_when_sheets_are_in(session, seat.panel, now=now)
    return seat
