"""What of a project may be indexed: published facts only."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.publishing import PublicDocument
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

BATCH = 500


def public_documents(session: Session, refs: Sequence[str] | None) -> Iterator[PublicDocument]:
    """Yield the public face of the projects `refs` (None: of all); what is not public is left out."""
    query = (
        select(Project)
        .where(Project.published_at.is_not(None), Project.state.not_in((ProjectState.DRAFT, ProjectState.IN_REVIEW)))
        .options(joinedload(Project.buyer), selectinload(Project.indicators))
    )
    if refs is not None:
        yield from map(_document, session.scalars(query.where(Project.ref.in_(refs))))
        return
    last = 0
    while rows := session.scalars(query.where(Project.id > last).order_by(Project.id).limit(BATCH)).all():
        yield from map(_document, rows)
        last = rows[-1].id
        session.expunge_all()


def _document(project: Project) -> PublicDocument:
    """Copy what a visitor may read on the project's page."""
    indicators = "\n".join(f"{i.name} {i.target}{i.unit}" for i in project.indicators)
    return PublicDocument(
        kind="project", ref=project.ref, title=project.title,
        body="\n".join(part for part in (project.summary, project.body, project.target_group, indicators) if part),
        url=f"/projects/{project.ref}", category=project.category_code or "", area=project.area_code or "",
        status=project.state, buyer=project.buyer.name, amount_fen=project.budget.fen if project.budget else None,
        published_at=project.published_at, deadline_at=project.closes_at,
        words=tuple(word for word in (project.number, project.place, project.fair_type) if word))
