"""What should be in the index, as the slices that own it say, as rows; which changes wait; what differs."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from marketplace.core.outbox import NOT_DONE, Job, JobState
from marketplace.core.ports import SearchIndex
from marketplace.core.publishing import INDEX_HANDLER, PUBLIC_CHANGED, PublicDocument, index_lag
from marketplace.core.searching import IndexRow, PackedRow
from marketplace.search.queries.extracts import texts_by_document
from marketplace.search.queries.naming import SOURCE_OF_KIND, named
from marketplace.search.rules.analysis import Language
from marketplace.search.rules.rows import row_of, stamp_of
from marketplace.search.rules.upkeep import Difference, Key, compare

Sources = Mapping[str, Callable[..., Iterable[PublicDocument]]]
WithTexts = tuple[PublicDocument, tuple[str, ...]]
Row = IndexRow | PackedRow
Packing = Callable[[IndexRow], Row]
Making = Callable[[Iterable[WithTexts], Language, datetime, Packing], Iterator[Row]]
BATCH = 500
CLOCKS_DIFFER = timedelta(seconds=60)      # between the machines that write jobs and the one that rebuilds


def all_documents(session: Session, sources: Sources) -> Iterator[PublicDocument]:
    """Yield every public document of every slice."""
    for source in sources.values():
        yield from named(session, source(session, None))


def documents_of(session: Session, sources: Sources, keys: Iterable[Key]) -> dict[Key, PublicDocument]:
    """Return what is public now of some (kind, ref); what is missing here must leave the index."""
    wanted = set(keys)
    asked: dict[str, set[str]] = {}         # source -> refs; a kind that nobody is known to offer: every source
    for kind, ref in wanted:
        for name in [SOURCE_OF_KIND[kind]] if kind in SOURCE_OF_KIND else sources:
            asked.setdefault(name, set()).add(ref)
    found = (document for name, refs in asked.items() if name in sources
             for start in range(0, len(refs), BATCH)
             for document in sources[name](session, sorted(refs)[start:start + BATCH])
             if (document.kind, document.ref) in wanted)
    return {(document.kind, document.ref): document for document in named(session, found)}


def with_texts(session: Session, documents: Iterable[PublicDocument]) -> Iterator[WithTexts]:
    """Yield documents with the texts of their files, a batch at a time."""
    left = iter(documents)
    while batch := list(islice(left, BATCH)):
        texts = texts_by_document(session, batch)
        for document in batch:
            yield document, texts[document.kind, document.ref]


def one_by_one(documents: Iterable[WithTexts], language: Language, now: datetime, packed: Packing) -> Iterator[Row]:
    """Yield the rows of documents with the texts of their files, in the form in which an engine takes them."""
    for document, texts in documents:
        yield packed(row_of(document, language, now, texts))


def rows_of(session: Session, documents: Iterable[PublicDocument], *, language: Language,
            now: datetime) -> Iterator[IndexRow]:
    """Yield the rows of documents."""
    for document, texts in with_texts(session, documents):
        yield row_of(document, language, now, texts)


def stamps_of(session: Session, documents: Iterable[PublicDocument], *, now: datetime) -> dict[Key, str]:
    """Return the fingerprints that the rows of documents would have."""
    return {(document.kind, document.ref): stamp_of(document, now, texts)
            for document, texts in with_texts(session, documents)}


def waiting_keys(session: Session, *, now: datetime) -> set[Key]:
    """Return the (kind, ref) that other due jobs will ask for: one batch serves them all."""
    jobs = session.scalars(
        select(Job.payload).where(Job.kind == PUBLIC_CHANGED, Job.handler == INDEX_HANDLER,
                                  Job.state == JobState.WAITING, Job.due_at <= now)
        .order_by(Job.id).limit(BATCH))
    return {(str(payload["doc_kind"]), str(payload["ref"])) for payload in jobs}


def keys_changed_since(session: Session, since: datetime, *, now: datetime) -> set[Key]:
    """Return the (kind, ref) whose changes were written to an index since then, or may be just now.

    A worker has written before it notes that it is done: whatever was begun counts, however late it became due.
    """
    since -= CLOCKS_DIFFER
    jobs = session.scalars(
        select(Job.payload).where(
            Job.kind == PUBLIC_CHANGED, Job.handler == INDEX_HANDLER,
            or_(Job.done_at >= since, Job.state.in_(NOT_DONE) & or_(Job.attempts > 0,
                                                                    Job.due_at <= now + CLOCKS_DIFFER))))
    return {(str(payload["doc_kind"]), str(payload["ref"])) for payload in jobs}


def lag_seconds(session: Session, now: datetime) -> float:
    """Return how long the oldest change has been waiting for the index."""
    return index_lag(session, now)


def difference(session: Session, sources: Sources, engine: SearchIndex, *, now: datetime) -> tuple[Difference, int]:
    """Compare index and database; return also how many documents the index holds. Raises OSError without an index."""
    held = engine.stamps()
    return compare(stamps_of(session, all_documents(session, sources), now=now), held), len(held)
