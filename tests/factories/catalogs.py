"""Catalogues and purchase lists, valid by default, made by the real operations."""

from itertools import count

from sqlalchemy.orm import Session

from marketplace.catalogs import operations
from marketplace.catalogs.models import Catalog, PurchaseList, PurchaseListVersion
from marketplace.catalogs.rules import LineFacts
from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.money import Money
from marketplace.organizations.models import Organization
from tests.factories import NOW
from tests.factories.organizations import make_unit

_numbers = count(1)
CODES = (("A", "公共服务"), ("A04", "社会保障服务"), ("A0402", "养老服务"), ("A040203", "老年助餐服务"), ("A05", "社会救助服务"))


def make_catalog(session: Session, *, year: int = 2026, is_published: bool = True, codes=CODES) -> Catalog:
    """An edition of the catalogue with a few codes."""
    catalog = operations.draft_edition(session, actor=SYSTEM, year=year, now=NOW)
    for code, name in codes:
        operations.save_item(session, actor=SYSTEM, catalog=catalog, code=code, name_zh=name, now=NOW)
    return operations.publish_catalog(session, actor=SYSTEM, catalog=catalog, now=NOW) if is_published else catalog


def line_facts(**changes) -> LineFacts:
    """What a clerk writes about one line."""
    number = next(_numbers)
    return LineFacts(**{"title": f"长者助餐服务第{number}片区", "office": "民政办", "budget": Money.yuan(368_000), **changes})


def make_list(session: Session, *, unit: Organization | None = None, year: int = 2026, lines: int = 2,
              is_published: bool = False, facts: list[LineFacts] | None = None) -> PurchaseList:
    """A list with some lines; published on request."""
    made = operations.open_list(session, actor=SYSTEM, unit=unit or make_unit(session), year=year, now=NOW)
    for one in facts if facts is not None else [line_facts() for _ in range(lines)]:
        operations.add_line(session, actor=SYSTEM, version=made.versions[-1], facts=one, now=NOW)
    if is_published:
        publish(session, made.versions[-1])
    return made


def publish(session: Session, version: PurchaseListVersion) -> PurchaseListVersion:
    """Submit and publish."""
    operations.submit_version(session, actor=SYSTEM, version=version, now=NOW)
    operations.publish_version(session, actor=SYSTEM, version=version, now=NOW)
    return version


def clerk(unit: Organization, *, role: Role = Role.HANDLER, person_id: int = 501) -> Actor:
    """Somebody who acts for the unit."""
    return Actor(person_id=person_id, name="何晓岚", organization_id=unit.id, unit_path=unit.path, roles=frozenset({role}))
