"""The dictionary of the trade: which words mean the same, which is wider, which say little, which are places. Pure."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

_DATA = Path(__file__).parents[1] / "data"
_FILES = ("dictionary.csv", "places.csv")
COLUMNS = ("term", "concept", "kind", "broader")


class EntryKind(StrEnum):
    """What an entry is. GENERIC words (服务, 项目) count little; a PLACE narrows a search to it."""

    CONCEPT = "concept"
    GENERIC = "generic"
    PLACE = "place"


@dataclass(frozen=True)
class Entry:
    """One form of a concept, in Simplified characters. The entry whose term is the concept names what is wider."""

    term: str
    concept: str
    kind: EntryKind = EntryKind.CONCEPT
    broader: tuple[str, ...] = ()


def wider(entries: Iterable[Entry]) -> Mapping[str, tuple[str, ...]]:
    """Return for each concept the concepts directly above it."""
    return {one.concept: one.broader for one in entries if one.broader}


def above(concept: str, direct: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return all concepts above one, nearest first; one that is above itself is met once and left out."""
    found: dict[str, None] = {}
    level = [concept]
    while level:
        level = [over for one in level for over in direct.get(one, ()) if over not in found and over != concept]
        found.update(dict.fromkeys(level))
    return tuple(found)


def read_entries(lines: Iterable[str]) -> list[Entry]:
    """Read entries from CSV lines with the columns `term,concept,kind,broader`; rows without a term are left out."""
    return [Entry(row["term"], row["concept"] or row["term"], EntryKind(row["kind"] or EntryKind.CONCEPT),
                  tuple(one for one in (row["broader"] or "").split("|") if one))
            for row in csv.DictReader(lines) if row["term"]]


@cache
def shipped() -> tuple[Entry, ...]:
    """Return the dictionary that comes with the product."""
    found: list[Entry] = []
    for path in (_DATA / name for name in _FILES):
        if path.exists():
            with path.open(encoding="utf-8-sig", newline="") as lines:
                found += read_entries(lines)
    return tuple(found)
