"""The rows of a page of hits: an engine names them, the database says what stands in them. A query or two a kind."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.awards.models import Notice
from marketplace.catalogs.models import (
    Catalog,
    CatalogItem,
    PurchaseList,
    PurchaseListItem,
    PurchaseListLine,
    PurchaseListVersion,
)
from marketplace.catalogs.rules import CatalogState, VersionState, progress
from marketplace.core.money import Money
from marketplace.organizations.models import Organization, ServiceCategory
from marketplace.organizations.rules import Standing
from marketplace.projects.models import Project
from marketplace.projects.rules import DisplayStatus, ProjectState, display_status
from marketplace.search.queries.naming import SOURCE_OF_KIND
from marketplace.search.queries.upkeep import Sources, documents_of

Key = tuple[str, str]
TEXT = 4_000                       # characters of a long text that are fetched for a snippet


@dataclass(frozen=True)
class Card:
    """One hit as a page shows it. `status` is a value of its kind's own states, `detail` a short plain text."""

    kind: str
    ref: str
    title: str
    url: str
    number: str = ""
    body: str = ""
    buyer: str = ""
    detail: str = ""
    category: str = ""
    categories: tuple[str, ...] = ()   # of an organization: all that it says it serves
    area: str = ""
    status: str = ""
    amount: Money | None = None
    people: int | None = None
    published_at: datetime | None = None
    deadline: datetime | None = None

    @property
    def key(self) -> Key:
        """Return (kind, ref)."""
        return self.kind, self.ref

    @property
    def is_open(self) -> bool:
        """Say whether offers can still be handed in."""
        return self.kind == "project" and self.status == DisplayStatus.OPEN


def cards(session: Session, keys: Sequence[Key], now: datetime, *, sources: Sources) -> list[Card]:
    """Return the hits that are still public, in the order given; whatever left the database meanwhile is left out."""
    refs: dict[str, list[str]] = {}
    for kind, ref in keys:
        refs.setdefault(kind, []).append(ref)
    found: dict[Key, Card] = {}
    for kind, wanted in refs.items():
        if kind in _READERS:
            found.update((card.key, card) for card in _READERS[kind](session, wanted, now))
        else:
            found.update((card.key, card) for card in _from_documents(session, kind, wanted, sources))
    return [found[key] for key in keys if key in found]


def _from_documents(session: Session, kind: str, refs: Sequence[str], sources: Sources) -> Iterable[Card]:
    """Yield cards of a kind that has no table of its own (help pages), from its public documents."""
    owner = SOURCE_OF_KIND.get(kind, "")
    source = {owner: sources[owner]} if owner in sources else sources
    for document in documents_of(session, source, [(kind, ref) for ref in refs]).values():
        yield Card(kind=document.kind, ref=document.ref, title=document.title, url=document.url,
                   body=document.body[:TEXT], buyer=document.buyer, category=document.category, area=document.area,
                   published_at=document.published_at, deadline=document.deadline_at)


def _text(*parts: str | None) -> str:
    """Return the parts that say something, one after the other."""
    return "\n".join(part for part in parts if part)


def _projects(session: Session, refs: Sequence[str], now: datetime) -> Iterable[Card]:
    """Yield projects."""
    rows = session.execute(
        select(Project.ref, Project.number, Project.title, Project.summary, Project.target_group,
               func.substr(Project.body, 1, TEXT).label("body"), Organization.name.label("buyer"),
               Project.category_code, Project.area_code, Project.budget, Project.beneficiaries, Project.published_at,
               Project.closes_at, Project.state)
        .join(Organization, Organization.id == Project.buyer_id)
        .where(Project.ref.in_(refs), Project.published_at.is_not(None),
               Project.state.not_in((ProjectState.DRAFT, ProjectState.IN_REVIEW))))
    for row in rows:
        yield Card(
            kind="project", ref=row.ref, title=row.title, url=f"/projects/{row.ref}", number=row.number or "",
            body=_text(row.summary, row.target_group, row.body), buyer=row.buyer, category=row.category_code or "",
            area=row.area_code or "", amount=row.budget, people=row.beneficiaries, published_at=row.published_at,
            deadline=row.closes_at, status=display_status(row.state, row.published_at, row.closes_at, now))


