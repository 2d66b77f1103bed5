"""Brings the index up to date, and builds it anew. Only jobs and commands call this; nothing here commits."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.core.ports import Services
from marketplace.core.publishing import PublicDocument
from marketplace.core.searching import IndexRow
from marketplace.search.queries.dictionary import current_label
from marketplace.search.queries.languages import language_of
from marketplace.search.queries.upkeep import (
    BATCH,
    Making,
    Row,
    Sources,
    all_documents,
    documents_of,
    keys_changed_since,
    one_by_one,
    rows_of,
    stamps_of,
    waiting_keys,
    with_texts,
)
from marketplace.search.rules.upkeep import Difference, Key

Progress = Callable[[int], None]


def index_changes(session: Session, *, services: Services, sources: Sources, key: Key,
                  now: datetime) -> list[PublicDocument]:
    """Bring (kind, ref) up to date, and with it whatever else waits; return the documents that were written.

    The database is read while no other writer writes, so that an older reading never replaces a newer one.
    """
    engine = services.search_index
    with engine.writing():
        session.rollback()          # what other writers had read before is visible now
        if not _differing(session, services, sources, {key}, now)[0]:
            return []               # an earlier job of the same batch did it
        differing, found = _differing(session, services, sources, {key} | waiting_keys(session, now=now), now)
        changed = [document for at, document in found.items() if at in differing]
        language = language_of(session, services, engine.label())
        engine.index(rows_of(session, changed, language=language, now=now), deleted=differing - found.keys())
    return changed


def _differing(session: Session, services: Services, sources: Sources, keys: set[Key],
               now: datetime) -> tuple[set[Key], dict[Key, PublicDocument]]:
    """Return which of some keys differ between database and index, and what is public of them."""
    found = documents_of(session, sources, keys)
    should, held = stamps_of(session, found.values(), now=now), services.search_index.stamps(keys)
    return {key for key in keys if should.get(key) != held.get(key)}, found


def repair(session: Session, *, services: Services, sources: Sources, difference: Difference, now: datetime) -> None:
    """Write what is missing or stale, take out what is too much."""
    with services.search_index.writing():
        session.rollback()
        wanted = {*difference.missing, *difference.stale, *difference.extra}
        found = documents_of(session, sources, wanted)
        language = language_of(session, services, services.search_index.label())
        services.search_index.index(rows_of(session, found.values(), language=language, now=now),
                                    deleted=wanted - found.keys())


def rebuild(session: Session, *, services: Services, sources: Sources, now: datetime,
            progress: Progress | None = None, label: str = "", making: Making = one_by_one) -> int:
    """Build the index anew beside the one in use; return how much it holds. Without `label`: the dictionary in force.

    `making` turns documents into rows. What changes meanwhile is written to the index in use, and to the new one just
    before it takes over.
    """
    label = label or current_label(session)
    language = language_of(session, services, label)

    def late() -> tuple[Iterable[IndexRow], Iterable[Key]]:
        session.rollback()
        keys = keys_changed_since(session, now, now=now)
        found = documents_of(session, sources, keys)
        return rows_of(session, found.values(), language=language, now=now), keys - found.keys()

    rows = making(with_texts(session, all_documents(session, sources)), language, now, services.search_index.packed)
    return services.search_index.rebuild(_counted(rows, progress), label=label, late=late)


def _counted(rows: Iterable[Row], progress: Progress | None) -> Iterator[Row]:
    """Yield rows, and tell how many went by after every batch."""
    count = 0
    for count, row in enumerate(rows, start=1):
        yield row
        if progress is not None and count % BATCH == 0:
            progress(count)
    if progress is not None:
        progress(count)
