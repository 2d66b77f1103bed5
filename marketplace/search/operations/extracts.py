"""Verbs on the texts of public files: ask for those that are missing, keep what was read."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core import audit
from marketplace.core.access import SYSTEM
from marketplace.core.outbox import enqueue
from marketplace.core.ports import ExtractedText
from marketplace.core.publishing import PublicDocument
from marketplace.files.queries import public_names
from marketplace.search.models.extracts import TextExtract
from marketplace.search.queries.extracts import is_read, unread, unread_of
from marketplace.search.queries.upkeep import BATCH, Sources
from marketplace.search.rules.extracts import JOB_EXTRACT, readable


def want_texts(session: Session, *, documents: Sequence[PublicDocument], now: datetime) -> int:
    """Ask for the text of each file of these documents that nobody has read; once a file and document."""
    missing = unread(session, documents)
    for document, sha256, name in missing:
        enqueue(session, JOB_EXTRACT, now=now, unique_key=f"{sha256}:{document.kind}:{document.ref}",
                sha256=sha256, name=name, doc_kind=document.kind, ref=document.ref)
    return len(missing)


def want_missing_texts(session: Session, *, sources: Sources, now: datetime) -> int:
    """Ask for every text that is missing, as after a rebuild; all documents are looked at only where one is."""
    names = {sha256: name for sha256, name in public_names(session).items() if readable(name)}
    if not unread_of(session, names):
        return 0
    wanted = 0
    stream = (one for source in sources.values() for one in source(session, None) if one.attachments)
    while batch := list(islice(stream, BATCH)):
        wanted += want_texts(session, documents=batch, now=now)
    return wanted


def keep_text(session: Session, *, sha256: str, extracted: ExtractedText, now: datetime) -> None:
    """Keep what was read of a public file; of two that read the same bytes the first stays."""
    if is_read(session, sha256):
        return
    try:
        with session.begin_nested():
            session.add(TextExtract(sha256=sha256, state=extracted.outcome, reason=extracted.reason,
                                    text=extracted.text, characters=len(extracted.text), extracted_at=now))
    except IntegrityError:  # another one was quicker
        return
    audit.record(session, actor=SYSTEM, action="search.keep_text", subject=("file", sha256), now=now,
                 state=str(extracted.outcome), reason=extracted.reason, characters=len(extracted.text))
