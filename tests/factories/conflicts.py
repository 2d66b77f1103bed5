"""A buyer's project and a provider with nothing between them, and the ways to put something there."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from marketplace.core.access import Actor, Role
from marketplace.core.clock import beijing_date
from marketplace.organizations.models import Organization, RelatedParty
from marketplace.projects.models import Project
from tests.factories import NOW
from tests.factories.organizations import credit_code, make_organization
from tests.factories.projects import Desk, make_actor, make_desk, make_published

TODAY = beijing_date(NOW)
REPRESENTATIVE = "黎振华"


@dataclass(frozen=True)
class Pair:
    """One published project of a buyer with a code, and one verified provider."""

    desk: Desk
    project: Project
    provider: Organization

    @property
    def buyer(self) -> Organization:
        """The unit that buys."""
        return self.desk.unit


def make_pair(session: Session, **profile: object) -> Pair:
    """A pair with nothing between the two."""
    desk = make_desk(session)
    desk.unit.credit_code = credit_code(prefix="11")
    desk.unit.legal_representative = REPRESENTATIVE
    return Pair(desk, make_published(session, desk), make_organization(session, **profile))


def make_flagged(session: Session) -> Pair:
    """A pair whose representatives bear the same name."""
    return make_pair(session, legal_representative=REPRESENTATIVE)


def admin_of(session: Session, provider: Organization, *, role: Role = Role.PROVIDER_ADMIN) -> Actor:
    """A person who acts for the provider."""
    return make_actor(session, provider, role, "陈静")


def make_operator(session: Session) -> Actor:
    """An operator with an account."""
    return make_actor(session, None, Role.OPERATOR, "何伟")


def relate(session: Session, one: Organization, other: Organization, relation: str = "controlled", *,
           with_code: bool = True) -> RelatedParty:
    """Let `one` state `other` as its related party."""
    party = RelatedParty(organization_id=one.id, name=other.name, relation=relation,
                         credit_code=other.credit_code if with_code else None)
    session.add(party)
    session.flush()
    return party
