"""Gives numbers, issues papers, voids and replaces them. What was issued is stored once and never changed."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.ports import FileStore, RenderedPdf
from marketplace.core.text import N_
from marketplace.documents import policy, rules
from marketplace.documents.models import Document, NumberSeries
from marketplace.documents.rules import Paper
from marketplace.files.models import StoredFile


def next_number(session: Session, *, series: str, prefix: str, now: datetime) -> str:
    """Return the next number of a series in this (Beijing) year: LC-HT-2026-0143.

    One upsert: two transactions never get the same number, and a rolled-back one leaves no gap.
    """
    year = beijing_date(now).year
    insert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    last = session.scalar(
        insert(NumberSeries).values(series=f"{series}-{year}", last=1)
        .on_conflict_do_update(index_elements=[NumberSeries.series], set_={"last": NumberSeries.last + 1})
        .returning(NumberSeries.last)
    )
    return f"{prefix}-{year}-{last:04d}"


def issue(session: Session, *, actor: Actor, paper: Paper, rendered: RenderedPdf, store: FileStore, data: object,
          now: datetime) -> Document:
    """Store the bytes of a paper under their hash and register it; from now on the verify page knows it.

    `data` is what was printed, as plain data or canonical bytes. Raises OSError when the store cannot keep the
    bytes: then nothing is left in the transaction.
    """
    require(policy.may_issue(actor))
    _check(paper)
    digest = store.put(rendered.data)
    file = StoredFile(name=f"{paper.number}.pdf", media_type="application/pdf", size=len(rendered.data), sha256=digest,
                      owner_organization_id=paper.organization_id, uploaded_by=actor.person_id, is_public=False,
                      scan_state="clean", scan_note=None, created_at=now)
    document = Document(
        kind=paper.kind, number=paper.number, verify_code=paper.verify_code, title=paper.title,
        facts=dict(paper.facts), is_demo=paper.is_demo, file=file, sha256=digest, pages=rendered.pages,
        data_sha256=rules.sha256(data if isinstance(data, bytes) else rules.canonical_json(data)),
        toolchain=rendered.toolchain, issued_at=now)
    session.add_all([file, document])
    session.flush()
    record(session, actor=actor, action="documents.issue", subject=("document", document.ref), now=now,
           kind=paper.kind, number=paper.number, sha256=digest, pages=rendered.pages)
    return document


def _check(paper: Paper) -> None:
    """Refuse a number that could not be found again, and facts that the verify page may not show."""
    if not rules.NUMBER.match(paper.number):
        raise Invalid(N_("文件编号“{number}”只能用字母、数字、点和横线，3 到 60 个字符"), field="number",
                      number=paper.number)
    for key, value in paper.facts.items():
        if key not in rules.PUBLIC_FACTS or len(value) > rules.MAX_FACT_LENGTH:
            msg = f"not a public fact: {key}"
            raise ValueError(msg)


def void(session: Session, *, actor: Actor, document: Document, reason: str, now: datetime) -> None:
    """Mark a paper as void, with the reason that the verify page shows. Document: valid -> voided."""
    require(policy.may_void(actor))
    if not reason.strip():
        raise Invalid(N_("请写明作废原因，查验页会显示"), field="reason")
    done = session.execute(
        update(Document).where(Document.id == document.id, Document.voided_at.is_(None))
        .values(voided_at=now, void_reason=reason.strip()))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这份文件已经作废，不用再做一次"))
    session.refresh(document)
    record(session, actor=actor, action="documents.void", subject=("document", document.ref), now=now,
           number=document.number, reason=reason.strip())


def supersede(session: Session, *, actor: Actor, old: Document, new: Document, now: datetime) -> None:
    """Point an issued paper to the one that replaces it. Document: valid -> superseded."""
    require(policy.may_issue(actor))
    if old.id == new.id:
        msg = "a paper does not replace itself"
        raise ValueError(msg)
    done = session.execute(
        update(Document).where(Document.id == old.id, Document.superseded_by_id.is_(None))
        .values(superseded_by_id=new.id))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这份文件已经有新版，请刷新页面查看"))
    session.refresh(old)
    record(session, actor=actor, action="documents.supersede", subject=("document", old.ref), now=now,
           number=old.number, by=new.number)
