"""Organizations, valid by default, made by the real operations."""

from itertools import count

from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.organizations import operations, rules
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import OrganizationKind, Standing
from tests.factories import NOW

_numbers = count(1)
AREA = "990100"


def credit_code(number: int | None = None, *, prefix: str = "52", area: str = AREA) -> str:
    """A valid code nobody else in this run has: prefix, area, a running body code, both check characters."""
    body = f"MJ{(next(_numbers) if number is None else number):06d}"
    first = prefix + area + body + rules.body_code_check(body)
    return first + rules.credit_code_check(first)


def make_unit(session: Session, *, name: str = "桐浦街道办事处", parent: Organization | None = None,
              area_code: str = AREA, now: object = NOW, **profile: object) -> Organization:
    """A government unit; the root of a tree without `parent`."""
    return operations.register_unit(session, actor=SYSTEM, name=name, parent=parent, area_code=area_code, now=now, **profile)


def make_organization(session: Session, *, name: str | None = None, kind: OrganizationKind = OrganizationKind.SERVICE_AGENCY,
                      is_verified: bool = True, code: str | None = None, now: object = NOW,
                      **profile: object) -> Organization:
    """A registered service agency, verified unless asked otherwise."""
    standing = rules.STANDING_OF_KIND[kind]
    if code is None and standing is Standing.REGISTERED and is_verified:
        code = credit_code()
    facts = {"legal_representative": "林晓", "contact_name": "林晓", "contact_phone": "13800001234", "area_code": AREA}
    body = operations.register(
        session, actor=SYSTEM, name=name or f"澜川区晨光{next(_numbers)}号社会工作服务中心", kind=kind, standing=standing,
        credit_code=code, now=now, **{**facts, **profile})
    if is_verified:
        operations.verify(session, actor=SYSTEM, organization=body, now=now)
    return body


def administrator(organization: Organization, *, role: Role = Role.PROVIDER_ADMIN, person_id: int = 90_001) -> Actor:
    """An actor who administers the organization."""
    return Actor(person_id=person_id, name="陈静", organization_id=organization.id, unit_path=organization.path,
                 roles=frozenset({role}))


def operator(person_id: int = 90_002) -> Actor:
    """An operator of the platform."""
    return Actor(person_id=person_id, name="何伟", roles=frozenset({Role.OPERATOR}))
