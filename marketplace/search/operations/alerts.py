"""Alerts: remember what saved searches found, hand over what waits for a person, note that it was told.

A hit is written in the transaction that asks for its message, and marked as told in the transaction that writes the
message: a worker that dies at any point leaves either both or none.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.core.outbox import enqueue
from marketplace.core.publishing import PublicDocument
from marketplace.search.models.saved import SavedSearch, SavedSearchHit, SavedSearchMute
from marketplace.search.queries.alerts import Owner, owners
from marketplace.search.rules.saved import (
    GATHER,
    JOB_ALERT,
    Channel,
    Frequency,
    frequencies_at,
    is_update,
    next_digest,
)

Documents = Callable[[Iterable[tuple[str, str]]], Mapping[tuple[str, str], PublicDocument]]
_CHUNK = 500
_ONE_AT_A_TIME = 0x616C6572        # "aler": on PostgreSQL those who remember stand in a row, and none is turned away


@dataclass(frozen=True)
class Item:
    """One document in a message: its news, and the other searches of the same person that found it."""

    document: PublicDocument
    keys: tuple[str, ...]
    also: tuple[str, ...] = ()

    @property
    def is_update(self) -> bool:
        """Say whether it was known before."""
        return is_update(self.keys)


@dataclass(frozen=True)
class Group:
    """What one search found, in the order of its happening."""

    search: SavedSearch
    items: Sequence[Item]


@dataclass(frozen=True)
class Delivery:
    """Everything that one message tells, and the hits that it settles."""

    groups: Sequence[Group]
    hit_ids: Sequence[int]


def remember(session: Session, *, document: PublicDocument, matched: Mapping[int, int], now: datetime) -> set[int]:
    """Write the news of a document for the searches it matched (id -> version looked at) and ask for the messages.

    Left out: paused ones, people who may not hear, muted ones, those saved after the news, and what is written
    already. Returns the searches that were changed since they were looked at: the caller looks again.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
    found = [owner for ids in _chunks(sorted(matched))
             for owner in owners(session, ids, kind=document.kind, ref=document.ref)]
    heard = {owner.search_id: owner for owner in found if owner.version == matched[owner.search_id]}
    rows = [{"saved_search_id": owner.search_id, "kind": document.kind, "ref": document.ref, "news_key": news.key,
             "news_at": news.at, "found_at": now}
            for owner in heard.values() for news in document.news if news.at > owner.since]
    fresh = [search_id for some in _chunks(rows) for search_id in session.scalars(_insert_once(session, some))]
    _ask_for_messages(session, {heard[search_id] for search_id in fresh}, now)
    return {owner.search_id for owner in found} - heard.keys()


