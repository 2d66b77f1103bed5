"""Finds issued papers for the verify page and judges files handed in for checking."""

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.ports import FileStore
from marketplace.core.text import N_
from marketplace.documents import rules
from marketplace.documents.models import Document
from marketplace.documents.rules import Finding, Standing, Verdict

CUT_CANDIDATES = 500
KNOWN_REASONS = {
    Standing.VALID: N_("文件与平台登记的完全一致"),
    Standing.SUPERSEDED: N_("文件与登记的一致，但已经有新版"),
    Standing.VOIDED: N_("文件与登记的一致，但这份文件已经作废"),
}


def by_code(session: Session, code: str) -> Document | None:
    """Return the paper with this verify code, typed in any way, or None."""
    return session.scalar(
        select(Document).where(Document.verify_code == rules.tidy_code(code))
        .options(joinedload(Document.superseded_by), joinedload(Document.file)))


def by_number(session: Session, number: str) -> Document | None:
    """Return the paper with this number, or None."""
    return session.scalar(select(Document).where(Document.number == number))


def standing(document: Document) -> Standing:
    """Return what the verify page stamps on a paper."""
    if document.voided_at is not None:
        return Standing.VOIDED
    return Standing.SUPERSEDED if document.superseded_by_id is not None else Standing.VALID


def verify_bytes(session: Session, data: bytes, *, store: FileStore) -> Finding:
    """Judge a file: what was issued, bit for bit, or what else it is. Changes nothing."""
    digest = rules.sha256(data)
    document = session.scalar(select(Document).where(Document.sha256 == digest))
    if document is not None:
        return _judge_known(document, digest)
    number = rules.number_in(data)
    if number is None:
        return _judge_nameless(session, data, store)
    document = by_number(session, number)
    if document is None:
        return Finding(Verdict.UNKNOWN_NUMBER, N_("文件上的编号在本平台没有登记"), digest, number)
    return rules.compare(data, store.get(document.sha256), number)


def _judge_known(document: Document, digest: str) -> Finding:
    """Judge a file whose hash was registered."""
    state = standing(document)
    verdict = Verdict.INTACT if state is Standing.VALID else Verdict.SUPERSEDED
    return Finding(verdict, KNOWN_REASONS[state], digest, document.number)


def _judge_nameless(session: Session, data: bytes, store: FileStore) -> Finding:
    """Judge a file that names no number: the start of one of the newest papers, or nothing of ours."""
    if data.startswith(b"%PDF-"):
        candidates = session.execute(
            select(Document.number, Document.sha256).order_by(Document.id.desc()).limit(CUT_CANDIDATES))
        for number, sha in candidates:
            if store.get(sha).startswith(data):
                return rules.compare(data, data + b"\0", number)
    return Finding(Verdict.UNKNOWN_FILE, N_("本平台没有开具过这份文件"), rules.sha256(data))
