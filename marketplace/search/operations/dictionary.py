"""Verbs on the dictionary: edit the draft by concepts, import, discard, publish; note how far the index is."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.search.models.dictionary import DictionaryEntry, DictionaryVersion
from marketplace.search.policy import dictionary as policy
from marketplace.search.queries.dictionary import book_of, current_version, draft_of, version_by_number
from marketplace.search.rules.dictionary import Entry
from marketplace.search.rules.wordbook import (
    JOB_DICTIONARY,
    MAX_NOTE,
    MOST_ENTRIES,
    SEPARATOR,
    Changes,
    Concept,
    Row,
    check,
    compare,
    digest_of,
    key_of,
    merged,
    refuse,
)

NO_DRAFT = N_("词典没有正在修改的草稿")
_BATCH = 5_000


def open_draft(session: Session, *, actor: Actor, now: datetime) -> DictionaryVersion:
    """Return the draft; without one, begin it as a copy of the version in force."""
    require(policy.may_keep_dictionary(actor))
    if (draft := draft_of(session)) is not None:
        return draft
    base = current_version(session)
    draft = DictionaryVersion(number=base + 1, base=base, opened_at=now, opened_by=actor.person_id)
    try:
        with session.begin_nested():
            session.add(draft)
            session.flush()
    except IntegrityError:
        raise Conflict(N_("另一位管理员刚开始修改词典。请重试")) from None
    _insert(session, draft, book_of(session, version_by_number(session, base)))
    _note(session, actor, "dictionary.open", draft, now, base=base)
    return draft


def add_concept(session: Session, *, actor: Actor, concept: Concept, now: datetime) -> Changes:
    """Add a concept with its words to the draft."""
    draft = open_draft(session, actor=actor, now=now)
    require(policy.may_edit_version(actor, draft))
    book = book_of(session, draft)
    return _replace(session, actor, draft, book, [*map(Row, book), *_rows(concept)], "dictionary.add", now)


def change_concept(session: Session, *, actor: Actor, name: str, concept: Concept, seen: str,
                   now: datetime) -> Changes:
    """Put a concept in the place of the one called `name`; who calls it wider follows a new name.

    `seen`: the digest of its entries as the person saw them; somebody else's change is not overwritten.
    """
    draft = open_draft(session, actor=actor, now=now)
    require(policy.may_edit_version(actor, draft))
    book = book_of(session, draft)
    old = [entry for entry in book if entry.concept == name]
    _exists(old, name)
    if digest_of(old) != seen:
        raise Conflict(N_("概念“{concept}”刚被另一位管理员改过。请重新打开再改"), concept=name)
    rows = _rows(concept)
    at = next(i for i, entry in enumerate(book) if entry.concept == name)
    kept = [Row(_renamed(entry, name, concept.name)) for entry in book if entry.concept != name]
    before = sum(entry.concept != name for entry in book[:at])
    return _replace(session, actor, draft, book, [*kept[:before], *rows, *kept[before:]], "dictionary.change", now)


def remove_concept(session: Session, *, actor: Actor, name: str, now: datetime) -> Changes:
    """Take a concept with all its words out of the draft, unless something is narrower than it."""
    draft = open_draft(session, actor=actor, now=now)
    require(policy.may_edit_version(actor, draft))
    book = book_of(session, draft)
    _exists([entry for entry in book if entry.concept == name], name)
    narrower = [entry.term for entry in book if name in entry.broader]
    if narrower:
        raise Invalid(N_("“{concept}”是 {terms} 的上级，不能删除。请先改它们的上级"), concept=name,
                      terms="、".join(narrower[:5]))
    rest = [Row(entry) for entry in book if entry.concept != name]
    return _replace(session, actor, draft, book, rest, "dictionary.remove", now)


def import_book(session: Session, *, actor: Actor, rows: Sequence[Row], is_whole: bool, now: datetime) -> Changes:
    """Put the rows of a file into the draft, or, when it `is_whole`, in its place. Nothing is done if one is wrong."""
    draft = open_draft(session, actor=actor, now=now)
    require(policy.may_edit_version(actor, draft))
    book = book_of(session, draft)
    new = list(rows) if is_whole else merged(book, rows)
    return _replace(session, actor, draft, book, new, "dictionary.import", now, lines=len(rows), is_whole=is_whole)


def discard_draft(session: Session, *, actor: Actor, now: datetime) -> None:
    """Throw the draft away."""
    draft = _draft(session, actor)
    _note(session, actor, "dictionary.discard", draft, now)
    session.execute(delete(DictionaryEntry).where(DictionaryEntry.version_id == draft.id))
    session.delete(draft)
    session.flush()


def publish_draft(session: Session, *, actor: Actor, note: str, now: datetime) -> DictionaryVersion:
    """Publish the draft: it is in force as soon as the index has been made anew with it."""
    draft = _draft(session, actor)
    if not note.strip() or len(note) > MAX_NOTE:
        raise Invalid(N_("请用一句话写明这次改了什么，最多 {most} 个字"), field="note", most=MAX_NOTE)
    book = book_of(session, draft)
    changes = compare(book_of(session, version_by_number(session, draft.base)), book)
    if not changes:
        raise Invalid(N_("草稿与现行词典相同，没有要发布的修改"))
    refuse(check([Row(entry) for entry in book]))
    draft.note, draft.digest, draft.entry_count = note.strip(), digest_of(book), len(book)
    draft.published_at, draft.published_by = now, actor.person_id
    session.flush()
    _note(session, actor, "dictionary.publish", draft, now, digest=draft.digest, entries=len(book),
          added=len(changes.added), removed=len(changes.removed), changed=len(changes.changed))
    enqueue(session, JOB_DICTIONARY, now=now, unique_key=f"dictionary:{draft.number}", number=draft.number)
    return draft


def note_progress(session: Session, *, version: DictionaryVersion, done: int, total: int) -> None:
    """Note how many documents the new index holds so far, of about how many."""
    session.execute(update(DictionaryVersion).where(DictionaryVersion.id == version.id)
                    .values(documents_done=done, documents_total=max(done, total)))


def finish_index(session: Session, *, version: DictionaryVersion, documents: int, now: datetime) -> None:
    """Note that searches are answered with this version now."""
    session.execute(update(DictionaryVersion).where(DictionaryVersion.id == version.id)
                    .values(documents_done=documents, documents_total=documents, indexed_at=now))


def _draft(session: Session, actor: Actor) -> DictionaryVersion:
    """Return the draft that this actor may edit."""
    require(policy.may_keep_dictionary(actor))
    draft = draft_of(session)
    if draft is None:
        raise IllegalStep(NO_DRAFT)
    return draft


def _exists(found: Sequence[Entry], name: str) -> None:
    """Refuse a concept that is not there (any more)."""
    if not found:
        raise Conflict(N_("词典里没有概念“{concept}”，可能刚被改名或删除"), concept=name)


def _rows(concept: Concept) -> list[Row]:
    """Return the rows of a concept."""
    return [Row(entry) for entry in concept.entries()]


def _renamed(entry: Entry, old: str, new: str) -> Entry:
    """Return an entry in which what lies above bears its new name."""
    if old == new or old not in entry.broader:
        return entry
    return Entry(entry.term, entry.concept, entry.kind, tuple(new if over == old else over for over in entry.broader))


def _replace(session: Session, actor: Actor, draft: DictionaryVersion, before: Sequence[Entry],  # noqa: PLR0917
             rows: Sequence[Row], action: str, now: datetime, **facts: object) -> Changes:
    """Check what the draft would be, write what differs, note it."""
    if len(rows) > MOST_ENTRIES:
        raise Invalid(N_("词典最多 {most} 行"), most=MOST_ENTRIES)
    refuse(check(rows))
    after = [row.entry for row in rows]
    changes = compare(before, after)
    gone = [entry.term for entry in changes.removed]
    for start in range(0, len(gone), _BATCH):
        session.execute(delete(DictionaryEntry).where(
            DictionaryEntry.version_id == draft.id, DictionaryEntry.term.in_(gone[start:start + _BATCH])))
    for _old, entry in changes.changed:
        session.execute(update(DictionaryEntry).where(
            DictionaryEntry.version_id == draft.id, DictionaryEntry.term == entry.term).values(**_columns(entry)))
    _insert(session, draft, changes.added)
    _note(session, actor, action, draft, now, **facts, added=_words(changes.added), removed=_words(changes.removed),
          changed=_words([entry for _old, entry in changes.changed]))
    return changes


def _words(entries: Sequence[Entry]) -> list[str]:
    """Return the first words of some entries, for the audit."""
    shown = [entry.term for entry in entries[:20]]
    return shown if len(entries) <= len(shown) else [*shown, f"+{len(entries) - len(shown)}"]


def _columns(entry: Entry) -> dict[str, str]:
    """Return the columns of an entry."""
    return {"term": entry.term, "term_key": key_of(entry.term), "concept": entry.concept, "kind": str(entry.kind),
            "broader": SEPARATOR.join(entry.broader)}


def _insert(session: Session, version: DictionaryVersion, book: Sequence[Entry]) -> None:
    """Write entries into a version: a word where its concept stands, new concepts at the end."""
    standing = session.execute(
        select(DictionaryEntry.concept, func.min(DictionaryEntry.place), func.max(DictionaryEntry.place))
        .where(DictionaryEntry.version_id == version.id).group_by(DictionaryEntry.concept)).all()
    places = {concept: first for concept, first, _last in standing}
    end = max((last for _concept, _first, last in standing), default=0) + 1
    rows = [{"version_id": version.id, "place": places.setdefault(entry.concept, end + at), **_columns(entry)}
            for at, entry in enumerate(book)]
    for start in range(0, len(rows), _BATCH):
        session.execute(insert(DictionaryEntry), rows[start:start + _BATCH])


def _note(session: Session, actor: Actor, action: str, version: DictionaryVersion, now: datetime,
          **facts: object) -> None:
    """Write the change into the audit."""
    record(session, actor=actor, action=action, subject=("dictionary", str(version.number)), now=now, **facts)
