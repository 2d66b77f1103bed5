"""Reads of official notices: public, newest first."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from marketplace.awards.models import Notice
from marketplace.awards.rules import NOTICE_LABELS, NoticeKind
from marketplace.catalogs.rules import fund_kind
from marketplace.core.errors import Denied
from marketplace.core.publishing import News, PublicDocument
from marketplace.core.text import N_
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import buyer_kind
from marketplace.projects.models import Project

BATCH = 500


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


_PUBLIC = (
    select(Notice.id, Notice.ref, Notice.kind, Notice.title, Notice.facts, Notice.published_at, Project.number,
           Project.category_code, Project.area_code, Project.funding_source, Organization.name.label("buyer"),
           Organization.kind.label("buyer_kind"), Organization.area_code.label("buyer_area"))
    .join(Project, Project.id == Notice.project_id).join(Organization, Organization.id == Project.buyer_id)
    .order_by(Notice.id)
)
_NAMES = ("winner", "provider", "contract_number")      # who won, and by which number the contract is known
_TEXTS = ("summary", "body", "special_conditions", "reason", "text", "place")


def public_documents(session: Session, refs: Sequence[str] | None = None) -> Iterator[PublicDocument]:
    """Yield what the public may find about notices; all of them when `refs` is None."""
    if refs is not None:
        yield from map(_document, session.execute(_PUBLIC.where(Notice.ref.in_(refs))))
        return
    last = 0
    while rows := session.execute(_PUBLIC.where(Notice.id > last).limit(BATCH)).all():
        yield from map(_document, rows)
        last = rows[-1].id


def refs_of_buyer(session: Session, organization_ref: str) -> list[str]:
    """Return the references of the notices of a buyer's projects."""
    return list(session.scalars(_PUBLIC.with_only_columns(Notice.ref).where(Organization.ref == organization_ref)))


def _document(notice: Any) -> PublicDocument:
    """Return the public face of a notice, as it was published: winner and price, nobody else."""
    facts, fund = notice.facts, fund_kind(notice.funding_source)
    service = facts.get("service") or {}
    indicators = (f"{name} {target}{unit}" for name, target, unit in facts.get("indicators") or ())
    amount = facts.get("price_fen") or facts.get("budget_fen")
    return PublicDocument(
        kind="notice", ref=notice.ref, title=notice.title, url=f"/notices/{notice.ref}",
        body="\n".join(filter(None, (*(facts.get(name) for name in _TEXTS), *indicators))),
        category=notice.category_code or "", area=notice.area_code or "", status=notice.kind,
        buyer=facts.get("buyer") or notice.buyer, amount_fen=amount if isinstance(amount, int) else None,
        published_at=notice.published_at, words=(notice.number,) if notice.number else (),
        lead=tuple(filter(None, (NOTICE_LABELS[NoticeKind(notice.kind)], service.get("target_group"),
                                 *(facts.get(name) for name in _NAMES)))),
        facets={"notice": (notice.kind,), "buyer": (buyer_kind(notice.buyer_kind, notice.buyer_area),),
                **({"fund": (fund,)} if fund else {})},
        news=(News("new", notice.published_at),))
