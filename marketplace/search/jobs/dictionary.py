"""Makes the index anew with a dictionary that was published."""

from sqlalchemy.orm import Session

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.search.models.dictionary import DictionaryVersion
from marketplace.search.operations import dictionary as operations
from marketplace.search.operations.upkeep import rebuild
from marketplace.search.queries.dictionary import current_version, version_by_number
from marketplace.web.services import public_sources, services


def rebuild_with_dictionary(number: int) -> None:
    """Make the index anew beside the one in use, then switch; a version that was replaced meanwhile is left out.

    Documents are read on a connection of their own, so that the page can be told how far the work is.
    """
    version = version_by_number(db.session(), number)
    if version is None or version.indexed_at is not None or current_version(db.session()) != number:
        return
    total = _size()

    def tell(done: int) -> None:
        with transaction() as session:
            operations.note_progress(session, version=session.get_one(DictionaryVersion, version_id), done=done,
                                     total=total)

    version_id = version.id
    tell(0)
    with Session(db.engine, join_transaction_mode="create_savepoint") as reading:
        documents = rebuild(reading, services=services(), sources=public_sources(), now=utc_now(), label=str(number),
                            progress=tell)
    with transaction() as session:
        operations.finish_index(session, version=session.get_one(DictionaryVersion, version_id), documents=documents,
                                now=utc_now())


def _size() -> int:
    """Return how many documents the index in use holds: about as many as the new one will."""
    try:
        return services().search_index.size()
    except OSError:
        return 0
