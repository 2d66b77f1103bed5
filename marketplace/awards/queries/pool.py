"""The pool of experts of a project: available, in the field, tied neither to a bidder nor to the buyer."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.accounts.models import Mandate, Person
from marketplace.awards.models import ExpertProfile
from marketplace.awards.rules import RECUSAL_YEARS, fits_field
from marketplace.bids.models import SealedBid
from marketplace.core.access import Role
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import name_key
from marketplace.projects.models import Project

COUNTED = ("opened", "unreadable")   # bids that took part


def bidders(session: Session, project: Project) -> list[Organization]:
    """Return the organizations whose bids were opened, in the order of their receipts' numbers."""
    return list(session.scalars(
        select(Organization).join(SealedBid, SealedBid.organization_id == Organization.id)
        .where(SealedBid.project_id == project.id, SealedBid.state.in_(COUNTED))
        .order_by(SealedBid.receipt_number)
    ))


def eligible_experts(session: Session, project: Project, *, now: datetime, at_least: int = 0) -> list[Person]:
    """Return who may be drawn, by id. Experts of the field first: the others join only when those are too few.

    "Too few" is fewer than twice `at_least`, so that there are substitutes.
    """
    profiles = list(session.scalars(
        select(ExpertProfile).join(Person, Person.id == ExpertProfile.person_id)
        .where(ExpertProfile.is_available, Person.is_active, ExpertProfile.person_id.in_(
            select(Mandate.person_id).where(Mandate.role == Role.EXPERT, Mandate.revoked_at.is_(None))))
        .options(joinedload(ExpertProfile.person)).order_by(ExpertProfile.person_id)
    ))
    interested = [*bidders(session, project), *_buyer_side(session, project.buyer)]
    tied = _tied_people(session, interested, now)
    ids = {one.id for one in interested}
    names = {one.name_key for one in interested}
    free = [profile for profile in profiles if profile.person_id not in tied and not _works_for(profile, ids, names)]
    in_field = [profile for profile in free if fits_field(project.category_code, profile.fields)]
    chosen = in_field if len(in_field) >= 2 * at_least else free
    return [profile.person for profile in chosen]


def _buyer_side(session: Session, buyer: Organization) -> Sequence[Organization]:
    """Return the buyer with the units above and below it."""
    return session.scalars(select(Organization).where(Organization.path != "", or_(
        Organization.path.startswith(buyer.path, autoescape=True),
        Organization.id.in_([int(part) for part in buyer.path.split("/") if part]),
    ))).all() if buyer.path else [buyer]


def _tied_people(session: Session, organizations: Iterable[Organization], now: datetime) -> set[int]:
    """Return who acts, or acted within three years, for one of these organizations (GPR 9)."""
    return set(session.scalars(select(Mandate.person_id).where(
        Mandate.organization_id.in_([one.id for one in organizations]),
        or_(Mandate.revoked_at.is_(None), Mandate.revoked_at > now - RECUSAL_YEARS),
    )))


def _works_for(profile: ExpertProfile, ids: set[int], names: set[str]) -> bool:
    """Say whether the expert's employer is one of them, by registry or by name."""
    by_name = bool(profile.employer) and name_key(profile.employer) in names
    return profile.employer_organization_id in ids or by_name


def expert_pool() -> Select[ExpertProfile]:
    """Return the statement of the whole pool by name, for a page of it."""
    return (select(ExpertProfile).join(Person, Person.id == ExpertProfile.person_id)
            .options(joinedload(ExpertProfile.person)).order_by(Person.name, Person.id))
