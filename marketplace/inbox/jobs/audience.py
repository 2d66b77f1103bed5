"""Who hears of something: people of a unit by role, people of the organizations that take part."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.accounts.queries import people_of
from marketplace.bids.models import BidDraft, SealedBid
from marketplace.bids.rules import LIVE_STATES
from marketplace.core.access import Role
from marketplace.inbox.operations import send
from marketplace.inbox.rules import Letter
from marketplace.projects.models import Project

BUYER_ROLES = (Role.HANDLER, Role.APPROVER)
BIDDER_ROLES = (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER)


def project_url(project: Project) -> str:
    """Return the address of the project's page."""
    return f"/projects/{project.ref}"


def desk_url(project: Project, page: str) -> str:
    """Return the address of one of the unit's own pages of a project."""
    return f"/desk/projects/{project.ref}/{page}"


def people_by_id(session: Session, ids: Iterable[int | None]) -> Sequence[Person]:
    """Return active people by id."""
    wanted = {each for each in ids if each is not None}
    found = select(Person).where(Person.id.in_(wanted), Person.is_active).order_by(Person.id)
    return session.scalars(found).all()


def drafters(session: Session, project: Project) -> Sequence[Person]:
    """Return who works on the project: drafter and submitter while they still may, else every handler."""
    handlers = people_of(session, project.buyer_id, BUYER_ROLES)
    own = [person for person in handlers if person.id in (project.created_by, project.submitted_by)]
    return own or people_of(session, project.buyer_id, (Role.HANDLER,)) or handlers


def approvers(session: Session, project: Project) -> Sequence[Person]:
    """Return who may approve: not whoever drafted or submitted, unless nobody else is there."""
    found = people_of(session, project.buyer_id, (Role.APPROVER,))
    return [p for p in found if p.id not in (project.created_by, project.submitted_by)] or found


def bidders(session: Session, project: Project) -> list[int]:
    """Return the organizations whose bid lives."""
    return list(session.scalars(select(SealedBid.organization_id).where(
        SealedBid.project_id == project.id, SealedBid.state.in_(LIVE_STATES)).order_by(SealedBid.id)))


def interested(session: Session, project: Project) -> list[int]:
    """Return the organizations that have a bid or write one. Never shown to the buyer."""
    writing = session.scalars(select(BidDraft.organization_id).where(BidDraft.project_id == project.id))
    return sorted({*writing, *bidders(session, project)})


def tell_organizations(session: Session, organization_ids: Iterable[int], *, letter: Letter, now: datetime) -> None:
    """Send the same news to everybody who bids for those organizations, once for each."""
    for organization_id in organization_ids:
        own = replace(letter, unique_key=f"{letter.unique_key}:{organization_id}", organization_id=organization_id)
        for person in people_of(session, organization_id, BIDDER_ROLES):
            send(session, person=person, letter=own, now=now)
