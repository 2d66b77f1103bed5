"""What is left without an index: titles, names and numbers, straight from the database."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from marketplace.awards.models import Notice
from marketplace.catalogs.models import Catalog, CatalogItem, PurchaseListItem, PurchaseListLine, PurchaseListVersion
from marketplace.catalogs.rules import CatalogState, VersionState
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

MOST = 50                          # of each kind
WORDS = 5

_Columns = Sequence[InstrumentedAttribute[str] | InstrumentedAttribute[str | None]]


def titles_like(session: Session, text: str, kinds: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return (kind, ref) of public things whose title, name or number holds every word, newest first within a kind.

    At most 50 of each kind. `kinds` empty: of every kind that has titles in the database.
    """
    found: list[tuple[str, str]] = []
    for kind, (query, columns) in _statements().items():
        if not kinds or kind in kinds:
            narrowed = query.where(*(_has(columns, word) for word in text.split()[:WORDS])).limit(MOST)
            found += [(kind, ref) for ref in session.scalars(narrowed)]
    return found


def _has(columns: _Columns, word: str) -> ColumnElement[bool]:
    """Return the condition that one of the columns holds a word."""
    condition = columns[0].icontains(word, autoescape=True)
    for column in columns[1:]:
        condition = condition | column.icontains(word, autoescape=True)
    return condition


def _statements() -> dict[str, tuple[Select[str], _Columns]]:
    """Return for each kind the statement of its public refs and the columns that are looked at."""
    return {
        "project": (
            select(Project.ref).where(Project.published_at.is_not(None),
                                      Project.state.not_in((ProjectState.DRAFT, ProjectState.IN_REVIEW)))
            .order_by(Project.published_at.desc(), Project.id.desc()), (Project.title, Project.number)),
        "organization": (
            select(Organization.ref).where(Organization.public_since.is_not(None))
            .order_by(Organization.name, Organization.id), (Organization.name, Organization.credit_code)),
        "catalog_item": (
            select(CatalogItem.code).join(Catalog)
            .where(Catalog.id == select(Catalog.id).where(Catalog.state == CatalogState.PUBLISHED)
                   .order_by(Catalog.year.desc(), Catalog.id.desc()).limit(1).scalar_subquery())
            .order_by(CatalogItem.code), (CatalogItem.name_zh, CatalogItem.code)),
        "purchase_list_item": (
            select(PurchaseListLine.ref).join(PurchaseListItem, PurchaseListItem.line_id == PurchaseListLine.id)
            .join(PurchaseListVersion, PurchaseListVersion.id == PurchaseListItem.version_id)
            .where(PurchaseListVersion.state == VersionState.PUBLISHED)
            .order_by(PurchaseListItem.id.desc()), (PurchaseListItem.title,)),
        "notice": (
            select(Notice.ref).order_by(Notice.published_at.desc(), Notice.id.desc()), (Notice.title,)),
    }
