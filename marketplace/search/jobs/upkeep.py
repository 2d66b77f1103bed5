"""Index upkeep: the only background work that writes the search index."""

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.search import operations
from marketplace.web.services import public_sources, services


def index_changes(doc_kind: str, ref: str) -> None:
    """Bring (kind, ref) up to date, and with it whatever else waits: later jobs then find nothing to do.

    Where there is no index yet it is made, of everything; one that cannot be read is left to `flask search rebuild`.
    """
    session, now = db.session(), utc_now()
    try:
        written = operations.index_changes(session, services=services(), sources=public_sources(),
                                           key=(doc_kind, ref), now=now)
    except FileNotFoundError:
        operations.rebuild(session, services=services(), sources=public_sources(), now=now)
        session.rollback()
        with transaction() as writing:
            operations.want_missing_texts(writing, sources=public_sources(), now=now)
        return
    session.rollback()
    if any(document.attachments for document in written):
        with transaction() as writing:
            operations.want_texts(writing, documents=written, now=now)
