"""The forms of the dictionary in a text: found in one walk, the longest and fewest that cover most of it. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import add

from marketplace.search.rules.dictionary import Entry


@dataclass(frozen=True)
class Found:
    """A form of the dictionary at [start, end) of a text, the concepts it stands for, and those of forms inside it."""

    term: str
    start: int
    end: int
    concepts: tuple[str, ...]
    inside: tuple[str, ...] = ()


class Terms:
    """All forms, by their first two characters."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.concepts: dict[str, tuple[str, ...]] = {}
        self.forms: dict[str, list[str]] = {}
        for entry in entries:
            held = self.concepts.get(entry.term, ())
            if entry.term and entry.concept not in held:
                self.concepts[entry.term] = (*held, entry.concept)
                self.forms.setdefault(entry.concept, []).append(entry.term)
        self._lengths: dict[str, tuple[int, ...]] = {}     # beginning of two characters -> lengths of the forms
        for term in sorted((term for term in self.concepts if len(term) > 1), key=len):
            held_lengths = self._lengths.get(term[:2], ())
            if len(term) not in held_lengths:
                self._lengths[term[:2]] = (*held_lengths, len(term))
        self._inside: dict[str, tuple[str, ...]] = {}
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
        concepts, lengths, size = self.concepts, self._lengths, len(text)
        for start, two in enumerate(map(add, text, text[1:] + " ")):
            if (found := lengths.get(two)) is not None:
                for length in found:
                    end = start + length
                    if text[start:end] in concepts and end <= size and _is_whole(text, start, end):
                        yield start, end
            if text[start] in concepts and _is_whole(text, start, start + 1):
                yield start, start + 1

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
        return list(self._chosen(text, chosen))

    def _inner(self, term: str) -> tuple[str, ...]:
        """Return the concepts of the forms inside a form, its own left out."""
        if term not in self._inside:
            inner = dict.fromkeys(concept for start, end in self.spans(term) if (start, end) != (0, len(term))
                                  for concept in self.concepts[term[start:end]])
            self._inside[term] = tuple(one for one in inner if one not in self.concepts[term])
        return self._inside[term]

    def _chosen(self, text: str, chosen: list[int]) -> Iterator[Found]:
        """Yield the forms chosen, from the left."""
        i = 0
        while i < len(text):
            if end := chosen[i]:
                term = text[i:end]
                yield Found(term, i, end, self.concepts[term], self._inner(term))
            i = end or i + 1


def _is_whole(text: str, start: int, end: int) -> bool:
    """Say whether a form does not begin or end inside a Latin word or a number."""
    if text[start] > "\x7f" and text[end - 1] > "\x7f":
        return True
    return not (start and _is_latin(text[start]) and _is_latin(text[start - 1])) and not (
        end < len(text) and _is_latin(text[end - 1]) and _is_latin(text[end]))


def _is_latin(character: str) -> bool:
    """Say whether a character is an ASCII letter or digit."""
    return character.isascii() and character.isalnum()
