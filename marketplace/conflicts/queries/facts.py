"""Reads, in a fixed number of statements, everything that conflicts are found from, for many projects at once."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true, union
from sqlalchemy.orm import Session, aliased

from marketplace.accounts.models import Mandate, Person
from marketplace.awards.models import ExpertProfile, Panel, PanelSeat
from marketplace.awards.rules import SeatState
from marketplace.conflicts.models import ConflictDeclaration, ConflictSettlement, DeclaredRelation
from marketplace.conflicts.rules import (
    LOOK_BACK_YEARS,
    Backer,
    Body,
    Declared,
    Declarer,
    Facts,
    Hat,
    Relation,
    Reviewer,
    Side,
    Stating,
    years_before,
)
from marketplace.core.access import Role
from marketplace.core.clock import at_beijing
from marketplace.funding.models import Allocation, Funder, MatchingPool, Pledge
from marketplace.organizations.models import Organization, RelatedParty
from marketplace.organizations.rules import Standing, Verification
from marketplace.projects.models import Project

MANY = 500                       # from here a list of ids is compared here, not sent to the database
BUYING = (Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN)
PROVIDING = (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER)
_LIVE_ALLOCATIONS = ("reserved", "captured")


@dataclass(frozen=True)
class Loaded:
    """The facts, the projects behind each anchor of a tie, what was settled (tie key -> outcome).

    `unknown`: providers that are neither verified nor have declared anything.
    """

    facts: Facts
    projects: Sequence[int]
    behind: Mapping[tuple[Side, int], Sequence[int]]
    settled: Mapping[str, str]
    unknown: frozenset[int]


def _within(column: Any, ids: Collection[int] | None) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a column is one of the ids; none where they are all, or too many to send."""
    return () if ids is None or len(ids) > MANY else (column.in_(ids),)


def load(session: Session, project_ids: Collection[int], provider_ids: Collection[int] | None, *,
         today: date) -> Loaded:
    """Read the facts of these projects and providers (None: every provider of the registry)."""
    wanted = set(project_ids)
    buyer_of = {row.id: row.buyer_id for row in session.execute(
        select(Project.id, Project.buyer_id).where(*_within(Project.id, wanted))) if row.id in wanted}
    behind: dict[tuple[Side, int], list[int]] = defaultdict(list)
    for project, buyer in sorted(buyer_of.items()):
        behind[Side.BUYER, buyer].append(project)
        behind[Side.PROJECT, project].append(project)
    backers = _backers(session, buyer_of.keys(), behind)
    buyers = frozenset(buyer_of.values())
    sides = buyers | {one.body for one in backers if one.body is not None}
    bodies = _bodies(session, provider_ids, sides)
    providers = {key for key, one in bodies.items() if one.is_provider}
    declared, has_declared = _declared(session, bodies)
    facts = Facts(
        bodies=bodies, buyers=buyers, backers=backers, declared=declared, today=today,
        stating=_stating(session, bodies), hats=_hats(session, buyers, providers, today),
        reviewers=_reviewers(session, buyer_of.keys(), providers, today))
    unknown = frozenset(key for key in providers if not bodies[key].is_verified and key not in has_declared)
    return Loaded(facts, tuple(sorted(buyer_of)), behind, _settled(session, provider_ids), unknown)


def load_peers(session: Session, provider_ids: Collection[int], *, today: date) -> Facts:
    """Read what could tie these providers to each other, in a fixed number of statements."""
    bodies = _bodies(session, provider_ids, ())
    declared, _ = _declared(session, bodies)
    return Facts(bodies=bodies, buyers=frozenset(), stating=_stating(session, bodies), declared=declared, today=today)


_BODY = select(Organization.id, Organization.name, Organization.credit_code, Organization.legal_representative,
               Organization.path, Organization.host_id, Organization.verification)
_MAY_BE_PAIRED = or_(                # not only those that bid: a foundation that the public knows takes part too
    Organization.is_provider,
    and_(Organization.standing != Standing.GOVERNMENT, Organization.public_since.is_not(None)))


