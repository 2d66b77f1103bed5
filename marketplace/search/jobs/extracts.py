"""Reads public files, outside any transaction, and has their documents indexed again."""

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.publishing import public_changed
from marketplace.files.queries import is_public
from marketplace.search.operations.extracts import keep_text
from marketplace.search.queries.extracts import is_read
from marketplace.web.services import services


def extract_text(sha256: str, name: str, doc_kind: str, ref: str) -> None:
    """Read a file once, whoever publishes it; nothing happens to one that is not public or not clean (any more)."""
    session = db.session()
    may_read, was_read = is_public(session, sha256), is_read(session, sha256)
    session.rollback()
    if not may_read:
        return
    extracted = None if was_read else services().extractor.extract(services().files.get(sha256), filename=name)
    with transaction() as writing:
        now = utc_now()
        if extracted is not None and is_public(writing, sha256):
            keep_text(writing, sha256=sha256, extracted=extracted, now=now)
        public_changed(writing, kind=doc_kind, ref=ref, now=now)
