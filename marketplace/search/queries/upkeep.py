"""What should be in the index, as the slices that own it say; how far the index is behind."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.outbox import Job, JobState
from marketplace.core.publishing import PUBLIC_CHANGED, PublicDocument
from marketplace.search.queries.naming import SOURCE_OF_KIND, named

Sources = Mapping[str, Callable[..., Iterable[PublicDocument]]]
BATCH = 500


def all_documents(session: Session, sources: Sources) -> Iterator[PublicDocument]:
    """Yield every public document of every slice."""
    for source in sources.values():
        yield from named(session, source(session, None))


def documents_of(session: Session, sources: Sources, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str],
                                                                                             PublicDocument]:
    """Return what is public now of some (kind, ref); what is missing here must leave the index."""
    wanted = set(keys)
    asked: dict[str, set[str]] = {}                     # source -> refs; a kind that nobody is known to offer: all
    for kind, ref in wanted:
        for name in [SOURCE_OF_KIND[kind]] if kind in SOURCE_OF_KIND else sources:
            asked.setdefault(name, set()).add(ref)
    found = [document for name, refs in asked.items() if name in sources
             for document in sources[name](session, sorted(refs)) if (document.kind, document.ref) in wanted]
    return {(d.kind, d.ref): d for d in named(session, found)}


def waiting_keys(session: Session, handler: str) -> set[tuple[str, str]]:
    """Return the (kind, ref) that other waiting jobs will ask for: one batch serves them all."""
    jobs = session.scalars(
        select(Job.payload).where(Job.kind == PUBLIC_CHANGED, Job.handler == handler, Job.state == JobState.WAITING)
        .order_by(Job.id).limit(BATCH))
    return {(str(payload["doc_kind"]), str(payload["ref"])) for payload in jobs}


def lag_seconds(session: Session, now: datetime) -> float:
    """Return how long the oldest change has been waiting for the index."""
    oldest = session.scalar(select(func.min(Job.created_at)).where(
        Job.kind == PUBLIC_CHANGED, Job.state != JobState.DONE))
    return max((now - oldest).total_seconds(), 0.0) if oldest else 0.0
