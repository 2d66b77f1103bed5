"""What of a project may be indexed: published facts only, as plain columns, so that 100,000 stay quick and small."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalogs.rules import fund_kind
from marketplace.core.publishing import Attachment, News, PublicDocument
from marketplace.files.models import StoredFile
from marketplace.files.rules import ScanState
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import buyer_kind
from marketplace.projects.models import Addendum, Criterion, Enquiry, Indicator, Project, ProjectFile
from marketplace.projects.rules import ProjectState

BATCH = 500
_COLUMNS = (
    Project.id, Project.ref, Project.number, Project.title, Project.summary, Project.body, Project.target_group,
    Project.category_code, Project.area_code, Project.place, Project.fair_type, Project.budget, Project.funding_source,
    Project.special_conditions, Project.state, Project.published_at, Project.closes_at, Project.ended_at,
    Project.end_reason, Organization.name.label("buyer"), Organization.kind.label("buyer_kind"),
    Organization.area_code.label("buyer_area"),
)
_PUBLIC = (
    select(*_COLUMNS).join(Organization, Organization.id == Project.buyer_id)
    .where(Project.published_at.is_not(None), Project.state.not_in((ProjectState.DRAFT, ProjectState.IN_REVIEW)))
    .order_by(Project.id)
)
_PARTS: Mapping[str, Any] = {
    "indicators": select(Indicator.project_id, Indicator.name, Indicator.target, Indicator.unit)
    .order_by(Indicator.project_id, Indicator.position),
    "criteria": select(Criterion.project_id, Criterion.name).order_by(Criterion.project_id, Criterion.position),
    "addenda": select(Addendum.project_id, Addendum.number, Addendum.text, Addendum.closes_at_after,
                      Addendum.published_at).order_by(Addendum.project_id, Addendum.number),
    "answers": select(Enquiry.project_id, Enquiry.ref, Enquiry.question, Enquiry.answer, Enquiry.answered_at)
    .where(Enquiry.answered_at.is_not(None)).order_by(Enquiry.project_id, Enquiry.answered_at, Enquiry.id),
    "files": select(ProjectFile.project_id, ProjectFile.title, StoredFile.sha256, StoredFile.name)
    .join(StoredFile, StoredFile.id == ProjectFile.file_id)
    .where(StoredFile.is_public, StoredFile.scan_state == ScanState.CLEAN)
    .order_by(ProjectFile.project_id, ProjectFile.id),
}
_OWNER = {"indicators": Indicator.project_id, "criteria": Criterion.project_id, "addenda": Addendum.project_id,
          "answers": Enquiry.project_id, "files": ProjectFile.project_id}
Parts = Mapping[str, Sequence[Any]]


def public_documents(session: Session, refs: Sequence[str] | None = None) -> Iterator[PublicDocument]:
    """Yield the public face of the projects `refs` (None: of all); what is not public is left out."""
    if refs is not None:
        yield from _documents(session, session.execute(_PUBLIC.where(Project.ref.in_(refs))).all())
        return
    last = 0
    while rows := session.execute(_PUBLIC.where(Project.id > last).limit(BATCH)).all():
        yield from _documents(session, rows)
        last = rows[-1].id


def public_refs_of(session: Session, organization_ref: str) -> list[str]:
    """Return the references of the public projects of a buyer."""
    query = _PUBLIC.with_only_columns(Project.ref).where(Organization.ref == organization_ref)
    return list(session.scalars(query))


def _documents(session: Session, rows: Sequence[Any]) -> Iterator[PublicDocument]:
    """Yield the documents of a batch; five more questions fetch what hangs on it."""
    ids = [row.id for row in rows]
    parts: dict[int, dict[str, list[Any]]] = {}
    for name, query in _PARTS.items() if ids else ():
        for part in session.execute(query.where(_OWNER[name].in_(ids))):
            parts.setdefault(part.project_id, {}).setdefault(name, []).append(part)
    for row in rows:
        yield _document(row, parts.get(row.id, {}))


def _document(project: Any, parts: Parts) -> PublicDocument:
    """Copy what a visitor may read on the project's page; no person, no telephone."""
    fund = fund_kind(project.funding_source)
    return PublicDocument(
        kind="project", ref=project.ref, title=project.title, body="\n".join(filter(None, _texts(project, parts))),
        url=f"/projects/{project.ref}", category=project.category_code or "", area=project.area_code or "",
        status=project.state, buyer=project.buyer, amount_fen=project.budget.fen if project.budget else None,
        published_at=project.published_at, deadline_at=project.closes_at,
        words=(project.number,) if project.number else (),
        lead=tuple(filter(None, (project.summary, project.target_group, project.place))),
        facets={"buyer": (buyer_kind(project.buyer_kind, project.buyer_area),), **({"fund": (fund,)} if fund else {})},
        attachments=tuple(Attachment(one.sha256, one.name) for one in parts.get("files", ())),
        news=_news(project, parts))


def _texts(project: Any, parts: Parts) -> Iterator[str]:
    """Yield the long texts of a project's page."""
    yield from (project.body, project.special_conditions, project.fair_type, project.funding_source)
    yield from (f"{one.name} {one.target}{one.unit}" for one in parts.get("indicators", ()))
    yield from (one.name for one in parts.get("criteria", ()))
    yield from (one.text for one in parts.get("addenda", ()))
    yield from (f"{one.question}\n{one.answer}" for one in parts.get("answers", ()))
    yield from (one.title for one in parts.get("files", ()))
    yield project.end_reason


def _news(project: Any, parts: Parts) -> tuple[News, ...]:
    """Return what happened to a project since it was published, oldest first."""
    found = [News("new", project.published_at)]
    for one in parts.get("addenda", ()):
        found.append(News(f"addendum:{one.number}", one.published_at, one.text))
        if one.closes_at_after is not None:
            found.append(News(f"deadline:{one.closes_at_after.isoformat()}", one.published_at))
    found += [News(f"answer:{one.ref}", one.answered_at, one.answer) for one in parts.get("answers", ())]
    if project.ended_at is not None:
        found.append(News("ended", project.ended_at, project.end_reason))
    return tuple(sorted(found, key=lambda one: one.at))
