"""The dictionary and its versions: which is in force, what stands in it, what publishing a draft would change."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.publishing import PublicDocument
from marketplace.search.models.dictionary import DictionaryEntry, DictionaryVersion
from marketplace.search.queries.upkeep import Sources, all_documents
from marketplace.search.rules.analysis import Language
from marketplace.search.rules.dictionary import Entry, EntryKind, shipped
from marketplace.search.rules.terms import Terms
from marketplace.search.rules.wordbook import SEPARATOR, SHIPPED, Concept, digest_of, key_of

MOST_LOOKED = 5_000                # public documents that are looked at before a draft is published
MOST_EXAMPLES = 10
_KINDS = {str(kind): kind for kind in EntryKind}          # a look-up is ten times as fast as EntryKind(...)


def current_version(session: Session) -> int:
    """Return the number of the version in force; 0 is the one that comes with the product."""
    return session.scalar(select(func.max(DictionaryVersion.number)).where(
        DictionaryVersion.published_at.is_not(None))) or 0


def current_label(session: Session) -> str:
    """Return the label that an index made now must bear."""
    number = current_version(session)
    return str(number) if number else shipped_label()


@cache
def shipped_label() -> str:
    """Return the label of the dictionary that comes with the product: another one after an upgrade that changed it."""
    return f"{SHIPPED}-{digest_of(shipped())[:8]}"


def version_by_number(session: Session, number: int) -> DictionaryVersion | None:
    """Return a version that has rows of its own."""
    return session.scalar(select(DictionaryVersion).where(DictionaryVersion.number == number))


def draft_of(session: Session) -> DictionaryVersion | None:
    """Return the draft, if one is open."""
    return session.scalar(select(DictionaryVersion).where(DictionaryVersion.published_at.is_(None)))


def versions(session: Session) -> list[DictionaryVersion]:
    """Return the published versions, newest first."""
    return list(session.scalars(select(DictionaryVersion).where(DictionaryVersion.published_at.is_not(None))
                                .order_by(DictionaryVersion.number.desc())))


def book_of(session: Session, version: DictionaryVersion | None) -> list[Entry]:
    """Return the entries of a version in their order; without one, those that come with the product."""
    if version is None:
        return list(shipped())
    rows = session.execute(
        select(DictionaryEntry.term, DictionaryEntry.concept, DictionaryEntry.kind, DictionaryEntry.broader)
        .where(DictionaryEntry.version_id == version.id).order_by(DictionaryEntry.place, DictionaryEntry.id))
    return [Entry(term, concept, _KINDS[kind], tuple(broader.split(SEPARATOR)) if broader else ())
            for term, concept, kind, broader in rows]


def entries(session: Session, version: int) -> tuple[Entry, ...]:
    """Return the entries of a published version by its number; of 0 those that come with the product."""
    found = version_by_number(session, version) if version else None
    if version and (found is None or found.is_draft):
        msg = f"no version {version} of the dictionary"
        raise LookupError(msg)
    return tuple(book_of(session, found))


def entries_of(session: Session, label: str) -> tuple[Entry, ...]:
    """Return the entries that an index with this label was made with; those in force for a label nobody knows."""
    try:
        return entries(session, int(label) if label.isdecimal() else 0) if label else _in_force(session)
    except LookupError:
        return _in_force(session)


def _in_force(session: Session) -> tuple[Entry, ...]:
    """Return the entries of the version in force."""
    return entries(session, current_version(session))


def is_intact(session: Session, version: DictionaryVersion) -> bool:
    """Say whether a published version still holds what was published."""
    return version.digest == digest_of(book_of(session, version))


def matching(concepts: Iterable[Concept], text: str, kind: str = "") -> list[Concept]:
    """Return the concepts of which a word holds `text`: exact ones first, then in their order."""
    wanted = key_of(text)
    found = [one for one in concepts if not kind or one.kind == kind]
    if not wanted:
        return found
    exact = [one for one in found if wanted in {key_of(word) for word in (one.name, *one.terms)}]
    names = {one.name for one in exact}
    return [*exact, *(one for one in found if one.name not in names
                      and any(wanted in key_of(word) for word in (one.name, *one.terms)))]


@dataclass(frozen=True)
class Effect:
    """How many public documents were looked at, how many get other tokens, and the first of them."""

    looked: int
    changed: int
    examples: Sequence[PublicDocument]
    is_whole: bool


def effect(session: Session, sources: Sources, before: Language, after: Language, *,
           most: int = MOST_LOOKED) -> Effect:
    """Return which public documents get other tokens; at most `most` of them are looked at."""
    terms = Terms(_differing(before, after))
    documents = all_documents(session, sources)
    looked, changed, examples = 0, 0, list[PublicDocument]()
    for document in islice(documents, most):
        looked += 1
        text = after.simple("\n".join((document.title, document.buyer, *document.words, *document.lead, document.body)))
        if next(terms.spans(text), None) and _concepts(before, text) != _concepts(after, text):
            changed += 1
            if len(examples) < MOST_EXAMPLES:
                examples.append(document)
    return Effect(looked, changed, examples, is_whole=next(iter(documents), None) is None)


def _differing(before: Language, after: Language) -> list[Entry]:
    """Return an entry for each word that stands for something else, or for something whose wider ones differ."""
    @cache
    def tokens(language: Language, concepts: tuple[str, ...]) -> frozenset[str]:
        return frozenset(token for one in concepts for token in (
            f"={one}", *(f"~{over}" for over in language.above.get(one, ()))))

    old, new = before.terms.concepts, after.terms.concepts
    return [Entry(term, term) for term in old.keys() | new.keys()
            if tokens(before, old.get(term, ())) != tokens(after, new.get(term, ()))]


def _concepts(language: Language, text: str) -> set[str]:
    """Return the tokens of all concepts in a text."""
    return {token for found in language.terms.cover(text) for token in language.concept_tokens(found)}
