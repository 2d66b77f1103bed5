"""Percolation: whatever changes in public is held against every saved search, beside the index and not through it.

The index may be away, old or in repair: nothing is missed, because a document is looked at as the database has it.
"""

from datetime import datetime

from flask import current_app
from sqlalchemy.orm import Session

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.publishing import PublicDocument
from marketplace.search.operations.alerts import remember
from marketplace.search.queries.alerts import Watch, anybody_watches, changed_since, not_written
from marketplace.search.queries.extracts import texts_of
from marketplace.search.queries.languages import language_of
from marketplace.search.queries.saved import by_ref
from marketplace.search.queries.upkeep import documents_of
from marketplace.search.rules.analysis import Language
from marketplace.search.rules.rows import row_of
from marketplace.search.rules.saved import COMMITS, watched
from marketplace.web.services import config, public_sources, services

_ATTEMPTS = 5


def raise_alerts(doc_kind: str, ref: str) -> None:
    """Hold one document against all saved searches. Run twice, the second finds everything written already."""
    now, session = utc_now(), db.session()
    document = documents_of(session, public_sources(), [(doc_kind, ref)]).get((doc_kind, ref))
    if document is not None:
        _percolate(session, document, now)
    session.rollback()


def catch_up(saved_ref: str) -> None:
    """Look at what changed since a search counts news: its row may have come too late for the jobs of these changes."""
    now, session = utc_now(), db.session()
    search = by_ref(session, saved_ref)
    if search is None or not search.is_live:
        return
    for document in documents_of(session, public_sources(), changed_since(session, search.since - COMMITS)).values():
        _percolate(session, document, now)
    session.rollback()


def _percolate(session: Session, document: PublicDocument, now: datetime) -> None:
    """Write what the searches found; again, when one of them was changed in between."""
    if not document.news or not anybody_watches(session, max(news.at for news in document.news)):
        return
    watch = watch_now()
    for _ in range(_ATTEMPTS):
        language = language_now(session)
        watch.refresh(session, lambda asked: watched(asked, language, now), language=language, now=now)  # noqa: B023
        row = row_of(document, language, now, texts_of(session, document))
        matched = not_written(session, document, watch.match(row, document))
        session.rollback()
        if not matched:
            return
        with transaction() as writing:
            changed = remember(writing, document=document, matched=matched, now=now)
        if not changed:
            return
    msg = f"saved searches change faster than {document.kind} {document.ref} can be held against them"
    raise RuntimeError(msg)


def watch_now() -> Watch:
    """Return what this process has filed; tests roll their database back and file anew each time."""
    watch: Watch = Watch() if config().testing else current_app.extensions.setdefault("marketplace.watch", Watch())
    return watch


def language_now(session: Session) -> Language:
    """Return the language of the index in use, so that alerts and pages agree; any, while there is no index."""
    try:
        label = services().search_index.label()
    except OSError:
        label = ""
    return language_of(session, services(), label)
