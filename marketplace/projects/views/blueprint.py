"""The blueprint, and how every view of a project finds it."""

from flask import Blueprint, current_app

from marketplace.core.access import require
from marketplace.core.db import db
from marketplace.projects import policy, queries
from marketplace.projects.models import Project
from marketplace.projects.queries import FacetIndex
from marketplace.web.actor import current_actor
from marketplace.web.services import config

blueprint = Blueprint("projects", __name__)


def visible(ref: str) -> Project:
    """Return a project that the visitor may see; raises Denied (404) otherwise, whether or not it exists."""
    project = queries.by_ref(db.session(), ref)
    if project is None:
        require(policy.HIDDEN)
    else:
        require(policy.may_view(current_actor(), project))
    assert project is not None
    return project


def reloaded(ref: str) -> Project:
    """Return the project again inside a transaction; the caller's operation asks the policy."""
    project = queries.by_ref(db.session(), ref)
    if project is None:
        require(policy.HIDDEN)
    assert project is not None
    return project


def facets() -> FacetIndex:
    """Return the kept sets of this process; tests roll their database back and begin anew each time."""
    if config().testing:
        return FacetIndex()
    kept: FacetIndex = current_app.extensions.setdefault("marketplace.projects.facets", FacetIndex())
    return kept
