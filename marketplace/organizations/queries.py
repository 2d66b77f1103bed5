"""Reads of the registry: by reference, the tree of units, the public list, the operator's queue, ties."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, selectinload

from marketplace.core.access import Actor, require
from marketplace.core.errors import Denied
from marketplace.core.publishing import News, PublicDocument
from marketplace.core.text import N_
from marketplace.organizations import policy, rules
from marketplace.organizations.models import (
    Organization,
    PastProject,
    Rating,
    RelatedParty,
    ServedArea,
    ServiceCategory,
)
from marketplace.organizations.rules import Eligibility, Identity, OrganizationKind, Standing, Verification

LEGAL_PERSONS = (Standing.REGISTERED, Standing.ENTERPRISE, Standing.INSTITUTION, Standing.SELF_GOV)
MAX_DUPLICATES = 200
BATCH = 500
_CHARITY = N_("慈善组织")


def by_ref(session: Session, ref: str) -> Organization:
    """Return the organization with that public reference; raises Denied (404) when there is none."""
    found = session.scalar(select(Organization).where(Organization.ref == ref))
    if found is None:
        raise Denied(N_("没有这个组织"), hidden=True)
    return found


def visible_by_ref(session: Session, ref: str, *, actor: Actor) -> Organization:
    """Return the organization if this actor may see its page; raises Denied (404) otherwise."""
    found = by_ref(session, ref)
    require(policy.may_see(actor, found))
    return found


def by_credit_code(session: Session, code: str) -> Organization | None:
    """Return the organization with that code."""
    return session.scalar(select(Organization).where(Organization.credit_code == rules.tidy_credit_code(code)))


def by_source_ref(session: Session, source_ref: str) -> Organization | None:
    """Return the organization taken over from that row of a public source."""
    return session.scalar(select(Organization).where(Organization.source_ref == source_ref))


def units_under(session: Session, path: str) -> list[Organization]:
    """Return the unit at `path` ("/1/4/") and every unit below it, parents before children."""
    return list(session.scalars(
        select(Organization).where(Organization.path.startswith(path, autoescape=True), Organization.path != "")
        .order_by(Organization.path)
    ))


@dataclass(frozen=True)
class ListFilter:
    """What a visitor asked for. Empty means any; `grade` is the least valid grade."""

    text: str = ""
    kind: str = ""
    category: str = ""
    area: str = ""
    grade: int | None = None


def public_list(wanted: ListFilter, *, today: date) -> Select[Organization]:
    """Return the statement of the public bodies that fit, no government units: verified first, then by name."""
    query = (
        select(Organization)
        .where(Organization.public_since.is_not(None), Organization.standing != Standing.GOVERNMENT)
        .options(selectinload(Organization.ratings), selectinload(Organization.categories),
                 selectinload(Organization.areas), selectinload(Organization.listings))
        .order_by(Organization.verification.desc(), Organization.name, Organization.id)
    )
    if wanted.kind:
        query = query.where(Organization.kind == wanted.kind)
    if wanted.category:
        query = query.where(Organization.categories.any(
            ServiceCategory.code.startswith(wanted.category, autoescape=True)))
    if wanted.area:
        query = query.where(Organization.areas.any(ServedArea.area_code == wanted.area))
    if wanted.grade:
        query = query.where(Organization.ratings.any(
            (Rating.grade >= wanted.grade) & (Rating.issued_on <= today) & (Rating.expires_on >= today)))
    for word in wanted.text.split()[:5]:
        query = query.where(or_(
            Organization.name_key.contains(rules.name_key(word), autoescape=True),
            Organization.business_scope.contains(word, autoescape=True),
            Organization.credit_code == rules.tidy_credit_code(word)))
    return query


@dataclass(frozen=True)
class Waiting:
    """How many organizations stand in each state of the check."""

    submitted: int
    unverified: int
    returned: int
    verified: int


def verification_counts(session: Session) -> Waiting:
    """Count organizations by the state of their check, units left out."""
    rows = session.execute(
        select(Organization.verification, func.count()).where(Organization.standing != Standing.GOVERNMENT)
        .group_by(Organization.verification)
    )
    counts = {state: count for state, count in rows}  # noqa: C416 - rows are no tuples to mypy
    return Waiting(**{state.value: counts.get(state.value, 0) for state in Verification})


def verification_queue(session: Session, *, state: str = Verification.SUBMITTED,
                       limit: int = 100) -> list[Organization]:
    """Return the organizations in that state of the check, longest known first."""
    return list(session.scalars(
        select(Organization).where(Organization.verification == state, Organization.standing != Standing.GOVERNMENT)
        .order_by(Organization.created_at, Organization.id).limit(limit)
    ))


def duplicate_groups(session: Session) -> list[list[Organization]]:
    """Return groups of organizations whose names look alike, for a person to judge."""
    keys = (select(Organization.name_key).group_by(Organization.name_key).having(func.count() > 1)
            .order_by(Organization.name_key).limit(MAX_DUPLICATES))
    groups: dict[str, list[Organization]] = {}
    for one in session.scalars(select(Organization).where(Organization.name_key.in_(keys))
                               .order_by(Organization.name_key, Organization.created_at, Organization.id)):
        groups.setdefault(one.name_key, []).append(one)
    return list(groups.values())


def look_alikes(session: Session, organization: Organization) -> list[Organization]:
    """Return other organizations whose name key is equal or one sign apart: shown beside the decision to verify."""
    key = organization.name_key
    half = max(len(key) // 2, 1)
    near = session.scalars(
        select(Organization).where(
            Organization.id != organization.id,
            or_(Organization.name_key == key, Organization.name_key.startswith(key[:half], autoescape=True),
                Organization.name_key.endswith(key[half:], autoescape=True)))
        .limit(2_000)
    )
    return [one for one in near if rules.keys_are_close(one.name_key, key)]


def eligibility(organization: Organization, *, day: date) -> Eligibility:
    """Return the facts of the legal gate on `day` (rulebook 3.3)."""
    return Eligibility(
        is_verified=organization.verification == Verification.VERIFIED,
        is_legal_person=organization.standing in LEGAL_PERSONS,
        is_abnormal=rules.is_listed(organization.listings, "abnormal", day),
        is_serious=rules.is_listed(organization.listings, "serious", day),
        grade=rules.grade_on(organization.ratings, day),
    )


@dataclass(frozen=True)
class Tie:
    """Two bidders and what ties them (a sentence): a flag under GPR 18."""

    one: Organization
    other: Organization
    reason: str


def ties_among(organizations: Iterable[Organization]) -> list[Tie]:
    """Return every pair of these organizations behind which the same person may stand."""
    bodies = list(organizations)
    identities = [identity_of(one) for one in bodies]
    return [
        Tie(bodies[first], bodies[second], reason)
        for first in range(len(bodies)) for second in range(first + 1, len(bodies))
        if (reason := rules.tie_between(identities[first], identities[second]))
    ]


def tied_to(session: Session, organization: Organization) -> list[Tie]:
    """Return other organizations in the registry that share an identifier with this one."""
    columns = (Organization.legal_representative, Organization.bank_account, Organization.contact_phone)
    shared = [column == value for column in columns if (value := getattr(organization, column.key))]
    codes = [one.credit_code for one in organization.related_parties if one.credit_code]
    if codes:
        shared.append(Organization.credit_code.in_(codes))
    if organization.credit_code:
        shared.append(Organization.related_parties.any(RelatedParty.credit_code == organization.credit_code))
    if not shared:
        return []
    others = session.scalars(select(Organization).where(Organization.id != organization.id, or_(*shared))
                             .order_by(Organization.name).limit(MAX_DUPLICATES))
    mine = identity_of(organization)
    return [Tie(organization, one, reason) for one in others if (reason := rules.tie_between(mine, identity_of(one)))]


def identity_of(organization: Organization) -> Identity:
    """Return the identifiers that can show a tie."""
    return Identity(
        key=organization.id, credit_code=organization.credit_code,
        legal_representative=organization.legal_representative, contact_phone=organization.contact_phone,
        bank_account=organization.bank_account,
        related_codes=frozenset(one.credit_code for one in organization.related_parties if one.credit_code),
    )


_PUBLIC = (
    select(Organization.id, Organization.ref, Organization.name, Organization.kind, Organization.credit_code,
           Organization.area_code, Organization.about, Organization.business_scope, Organization.is_charity,
           Organization.verification, Organization.public_since)
    .where(Organization.public_since.is_not(None)).order_by(Organization.id)
)
_PARTS: Mapping[str, Any] = {
    "categories": select(ServiceCategory.organization_id, ServiceCategory.code).order_by(ServiceCategory.id),
    "areas": select(ServedArea.organization_id, ServedArea.area_code).order_by(ServedArea.id),
    "past": select(PastProject.organization_id, PastProject.title, PastProject.buyer_name).order_by(PastProject.id),
}
_OWNER = {"categories": ServiceCategory.organization_id, "areas": ServedArea.organization_id,
          "past": PastProject.organization_id}


def public_documents(session: Session, refs: Sequence[str] | None = None) -> Iterator[PublicDocument]:
    """Yield what the public may find about organizations; all of them when `refs` is None."""
    if refs is not None:
        yield from _documents(session, session.execute(_PUBLIC.where(Organization.ref.in_(refs))).all())
        return
    last = 0
    while rows := session.execute(_PUBLIC.where(Organization.id > last).limit(BATCH)).all():
        yield from _documents(session, rows)
        last = rows[-1].id


def _documents(session: Session, rows: Sequence[Any]) -> Iterator[PublicDocument]:
    """Yield the documents of a batch; three more questions fetch what hangs on it."""
    ids = [row.id for row in rows]
    parts: dict[int, dict[str, list[Any]]] = {}
    for name, query in _PARTS.items() if ids else ():
        for part in session.execute(query.where(_OWNER[name].in_(ids))):
            parts.setdefault(part.organization_id, {}).setdefault(name, []).append(part)
    for row in rows:
        yield _document(row, parts.get(row.id, {}))


def _document(organization: Any, parts: Mapping[str, Sequence[Any]]) -> PublicDocument:
    """Return the public face of one organization: no person, no telephone, no bank."""
    codes = tuple(one.code for one in parts.get("categories", ()))
    places = dict.fromkeys((organization.area_code, *(one.area_code for one in parts.get("areas", ()))))
    past = (f"{one.title} {one.buyer_name}" for one in parts.get("past", ()))
    kind = OrganizationKind(organization.kind)
    return PublicDocument(
        kind="organization", ref=organization.ref, title=organization.name,
        body="\n".join(filter(None, (organization.about, organization.business_scope, rules.KIND_LABELS[kind],
                                     _CHARITY if organization.is_charity else "", *past))),
        url=f"/organizations/{organization.ref}", category=codes[0] if codes else "",
        area=organization.area_code or "", status=organization.verification, published_at=organization.public_since,
        words=tuple(filter(None, (organization.credit_code,))),
        facets={"kind": (kind,), "category": codes, "area": tuple(filter(None, places))},
        news=(News("new", organization.public_since),))