def _bodies(session: Session, provider_ids: Collection[int] | None, sides: Collection[int]) -> dict[int, Body]:
    """Return the providers in question and the bodies behind the projects."""
    wanted = None if provider_ids is None else set(provider_ids)
    found: dict[int, Body] = {}
    every = _BODY.where(_MAY_BE_PAIRED if wanted is None else and_(true(), *_within(Organization.id, wanted)))
    for row in session.execute(every):
        if wanted is None or row.id in wanted:
            found[row.id] = _body(row, is_provider=True)
    rest = [key for key in sides if key not in found]
    for start in range(0, len(rest), MANY):
        for row in session.execute(_BODY.where(Organization.id.in_(rest[start:start + MANY]))):
            found[row.id] = _body(row, is_provider=False)
    return found


def _body(row: Any, *, is_provider: bool) -> Body:
    """Return one row as the ties see it."""
    return Body(row.id, row.name, row.credit_code, row.legal_representative or "",
                tuple(int(part) for part in row.path.split("/") if part), row.host_id,
                row.verification == Verification.VERIFIED, is_provider)


def _backers(session: Session, projects: Collection[int],
             behind: dict[tuple[Side, int], list[int]]) -> list[Backer]:
    """Return the funders whose live pledges or matching money stand behind the projects; `behind` learns which."""
    pledged = select(Pledge.project_id, Pledge.funder_id).where(
        Pledge.amount > Pledge.dropped + Pledge.refunded, *_within(Pledge.project_id, projects))
    matched = (select(Pledge.project_id, MatchingPool.funder_id).join(Allocation, Allocation.pledge_id == Pledge.id)
               .join(MatchingPool, MatchingPool.id == Allocation.pool_id)
               .where(Allocation.state.in_(_LIVE_ALLOCATIONS), *_within(Pledge.project_id, projects)))
    ids = set()
    for project, funder in session.execute(union(pledged, matched)):
        if project in projects:
            behind[Side.FUNDER, funder].append(project)
            ids.add(funder)
    rows = session.execute(
        select(Funder.id, Funder.organization_id, Funder.fund_name, Funder.person_name, Organization.name)
        .outerjoin(Organization, Organization.id == Funder.organization_id)
        .where(*_within(Funder.id, ids)).order_by(Funder.id))
    return [Backer(row.id, row.organization_id, row.person_name,
                   row.person_name or "·".join(filter(None, (row.name, row.fund_name))))
            for row in rows if row.id in ids]


def _stating(session: Session, bodies: Mapping[int, Body]) -> list[Stating]:
    """Return the related parties that these bodies state."""
    rows = session.execute(
        select(RelatedParty.organization_id, RelatedParty.name, RelatedParty.credit_code, RelatedParty.relation)
        .where(*_within(RelatedParty.organization_id, bodies.keys())).order_by(RelatedParty.id))
    return [Stating(*row) for row in rows if row.organization_id in bodies]


def _since(today: date) -> datetime:
    """Return the moment from which an ended mandate still counts."""
    return at_beijing(years_before(today, LOOK_BACK_YEARS))


