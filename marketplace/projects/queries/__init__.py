"""Reads of projects: the public list with its counts, one project, the unit's desk, what may be indexed."""

from marketplace.projects.queries.browse import Listing, Row, browse
from marketplace.projects.queries.desk import desk_counts, desk_projects, waiting_enquiries
from marketplace.projects.queries.facets import FacetIndex, Filters
from marketplace.projects.queries.lookup import (
    Review,
    by_ref,
    by_refs,
    enquiries_for,
    enquiry_by_ref,
    published_item,
    review,
    rules_of,
    status_clause,
    unit_of,
)
from marketplace.projects.queries.public import public_documents

__all__ = [
    "FacetIndex", "Filters", "Listing", "Review", "Row", "browse", "by_ref", "by_refs", "desk_counts", "desk_projects",
    "enquiries_for", "enquiry_by_ref", "public_documents", "published_item", "review", "rules_of", "status_clause",
    "unit_of", "waiting_enquiries",
]
