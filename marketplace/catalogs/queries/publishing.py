"""What the index may know of the catalogue and the published lists."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from marketplace.catalogs.models import PurchaseList, PurchaseListItem, PurchaseListLine, PurchaseListVersion
from marketplace.catalogs.queries.catalogs import published_catalog
from marketplace.catalogs.queries.lists import progress_of
from marketplace.catalogs.rules import VersionState
from marketplace.core.publishing import PublicDocument


def catalog_documents(session: Session, refs: Sequence[str] | None) -> list[PublicDocument]:
    """Return the codes of the catalogue in force; all of them when `refs` is None."""
    catalog = published_catalog(session)
    if catalog is None:
        return []
    return [PublicDocument(
        kind="catalog_item", ref=item.code, title=item.name_zh, body=item.name_en, url=f"/catalogs/{item.code}",
        category=item.code, published_at=catalog.published_at, words=(item.code,),
    ) for item in catalog.items if refs is None or item.code in refs]


def line_documents(session: Session, refs: Sequence[str] | None) -> list[PublicDocument]:
    """Return the lines of the published versions; all of them when `refs` is None."""
    query = (select(PurchaseListItem).join(PurchaseListVersion).join(PurchaseListLine,
                                                                     PurchaseListLine.id == PurchaseListItem.line_id)
             .where(PurchaseListVersion.state == VersionState.PUBLISHED)
             .options(selectinload(PurchaseListItem.line), selectinload(PurchaseListItem.version)
                      .selectinload(PurchaseListVersion.purchase_list).selectinload(PurchaseList.unit)))
    if refs is not None:
        query = query.where(PurchaseListLine.ref.in_(refs))
    return [_line(item) for item in session.scalars(query)]


def _line(item: PurchaseListItem) -> PublicDocument:
    """Return the public face of one line; the contact's name and number are not in it."""
    purchase_list = item.version.purchase_list
    return PublicDocument(
        kind="purchase_list_item", ref=item.line.ref, title=item.title,
        body="\n".join(part for part in (item.content, item.target_group) if part),
        url=f"/purchase-lists/{purchase_list.ref}#line-{item.line.ref}", category=item.catalog_code or "",
        area=purchase_list.unit.area_code or "", status=progress_of(item.line), buyer=purchase_list.unit.name,
        amount_fen=item.budget.fen if item.budget else None, published_at=item.version.published_at,
        words=tuple(part for part in (item.office, item.method) if part),
        facets={"year": (str(purchase_list.year),), "category": (item.catalog_code,) if item.catalog_code else ()},
    )