def _acted(mandate: Any, today: date) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a mandate for a provider holds, or ended within three years."""
    return (mandate.role.in_(PROVIDING), mandate.organization_id.is_not(None),
            or_(mandate.revoked_at.is_(None), mandate.revoked_at > _since(today)))


def _hats(session: Session, buyers: Collection[int], providers: Collection[int], today: date) -> list[Hat]:
    """Return who buys for one of the units now and acts or acted for one of the providers."""
    buys, acts = aliased(Mandate), aliased(Mandate)
    rows = session.execute(
        select(buys.organization_id, buys.person_id, Person.name, acts.organization_id).distinct()
        .join(acts, acts.person_id == buys.person_id).join(Person, Person.id == buys.person_id)
        .where(buys.role.in_(BUYING), buys.revoked_at.is_(None), *_acted(acts, today),
               *_within(buys.organization_id, buyers), *_within(acts.organization_id, providers))
        .order_by(buys.organization_id, buys.person_id, acts.organization_id))
    return [Hat(unit, person, name, provider) for unit, person, name, provider in rows
            if unit is not None and provider is not None and unit in buyers and provider in providers]


def _reviewers(session: Session, projects: Collection[int], providers: Collection[int],
               today: date) -> list[Reviewer]:
    """Return who sits on the panels of these projects and has not withdrawn, with employer and past providers."""
    rows = session.execute(
        select(Panel.project_id, PanelSeat.person_id, Person.name.label("person"), ExpertProfile.employer,
               ExpertProfile.employer_organization_id)
        .join(Panel, Panel.id == PanelSeat.panel_id).join(Person, Person.id == PanelSeat.person_id)
        .outerjoin(ExpertProfile, ExpertProfile.person_id == PanelSeat.person_id)
        .where(PanelSeat.state != SeatState.RECUSED, *_within(Panel.project_id, projects))
        .order_by(PanelSeat.id)).all()
    rows = [row for row in rows if row.project_id in projects]
    people = {row.person_id for row in rows}
    acted: dict[int, set[int]] = defaultdict(set)
    if people:
        for person, provider in session.execute(select(Mandate.person_id, Mandate.organization_id).where(
                *_acted(Mandate, today), *_within(Mandate.person_id, people))):
            if provider is not None and provider in providers:
                acted[person].add(provider)
    return [Reviewer(row.project_id, row.person_id, row.person, row.employer_organization_id, row.employer or "",
                     frozenset(acted.get(row.person_id, ()))) for row in rows]


def newest(declarer: Declarer) -> Select[Any]:
    """Return the ids of the declarations in force: the newest of each provider, or of each person."""
    owner = ConflictDeclaration.organization_id if declarer is Declarer.PROVIDER else ConflictDeclaration.person_id
    return (select(func.max(ConflictDeclaration.id)).where(ConflictDeclaration.declarer == declarer).group_by(owner))


def _declared(session: Session, bodies: Mapping[int, Body]) -> tuple[list[Declared], frozenset[int]]:
    """Return the relations in force that touch these bodies, and which providers have declared anything."""
    rows = session.execute(
        select(ConflictDeclaration.declarer, ConflictDeclaration.organization_id, ConflictDeclaration.person_id,
               Person.name.label("staff"), DeclaredRelation.relation, DeclaredRelation.body_name,
               DeclaredRelation.body_code, DeclaredRelation.person_name, DeclaredRelation.since,
               DeclaredRelation.until)
        .join(ConflictDeclaration, ConflictDeclaration.id == DeclaredRelation.declaration_id)
        .outerjoin(Person, Person.id == ConflictDeclaration.person_id)
        .where(or_(ConflictDeclaration.id.in_(newest(Declarer.PROVIDER)),
                   ConflictDeclaration.id.in_(newest(Declarer.STAFF))))
        .order_by(DeclaredRelation.id)).all()
    units = _units_of(session, {row.person_id for row in rows if row.person_id is not None})
    found = []
    for row in rows:
        owners = (row.organization_id,) if row.person_id is None else tuple(units.get(row.person_id, ()))
        owners = tuple(one for one in owners if one in bodies)
        if owners:
            found.append(Declared(
                Declarer(row.declarer), owners, Relation(row.relation), row.body_name, row.body_code, row.person_id,
                row.staff or row.person_name, row.since, row.until))
    everybody = session.scalars(select(ConflictDeclaration.organization_id).distinct()
                                .where(ConflictDeclaration.declarer == Declarer.PROVIDER,
                                       *_within(ConflictDeclaration.organization_id, bodies.keys())))
    return found, frozenset(everybody)


def _units_of(session: Session, people: Collection[int]) -> dict[int, list[int]]:
    """Return the units that each of these people buys for now."""
    found: dict[int, list[int]] = defaultdict(list)
    if people:
        for person, unit in session.execute(
                select(Mandate.person_id, Mandate.organization_id).distinct()
                .where(Mandate.role.in_(BUYING), Mandate.revoked_at.is_(None), Mandate.organization_id.is_not(None),
                       *_within(Mandate.person_id, people)).order_by(Mandate.person_id, Mandate.organization_id)):
            found[person].extend([unit] if unit is not None else [])
    return found


def _settled(session: Session, provider_ids: Collection[int] | None) -> dict[str, str]:
    """Return the newest outcome for each tie."""
    last = (select(func.max(ConflictSettlement.id)).where(*_within(ConflictSettlement.provider_id, provider_ids))
            .group_by(ConflictSettlement.tie_key))
    rows = session.execute(select(ConflictSettlement.tie_key, ConflictSettlement.outcome)
                           .where(ConflictSettlement.id.in_(last)))
    return {row.tie_key: row.outcome for row in rows}
