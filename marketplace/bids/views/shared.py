"""The blueprint, and what its pages have in common."""

from flask import Blueprint
from sqlalchemy.orm import Session

from marketplace.bids.policy import PROVIDER_ROLES
from marketplace.core.access import require
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.projects import policy as project_policy
from marketplace.projects import queries as projects
from marketplace.projects.models import Project
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor

blueprint = Blueprint("bids", __name__)
for_providers = for_roles(*PROVIDER_ROLES)


def load_project(session: Session, ref: str) -> Project:
    """Return a project that the visitor may see; otherwise there is none."""
    project = projects.by_ref(session, ref)
    if project is None:
        raise Denied(N_("没有这个项目"), hidden=True)
    require(project_policy.may_view(current_actor(), project))
    return project
