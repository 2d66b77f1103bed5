"""How organizations enter the registry: units of government, bodies that register, rows from a public source."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.core import audit
from marketplace.core.access import SYSTEM, Actor, Role, require
from marketplace.core.errors import Conflict
from marketplace.core.publishing import public_changed
from marketplace.core.text import N_
from marketplace.organizations import policy, rules
from marketplace.organizations.models import Organization
from marketplace.organizations.operations.profile import OPERATOR_FIELDS, apply_changes
from marketplace.organizations.operations.shared import flush, tell_public
from marketplace.organizations.rules import OrganizationKind, Standing, Verification


def register_unit(session: Session, *, actor: Actor, name: str, parent: Organization | None,
                  area_code: str | None, now: datetime, **profile: object) -> Organization:
    """Register a government unit under `parent` (None: the root of a tree); it is a verified buyer at once."""
    require(policy.may_register_unit(actor, parent))
    unit = _new(name, OrganizationKind.UNIT, Standing.GOVERNMENT, now)
    unit.is_buyer, unit.area_code, unit.parent = True, area_code, parent
    unit.verification, unit.verified_at, unit.verified_by = Verification.VERIFIED, now, actor.person_id
    unit.public_since = now
    session.add(unit)
    apply_changes(session, unit, {**profile, "credit_code": profile.get("credit_code")})
    flush(session)
    unit.path = f"{parent.path if parent else '/'}{unit.id}/"
    session.flush()
    audit.record(session, actor=actor, action="organizations.register_unit", subject=("organization", unit.ref),
                 now=now, name=unit.name, path=unit.path)
    public_changed(session, kind="organization", ref=unit.ref, now=now)
    return unit


def register(session: Session, *, actor: Actor, name: str, kind: OrganizationKind, standing: Standing,
             now: datetime, credit_code: str | None = None, **profile: object) -> Organization:
    """Register a body as unverified. `source_ref` (operators) takes one over from a public source, without a code.

    `profile` takes every key of `operations.profile.PLAIN_FIELDS` and `LISTS`. Raises Conflict for a known code.
    """
    require(policy.may_register(actor, kind))
    source_ref = profile.pop("source_ref", None)
    if source_ref is not None:
        require(policy.may_take_over(actor))
        _refuse_known_source(session, str(source_ref))
    body = _new(name, OrganizationKind(kind), Standing(standing), now)
    body.is_provider = kind is not OrganizationKind.FOUNDATION
    body.is_funder = kind in (OrganizationKind.FOUNDATION, OrganizationKind.CHARITY_FEDERATION)
    body.source_ref = None if source_ref is None else str(source_ref)
    body.public_since = None if source_ref is None else now
    session.add(body)
    if "listings" in profile or set(profile) & OPERATOR_FIELDS:
        require(policy.may_edit_listings(actor))
    apply_changes(session, body, {**profile, "credit_code": credit_code})
    flush(session)
    audit.record(session, actor=actor, action="organizations.register", subject=("organization", body.ref), now=now,
                 name=body.name, kind=body.kind, credit_code=body.credit_code, source_ref=body.source_ref)
    tell_public(session, body, now)
    return body


def register_with_administrator(
    session: Session, *, actor: Actor, organization: Mapping[str, object], administrator: Mapping[str, str],
    now: datetime,
) -> tuple[Organization, str | None]:
    """Register a body and its first administrator in one step; return it and the one-time activation code.

    `organization`: name, kind, standing, credit_code, area_code; `administrator`: login, name. Somebody signed in
    becomes the administrator with the account at hand, and no code is made.
    """
    from marketplace.accounts import operations as accounts

    facts = dict(organization)
    body = register(session, actor=actor, name=str(facts.pop("name")), kind=OrganizationKind(str(facts.pop("kind"))),
                    standing=Standing(str(facts.pop("standing"))), now=now, **facts)  # type: ignore[arg-type]
    if actor.person_id is not None:
        person = session.get_one(Person, actor.person_id)
        accounts.grant(session, actor=SYSTEM, person=person, organization_id=body.id, role=Role.PROVIDER_ADMIN, now=now)
        return body, None
    person = accounts.open_account(session, actor=SYSTEM, login=administrator["login"], name=administrator["name"],
                                   now=now)
    accounts.grant(session, actor=SYSTEM, person=person, organization_id=body.id, role=Role.PROVIDER_ADMIN, now=now)
    return body, accounts.issue_slip(session, actor=SYSTEM, person=person, now=now)


def _new(name: str, kind: OrganizationKind, standing: Standing, now: datetime) -> Organization:
    """Return a fresh row with its name checked and keyed."""
    checked = rules.check_name(name)
    return Organization(name=checked, name_key=rules.name_key(checked), kind=kind, standing=standing, created_at=now,
                        verification=Verification.UNVERIFIED)


def _refuse_known_source(session: Session, source_ref: str) -> None:
    """Refuse a second organization from the same row of a source."""
    if session.scalar(select(Organization.id).where(Organization.source_ref == source_ref)):
        raise Conflict(N_("来源编号 {source_ref} 已经登记过"), source_ref=source_ref)
