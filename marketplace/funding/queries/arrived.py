"""Money that arrived and that the receiving body has not confirmed yet."""

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.money import Money
from marketplace.funding.models import Funder, Pledge


def arrived_at(organization_id: int | None) -> Select[Pledge]:
    """Return the statement of the pledges to an organization whose money waits for its confirmation, oldest first."""
    return (select(Pledge).where(Pledge.receiver_id == organization_id, Pledge.paid > Money(0))
            .options(joinedload(Pledge.funder).joinedload(Funder.organization), joinedload(Pledge.project))
            .order_by(Pledge.id))


def chosen(session: Session, organization_id: int | None, refs: Sequence[str]) -> Sequence[Pledge]:
    """Return those of the named pledges that wait."""
    return session.scalars(arrived_at(organization_id).where(Pledge.ref.in_(refs))).unique().all()
