"""Reads of projects for pages, jobs and the index."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.projects.models import Project


def by_ref(session: Session, ref: str) -> Project | None:
    """Return a project by its public reference, whatever its state: who may see it, policy says."""
    return session.scalar(select(Project).where(Project.ref == ref))