def _organizations(session: Session, refs: Sequence[str], _now: datetime) -> Iterable[Card]:
    """Yield organizations. Units are not verified by anybody: they have no status."""
    rows = session.execute(
        select(Organization.ref, Organization.name, Organization.kind, Organization.standing, Organization.verification,
               Organization.area_code, Organization.about, Organization.credit_code, Organization.public_since,
               func.substr(Organization.business_scope, 1, TEXT).label("scope"))
        .where(Organization.ref.in_(refs), Organization.public_since.is_not(None)))
    served: dict[str, list[str]] = {}
    for ref, code in session.execute(
            select(Organization.ref, ServiceCategory.code).join(Organization.categories)
            .where(Organization.ref.in_(refs)).order_by(ServiceCategory.code)):
        served.setdefault(ref, []).append(code)
    for row in rows:
        yield Card(
            kind="organization", ref=row.ref, title=row.name, url=f"/organizations/{row.ref}",
            number=row.credit_code or "", body=_text(row.about, row.scope), detail=row.kind, area=row.area_code or "",
            categories=tuple(served.get(row.ref, ())),
            status="" if row.standing == Standing.GOVERNMENT else row.verification, published_at=row.public_since)


def _catalog_items(session: Session, refs: Sequence[str], _now: datetime) -> Iterable[Card]:
    """Yield codes of the catalogue in force."""
    newest = (select(Catalog.id).where(Catalog.state == CatalogState.PUBLISHED)
              .order_by(Catalog.year.desc(), Catalog.id.desc()).limit(1).scalar_subquery())
    rows = session.execute(
        select(CatalogItem.code, CatalogItem.name_zh, CatalogItem.name_en, CatalogItem.parent_code,
               Catalog.published_at)
        .join(Catalog, Catalog.id == CatalogItem.catalog_id)
        .where(Catalog.id == newest, CatalogItem.code.in_(refs)))
    for row in rows:
        yield Card(kind="catalog_item", ref=row.code, title=row.name_zh, url=f"/catalogs/{row.code}", number=row.code,
                   body=row.name_en or "", category=row.parent_code or "", published_at=row.published_at)


def _lines(session: Session, refs: Sequence[str], _now: datetime) -> Iterable[Card]:
    """Yield lines of the purchase lists in force; without a word of a draft that grows from one."""
    rows = session.execute(
        select(PurchaseListLine.ref, PurchaseListItem.title, PurchaseListItem.content, PurchaseListItem.target_group,
               PurchaseListItem.budget, PurchaseListItem.catalog_code, PurchaseListItem.expected_on,
               Organization.name.label("buyer"), Organization.area_code, PurchaseList.ref.label("list_ref"),
               PurchaseList.year, PurchaseListVersion.published_at, PurchaseListLine.posted_at,
               PurchaseListLine.contracted_at)
        .join(PurchaseListVersion, PurchaseListVersion.id == PurchaseListItem.version_id)
        .join(PurchaseListLine, PurchaseListLine.id == PurchaseListItem.line_id)
        .join(PurchaseList, PurchaseList.id == PurchaseListVersion.purchase_list_id)
        .join(Organization, Organization.id == PurchaseList.unit_id)
        .where(PurchaseListVersion.state == VersionState.PUBLISHED, PurchaseListLine.ref.in_(refs)))
    for row in rows:
        yield Card(
            kind="purchase_list_item", ref=row.ref, title=row.title, number=str(row.year),
            url=f"/purchase-lists/{row.list_ref}#line-{row.ref}", body=_text(row.content, row.target_group),
            buyer=row.buyer, detail=row.expected_on, category=row.catalog_code or "", area=row.area_code or "",
            amount=row.budget, published_at=row.published_at,
            status=progress(project_ref=None, posted_at=row.posted_at, contracted_at=row.contracted_at))


def _notices(session: Session, refs: Sequence[str], _now: datetime) -> Iterable[Card]:
    """Yield official notices."""
    rows = session.execute(
        select(Notice.ref, Notice.kind, Notice.title, Notice.facts, Notice.published_at, Project.number,
               Project.category_code, Project.area_code, Organization.name.label("buyer"))
        .join(Project, Project.id == Notice.project_id).join(Organization, Organization.id == Project.buyer_id)
        .where(Notice.ref.in_(refs)))
    for row in rows:
        facts: Mapping[str, object] = row.facts
        price = facts.get("price_fen")
        yield Card(
            kind="notice", ref=row.ref, title=row.title, url=f"/notices/{row.ref}", number=row.number or "",
            body=_text(*(str(facts[name]) for name in ("summary", "winner", "reason", "text") if facts.get(name))),
            buyer=row.buyer, category=row.category_code or "", area=row.area_code or "", status=row.kind,
            amount=Money(price) if isinstance(price, int) else None, published_at=row.published_at)


_READERS: Mapping[str, Callable[[Session, Sequence[str], datetime], Iterable[Card]]] = {
    "project": _projects, "organization": _organizations, "catalog_item": _catalog_items, "purchase_list_item": _lines,
    "notice": _notices,
}
