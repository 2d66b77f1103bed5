"""Reads of areas, the catalogue and purchase lists, for pages, exports and the index."""

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from marketplace.catalogs.queries.catalogs import (
    Node,
    area_names,
    areas,
    catalog_by_ref,
    catalog_rows,
    catalog_tree,
    category_names,
    draft_catalog,
    editions,
    item_page,
    published_catalog,
    work_calendar,
)
from marketplace.catalogs.queries.lists import (
    ListTotal,
    MergedLine,
    PlaceTotal,
    board,
    by_place,
    export_rows,
    facts_by_line,
    latest_version,
    line_numbers,
    list_by_ref,
    list_of,
    list_totals,
    lists_kept_by,
    merged_lines,
    open_version,
    progress_of,
    published_version,
    unit_of,
    version_of,
    years,
)
from marketplace.catalogs.queries.publishing import catalog_documents, line_documents, published_refs_of
from marketplace.core.publishing import PublicDocument

__all__ = [
    "ListTotal", "MergedLine", "Node", "PlaceTotal", "area_names", "areas", "board", "by_place", "catalog_by_ref",
    "catalog_rows", "catalog_tree", "category_names", "draft_catalog", "editions", "export_rows", "facts_by_line",
    "item_page", "latest_version", "line_numbers", "list_by_ref", "list_of", "list_totals", "lists_kept_by",
    "merged_lines", "open_version", "progress_of", "public_documents", "published_catalog",
    "published_refs_of", "published_version",
    "unit_of", "version_of", "work_calendar", "years",
]


def public_documents(session: Session, refs: Sequence[str] | None = None) -> Iterator[PublicDocument]:
    """Yield what the public may find: codes of the catalogue in force and lines of published lists."""
    yield from catalog_documents(session, refs)
    yield from line_documents(session, refs)
