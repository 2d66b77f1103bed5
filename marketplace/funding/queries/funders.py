"""Funders: in whose name somebody acts, and one by its reference."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.funding import policy
from marketplace.funding.models import Funder


def funder_of(session: Session, actor: Actor) -> Funder | None:
    """Return the funder in whose name the actor acts: verified first, the body itself before its named funds."""
    if actor.organization_id is None or not actor.has(*policy.SIGNERS, *policy.UNIT_SIGNERS):
        return None
    return session.scalars(
        select(Funder).where(Funder.organization_id == actor.organization_id)
        .order_by(Funder.verified_at.is_(None), Funder.fund_name, Funder.id).limit(1)).first()


def by_ref(session: Session, ref: str) -> Funder:
    """Return the funder with that public reference; raises Denied (404) when there is none."""
    found = session.scalar(select(Funder).where(Funder.ref == ref))
    if found is None:
        raise Denied(N_("没有这个捐赠方"), hidden=True)
    return found
