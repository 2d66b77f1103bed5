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
        self._latin = frozenset(term for term in self.concepts if _is_latin(term[0]) or _is_latin(term[-1]))
        self._alone = frozenset(term for term in self.concepts if len(term) == 1)
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
        """Yield where forms stand in a normal text, in order; Latin ones only as whole words."""
        for start in range(len(text)):
            for length in (*self._lengths.get(text[start:start + 2], ()), 1):
                term = text[start:start + length]
                if len(term) == length and term in self.concepts and self._is_free(term, text, start):
                    yield start, start + length

    def _is_free(self, term: str, text: str, start: int) -> bool:
        """Say whether a form at a place does not begin or end inside a Latin word or a number."""
        return term not in self._latin or _is_whole(text, start, start + len(term))

    def parts(self, term: str) -> list[Found]:
        """Return the shorter forms that a form is made of; empty when they leave something over."""
        parts = self.cover(term, shorter_than=len(term))
        return parts if sum(len(part.term) for part in parts) == len(term) else []

    def cover(self, text: str, *, shorter_than: int = 1000) -> list[Found]:
        """Return the forms that cover most of a text, in order, none inside another; long ones before many."""
        return [Found(text[start:end], start, end, self.concepts[text[start:end]], self.inside(text[start:end]))
                for start, end in self.places(text, shorter_than=shorter_than)]

    def places(self, text: str, *, shorter_than: int = 1000) -> list[tuple[int, int]]:
        """Return where the forms stand that cover most of a text, in order: worth the square of their length each."""
        size, concepts, latin = len(text), self.concepts, self._latin
        best = [0] * (size + 1)             # of the text from here on; filled in from the right
        chosen: dict[int, int] = {}         # where a form begins that makes it better -> where it ends
        top, filled = 0, size
        for start, lengths in self._beginnings(text):
            best[start + 1:filled + 1] = [top] * (filled - start)
            filled = start
            for length in lengths:
                end = start + length
                if (end <= size and length < shorter_than and length * length + best[end] > top
                        and (term := text[start:end]) in concepts
                        and (term not in latin or _is_whole(text, start, end))):
                    top, chosen[start] = length * length + best[end], end
        return list(_from(chosen))

    def _beginnings(self, text: str) -> list[tuple[int, tuple[int, ...]]]:
        """Return where a form may begin, and how long it may be, from the right."""
        known = self._lengths
        found = [(at, known[two]) for at, two in enumerate(map(add, text, text[1:])) if two in known]
        if self._alone and not self._alone.isdisjoint(text):
            lengths = dict(found)
            found = [(at, (*lengths.get(at, ()), 1) if letter in self._alone else lengths[at])
                     for at, letter in enumerate(text) if at in lengths or letter in self._alone]
        found.reverse()
        return found

    def inside(self, term: str) -> tuple[str, ...]:
        """Return the concepts of the forms inside a form, its own left out."""
        if term not in self._inside:
            inner = dict.fromkeys(concept for start, end in self.spans(term) if (start, end) != (0, len(term))
                                  for concept in self.concepts[term[start:end]])
            self._inside[term] = tuple(one for one in inner if one not in self.concepts[term])
        return self._inside[term]


def _from(chosen: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the forms chosen, from the left; the last one found begins first."""
    at = 0
    for start, end in reversed(chosen.items()):
        if start >= at:
            yield start, end
            at = end


def _is_whole(text: str, start: int, end: int) -> bool:
    """Say whether a form does not begin or end inside a Latin word or a number."""
    return not (start and _is_latin(text[start]) and _is_latin(text[start - 1])) and not (
        end < len(text) and _is_latin(text[end - 1]) and _is_latin(text[end]))


def _is_latin(character: str) -> bool:
    """Say whether a character is an ASCII letter or digit."""
    return character.isascii() and character.isalnum()
