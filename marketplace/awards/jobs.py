"""Outbox handlers: turn a project's news into official notices. Safe to run twice: one notice for one event."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.awards import operations
from marketplace.awards.operations.notices import project_facts, selection_facts
from marketplace.awards.queries.notices import refs_of_buyer
from marketplace.awards.rules import NoticeKind
from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.publishing import public_changed
from marketplace.organizations.rules import JOB_BUYER_CHANGED
from marketplace.projects.models import Addendum, Project
from marketplace.projects.rules import JOB_PROJECT_CHANGED, JOB_PROJECT_PUBLISHED, ProjectChange

ENDINGS = {ProjectChange.FAILED: NoticeKind.FAILURE, ProjectChange.TERMINATED: NoticeKind.TERMINATION}


def announce_selection(project_ref: str) -> None:
    """Publish the notice of a selection, with the facts of the project as it was published."""
    with transaction() as session:
        project = _project(session, project_ref)
        if project.published_at is not None:
            operations.publish_notice(
                session, actor=SYSTEM, project=project, kind=NoticeKind.SELECTION, title=project.title,
                facts=selection_facts(project), unique_key=f"selection:{project.ref}", now=project.published_at)


def announce_change(project_ref: str, change: str, **facts: object) -> None:
    """Publish the notice of an addendum, a failure or a termination; other news needs none."""
    with transaction() as session:
        project = _project(session, project_ref)
        if change == ProjectChange.ADDENDUM:
            _announce_addendum(session, project, facts.get("number"))
        elif change in ENDINGS and project.ended_at is not None:
            kind = ENDINGS[ProjectChange(change)]
            _announce(session, project, kind, {"reason": project.end_reason}, key="", at=project.ended_at)


def _announce_addendum(session: Session, project: Project, number: object) -> None:
    """Publish what was clarified or corrected, and where the deadline moved."""
    addendum = session.scalar(select(Addendum).where(Addendum.project_id == project.id, Addendum.number == number))
    if addendum is not None:
        moved = addendum.closes_at_after.isoformat() if addendum.closes_at_after else None
        _announce(session, project, NoticeKind.CHANGE, {"text": addendum.text, "closes_at": moved},
                  key=f":{addendum.number}", at=addendum.published_at)


def _announce(session: Session, project: Project, kind: NoticeKind, more: dict[str, object], *, key: str,
              at: datetime) -> None:
    """Publish one notice about an event that happened at `at`."""
    operations.publish_notice(session, actor=SYSTEM, project=project, kind=kind, title=project.title,
                              facts={**project_facts(project), **more}, unique_key=f"{kind}:{project.ref}{key}",
                              now=at)


def follow_buyer(organization_ref: str) -> None:
    """Tell the index about the notices of a buyer that is of another kind or place now; its name in them stays."""
    now = utc_now()
    with transaction() as session:
        for ref in refs_of_buyer(session, organization_ref):
            public_changed(session, kind="notice", ref=ref, now=now)


def _project(session: Session, ref: str) -> Project:
    """Return the project that the news is about."""
    return session.scalars(select(Project).where(Project.ref == ref)).one()


HANDLERS = {
    JOB_PROJECT_PUBLISHED: announce_selection, JOB_PROJECT_CHANGED: announce_change, JOB_BUYER_CHANGED: follow_buyer,
}
