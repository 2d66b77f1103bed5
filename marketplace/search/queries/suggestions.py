"""What is offered while somebody types: terms of the dictionary that documents hold, beginnings of public titles."""

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from marketplace.core.ports import SearchIndex
from marketplace.core.searching import Alternative, Clause, Role, SearchRequest, Zone
from marketplace.search.queries.cards import cards
from marketplace.search.queries.upkeep import Sources
from marketplace.search.rules.analysis import Language
from marketplace.search.rules.question import KINDS

MOST, MOST_TERMS = 8, 5
LONGEST = 10                       # characters of a beginning that the index keeps
_TRIED = 80                        # terms whose frequency is asked for
_HITS = 24                         # titles that are looked at: the same thing stands in several kinds


@dataclass(frozen=True)
class Suggestion:
    """One line under the search box: a word to search for, or a public thing with its page."""

    text: str
    kind: str = ""                 # empty for a word
    url: str = ""


class _Beginnings:
    """The terms of one language by their beginnings: as written, and once letters are typed by pinyin and initials."""

    def __init__(self, language: Language) -> None:
        self._terms = tuple(language.terms.concepts)
        self._syllables = language.syllables
        self._written = sorted((term, term) for term in self._terms)

    @cached_property
    def _spoken(self) -> list[tuple[str, str]]:
        """Return (letters, term), in order."""
        said = [(term, self._syllables(term)) for term in self._terms if not term[0].isascii()]
        return sorted({("".join(spoken), term) for term, spoken in said}
                      | {("".join(one[:1] for one in spoken), term) for term, spoken in said})

    def of(self, typed: str) -> Iterator[str]:
        """Yield terms that begin with what was typed, short ones first."""
        keys = (self._written, self._spoken) if typed.isascii() else (self._written,)
        yield from sorted({term for known in keys for term in _starting(known, typed)},
                          key=lambda term: (len(term), term))


def _starting(keys: Sequence[tuple[str, str]], typed: str) -> Iterator[str]:
    """Yield the terms of the keys that begin with what was typed, at most eighty."""
    first = bisect_left(keys, (typed, ""))
    for key, term in keys[first:first + _TRIED]:
        if not key.startswith(typed):
            return
        yield term


_kept: "WeakKeyDictionary[Language, _Beginnings]" = WeakKeyDictionary()
_lock = threading.Lock()


def _beginnings(language: Language) -> _Beginnings:
    """Return the beginnings of a language's terms, made once."""
    with _lock:
        if language not in _kept:
            _kept[language] = _Beginnings(language)
        return _kept[language]


def suggestions(session: Session, engine: SearchIndex, language: Language, text: str, now: datetime, *,
                sources: Sources) -> Sequence[Suggestion]:
    """Return at most eight suggestions; raises OSError when there is no index."""
    typed = language.simple(text).strip()
    if not typed:
        return []
    words = _terms(engine, language, typed)
    titles = _titles(session, engine, "".join(typed.split()), now, sources)
    return [*words, *titles[:MOST - len(words)]]


def _terms(engine: SearchIndex, language: Language, typed: str) -> list[Suggestion]:
    """Return words of the dictionary that some document holds, those of many documents first, one of each meaning."""
    concepts = language.terms.concepts
    terms = [term for term in _beginnings(language).of(typed) if concepts[term] != concepts.get(typed)]
    tokens = {term: [f"={concept}" for concept in concepts[term]] for term in terms}
    counts = engine.frequencies({token for of_term in tokens.values() for token in of_term})
    held = {term: max((counts.get(token, 0) for token in tokens[term]), default=0) for term in terms}
    there = sorted((term for term in terms if held[term]),
                   key=lambda term: (-held[term], term not in concepts[term], len(term)))
    best = {concepts[term]: term for term in reversed(there)}
    return [Suggestion(term) for term in there if best[concepts[term]] == term][:MOST_TERMS]


def _titles(session: Session, engine: SearchIndex, typed: str, now: datetime, sources: Sources) -> list[Suggestion]:
    """Return public titles and names of which some part begins with what was typed; of the same title the project."""
    beginning = Clause((Alternative((typed[:LONGEST],)),), role=Role.MUST, zones=(Zone.HEAD,))
    hits = engine.search(SearchRequest(clauses=(beginning,), limit=_HITS)).hits
    hits = sorted(hits, key=lambda hit: KINDS.index(hit.kind) if hit.kind in KINDS else len(KINDS))
    found: dict[str, Suggestion] = {}
    for card in cards(session, [(hit.kind, hit.ref) for hit in hits], now, sources=sources):
        found.setdefault(card.title, Suggestion(card.title, card.kind, card.url))
    return list(found.values())
