"""Reads of saved searches: whose they are, what they found and told, what they would have told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor
from marketplace.core.ports import SearchIndex
from marketplace.core.publishing import PublicDocument
from marketplace.core.searching import SearchRequest, Sort
from marketplace.search.models.saved import SavedSearch, SavedSearchHit, SavedSearchMute
from marketplace.search.queries.upkeep import Sources, documents_of
from marketplace.search.rules.question import Question
from marketplace.search.rules.saved import PREVIEW, Frequency, next_digest, tells_of

MOST_PREVIEWED = 500


@dataclass(frozen=True)
class Kept:
    """One line of the list: a search, how much it told and when last, how much waits and when that is told."""

    search: SavedSearch
    told: int
    waiting: int
    last_told_at: datetime | None
    next_at: datetime | None


@dataclass(frozen=True)
class Event:
    """Something that happened to a document at one moment: what a message would tell of it."""

    document: PublicDocument
    at: datetime
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """What a search would have told in the last 30 days, newest first. Not complete: there was more than is read."""

    events: Sequence[Event]
    is_complete: bool


def by_ref(session: Session, ref: str) -> SavedSearch | None:
    """Return the search with that reference."""
    return session.scalar(select(SavedSearch).where(SavedSearch.ref == ref))


def by_token(session: Session, token: str) -> SavedSearch | None:
    """Return the search that a token switches off; None when its owner has deleted it."""
    return session.scalar(select(SavedSearch).where(SavedSearch.token == token, SavedSearch.ended_at.is_(None)))


def tokens_of(session: Session, refs: Sequence[str]) -> Mapping[str, str]:
    """Return the tokens of searches by reference."""
    rows = session.execute(select(SavedSearch.ref, SavedSearch.token).where(SavedSearch.ref.in_(refs)))
    return {row[0]: row[1] for row in rows}


def mine(session: Session, actor: Actor, now: datetime) -> list[Kept]:
    """Return the searches of a person, newest first."""
    rows = session.execute(
        select(SavedSearch, func.count(SavedSearchHit.told_at), func.count(SavedSearchHit.id),
               func.max(SavedSearchHit.told_at))
        .outerjoin(SavedSearchHit, SavedSearchHit.saved_search_id == SavedSearch.id)
        .where(SavedSearch.person_id == actor.person_id, SavedSearch.ended_at.is_(None))
        .group_by(SavedSearch.id).order_by(SavedSearch.id.desc()))
    return [Kept(search, told, every - told, last, _next(search, now)) for search, told, every, last in rows]


def _next(search: SavedSearch, now: datetime) -> datetime | None:
    """Return when the next digest may come; None for a search that tells at once, or not now."""
    if not search.is_live or search.frequency == Frequency.AT_ONCE:
        return None
    return next_digest(Frequency(search.frequency), now)


def hits_of(search: SavedSearch) -> Select[SavedSearchHit]:
    """Return the statement of what a search found, newest first."""
    return (select(SavedSearchHit).where(SavedSearchHit.saved_search_id == search.id)
            .order_by(SavedSearchHit.news_at.desc(), SavedSearchHit.id.desc()))


def told_in(session: Session, actor: Actor, message_ref: str) -> Sequence[tuple[SavedSearch, SavedSearchHit]]:
    """Return what one message told this person, by search, oldest news first."""
    rows = session.execute(
        select(SavedSearch, SavedSearchHit).join(SavedSearchHit, SavedSearchHit.saved_search_id == SavedSearch.id)
        .where(SavedSearchHit.message_ref == message_ref, SavedSearch.person_id == actor.person_id)
        .order_by(SavedSearch.id, SavedSearchHit.news_at, SavedSearchHit.id))
    return [(row[0], row[1]) for row in rows]


def mutes_of(session: Session, search: SavedSearch) -> set[tuple[str, str]]:
    """Return the (kind, ref) that a search is silent about."""
    rows = session.execute(select(SavedSearchMute.kind, SavedSearchMute.ref)
                           .where(SavedSearchMute.saved_search_id == search.id).order_by(SavedSearchMute.id))
    return {(row[0], row[1]) for row in rows}


def preview(session: Session, *, engine: SearchIndex, question: Question, request: SearchRequest, sources: Sources,
            now: datetime) -> Preview:
    """Return what a search would have told in the last 30 days; raises OSError when there is no index.

    Asked of the engine: what was published since then, and what was still open then (only that can have been
    changed). What happened when is read from the documents themselves.
    """
    since = now - PREVIEW
    keys: dict[tuple[str, str], None] = {}
    is_complete = True
    for number in ("published", "deadline"):
        start, end = request.ranges.get(number, (None, None))
        bounds = (max(int(since.timestamp()), start or 0), end)
        found = engine.search(replace(request, ranges={**request.ranges, number: bounds}, sort=Sort.NEWEST,
                                      limit=MOST_PREVIEWED))
        keys.update(dict.fromkeys(found.refs))
        is_complete = is_complete and found.total <= MOST_PREVIEWED
    events = [event for document in documents_of(session, sources, keys).values() if tells_of(question, document)
              for event in _events(document, since, now)]
    return Preview(sorted(events, key=lambda event: event.at, reverse=True), is_complete)


def _events(document: PublicDocument, since: datetime, until: datetime) -> Iterable[Event]:
    """Yield what happened to a document within a time, what happened together as one."""
    moments: dict[datetime, list[str]] = {}
    for news in document.news:
        if since < news.at <= until:
            moments.setdefault(news.at, []).append(news.key)
    for at, keys in moments.items():
        yield Event(document, at, tuple(keys))
