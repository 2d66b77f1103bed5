"""The dictionary of the trade: which words mean the same, which is wider, which say little, which are places. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


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