def _chunks(things: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield a long list in parts that one statement can carry."""
    for start in range(0, len(things), _CHUNK):
        yield things[start:start + _CHUNK]


def _insert_once(session: Session, rows: Sequence[Mapping[str, object]]) -> Any:
    """Return an INSERT that leaves alone what is there already, and gives back the searches of what is new."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert: Any = postgresql.insert(SavedSearchHit) if is_postgresql else sqlite.insert(SavedSearchHit)
    statement: Insert = insert.values(list(rows)).on_conflict_do_nothing().returning(SavedSearchHit.saved_search_id)
    return statement


def _ask_for_messages(session: Session, owners_: Iterable[Owner], now: datetime) -> None:
    """Ask once for each person at once, and once for each person and digest."""
    at_once, digests = set(), set()
    for owner in owners_:
        if owner.frequency == Frequency.AT_ONCE:
            at_once.add(owner.person_ref)
        else:
            digests.add((owner.person_ref, next_digest(owner.frequency, now)))
    for person_ref in sorted(at_once):
        enqueue(session, JOB_ALERT, now=now, person_ref=person_ref)
    for person_ref, due in sorted(digests):
        _ask_for_digest(session, person_ref, due, now)


def _ask_for_digest(session: Session, person_ref: str, due: datetime, now: datetime) -> None:
    """Ask for a person's digest of that moment; one job for all that waits then."""
    enqueue(session, JOB_ALERT, now=now, due_at=due, unique_key=f"digest:{person_ref}:{due.isoformat()}",
            person_ref=person_ref, due=due.isoformat())


def call_for(session: Session, *, search: SavedSearch, now: datetime) -> None:
    """Ask for the message that what waits for a search belongs into now: its frequency may have changed."""
    waits = session.scalar(select(SavedSearchHit.id).where(
        SavedSearchHit.saved_search_id == search.id, SavedSearchHit.told_at.is_(None)).limit(1))
    person_ref = session.scalar(select(Person.ref).where(Person.id == search.person_id))
    if waits is None or person_ref is None:
        return
    if search.frequency == Frequency.AT_ONCE:
        enqueue(session, JOB_ALERT, now=now, person_ref=person_ref)
    else:
        _ask_for_digest(session, person_ref, next_digest(Frequency(search.frequency), now), now)


def put_off(session: Session, *, person: Person, now: datetime) -> bool:
    """Say whether the person heard less than a minute ago; if so, a later job is asked for in this transaction."""
    last = session.scalar(
        select(func.max(SavedSearchHit.told_at)).join(SavedSearch).where(
            SavedSearch.person_id == person.id, SavedSearch.frequency == Frequency.AT_ONCE))
    if last is None or not last <= now < last + GATHER:
        return False
    due = last + GATHER
    enqueue(session, JOB_ALERT, now=now, due_at=due, unique_key=f"gather:{person.ref}:{due.isoformat()}",
            person_ref=person.ref)
    return True


def gather(session: Session, *, person: Person, due: datetime | None, documents: Documents) -> Delivery:
    """Return all that waits for a person in the searches due (None: those told at once).

    Two jobs of one person stand in a row here. What nobody shall hear any more - muted, no longer public, of a person
    without that mandate - is let go.
    """
    searches = {search.id: search for search in session.scalars(
        select(SavedSearch).where(SavedSearch.person_id == person.id, SavedSearch.frequency.in_(frequencies_at(due)),
                                  SavedSearch.paused_at.is_(None), SavedSearch.ended_at.is_(None))
        .order_by(SavedSearch.id).with_for_update())}
    hits = session.scalars(
        select(SavedSearchHit).where(SavedSearchHit.saved_search_id.in_(searches), SavedSearchHit.told_at.is_(None))
        .order_by(SavedSearchHit.news_at, SavedSearchHit.id)).all()
    if not hits:
        return Delivery((), ())
    public = documents({(hit.kind, hit.ref) for hit in hits})
    hearing = {owner.search_id for owner in owners(session, sorted(searches))}
    silent = _silent(session, searches)
    told = [hit for hit in hits if hit.saved_search_id in hearing and (hit.kind, hit.ref) in public
            and (hit.saved_search_id, hit.kind, hit.ref) not in silent]
    dropped = {hit.id for hit in hits} - {hit.id for hit in told}
    for ids in _chunks(sorted(dropped)):
        session.execute(delete(SavedSearchHit).where(SavedSearchHit.id.in_(ids))
                        .execution_options(synchronize_session=False))
    return Delivery(_grouped(searches, told, public), [hit.id for hit in told])


def _silent(session: Session, search_ids: Iterable[int]) -> set[tuple[int, str, str]]:
    """Return what is muted in those searches."""
    rows = session.execute(select(SavedSearchMute.saved_search_id, SavedSearchMute.kind, SavedSearchMute.ref)
                           .where(SavedSearchMute.saved_search_id.in_(list(search_ids))))
    return {(row[0], row[1], row[2]) for row in rows}


def _grouped(searches: Mapping[int, SavedSearch], hits: Sequence[SavedSearchHit],
             public: Mapping[tuple[str, str], PublicDocument]) -> list[Group]:
    """Return the items by search, each document once: in the first search that found it, those with e-mail first."""
    order = sorted(searches, key=lambda i: (searches[i].channel != Channel.EMAIL, i))
    keys: dict[tuple[str, str], dict[str, None]] = {}
    finders: dict[tuple[str, str], set[int]] = {}
    for hit in hits:
        keys.setdefault((hit.kind, hit.ref), {})[hit.news_key] = None
        finders.setdefault((hit.kind, hit.ref), set()).add(hit.saved_search_id)
    items: dict[int, list[Item]] = {search_id: [] for search_id in order}
    for key, found_by in finders.items():
        first, *others = sorted(found_by, key=order.index)
        items[first].append(Item(public[key], tuple(keys[key]), tuple(searches[i].name for i in others)))
    return [Group(searches[search_id], found) for search_id, found in items.items() if found]


def mark_told(session: Session, *, delivery: Delivery, message_ref: str, now: datetime) -> None:
    """Note which message told these hits, in the transaction that writes the message."""
    for ids in _chunks(delivery.hit_ids):
        session.execute(update(SavedSearchHit).where(SavedSearchHit.id.in_(ids), SavedSearchHit.told_at.is_(None))
                        .values(told_at=now, message_ref=message_ref).execution_options(synchronize_session=False))
