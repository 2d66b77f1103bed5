"""The forms of the dictionary in a text: found in one walk, the longest and fewest that cover most of it. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from marketplace.search.rules.dictionary import Entry

_Node: TypeAlias = "dict[str, _Node]"
_END = ""                # no character: the key under which a node keeps that a form ends here


@dataclass(frozen=True)
class Found:
    """A form of the dictionary at [start, end) of a text, and the concepts it stands for."""

    term: str
    start: int
    end: int
    concepts: tuple[str, ...]


class Terms:
    """All forms, as a tree of characters."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.concepts: dict[str, tuple[str, ...]] = {}
        self.forms: dict[str, list[str]] = {}
        for entry in entries:
            held = self.concepts.get(entry.term, ())
            if entry.term and entry.concept not in held:
                self.concepts[entry.term] = (*held, entry.concept)
                self.forms.setdefault(entry.concept, []).append(entry.term)
        self._root: _Node = {}
        for term in self.concepts:
            node = self._root
            for character in term:
                node = node.setdefault(character, {})
            node[_END] = {}

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where forms stand in a normal text; Latin ones only as whole words."""
        root = self._root
        for start, first in enumerate(text):
            node, end = root.get(first), start + 1
            while node is not None:
                if _END in node and _is_whole(text, start, end):
                    yield start, end
                if end == len(text):
                    break
                node, end = node.get(text[end]), end + 1

    def cover(self, text: str) -> list[Found]:
        """Return the forms that cover most of a text, in order, none inside another; long ones before many."""
        starts: dict[int, list[int]] = {}
        for start, end in self.spans(text):
            starts.setdefault(start, []).append(end)
        if not starts:
            return []
        best = [0] * (len(text) + 1)
        chosen = [0] * len(text)
        for i in range(len(text) - 1, -1, -1):
            best[i] = best[i + 1]
            for end in starts.get(i, ()):
                worth = (end - i) ** 2 + best[end]
                if worth > best[i]:
                    best[i], chosen[i] = worth, end
        return list(self._chosen(text, chosen))

    def _chosen(self, text: str, chosen: list[int]) -> Iterator[Found]:
        """Yield the forms chosen, from the left."""
        i = 0
        while i < len(text):
            if end := chosen[i]:
                term = text[i:end]
                yield Found(term, i, end, self.concepts[term])
            i = end or i + 1


def _is_whole(text: str, start: int, end: int) -> bool:
    """Say whether a form does not begin or end inside a Latin word or a number."""
    return not (start and _is_latin(text[start]) and _is_latin(text[start - 1])) and not (
        end < len(text) and _is_latin(text[end - 1]) and _is_latin(text[end]))


def _is_latin(character: str) -> bool:
    """Say whether a character is an ASCII letter or digit."""
    return character.isascii() and character.isalnum()
