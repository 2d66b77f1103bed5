"""The signed papers behind pledges, for those who may read them."""

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.accounts.models import Person
from marketplace.accounts.queries import people_of
from marketplace.core.access import Actor, Role
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.funding import policy
from marketplace.funding.models import Commitment, Funder


def commitment_by_ref(session: Session, ref: str, *, actor: Actor) -> Commitment:
    """Return a commitment that this actor may read; raises Denied(hidden) for any other."""
    found = session.scalar(
        select(Commitment).where(Commitment.ref == ref)
        .options(joinedload(Commitment.funder).joinedload(Funder.organization), joinedload(Commitment.project),
                 joinedload(Commitment.document), joinedload(Commitment.pledge)))
    if found is None or not policy.may_see_commitment(actor, found):
        raise Denied(N_("没有这份认捐书，或您不能查看"), hidden=True)
    return found


def approvers(session: Session, funder: Funder) -> int:
    """Return how many people of a funder could approve its papers."""
    if funder.organization_id is None:
        return 1
    roles: list[Role] = [*policy.SIGNERS, *policy.UNIT_SIGNERS]
    return len({person.id for person in people_of(session, funder.organization_id, roles)})


def name_of(session: Session, person_id: int | None) -> str:
    """Return the name of a person, or nothing."""
    return session.scalar(select(Person.name).where(Person.id == person_id)) or "" if person_id else ""
