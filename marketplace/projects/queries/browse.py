"""The public list: one page of rows, exact totals, four facets with counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.money import Money
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.projects.queries.facets import FacetIndex, Filters
from marketplace.projects.rules import DisplayStatus, display_status


@dataclass(frozen=True)
class Row:
    """One line of the list."""

    ref: str
    number: str
    title: str
    summary: str
    buyer: str
    category: str
    area: str
    budget: Money
    beneficiaries: int | None
    service_from: date | None
    service_to: date | None
    published_at: datetime
    closes_at: datetime
    status: DisplayStatus


@dataclass(frozen=True)
class Listing:
    """A page of the list; `counts[facet][value]` are exact at `counted_at`."""

    rows: Sequence[Row]
    total: int
    counts: Mapping[str, Mapping[str, int]]
    counted_at: datetime
    categories: Mapping[str, str]
    areas: Mapping[str, str]


_COLUMNS = (
    Project.id, Project.ref, Project.number, Project.title, Project.summary, Organization.name.label("buyer"),
    Project.category_code, Project.area_code, Project.budget, Project.beneficiaries, Project.service_from,
    Project.service_to, Project.published_at, Project.closes_at, Project.state,
)
_ROWS = select(*_COLUMNS).join(Organization, Organization.id == Project.buyer_id)


def browse(session: Session, index: FacetIndex, filters: Filters, *, now: datetime, page: int = 1,
           size: int = 20) -> Listing:
    """Return one page of the public list; two small queries, whatever the number of projects."""
    index.refresh(session, now)
    found = index.find(filters, now=now, page=page, size=size)
    rows = {row.id: row for row in session.execute(_ROWS.where(Project.id.in_(found.ids)))} if found.ids else {}
    return Listing(
        rows=[Row(ref=r.ref, number=r.number, title=r.title, summary=r.summary, buyer=r.buyer,
                  category=r.category_code or "", area=r.area_code or "", budget=r.budget,
                  beneficiaries=r.beneficiaries, service_from=r.service_from, service_to=r.service_to,
                  published_at=r.published_at, closes_at=r.closes_at,
                  status=display_status(r.state, r.published_at, r.closes_at, now))
              for r in (rows[id_] for id_ in found.ids if id_ in rows)],
        total=found.total, counts=found.counts, counted_at=found.counted_at, categories=index.categories,
        areas=index.areas)

