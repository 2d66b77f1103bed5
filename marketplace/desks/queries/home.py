"""The home page: live numbers with their time, the next deadlines, places, kinds, the newest notices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from marketplace.awards.models import Notice
from marketplace.catalogs.models import Area
from marketplace.core.clock import at_beijing, beijing_date
from marketplace.core.money import Money
from marketplace.desks.queries.frame import beginning, budget_sum, money
from marketplace.desks.rules import SOON, TOWN_LENGTH, tile_classes
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

DEADLINES = 6
TOWN_LEVEL = 2
NOTICES = 5


@dataclass(frozen=True)
class Place:
    """One tile of the map: how many projects of this year lie there."""

    code: str
    name: str
    count: int
    cls: str
    x: int | None
    y: int | None


@dataclass(frozen=True)
class Deadline:
    """A project that closes soon."""

    ref: str
    title: str
    buyer: str
    budget: Money | None
    closes_at: datetime | None


@dataclass(frozen=True)
class Published:
    """A notice as the front page names it."""

    ref: str
    kind: str
    title: str
    published_at: datetime


@dataclass(frozen=True)
class Home:
    """What the home page shows; true at `taken_at`."""

    taken_at: datetime
    open: int
    closing_soon: int
    year: int
    projects: int
    budget: Money
    organizations: int
    deadlines: Sequence[Deadline]
    types: Sequence[tuple[str, int]]
    places: Sequence[Place]
    notices: Sequence[Published]


def home(session: Session, *, now: datetime) -> Home:
    """Take the numbers of the front page: plain values that may be kept."""
    year = beijing_date(now).year
    begin = at_beijing(beijing_date(now).replace(month=1, day=1))
    this_year = and_(Project.published_at.is_not(None), Project.published_at >= begin)
    is_open = and_(Project.state == ProjectState.PUBLISHED, Project.closes_at > now)
    sums = session.execute(
        select(func.count(), budget_sum()).where(this_year)).one()
    opens = session.execute(
        select(func.count(), func.count(case((Project.closes_at <= now + SOON, 1)))).where(is_open)).one()
    types = session.execute(
        select(Project.fair_type, func.count()).where(this_year, Project.fair_type != "")
        .group_by(Project.fair_type).order_by(func.count().desc(), Project.fair_type)).all()
    town = beginning(Project.area_code, TOWN_LENGTH)
    towns = session.execute(
        select(town, func.count()).where(this_year, Project.area_code.is_not(None)).group_by(town))
    return Home(
        taken_at=now, open=opens[0], closing_soon=opens[1], year=year, projects=sums[0],
        budget=money(sums[1]), organizations=_organizations(session), deadlines=_deadlines(session, is_open),
        types=[(row[0], row[1]) for row in types], notices=_notices(session),
        places=_places(session, {row[0]: row[1] for row in towns}))


def _deadlines(session: Session, is_open: ColumnElement[bool]) -> list[Deadline]:
    """Return the open projects that close next."""
    rows = session.execute(
        select(Project.ref, Project.title, Organization.name, Project.budget, Project.closes_at)
        .join(Organization, Organization.id == Project.buyer_id).where(is_open)
        .order_by(Project.closes_at, Project.id).limit(DEADLINES))
    return [Deadline(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def _notices(session: Session) -> list[Published]:
    """Return the newest official notices."""
    rows = session.execute(
        select(Notice.ref, Notice.kind, Project.title, Notice.published_at)
        .join(Project, Project.id == Notice.project_id)
        .order_by(Notice.published_at.desc(), Notice.id.desc()).limit(NOTICES))
    return [Published(row[0], row[1], row[2], row[3]) for row in rows]


def _organizations(session: Session) -> int:
    """Return how many social organizations the public directory holds."""
    return session.scalar(select(func.count()).select_from(Organization).where(
        Organization.is_provider, Organization.public_since.is_not(None))) or 0


def _places(session: Session, counts: Mapping[str, int]) -> list[Place]:
    """Return the towns in the order of the tile grid, then the district itself, with their counts."""
    areas = session.scalars(
        select(Area).where(Area.level <= TOWN_LEVEL)
        .order_by(Area.tile_y.is_(None), Area.tile_y, Area.tile_x, Area.code)).all()
    named = {area.code: counts.get(area.code[:TOWN_LENGTH], 0) for area in areas}
    shades = tile_classes(named)
    return [Place(a.code, a.name, named[a.code], shades[a.code], a.tile_x, a.tile_y) for a in areas]
