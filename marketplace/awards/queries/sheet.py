"""A member's own sheet: the offers under letters, what is scored, what is missing. Never anybody else's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.awards import policy
from marketplace.awards.models import Panel, PanelSeat, Score
from marketplace.awards.rules import SeatState, aliases
from marketplace.bids.models import OpenedOffer, SealedBid
from marketplace.core.access import Actor, require
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.projects.models import Criterion, Project


def opened_bids(session: Session, project: Project, *, valid_only: bool = False) -> list[SealedBid]:
    """Return the bids that were opened and could be read, with offer and organization, by receipt number."""
    query = (select(SealedBid).join(OpenedOffer, OpenedOffer.bid_id == SealedBid.id)
             .where(SealedBid.project_id == project.id, SealedBid.state == "opened")
             .options(joinedload(SealedBid.offer), joinedload(SealedBid.organization))
             .order_by(SealedBid.receipt_number))
    if valid_only:
        query = query.where(OpenedOffer.is_valid)
    return list(session.scalars(query))


def panel_of(session: Session, project: Project) -> Panel | None:
    """Return the project's panel, or None before the draw."""
    return session.scalar(select(Panel).where(Panel.project_id == project.id))


def seat_by_ref(session: Session, ref: str, *, actor: Actor) -> PanelSeat:
    """Return the actor's own seat; raises Denied (404) for anybody else's."""
    seat = session.scalar(select(PanelSeat).where(PanelSeat.ref == ref))
    if seat is None:
        raise Denied(N_("没有这个席位"), hidden=True)
    require(policy.may_sit(actor, seat))
    return seat


def seats_of(session: Session, actor: Actor) -> list[PanelSeat]:
    """Return the actor's seats, newest first, for the page of invitations."""
    return list(session.scalars(
        select(PanelSeat).join(Panel).where(PanelSeat.person_id == actor.person_id)
        .options(joinedload(PanelSeat.panel).joinedload(Panel.project).joinedload(Project.buyer))
        .order_by(Panel.drawn_at.desc(), PanelSeat.id.desc())
    ))


def letters(session: Session, panel: Panel) -> dict[str, SealedBid]:
    """Return the valid offers under their shuffled letters, A first."""
    bids = {bid.ref: bid for bid in opened_bids(session, panel.project)}
    names = aliases(panel.seed, bids)
    ordered = sorted((len(names[ref]), names[ref], ref) for ref in bids)
    return {letter: bids[ref] for _, letter, ref in ordered if (offer := bids[ref].offer) and offer.is_valid}


def scores_of(session: Session, seat: PanelSeat) -> dict[tuple[int, int], Score]:
    """Return a seat's own scores by (bid id, criterion id)."""
    rows = session.scalars(select(Score).where(Score.seat_id == seat.id))
    return {(row.bid_id, row.criterion_id): row for row in rows}


def missing_scores(session: Session, seat: PanelSeat) -> list[tuple[int, int]]:
    """Return the (bid id, criterion id) that this member has not scored."""
    done = {key for key, score in scores_of(session, seat).items() if score.points is not None}
    bids = opened_bids(session, seat.panel.project, valid_only=True)
    return [(bid.id, criterion.id) for bid in bids for criterion in seat.panel.project.criteria
            if (bid.id, criterion.id) not in done]


@dataclass(frozen=True)
class SheetRow:
    """One offer on a member's sheet: its letter, the points by criterion id, their sum, what is missing."""

    letter: str
    number: int
    bid: SealedBid
    points: Mapping[int, Decimal]
    comments: Mapping[int, str]
    total: Decimal
    missing: int

    @property
    def is_done(self) -> bool:
        """Say whether every criterion has points."""
        return self.missing == 0


@dataclass(frozen=True)
class Sheet:
    """A member's sheet."""

    seat: PanelSeat
    project: Project
    criteria: Sequence[Criterion]
    rows: Sequence[SheetRow]

    @property
    def done(self) -> int:
        """Return how many offers are scored completely."""
        return sum(row.is_done for row in self.rows)

    @property
    def weight(self) -> int:
        """Return the points that a member gives at most."""
        return sum(criterion.weight for criterion in self.criteria)

    @property
    def is_open(self) -> bool:
        """Say whether the member may still write."""
        return self.seat.state == SeatState.SEATED


def sheet(session: Session, seat: PanelSeat, *, actor: Actor) -> Sheet:
    """Return the member's own sheet; nobody reads another's."""
    require(policy.may_sit(actor, seat))
    scores = scores_of(session, seat)
    project = seat.panel.project
    rows = []
    for number, (letter, bid) in enumerate(letters(session, seat.panel).items(), 1):
        own = {one.id: scores[bid.id, one.id] for one in project.criteria if (bid.id, one.id) in scores}
        points = {key: score.points for key, score in own.items() if score.points is not None}
        rows.append(SheetRow(letter, number, bid, points, {key: score.comment for key, score in own.items()},
                             sum(points.values(), Decimal(0)), len(project.criteria) - len(points)))
    return Sheet(seat, project, list(project.criteria), rows)
