"""Writes documents anew whose kinds of service or places have other names now."""

from collections.abc import Collection
from datetime import datetime
from itertools import islice

from sqlalchemy.orm import Session

from marketplace.core.ports import Services
from marketplace.search.queries.languages import language_of
from marketplace.search.queries.naming import areas_of, categories_of
from marketplace.search.queries.upkeep import BATCH, Sources, all_documents, documents_of, rows_of


def rename_codes(session: Session, *, services: Services, sources: Sources, codes: Collection[str],
                 now: datetime) -> int:
    """Index every document again that has one of these codes, a batch at a time; return how many.

    Nothing about them is news: nobody is told. Raises OSError where there is no index.
    """
    engine, changed, count = services.search_index, set(codes), 0
    keys = ((one.kind, one.ref) for one in all_documents(session, sources)
            if not changed.isdisjoint((*categories_of(one), *areas_of(one))))
    while batch := set(islice(keys, BATCH)):
        with engine.writing():
            session.rollback()
            found = documents_of(session, sources, batch)
            language = language_of(session, services, engine.label())
            engine.index(rows_of(session, found.values(), language=language, now=now), deleted=batch - found.keys())
        count += len(found)
    return count
