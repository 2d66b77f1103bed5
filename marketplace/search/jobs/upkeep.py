"""Index upkeep: the only place that writes the search index."""

from marketplace.core.db import db

from marketplace.search import queries
from marketplace.web.services import public_sources, services


def index_changes(doc_kind: str, ref: str) -> None:
    """Bring (kind, ref) up to date, and with it whatever else waits: later jobs then find nothing to do."""
    session, engine = db.session(), services().search_index
    keys = {(doc_kind, ref)} | queries.waiting_keys(session, "search.index_changes")
    found = queries.documents_of(session, public_sources(), keys)
    session.rollback()
    try:
        held = engine.stamps()
    except OSError:
        held = {}
    changed = [document for key, document in found.items() if held.get(key) != document.fingerprint()]
    gone = [key for key in keys - found.keys() if key in held]
    if changed or gone:
        engine.index(changed, deleted=gone)


