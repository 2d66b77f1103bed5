"""What closed projects of a kind were like: how many took part, of what size. Only where the opening is over."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.bids.models import Opening, SealedBid
from marketplace.matching.rules.outreach import LEAST_CLOSED, Closed, closed_like
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

TOOK_PART = ("opened", "unreadable")
CODE_LENGTHS = (7, 5, 3)                 # the nearest kind first; wider while there are too few
MOST = 200                               # the newest closed projects of a kind


def closed_projects_like(session: Session, project: Project) -> Closed | None:
    """Return the figures of the closed projects most like this one; None where too few are closed.

    Nothing of a project whose offers are still sealed is read: the opening's own record is what counts.
    """
    code = project.category_code or ""
    for length in dict.fromkeys(min(length, len(code)) for length in CODE_LENGTHS):
        ids = _opened(session, project, code[:length]) if length else []
        if len(ids) >= LEAST_CLOSED:
            return _figures(session, ids, code[:length])
    return None


def _opened(session: Session, project: Project, code: str) -> list[int]:
    """Return the newest other projects under a code whose opening is over."""
    return list(session.scalars(
        select(Project.id).join(Opening, Opening.project_id == Project.id)
        .where(Project.id != project.id, Project.opened_at.is_not(None),
               Project.category_code.startswith(code, autoescape=True))
        .order_by(Opening.opened_at.desc(), Project.id.desc()).limit(MOST)))


def _figures(session: Session, ids: list[int], code: str) -> Closed | None:
    """Count who took part, and gather how much each says it can carry; no name, no price."""
    counts = dict.fromkeys(ids, 0)
    capacities: list[int | None] = []
    for project_id, capacity in session.execute(
            select(SealedBid.project_id, Organization.capacity_projects)
            .join(Organization, Organization.id == SealedBid.organization_id)
            .where(SealedBid.project_id.in_(ids), SealedBid.state.in_(TOOK_PART))):
        counts[project_id] += 1
        capacities.append(capacity)
    return closed_like(list(counts.values()), capacities, code=code)
