"""Reads of official notices: public, newest first."""

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from marketplace.awards.models import Notice
from marketplace.awards.rules import NoticeKind
from marketplace.core.errors import Denied
from marketplace.core.publishing import PublicDocument
from marketplace.core.text import N_
from marketplace.projects.models import Project


def notices(kind: str = "") -> Select[Notice]:
    """Return the statement of all notices of a kind (any when empty), newest first, for a page of them."""
    query = (select(Notice).options(joinedload(Notice.project).joinedload(Project.buyer))
             .order_by(Notice.published_at.desc(), Notice.id.desc()))
    return query.where(Notice.kind == kind) if kind in tuple(NoticeKind) else query


def notice_by_ref(session: Session, ref: str) -> Notice:
    """Return the notice with that reference; raises Denied (404)."""
    found = session.scalar(select(Notice).where(Notice.ref == ref).options(joinedload(Notice.project)))
    if found is None:
        raise Denied(N_("没有这份公告"), hidden=True)
    return found


def notices_of(session: Session, project: Project) -> list[Notice]:
    """Return a project's notices in the order of its life."""
    return list(session.scalars(select(Notice).where(Notice.project_id == project.id)
                                .order_by(Notice.published_at, Notice.id)))


def public_documents(session: Session, refs: Sequence[str] | None = None) -> list[PublicDocument]:
    """Return what the public may find about notices; all of them when `refs` is None."""
    query = select(Notice).options(joinedload(Notice.project).joinedload(Project.buyer)).order_by(Notice.id)
    if refs is not None:
        query = query.where(Notice.ref.in_(refs))
    return [_document(one) for one in session.scalars(query)]


def _document(notice: Notice) -> PublicDocument:
    """Return the public face of a notice."""
    project, facts = notice.project, notice.facts
    price = facts.get("price_fen")
    body = "\n".join(str(facts[name]) for name in ("summary", "winner", "reason", "text") if facts.get(name))
    return PublicDocument(
        kind="notice", ref=notice.ref, title=notice.title, body=body, url=f"/notices/{notice.ref}",
        category=project.category_code or "", area=project.area_code or "", status=notice.kind,
        buyer=project.buyer.name, amount_fen=price if isinstance(price, int) else None,
        published_at=notice.published_at, words=tuple(filter(None, (project.number,))),
        facets={"notice": (notice.kind,)},
    )
