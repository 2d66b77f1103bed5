"""Reads contracts for pages: one by its reference, the list an actor may see, the public summary of a project."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, false, func, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.awards.models import Award
from marketplace.catalogs.queries import work_calendar
from marketplace.contracts import policy
from marketplace.contracts.models import Contract
from marketplace.contracts.rules import Clock, ContractState, clocks
from marketplace.core.access import Actor, require
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Denied
from marketplace.core.money import Money
from marketplace.projects.models import Project


def by_ref(session: Session, ref: str, *, actor: Actor) -> Contract:
    """Return the contract; raises Denied (404) for those who may not even know of it."""
    contract = session.scalar(
        select(Contract).where(Contract.ref == ref)
        .options(joinedload(Contract.project), joinedload(Contract.document), joinedload(Contract.signed_copy)))
    if contract is None:
        raise Denied(policy.HIDDEN.reason, hidden=True)
    require(policy.may_view(actor, contract))
    return contract


def visible_to(actor: Actor, *, state: str = "") -> Select[Contract]:
    """Return the statement of the contracts an actor may see, newest first; `state` narrows it."""
    statement = (
        select(Contract).join(Contract.project)
        .options(joinedload(Contract.project), joinedload(Contract.buyer), joinedload(Contract.provider))
        .order_by(Contract.frozen_at.desc(), Contract.id.desc())
    )
    if state in set(ContractState):
        statement = statement.where(Contract.state == state)
    if actor.is_system or actor.has(*policy.OVERSEERS):
        return statement
    reasons = []
    if actor.has(*policy.UNIT_READERS) and actor.organization_id is not None:
        reasons.append(Contract.buyer_id == actor.organization_id)
        if actor.unit_path:
            reasons.append(Project.buyer_path.startswith(actor.unit_path, autoescape=True))
    if actor.has(*policy.PROVIDER_ROLES) and actor.organization_id is not None:
        reasons.append(Contract.provider_id == actor.organization_id)
    return statement.where(or_(false(), *reasons))


def counts(session: Session, actor: Actor) -> dict[str, int]:
    """Return how many contracts an actor sees in each state, and in all ("")."""
    inner = visible_to(actor).with_only_columns(Contract.state).order_by(None).subquery()
    rows = session.execute(select(inner.c.state, func.count()).group_by(inner.c.state))
    found: dict[str, int] = {row[0]: row[1] for row in rows}
    return {"": sum(found.values()), **{state: found.get(state, 0) for state in ContractState}}


def card(session: Session, contract: Contract, *, now: datetime) -> list[Clock]:
    """Return the legal clocks of the contract card."""
    published = beijing_date(contract.published_at) if contract.published_at else None
    return clocks(sign_by=contract.sign_by, signed_on=contract.signed_on, published_on=published,
                  filed_on=contract.filed_on, today=beijing_date(now), calendar=work_calendar(session))


def award_of(session: Session, contract: Contract) -> Award:
    """Return the award that the contract stands on."""
    return session.get_one(Award, contract.award_id)


@dataclass(frozen=True)
class PublicContract:
    """What anybody may know of a contract: it follows from the published result."""

    number: str
    title: str
    buyer: str
    provider: str
    amount: Money
    state: ContractState
    verify_code: str
    issued_at: datetime | None
    signed_on: date | None
    period: tuple[str, str]


def public_contract(session: Session, project_ref: str) -> PublicContract | None:
    """Return the public summary of a project's contract once the paper is issued, else None."""
    contract = session.scalar(
        select(Contract).join(Contract.project).where(Project.ref == project_ref)
        .options(joinedload(Contract.provider), joinedload(Contract.buyer), joinedload(Contract.project)))
    if contract is None or contract.state == ContractState.FROZEN:
        return None
    facts: dict[str, Any] = dict(contract.terms["facts"])  # type: ignore[call-overload]
    return PublicContract(
        contract.number, facts["project"]["title"], facts["buyer"]["name"], facts["provider"]["name"], contract.amount,
        ContractState(contract.state), contract.verify_code, contract.issued_at, contract.signed_on,
        (facts["period"]["from"], facts["period"]["to"]))
