"""Verbs on the guiding catalogue: a draft edition is edited, published, and replaces the one before."""

import csv
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalogs import policy, rules
from marketplace.catalogs.models import Area, Catalog, CatalogItem
from marketplace.catalogs.rules import CATALOG_STEPS, JOB_NAMES_CHANGED, CatalogState
from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.publishing import public_changed
from marketplace.core.text import N_

AREAS_FILE = Path(__file__).parent.parent / "data" / "areas.csv"
DISTRICT = "district"


def load_areas(session: Session, *, actor: Actor, now: datetime) -> int:
    """Bring the areas of the data file into the database; return how many were new or changed."""
    require(policy.may_keep_catalog(actor))
    changed: list[str] = []
    with AREAS_FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            facts = {"name": row["name"], "level": int(row["level"]), "parent_code": row["parent_code"] or None,
                     "aliases": row["aliases"], "tile_x": int(row["tile_x"]) if row["tile_x"] else None,
                     "tile_y": int(row["tile_y"]) if row["tile_y"] else None}
            area = session.get(Area, row["code"])
            if area is None:
                session.add(Area(code=row["code"], **facts))
                session.flush()
                changed.append(row["code"])
            elif any(getattr(area, name) != value for name, value in facts.items()):
                for name, value in facts.items():
                    setattr(area, name, value)
                changed.append(area.code)
    if changed:
        record(session, actor=actor, action="catalogs.load_areas", subject=("area", "all"), now=now,
               changed=len(changed))
        _tell_names(session, changed, now)
    return len(changed)


def draft_edition(session: Session, *, actor: Actor, year: int, now: datetime, name: str = "",
                  source: Catalog | None = None, tier: str = DISTRICT) -> Catalog:
    """Begin an edition: empty, or with the lines of `source`. One draft for a tier and year at a time."""
    require(policy.may_replace_catalog(actor, source) if source else policy.may_keep_catalog(actor))
    rules.check_year(year)
    if session.scalar(select(Catalog.id).where(Catalog.tier == tier, Catalog.year == year,
                                               Catalog.state == CatalogState.DRAFT)):
        raise Conflict(N_("{year} 年的目录已有一份草稿，请在那份草稿上继续"), year=year)
    catalog = Catalog(name=name.strip() or N_("政府购买服务指导性目录"), year=year, tier=tier, state=CatalogState.DRAFT,
                      effective_from=None, effective_to=None, created_at=now)
    for item in source.items if source else ():
        catalog.items.append(CatalogItem(code=item.code, **item_facts(item)))
    session.add(catalog)
    session.flush()
    record(session, actor=actor, action="catalogs.draft_edition", subject=("catalog", catalog.ref), now=now,
           year=year, source=source.ref if source else None)
    return catalog


def item_facts(item: CatalogItem) -> dict[str, object]:
    """Return what an edition says about one code, without the code itself."""
    return {name: getattr(item, name) for name in (
        "name_zh", "name_en", "parent_code", "level", "is_official", "is_active", "effective_from", "effective_to",
        "replaced_by")}


def save_item(session: Session, *, actor: Actor, catalog: Catalog, code: str, now: datetime,
              **facts: object) -> CatalogItem:
    """Add a code to a draft edition, or change what it says. `facts`: keys of item_facts."""
    require(policy.may_edit_catalog(actor, catalog))
    code = rules.check_code(code)
    if not str(facts.get("name_zh", "")).strip():
        raise Invalid(N_("请填目录名称"), field="name_zh")
    _check_dates(facts.get("effective_from"), facts.get("effective_to"))
    if facts.get("replaced_by") == code:
        raise Invalid(N_("编码 {code} 不能由自己替代"), field="replaced_by", code=code)
    item = next((i for i in catalog.items if i.code == code), None)
    whole = {"name_en": "", "parent_code": rules.parent_of(code), "level": rules.level_of(code),
             "is_official": not rules.is_local(code), "is_active": True, "effective_from": None,
             "effective_to": None, "replaced_by": None}
    if item is None:
        item = CatalogItem(code=code, **{**whole, **facts})
        catalog.items.append(item)
    else:
        for name, value in facts.items():
            setattr(item, name, value)
    session.flush()
    record(session, actor=actor, action="catalogs.save_item", subject=("catalog", catalog.ref), now=now, code=code)
    return item


def _check_dates(first: object, last: object) -> None:
    """Refuse a line that ends before it begins."""
    if isinstance(first, date) and isinstance(last, date) and last < first:
        raise Invalid(N_("失效日期早于生效日期，请检查"), field="effective_to")


def remove_item(session: Session, *, actor: Actor, catalog: Catalog, code: str, now: datetime) -> None:
    """Take a code out of a draft edition; raises Conflict while others stand below it."""
    require(policy.may_edit_catalog(actor, catalog))
    if any(item.parent_code == code for item in catalog.items):
        raise Conflict(N_("{code} 下面还有条目，请先处理下级条目"), code=code)
    catalog.items[:] = [item for item in catalog.items if item.code != code]
    session.flush()
    record(session, actor=actor, action="catalogs.remove_item", subject=("catalog", catalog.ref), now=now, code=code)


def publish_catalog(session: Session, *, actor: Actor, catalog: Catalog, now: datetime,
                    effective_from: date | None = None) -> Catalog:
    """Catalog: draft -> published. The edition in force until now: published -> replaced."""
    require(policy.may_publish_catalog(actor))
    after = CATALOG_STEPS.after(CatalogState(catalog.state), "publish")
    _check_tree(catalog)
    before: dict[str, tuple[str, str]] = {}
    start = effective_from or catalog.effective_from or beijing_date(now)
    for old in session.scalars(select(Catalog).where(
            Catalog.tier == catalog.tier, Catalog.state == CatalogState.PUBLISHED).with_for_update()):
        old.state = CATALOG_STEPS.after(CatalogState.PUBLISHED, "replace")
        old.effective_to = start
        before.update(_names(old))
    session.flush()
    catalog.state, catalog.published_at, catalog.effective_from = after, now, start
    session.flush()
    record(session, actor=actor, action="catalogs.publish", subject=("catalog", catalog.ref), now=now,
           year=catalog.year, items=len(catalog.items))
    public_changed(session, kind="catalog", ref=catalog.ref, now=now)
    names = _names(catalog)
    for code in sorted(names.keys() | before.keys()):
        public_changed(session, kind="catalog_item", ref=code, now=now)
    _tell_names(session, [code for code in names.keys() | before.keys() if names.get(code) != before.get(code)], now)
    return catalog


def _names(catalog: Catalog) -> dict[str, tuple[str, str]]:
    """Return what an edition calls each code."""
    return {item.code: (item.name_zh, item.name_en) for item in catalog.items}


def _tell_names(session: Session, codes: Iterable[str], now: datetime) -> None:
    """Tell the index that documents with these codes are found by other names now."""
    if changed := sorted(codes):
        enqueue(session, JOB_NAMES_CHANGED, now=now, codes=changed)


def _check_tree(catalog: Catalog) -> None:
    """Refuse an edition without lines, and a line whose parent or successor is not in it."""
    if not catalog.items:
        raise Invalid(N_("目录还没有条目，不能公布"))
    codes = {item.code for item in catalog.items}
    for item in catalog.items:
        if item.parent_code and item.parent_code not in codes:
            raise Invalid(N_("{code} 的上级编码 {parent} 不在目录里"), code=item.code, parent=item.parent_code)
        if item.replaced_by and item.replaced_by not in codes:
            raise Invalid(N_("{code} 的替代编码 {other} 不在目录里"), code=item.code, other=item.replaced_by)
