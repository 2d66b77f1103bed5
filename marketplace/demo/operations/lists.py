"""Publishes the guiding catalogue and each unit's purchase list of the year, with lines that become projects."""

import csv
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from marketplace.catalogs import operations as catalogs
from marketplace.catalogs import rules as catalog_rules
from marketplace.catalogs.rules import LineFacts
from marketplace.core.access import SYSTEM
from marketplace.core.clock import beijing
from marketplace.core.money import Money
from marketplace.demo.operations.people import FOUNDED
from marketplace.demo.operations.world import Unit, World
from marketplace.demo.rules import texts
from marketplace.demo.rules.plan import Planned
from marketplace.demo.rules.texts import DOMAINS, Place
from marketplace.demo.rules.weave import pick_number, weave
from marketplace.organizations.models import Organization
from marketplace.projects.rules import FAIR_TYPES, months_end

CATALOG_FILE = Path(catalog_rules.__file__).parent / "data" / "catalog.csv"
LISTED = FOUNDED - timedelta(days=15)
SOURCES = ("年度部门预算", "区级财政资金", "福利彩票公益金", "镇（街）财政资金", "社会建设专项资金")
FIVE_MEMBERS = 60_000_000   # fen: a panel of five above 600,000 yuan, of three below
SPARE_LINES = 2          # of each unit, not yet posted
FIELD_BY_TYPE = {kind: [one for one in DOMAINS if kind in one.fair_types] for kind in range(6)}


def publish_catalog(session: Session, world: World) -> None:
    """Publish the guiding catalogue of the data file as the edition of this year."""
    now = world.now - FOUNDED
    edition = catalogs.draft_edition(session, actor=SYSTEM, year=beijing(now).year, now=now,
                                     name="澜川区政府购买服务指导性目录")
    with CATALOG_FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            catalogs.save_item(session, actor=SYSTEM, catalog=edition, code=row["code"], name_zh=row["name_zh"],
                               name_en=row["name_en"], now=now)
    catalogs.publish_catalog(session, actor=SYSTEM, catalog=edition, now=now)


def unit_of(world: World, planned: Planned) -> Unit:
    """Return who buys: a town, or one of the district's bureaus in turn."""
    if planned.place < 7:  # noqa: PLR2004 - the seven towns
        return world.units[planned.place]
    bureaus = world.units[7:]
    return bureaus[planned.number % len(bureaus)]


def write_texts(world: World, planned: Sequence[Planned], used: set[str]) -> None:
    """Write the content of projects: title, body, indicators, criteria, payment, period."""
    for one in planned:
        world.texts[one.number] = _content(world, one, used)


def _content(world: World, planned: Planned, used: set[str]) -> dict[str, object]:
    """Return the facts of one project draft."""
    rng, unit = world.rng, unit_of(world, planned)
    domain = rng.choice(FIELD_BY_TYPE[planned.fair_type])
    where = Place(unit.town, rng.choice(unit.communities))
    people = pick_number(rng, *domain.people)
    months = rng.choice((10, 11, 12, 12, 12))
    start = (planned.published_at + timedelta(days=45)).date().replace(day=1)
    price_weight = rng.choice((10, 10, 15, 20))
    return {
        "domain": domain.key, "title": texts.distinct_title(rng, domain, where, used),
        "summary": texts.summary(rng, domain, where, people),
        "body": world.library.body(domain, where, people, months),
        "target_group": weave(rng, domain.target), "beneficiaries": people, "category_code": domain.code,
        "area_code": unit.area_code, "place": f"{where.town}{where.place}" if unit.town != where.place else where.town,
        "fair_type": FAIR_TYPES[planned.fair_type], "budget": planned.budget,
        "ceiling": planned.budget, "funding_source": rng.choice(SOURCES),
        "price_weight": price_weight, "panel_size": 5 if planned.budget.fen > FIVE_MEMBERS else 3,
        "service_from": start, "service_to": months_end(start, months),
        "indicators": texts.indicators(rng, domain), "criteria": texts.criteria(rng, domain, price_weight),
        "milestones": texts.milestones(rng),
    }


def publish_lists(session: Session, world: World, planned: Sequence[Planned]) -> None:
    """Publish each unit's list: its projects to come, and a few lines that nobody posted yet."""
    now = world.now - LISTED
    for unit in world.units:
        mine = [one for one in planned if one.has_line and unit_of(world, one) is unit]
        lines = [(_line(world, world.texts[one.number]), None) for one in mine]
        lines += [(_spare(world, unit), None) for _ in range(SPARE_LINES)]
        body = session.get_one(Organization, unit.organization_id)
        made = catalogs.open_list(session, actor=unit.handler, unit=body, year=beijing(now).year, now=now)
        version = made.versions[-1]
        items = catalogs.add_lines(session, actor=unit.handler, version=version, lines=lines, now=now)
        catalogs.submit_version(session, actor=unit.handler, version=version, now=now + timedelta(hours=3))
        catalogs.publish_version(session, actor=unit.approver, version=version, now=now + timedelta(days=1))
        for one, item in zip(mine, items, strict=False):
            world.lines[one.number] = (item.line_id, item.id)


def _line(world: World, content: dict[str, object]) -> LineFacts:
    """Return the line of the year's list that a project comes from."""
    return LineFacts(
        title=str(content["title"]), catalog_code=str(content["category_code"]), content=str(content["summary"]),
        target_group=str(content["target_group"]), budget=content["budget"],  # type: ignore[arg-type]
        funding_source=str(content["funding_source"]), period="12个月", method="公开遴选",
        expected_on=f"{world.rng.randrange(2, 12)}月")


def _spare(world: World, unit: Unit) -> LineFacts:
    """Return a line that is still to be posted."""
    rng = world.rng
    domain, where = rng.choice(DOMAINS), Place(unit.town, rng.choice(unit.communities))
    return LineFacts(
        title=texts.title(rng, domain, where), catalog_code=domain.code,
        content=texts.summary(rng, domain, where, pick_number(rng, *domain.people)),
        target_group=weave(rng, domain.target), budget=Money.yuan(rng.randrange(60, 480) * 1_000),
        funding_source=rng.choice(SOURCES), period="12个月", method="公开遴选", expected_on="12月")
