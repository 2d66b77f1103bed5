"""The forms of the dictionary in a text: found in one walk, the longest and fewest that cover most of it. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from marketplace.search.rules.dictionary import Entry

_Node: TypeAlias = "dict[str, _Node]"
_END = ""                # no character: the key under which a node keeps that a form ends here


@dataclass(frozen=True)
class Found:
    """A form of the dictionary at [start, end) of a text, the concepts it stands for, and those of forms inside it."""

    term: str
    start: int
    end: int
    concepts: tuple[str, ...]
    inside: tuple[str, ...] = ()


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
        self._line = "\n".join(self.concepts)

    def holding(self, word: str) -> dict[str, int]:
        """Return the concepts that have forms with `word` inside, and how many such forms."""
        found: dict[str, int] = {}
        at = self._line.find(word)
        while at >= 0:
            start, end = self._line.rfind("\n", 0, at) + 1, self._line.find("\n", at)
            end = len(self._line) if end < 0 else end
            for concept in self.concepts[self._line[start:end]]:
                found[concept] = found.get(concept, 0) + 1
            at = self._line.find(word, end)
        return found

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

    def parts(self, term: str) -> list[Found]:
        """Return the shorter forms that a form is made of; empty when they leave something over."""
        parts = self.cover(term, shorter_than=len(term))
        return parts if sum(len(part.term) for part in parts) == len(term) else []

    def cover(self, text: str, *, shorter_than: int = 1000) -> list[Found]:
        """Return the forms that cover most of a text, in order, none inside another; long ones before many."""
        starts: dict[int, list[int]] = {}
        for start, end in self.spans(text):
            if end - start < shorter_than:
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
        return list(self._chosen(text, chosen, starts))

    def _chosen(self, text: str, chosen: list[int], starts: dict[int, list[int]]) -> Iterator[Found]:
        """Yield the forms chosen, from the left."""
        i = 0
        while i < len(text):
            if end := chosen[i]:
                term = text[i:end]
                inner = dict.fromkeys(
                    concept for start in range(i, end - 1) for stop in starts.get(start, ())
                    if stop <= end and (start, stop) != (i, end) for concept in self.concepts[text[start:stop]])
                held = self.concepts[term]
                yield Found(term, i, end, held, tuple(one for one in inner if one not in held))
            i = end or i + 1


def _is_whole(text: str, start: int, end: int) -> bool:
    """Say whether a form does not begin or end inside a Latin word or a number."""
    return not (start and _is_latin(text[start]) and _is_latin(text[start - 1])) and not (
        end < len(text) and _is_latin(text[end - 1]) and _is_latin(text[end]))


def _is_latin(character: str) -> bool:
    """Say whether a character is an ASCII letter or digit."""
    return character.isascii() and character.isalnum()
