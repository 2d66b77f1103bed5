"""Files as people upload them, and projects that carry them; stored and checked by the real operations."""

import io

import docx
from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM
from marketplace.core.ports import FileStore
from marketplace.files import operations as files
from marketplace.files.models import StoredFile
from marketplace.files.rules import Purpose
from marketplace.organizations.models import Organization
from marketplace.projects import operations
from marketplace.projects.models import Project
from tests.factories import NOW
from tests.factories.projects import CLOSES, Desk, make_desk, make_draft


def word(*paragraphs: str) -> bytes:
    """A Word file with these paragraphs."""
    made = docx.Document()
    for text in paragraphs:
        made.add_paragraph(text)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def make_file(session: Session, store: FileStore, *, data: bytes, name: str = "需求书.docx", owner: Organization | None = None,
              verdict: str | None = "clean", is_public: bool = False) -> StoredFile:
    """A stored file that was checked; `verdict` "pending": not yet."""
    stored = files.store(session, actor=SYSTEM, store=store, name=name, data=data, purpose=Purpose.PROJECT_ATTACHMENT,
                         now=NOW, organization_id=owner.id if owner else None, is_public=is_public)
    if verdict != "pending":
        files.record_scan(session, actor=SYSTEM, file=stored, verdict=verdict, now=NOW)
    session.flush()
    return stored


def make_project_with(session: Session, store: FileStore, *data: bytes, desk: Desk | None = None, is_published: bool = True,
                      **changes: object) -> Project:
    """A project with these Word files attached, published unless asked otherwise."""
    desk = desk or make_desk(session)
    project = make_draft(session, desk, **changes)
    for number, one in enumerate(data, start=1):
        stored = make_file(session, store, data=one, name=f"附件{number}.docx", owner=desk.unit)
        operations.attach(session, actor=desk.handler, project=project, file=stored, title=f"附件{number}", now=NOW)
    if is_published:
        operations.submit_for_review(session, actor=desk.handler, project=project, now=NOW)
        operations.publish(session, actor=desk.approver, project=project, closes_at=CLOSES, now=NOW)
    return project
