"""Reads of areas, working days and the guiding catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from marketplace.catalogs.models import (
    Area,
    Catalog,
    CatalogItem,
    HolidayOverride,
    PurchaseListItem,
    PurchaseListVersion,
)
from marketplace.catalogs.rules import CatalogState, VersionState
from marketplace.core.calendar import WorkCalendar
from marketplace.core.errors import Denied
from marketplace.core.text import N_

EXPORT_COLUMNS = ("code", "name_zh", "name_en", "parent", "level", "is_official", "is_active", "year",
                  "effective_from", "effective_to", "replaced_by")


def published_catalog(session: Session) -> Catalog | None:
    """Return the edition in force (the newest published one)."""
    return session.scalar(select(Catalog).where(Catalog.state == CatalogState.PUBLISHED)
                          .options(selectinload(Catalog.items))
                          .order_by(Catalog.year.desc(), Catalog.id.desc()).limit(1))


def draft_catalog(session: Session, year: int | None = None) -> Catalog | None:
    """Return the draft edition (of that year, or the newest)."""
    query = select(Catalog).where(Catalog.state == CatalogState.DRAFT).order_by(Catalog.year.desc(), Catalog.id.desc())
    return session.scalar((query.where(Catalog.year == year) if year else query).limit(1))


def editions(session: Session, *, with_drafts: bool = False) -> Sequence[Catalog]:
    """Return the editions, newest first; drafts only for those who keep the catalogue."""
    query = select(Catalog).order_by(Catalog.year.desc(), Catalog.id.desc())
    return session.scalars(query if with_drafts else query.where(Catalog.state != CatalogState.DRAFT)).all()


def catalog_by_ref(session: Session, ref: str) -> Catalog:
    """Return an edition; raises Denied (404) when there is none."""
    found = session.scalar(select(Catalog).where(Catalog.ref == ref).options(selectinload(Catalog.items)))
    if found is None:
        raise Denied(N_("没有这一版目录"), hidden=True)
    return found


def category_names(session: Session) -> dict[str, str]:
    """Return code -> name of the catalogue in force."""
    catalog = published_catalog(session)
    return {item.code: item.name_zh for item in catalog.items} if catalog else {}


def areas(session: Session) -> Sequence[Area]:
    """Return the areas by code: the district, then each town with its communities."""
    return session.scalars(select(Area).order_by(Area.code)).all()


def area_names(session: Session) -> dict[str, str]:
    """Return code -> name of every area."""
    return {area.code: area.name for area in areas(session)}


def work_calendar(session: Session) -> WorkCalendar:
    """Return the calendar with the overrides of this installation."""
    return WorkCalendar({row.day: row.is_workday for row in session.scalars(select(HolidayOverride))})


@dataclass
class Node:
    """A line of the catalogue with those below it, and how many published list lines point to it and below."""

    item: CatalogItem
    children: list["Node"] = field(default_factory=list)
    lines: int = 0


def catalog_tree(session: Session, catalog: Catalog) -> list[Node]:
    """Return the top lines of an edition, each with its children and the counts of list lines."""
    counts = {code: count for code, count in session.execute(
        select(PurchaseListItem.catalog_code, func.count()).join(PurchaseListVersion)
        .where(PurchaseListVersion.state == VersionState.PUBLISHED).group_by(PurchaseListItem.catalog_code)) if code}
    nodes = {item.code: Node(item, lines=counts.get(item.code, 0)) for item in catalog.items}
    roots = []
    for code in sorted(nodes, key=lambda c: (-len(c), c)):
        parent = nodes.get(nodes[code].item.parent_code or "")
        if parent is None:
            roots.append(nodes[code])
        else:
            parent.children.append(nodes[code])
            parent.lines += nodes[code].lines
    return sorted(roots, key=lambda node: node.item.code)


@dataclass(frozen=True)
class ItemPage:
    """What the page of one code shows: the way down to it, what is below, the public list lines that point to it."""

    item: CatalogItem
    above: Sequence[CatalogItem]
    below: Sequence[CatalogItem]
    lines: Sequence[PurchaseListItem]
    successor: CatalogItem | None


def item_page(session: Session, catalog: Catalog, code: str, *, most: int = 50) -> ItemPage:
    """Return one code's page; raises Denied (404) when the edition has no such code."""
    by_code = {item.code: item for item in catalog.items}
    if code not in by_code:
        raise Denied(N_("目录里没有这个编码"), hidden=True)
    above: list[CatalogItem] = []
    parent = by_code.get(by_code[code].parent_code or "")
    while parent is not None and parent not in above:
        above.insert(0, parent)
        parent = by_code.get(parent.parent_code or "")
    lines = session.scalars(
        select(PurchaseListItem).join(PurchaseListVersion)
        .where(PurchaseListVersion.state == VersionState.PUBLISHED, PurchaseListItem.catalog_code.startswith(code))
        .options(selectinload(PurchaseListItem.line), selectinload(PurchaseListItem.version))
        .order_by(PurchaseListItem.id.desc()).limit(most)).all()
    return ItemPage(by_code[code], above, [i for i in catalog.items if i.parent_code == code], lines,
                    by_code.get(by_code[code].replaced_by or ""))


def catalog_rows(catalog: Catalog) -> list[list[object]]:
    """Return an edition as the rows of an export: importing them again changes nothing."""
    rows: list[list[object]] = [list(EXPORT_COLUMNS)]
    rows.extend([
        item.code, item.name_zh, item.name_en, item.parent_code or "", str(item.level),
        "official" if item.is_official else "local", "yes" if item.is_active else "no", str(catalog.year),
        item.effective_from.isoformat() if item.effective_from else "",
        item.effective_to.isoformat() if item.effective_to else "", item.replaced_by or "",
    ] for item in catalog.items)
    return rows
