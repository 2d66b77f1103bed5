"""Verbs on saved searches: save, change, pause, resume, delete, mute; switch off with the token of a message."""

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core.access import ANONYMOUS, Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.search.models.saved import SavedSearch, SavedSearchHit, SavedSearchMute
from marketplace.search.operations.alerts import call_for
from marketplace.search.policy import saved as policy
from marketplace.search.rules.question import Question
from marketplace.search.rules.saved import JOB_SEARCH_SAVED, MAX_NAME, MOST_SEARCHES, Wish, kept


def save_search(session: Session, *, actor: Actor, question: Question, wish: Wish, now: datetime) -> SavedSearch:
    """Keep a question for the person, in the organization acted for; what is published from now on is told."""
    require(policy.may_save(actor))
    address = _address(session, actor.person_id, question)
    if _count(session, actor.person_id) >= MOST_SEARCHES:
        raise Invalid(N_("每人最多保存 {most} 个搜索。请先删除不再需要的"), most=MOST_SEARCHES)
    search = SavedSearch(
        person_id=actor.person_id, organization_id=actor.organization_id, name=_name(wish.name), question=address,
        frequency=wish.frequency, channel=wish.channel, created_at=now, since=now)
    try:
        with session.begin_nested():
            session.add(search)
    except IntegrityError:              # the same person was quicker, in another window
        _address(session, actor.person_id, question)
        raise
    _note(session, actor, "search.save", search, now, question=address, frequency=str(wish.frequency))
    enqueue(session, JOB_SEARCH_SAVED, now=now, saved_ref=search.ref)
    return search


def change_search(session: Session, *, actor: Actor, search: SavedSearch, wish: Wish, now: datetime) -> None:
    """Change name, frequency or channel; what waits goes into the message that it belongs to now."""
    require(policy.may_keep(actor, search))
    search.name, search.frequency, search.channel = _name(wish.name), wish.frequency, wish.channel
    _touch(session, search)
    call_for(session, search=search, now=now)
    _note(session, actor, "search.change", search, now, frequency=str(wish.frequency), channel=str(wish.channel))


def pause_search(session: Session, *, actor: Actor, search: SavedSearch, now: datetime) -> None:
    """Stop telling; what waited for a digest is not told any more. A second time changes nothing."""
    require(policy.may_keep(actor, search))
    _pause(session, search, actor=actor, now=now)


def _pause(session: Session, search: SavedSearch, *, actor: Actor, now: datetime) -> None:
    """Pause a search that is not paused."""
    if search.paused_at is not None:
        return
    search.paused_at = now
    _forget_waiting(session, search)
    _touch(session, search)
    _note(session, actor, "search.pause", search, now)


def resume_search(session: Session, *, actor: Actor, search: SavedSearch, now: datetime) -> None:
    """Tell again of everything that is published from now on."""
    require(policy.may_keep(actor, search))
    if search.paused_at is None:
        raise IllegalStep(N_("这个搜索没有暂停"))
    search.paused_at, search.since = None, max(now, search.created_at)
    _forget_waiting(session, search)    # a worker that looked before the pause may have written after it
    _touch(session, search)
    _note(session, actor, "search.resume", search, now)
    enqueue(session, JOB_SEARCH_SAVED, now=now, saved_ref=search.ref)


def end_search(session: Session, *, actor: Actor, search: SavedSearch, now: datetime) -> None:
    """Delete for its owner; what was told stays noted, so that nothing is told twice."""
    require(policy.may_keep(actor, search))
    search.ended_at = now
    _forget_waiting(session, search)
    _touch(session, search)
    _note(session, actor, "search.end", search, now)


def switch_off(session: Session, *, search: SavedSearch, all_of_person: bool, now: datetime) -> int:
    """Pause the search whose token was shown, or all of its owner; return how many. Twice changes nothing."""
    found = [search]
    if all_of_person:
        found = list(session.scalars(select(SavedSearch).where(
            SavedSearch.person_id == search.person_id, SavedSearch.ended_at.is_(None)).order_by(SavedSearch.id)))
    for one in found:
        _pause(session, one, actor=ANONYMOUS, now=now)
    return len(found)


def mute(session: Session, *, search: SavedSearch, kind: str, ref: str, now: datetime,
         actor: Actor = ANONYMOUS) -> None:
    """Be silent about one thing that the search found. Whoever calls has checked the owner or the token."""
    was_found = session.scalar(select(SavedSearchHit.id).where(
        SavedSearchHit.saved_search_id == search.id, SavedSearchHit.kind == kind, SavedSearchHit.ref == ref).limit(1))
    if was_found is None:
        raise Invalid(N_("这个搜索没有提醒过这一项"))
    if muted(session, search, kind, ref) is not None:
        return
    try:
        with session.begin_nested():
            session.add(SavedSearchMute(saved_search_id=search.id, kind=kind, ref=ref, muted_at=now))
    except IntegrityError:              # pressed twice: it is silent already
        return
    _note(session, actor, "search.mute", search, now, kind=kind, item=ref)


def unmute(session: Session, *, actor: Actor, search: SavedSearch, kind: str, ref: str, now: datetime) -> None:
    """Speak again about one thing: of its later news."""
    require(policy.may_keep(actor, search))
    if (found := muted(session, search, kind, ref)) is not None:
        session.delete(found)
        session.flush()
        _note(session, actor, "search.unmute", search, now, kind=kind, item=ref)


def muted(session: Session, search: SavedSearch, kind: str, ref: str) -> SavedSearchMute | None:
    """Return the mark that silences one thing."""
    return session.scalar(select(SavedSearchMute).where(
        SavedSearchMute.saved_search_id == search.id, SavedSearchMute.kind == kind, SavedSearchMute.ref == ref))


def _address(session: Session, person_id: int | None, question: Question) -> str:
    """Return the question as it is kept; raises Invalid for none, Conflict for one that the person has."""
    watched = kept(question)
    if watched.is_empty:
        raise Invalid(N_("请先写下要找的词，或选一个条件，再保存"))
    address = watched.address()
    known = session.scalar(select(SavedSearch).where(
        SavedSearch.person_id == person_id, SavedSearch.question == address, SavedSearch.ended_at.is_(None)))
    if known is not None:
        raise Conflict(N_("这个搜索已经保存过，名称是“{name}”"), name=known.name)
    return address


def _name(typed: str) -> str:
    """Return a name; raises Invalid for none or one that is too long."""
    name = " ".join(typed.split())
    if not name:
        raise Invalid(N_("请给这个搜索起个名称"), field="name")
    if len(name) > MAX_NAME:
        raise Invalid(N_("名称最多 {most} 个字"), field="name", most=MAX_NAME)
    return name


def _count(session: Session, person_id: int | None) -> int:
    """Return how many searches a person keeps."""
    return session.scalar(select(func.count()).select_from(SavedSearch).where(
        SavedSearch.person_id == person_id, SavedSearch.ended_at.is_(None))) or 0


def _touch(session: Session, search: SavedSearch) -> None:
    """Let every process see that something changed: the database counts, so that no two changes are one."""
    search.version = SavedSearch.version + 1
    session.flush()


def _forget_waiting(session: Session, search: SavedSearch) -> None:
    """Let go of what was found and not told yet."""
    session.execute(delete(SavedSearchHit).where(
        SavedSearchHit.saved_search_id == search.id, SavedSearchHit.told_at.is_(None)))


def _note(session: Session, actor: Actor, action: str, search: SavedSearch, now: datetime, **facts: object) -> None:
    """Write the change into the audit."""
    record(session, actor=actor, action=action, subject=("saved_search", search.ref), now=now, **facts)
