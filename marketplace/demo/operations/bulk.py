"""Fills the world up to benchmark sizes with plain rows, not through the operations: those would take hours.

Only states that need nothing beside the row are copied: open for bids, failed, terminated. Their texts repeat those of
the first 416 projects with another title, place and date; organizations are verified agencies. The audit says so.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, literal, select
from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM
from marketplace.core.audit import record
from marketplace.core.db import new_ref
from marketplace.core.money import Money
from marketplace.demo.operations.world import World
from marketplace.demo.rules import names
from marketplace.demo.rules.plan import PROJECTS
from marketplace.demo.rules.texts import DOMAINS
from marketplace.organizations.models import Organization, ServedArea, ServiceCategory
from marketplace.organizations.rules import OrganizationKind, Standing, Verification, name_key
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

COPIED = (ProjectState.PUBLISHED, ProjectState.FAILED, ProjectState.TERMINATED)
ORGANIZATIONS_FOR = (176_000, 100_000)    # so many organizations for so many projects
BATCH = 5_000
OWN = frozenset({"id", "ref", "number", "line_id"})


def organizations_wanted(projects: int) -> int:
    """Return how many organizations a world with that many projects has."""
    most, of = ORGANIZATIONS_FOR
    return projects * most // of if projects > PROJECTS else 0


def add_projects(session: Session, world: World, count: int, first: int) -> None:
    """Insert `count` copies of the public projects; `first` numbers the first of them."""
    table = Project.__table__
    columns = [column.key for column in table.columns if column.key not in OWN]
    public = session.scalars(select(Project).where(Project.state.in_(COPIED), Project.published_at.is_not(None)))
    models = [{column: getattr(one, column) for column in columns} for one in public]
    session.execute(insert(Project), list(_copies(world, models, count, first)))
    record(session, actor=SYSTEM, action="demo.bulk_projects", subject=("demo", "world"), now=world.now, count=count)


def _copies(world: World, models: list[dict[str, Any]], count: int, first: int) -> Iterator[Mapping[str, object]]:
    """Yield rows like the models, each with its own title, money, place and date."""
    rng = world.rng
    for number in range(first, first + count):
        row = dict(rng.choice(models))
        unit = rng.choice(world.units)
        back = timedelta(days=rng.randrange(0, 700)) if row["state"] != ProjectState.PUBLISHED else timedelta(0)
        scale = rng.randrange(60, 160)
        row |= {"ref": new_ref(), "number": f"LC-D-{number:06d}", "title": f"{row['title']}·{unit.town}第{number}号",
                "buyer_id": unit.organization_id, "buyer_path": unit.handler.unit_path, "area_code": unit.area_code,
                "place": rng.choice(unit.communities), "line_id": None, "source_ref": None, "version_id": 1,
                "budget": Money(row["budget"].fen * scale // 100), "ceiling": Money(row["budget"].fen * scale // 100)}
        for moment in ("published_at", "closes_at", "ended_at", "created_at", "changed_at"):
            row[moment] = row[moment] - back if row[moment] is not None else None
        yield row


def add_organizations(session: Session, world: World, count: int) -> None:
    """Insert `count` verified service agencies with a category and a place each."""
    rng = world.rng
    before = session.scalars(select(Organization.id).order_by(Organization.id.desc()).limit(1)).first() or 0
    made = names.organization_names(rng, OrganizationKind.SERVICE_AGENCY, world.communities)
    rows = []
    for number in range(count):
        name = f"{next(made)}{world.organizations + number}分部"
        rows.append({
            "ref": new_ref(), "name": name, "name_key": name_key(name), "kind": OrganizationKind.SERVICE_AGENCY,
            "standing": Standing.REGISTERED, "is_provider": True,
            "credit_code": names.credit_code(OrganizationKind.SERVICE_AGENCY, world.next_code()),
            "area_code": rng.choice(world.units).area_code, "verification": Verification.VERIFIED,
            "verified_at": world.now, "public_since": world.now, "created_at": world.now, "version_id": 1,
            "business_scope": names.scope(DOMAINS[:2])})
    session.execute(insert(Organization), rows)
    world.organizations += count
    _scatter(session, world, before)
    record(session, actor=SYSTEM, action="demo.bulk_organizations", subject=("demo", "world"), now=world.now,
           count=count)


def _scatter(session: Session, world: World, after: int) -> None:
    """Give each organization beyond `after` one category and one served area, by its number."""
    for place, domain in enumerate(DOMAINS):
        session.execute(insert(ServiceCategory).from_select(
            ["organization_id", "code"],
            select(Organization.id, literal(domain.code)).where(Organization.id > after,
                                                                Organization.id % len(DOMAINS) == place)))
    towns = world.units[:7]
    for place, unit in enumerate(towns):
        session.execute(insert(ServedArea).from_select(
            ["organization_id", "area_code"],
            select(Organization.id, literal(unit.area_code)).where(Organization.id > after,
                                                                   Organization.id % len(towns) == place)))
