"""The language of this site: the dictionary that an index was made with, and the places of the area table."""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalogs.models import Area
from marketplace.core.ports import Converter, Romanizer, SearchIndex, Segmenter
from marketplace.search.models.dictionary import DictionaryVersion
from marketplace.search.queries.dictionary import entries_of
from marketplace.search.queries.finding import Finder
from marketplace.search.rules.analysis import Language, Place, Speech
from marketplace.search.rules.dictionary import Entry

_MOST_KEPT, _MOST_DIGITS = 4, 9
_kept: "OrderedDict[object, Language]" = OrderedDict()
_lock = threading.Lock()


class Tools(Protocol):
    """What a language is made with; the services of an app have it."""

    search_index: SearchIndex
    converter: Converter
    segmenter: Segmenter
    romanizer: Romanizer


def language_of(session: Session, tools: Tools, label: str) -> Language:
    """Return the language of version `label` of the dictionary; a few are kept in each process."""
    places = places_of(session)
    key = (label, _digest(session, label), places)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = make_language(entries_of(session, label), places, tools, label=label)
    with _lock:
        _kept[key] = made
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return made


def _digest(session: Session, label: str) -> str | None:
    """Return the digest of a published version; None for the dictionary that came with the product."""
    if not label.isdecimal() or len(label) > _MOST_DIGITS:
        return None
    return session.scalar(select(DictionaryVersion.digest).where(DictionaryVersion.number == int(label)))


def make_language(entries: Iterable[Entry], places: Iterable[Place], tools: Tools, *, label: str = "") -> Language:
    """Return a language made of these entries and places."""
    speech = Speech(tools.converter.readings, tools.segmenter.words, tools.segmenter.cut, tools.segmenter.is_word,
                    tools.romanizer.syllables)
    return Language(entries, places, speech, label=label)


def places_of(session: Session) -> tuple[Place, ...]:
    """Return the places of this site."""
    rows = session.execute(select(Area.code, Area.name, Area.aliases, Area.parent_code).order_by(Area.code))
    return tuple(Place(code, name, tuple(aliases.split()), parent or "") for code, name, aliases, parent in rows)


def finder_of(session: Session, tools: Tools) -> Finder:
    """Return the finder of this site's index; raises OSError when there is none."""
    return Finder(tools.search_index, language_of(session, tools, tools.search_index.label()))
