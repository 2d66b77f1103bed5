"""Reads donation agreements for pages: one by its reference, the list an actor may see, what could become one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import add

from sqlalchemy import BigInteger, ColumnElement, Select, false, func, or_, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from marketplace.agreements import policy
from marketplace.agreements.models import AgreementItem, DonationAgreement
from marketplace.agreements.rules import AgreementState
from marketplace.core.access import Actor, require
from marketplace.core.errors import Denied
from marketplace.core.money import Money
from marketplace.funding.models import Funder, Pledge
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState


def by_ref(session: Session, ref: str, *, actor: Actor) -> DonationAgreement:
    """Return the agreement; raises Denied (404) for those who may not even know of it."""
    agreement = session.scalar(
        select(DonationAgreement).where(DonationAgreement.ref == ref)
        .options(joinedload(DonationAgreement.project), joinedload(DonationAgreement.document),
                 joinedload(DonationAgreement.signed_copy), joinedload(DonationAgreement.contract)))
    if agreement is None:
        raise Denied(policy.HIDDEN.reason, hidden=True)
    require(policy.may_view(actor, agreement, donors_of(session, agreement)))
    return agreement


def donors_of(session: Session, agreement: DonationAgreement) -> Sequence[int | None]:
    """Return the organizations behind the pledges of an agreement."""
    return session.scalars(
        select(Funder.organization_id).join(Pledge, Pledge.funder_id == Funder.id)
        .join(AgreementItem, AgreementItem.pledge_id == Pledge.id)
        .where(AgreementItem.agreement_id == agreement.id).distinct()).all()


def visible_to(actor: Actor) -> Select[DonationAgreement]:
    """Return the statement of the agreements an actor may see, newest first."""
    statement = (
        select(DonationAgreement).join(DonationAgreement.project)
        .options(joinedload(DonationAgreement.project), joinedload(DonationAgreement.receiver),
                 joinedload(DonationAgreement.provider))
        .order_by(DonationAgreement.frozen_at.desc(), DonationAgreement.id.desc()))
    if actor.is_system or actor.has(*policy.OVERSEERS):
        return statement
    reasons = []
    if actor.has(*policy.UNIT_READERS) and actor.unit_path:
        reasons.append(Project.buyer_path.startswith(actor.unit_path, autoescape=True))
    if actor.has(*policy.RECEIVER_ROLES) and actor.organization_id is not None:
        gave = (select(AgreementItem.id).join(Pledge, Pledge.id == AgreementItem.pledge_id)
                .join(Funder, Funder.id == Pledge.funder_id)
                .where(AgreementItem.agreement_id == DonationAgreement.id,
                       Funder.organization_id == actor.organization_id).exists())
        reasons += [DonationAgreement.receiver_id == actor.organization_id,
                    DonationAgreement.provider_id == actor.organization_id, gave]
    return statement.where(or_(false(), *reasons))


@dataclass(frozen=True)
class Drawable:
    """A contracted project whose signed pledges to one receiving body stand in no agreement yet."""

    project: Project
    pledges: int
    amount: Money


def drawable(session: Session, *, receiver_id: int | None) -> list[Drawable]:
    """Return what a receiving body could draw up now, newest contract first."""
    taken = (select(func.coalesce(func.sum(type_coerce(AgreementItem.amount, BigInteger)), 0))
             .where(AgreementItem.pledge_id == Pledge.id).scalar_subquery())
    gone = sum_of(Pledge.dropped, Pledge.refunding, Pledge.refunded, Pledge.disputed)
    left = type_coerce(Pledge.amount, BigInteger) - gone - taken
    rows = session.execute(
        select(Project, func.count(), func.sum(left)).join(Pledge, Pledge.project_id == Project.id)
        .where(Pledge.receiver_id == receiver_id, Project.state == ProjectState.CONTRACTED, left > 0,
               (Pledge.signed_at.is_not(None)) | (Pledge.kind == "matched"))
        .group_by(Project.id).order_by(Project.contracted_at.desc(), Project.id.desc())).all()
    return [Drawable(row[0], row[1], Money(int(row[2]))) for row in rows]


def sum_of(*columns: InstrumentedAttribute[Money]) -> ColumnElement[int]:
    """Return the sum of columns of one row in fen."""
    first, *rest = [type_coerce(column, BigInteger) for column in columns]
    return reduce(add, rest, first)


def receiver_of(session: Session, actor: Actor) -> Organization | None:
    """Return the organization that the actor acts for, or None."""
    return session.get(Organization, actor.organization_id) if actor.organization_id is not None else None


@dataclass(frozen=True)
class PublicAgreement:
    """What anybody may know of an agreement: it says how much money beside which contract, not who gave it."""

    number: str
    receiver: str
    provider: str
    amount: Money
    state: AgreementState
    verify_code: str
    signed_on: date | None


def public_agreements(session: Session, project_id: int) -> list[PublicAgreement]:
    """Return the printed agreements of a project, oldest first."""
    found = session.scalars(
        select(DonationAgreement)
        .where(DonationAgreement.project_id == project_id, DonationAgreement.state != AgreementState.FROZEN)
        .options(joinedload(DonationAgreement.receiver), joinedload(DonationAgreement.provider))
        .order_by(DonationAgreement.id))
    return [PublicAgreement(one.number, one.receiver.name, one.provider.name, one.amount, AgreementState(one.state),
                            one.verify_code, one.signed_on) for one in found]
