"""The paper commitments of one evening: waiting for a signature by hand, or registered with their scan."""

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.funding.models import Commitment, Funder
from marketplace.pledging.models import PledgingEvent


def papers_of(session: Session, event: PledgingEvent) -> list[Commitment]:
    """Return the evening's paper commitments that were not sent back, oldest first."""
    found = session.scalars(
        select(Commitment).where(Commitment.receiver_id == event.receiver_id, Commitment.is_on_paper,
                                 Commitment.state != "returned", Commitment.prepared_at >= event.created_at)
        .options(joinedload(Commitment.funder).joinedload(Funder.organization), joinedload(Commitment.document),
                 joinedload(Commitment.project)).order_by(Commitment.id))
    return [paper for paper in found if paper.facts.get("round_ref") == event.ref]
