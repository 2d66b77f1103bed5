"""What the index may know of the catalogue and the published lists: plain columns, in batches."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from marketplace.catalogs import rules
from marketplace.catalogs.models import (
    Catalog,
    CatalogItem,
    PurchaseList,
    PurchaseListItem,
    PurchaseListLine,
    PurchaseListVersion,
)
from marketplace.catalogs.rules import CatalogState, VersionState
from marketplace.core.publishing import News, PublicDocument
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import buyer_kind

BATCH = 500
_Earlier, _EarlierItem = aliased(PurchaseListVersion), aliased(PurchaseListItem)
_FIRST = (
    select(func.min(_Earlier.published_at)).join(_EarlierItem, _EarlierItem.version_id == _Earlier.id)
    .where(_EarlierItem.line_id == PurchaseListItem.line_id).scalar_subquery()
)
_LINES = (
    select(PurchaseListItem.id, PurchaseListItem.title, PurchaseListItem.office, PurchaseListItem.catalog_code,
           PurchaseListItem.content, PurchaseListItem.target_group, PurchaseListItem.budget,
           PurchaseListItem.funding_source, PurchaseListItem.period, PurchaseListItem.method,
           PurchaseListItem.expected_on, PurchaseListLine.ref,
           PurchaseListLine.posted_at, PurchaseListLine.contracted_at, _FIRST.label("first_published"),
           PurchaseList.ref.label("list_ref"), PurchaseList.year, Organization.name.label("buyer"),
           Organization.kind.label("buyer_kind"), Organization.area_code)
    .join(PurchaseListVersion, PurchaseListVersion.id == PurchaseListItem.version_id)
    .join(PurchaseListLine, PurchaseListLine.id == PurchaseListItem.line_id)
    .join(PurchaseList, PurchaseList.id == PurchaseListVersion.purchase_list_id)
    .join(Organization, Organization.id == PurchaseList.unit_id)
    .where(PurchaseListVersion.state == VersionState.PUBLISHED).order_by(PurchaseListItem.id)
)


def catalog_documents(session: Session, refs: Sequence[str] | None) -> Iterator[PublicDocument]:
    """Yield the codes of the catalogue in force that are in use; all of them when `refs` is None."""
    current = session.execute(select(Catalog.id, Catalog.published_at).where(Catalog.state == CatalogState.PUBLISHED)
                              .order_by(Catalog.year.desc(), Catalog.id.desc()).limit(1)).first()
    if current is None:
        return
    query = select(CatalogItem.code, CatalogItem.name_zh, CatalogItem.name_en).where(
        CatalogItem.catalog_id == current.id, CatalogItem.is_active).order_by(CatalogItem.code)
    if refs is not None:
        query = query.where(CatalogItem.code.in_(refs))
    for item in session.execute(query):
        yield PublicDocument(
            kind="catalog_item", ref=item.code, title=item.name_zh, url=f"/catalogs/{item.code}", category=item.code,
            published_at=current.published_at, words=(item.code,), english=item.name_en)


def line_documents(session: Session, refs: Sequence[str] | None) -> Iterator[PublicDocument]:
    """Yield the lines of the published versions, each once, as its list says it now; all of them without `refs`."""
    if refs is not None:
        yield from map(_line, session.execute(_LINES.where(PurchaseListLine.ref.in_(refs))))
        return
    last = 0
    while rows := session.execute(_LINES.where(PurchaseListItem.id > last).limit(BATCH)).all():
        yield from map(_line, rows)
        last = rows[-1].id


def published_refs_of(session: Session, organization_ref: str) -> list[str]:
    """Return the references of the published lines of a unit."""
    return list(session.scalars(_LINES.with_only_columns(PurchaseListLine.ref)
                                .where(Organization.ref == organization_ref)))


def _line(item: Any) -> PublicDocument:
    """Return the public face of one line: no contact, no remark, and no word of a draft that grows from it."""
    progress = rules.progress(project_ref=None, posted_at=item.posted_at, contracted_at=item.contracted_at)
    fund = rules.fund_kind(item.funding_source)
    texts = (item.content, item.funding_source, item.period, item.method, item.expected_on)
    return PublicDocument(
        kind="purchase_list_item", ref=item.ref, title=item.title, body="\n".join(filter(None, texts)),
        url=f"/purchase-lists/{item.list_ref}#line-{item.ref}", category=item.catalog_code or "",
        area=item.area_code or "", status=progress, buyer=item.buyer,
        amount_fen=item.budget.fen if item.budget else None, published_at=item.first_published,
        lead=tuple(filter(None, (item.target_group, item.office))),
        facets={"year": (str(item.year),), "buyer": (buyer_kind(item.buyer_kind, item.area_code),),
                **({"fund": (fund,)} if fund else {})},
        news=(News("new", item.first_published),))
