"""Language: from a text to the tokens that stand for it, the same for documents and questions. Pure.

Tokens: words, pairs of characters, Latin words and numbers as they are; `=concept` for every form of a concept of the
dictionary; `~concept` for the concept and all that lies above it. Everything in Simplified characters, lower case,
normal width.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from operator import add

from marketplace.search.rules.dictionary import Entry, EntryKind, above, wider
from marketplace.search.rules.sounds import Sounds
from marketplace.search.rules.spelling import Spelling
from marketplace.search.rules.terms import Found, Terms

HAN = "㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff〇々"
_FIRST_HAN = "㐀"
_RUN = re.compile(rf"(?P<han>[{HAN}]+)|(?P<word>[^\W_{HAN}]+(?:[-./+&@#][^\W_{HAN}]+)*)")
_PARTS = re.compile(r"[^\W_]+")
_SENTENCES = re.compile(r"[\n。；]+")
_SHORT, _MOST_SENTENCES = 60, 4_000     # characters of a sentence whose tokens are kept, and how many such
_LONGEST_WORD = 60
_LONGEST_HEAD = 10
_MOST_STARTS = 8


@dataclass(frozen=True)
class Place:
    """A place of this site: its code, its name, what else it is called, the code above it."""

    code: str
    name: str
    aliases: tuple[str, ...] = ()
    parent: str = ""


@dataclass(frozen=True)
class Run:
    """A stretch of Chinese characters, or one Latin word or number, at [start, end) of a text."""

    text: str
    start: int
    is_han: bool

    @property
    def end(self) -> int:
        """Return where it ends."""
        return self.start + len(self.text)


def normal(text: str) -> str:
    """Return a text in normal width and lower case; control characters become spaces, invisible marks go."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("\n", " ")
    if plain.isprintable():
        return plain
    return "".join(_visible(character) for character in plain)


def _visible(character: str) -> str:
    """Return a character, a space for a control character, nothing for a mark that cannot be seen."""
    kind = unicodedata.category(character)
    if kind in {"Cf", "Cs", "Co", "Cn"}:
        return ""
    return " " if kind in {"Cc", "Zl", "Zp", "Zs"} else character


def runs(text: str) -> Iterator[Run]:
    """Yield the runs of a normal text in order; punctuation is left out."""
    for match in _RUN.finditer(text):
        yield Run(match.group(), match.start(), match.lastgroup == "han")


def pairs(text: str) -> list[str]:
    """Return the pairs of neighbouring characters."""
    return [text[i:i + 2] for i in range(len(text) - 1)]


def word_tokens(word: str) -> list[str]:
    """Return the tokens of a Latin word or number: itself and, of one with marks inside, its parts."""
    if word.isalnum():
        return [word[:_LONGEST_WORD]]
    parts = _PARTS.findall(word)
    return [word[:_LONGEST_WORD], *(part[:_LONGEST_WORD] for part in parts)] if len(parts) > 1 else [
        word[:_LONGEST_WORD]]


@dataclass(frozen=True)
class Speech:
    """The tools that convert, cut and say words.

    `readings` gives a text in Simplified characters in one or two ways, `words` its words with the shorter ones
    inside, `cut` the words in order, `is_word` whether it is one word, `syllables` how it is spoken.
    """

    readings: Callable[[str], tuple[str, ...]]
    words: Callable[[str], list[str]]
    cut: Callable[[str], list[str]]
    is_word: Callable[[str], bool]
    syllables: Callable[[str], Sequence[str]]


class Language:
    """The dictionary and the places of a site, with the tools of its speech."""

    def __init__(self, entries: Iterable[Entry], places: Iterable[Place], speech: Speech, *, label: str = "") -> None:
        self.label = label
        self._readings, self._words = speech.readings, speech.words
        self.cut, self.is_word, self.syllables = speech.cut, speech.is_word, speech.syllables
        self.places: dict[str, Place] = {place.code: place for place in places}
        known = [self._plain(entry) for entry in entries]
        self.entries: tuple[Entry, ...] = (*known, *self._place_entries({entry.term for entry in known}))
        direct = wider(self.entries)
        self.above: Mapping[str, tuple[str, ...]] = {
            concept: above(concept, direct) for concept in {entry.concept for entry in self.entries}}
        self.direct = direct
        self.kinds: Mapping[str, EntryKind] = {entry.concept: entry.kind for entry in self.entries}
        self.terms = Terms(self.entries)
        self._kept: dict[str, list[str]] = {}           # tokens of the forms met so far
        self._remembered = lru_cache(maxsize=_MOST_SENTENCES)(self._read)
        self.codes = self._codes()
        self._place_tokens: dict[str, frozenset[str]] = {}

    @cached_property
    def sounds(self) -> Sounds:
        """Return the forms by how they are spoken."""
        return Sounds(self.terms.concepts, self.syllables)

    @cached_property
    def spelling(self) -> Spelling:
        """Return the forms by all but one of their characters."""
        return Spelling(self.terms.concepts)

    def _plain(self, entry: Entry) -> Entry:
        """Return an entry as its form stands in a normal text."""
        return Entry(self.simple(entry.term), self.simple(entry.concept), entry.kind,
                     tuple(map(self.simple, entry.broader)))

    def _place_entries(self, taken: set[str]) -> Iterator[Entry]:
        """Yield the places of the site as entries; an alias that means something else stays what it is."""
        for place in self.places.values():
            name = self.simple(place.name)
            over = self.places.get(place.parent)
            yield Entry(name, name, EntryKind.PLACE, (self.simple(over.name),) if over else ())
            for alias in place.aliases:
                if (form := self.simple(alias)) and form not in taken and form != name:
                    yield Entry(form, name, EntryKind.PLACE)

    def _codes(self) -> Mapping[str, tuple[str, ...]]:
        """Return the codes of each place of the site by its name."""
        found: dict[str, tuple[str, ...]] = {}
        for place in self.places.values():
            name = self.simple(place.name)
            found[name] = (*found.get(name, ()), place.code)
        return found

    def simple(self, text: str) -> str:
        """Return a text in normal width, lower case and Simplified characters."""
        return self._readings(normal(text))[-1]

    def readings(self, text: str) -> tuple[str, ...]:
        """Return a text in normal width, lower case and Simplified characters: one or two ways to read it."""
        return self._readings(normal(text))

    def tokens(self, text: str, *, singles: bool = False) -> set[str]:
        """Return the tokens of a text in all its readings; `singles`: its single characters too.

        No token reaches over the end of a line or a sentence: each is read alone, and short ones are remembered.
        """
        found: set[str] = set()
        for sentence in _SENTENCES.split(text):
            if len(sentence) <= _SHORT:
                found |= self._remembered(sentence, singles)
            else:
                found |= self._read(sentence, singles)
        return found

    def _read(self, text: str, singles: bool) -> frozenset[str]:  # noqa: FBT001 - kept by its arguments
        """Return the tokens of a sentence in all its readings."""
        found: set[str] = set()
        for reading in self.readings(text):
            self._gather(reading, found, singles=singles)
        return frozenset(found)

    def _gather(self, text: str, found: set[str], *, singles: bool) -> None:
        """Add the tokens of one reading."""
        for match in _RUN.finditer(text):
            run = match.group()
            if match.lastgroup != "han":
                found.update(word_tokens(run))
                continue
            found.update(map(add, run, run[1:]))
            if singles or len(run) == 1:
                found.update(run)
        found.update([word for word in self._words(text) if len(word) > 2 and word[0] >= _FIRST_HAN])  # noqa: PLR2004
        for start, end in self.terms.places(text):
            found.update(self._tokens_of(text[start:end]))

    def inside(self, word: str) -> list[str]:
        """Return a word and the words inside it."""
        return self._words(word)

    def concept_tokens(self, found: Found) -> Sequence[str]:
        """Return the tokens of a form that was found: its concept, all that lies above, what is named inside it."""
        return self._tokens_of(found.term)

    def _tokens_of(self, term: str) -> Sequence[str]:
        """Return the tokens of a form, reckoned once."""
        if (kept := self._kept.get(term)) is not None:
            return kept
        concepts = self.terms.concepts[term]
        tokens = [f"={concept}" for concept in concepts]
        for concept in (*concepts, *self.terms.inside(term)):
            tokens.append(f"~{concept}")
            tokens += [f"~{over}" for over in self.above.get(concept, ())]
        self._kept[term] = tokens
        return tokens

    def place_tokens(self, code: str) -> frozenset[str]:
        """Return the tokens of the place with a code, and of those above; none where nobody knows the code."""
        if code not in self._place_tokens and code in self.places:
            name = self.simple(self.places[code].name)
            above = (f"~{over}" for over in self.above.get(name, ()))
            self._place_tokens[code] = frozenset((f"={name}", f"~{name}", *above))
        return self._place_tokens.get(code, frozenset())

    def split(self, text: str) -> list[str]:
        """Return the words of a run of characters in order: forms of the dictionary, and what lies between them."""
        words, at = [], 0
        for start, end in self.terms.places(text):
            words += [*(self.cut(text[at:start]) if start > at else ()), text[start:end]]
            at = end
        return words + self.cut(text[at:]) if at < len(text) else words

    def heads(self, title: str) -> set[str]:
        """Return the beginnings by which a title is suggested: of itself and its words, their pinyin, their initials.

        Up to ten characters or letters each.
        """
        found: set[str] = set()
        for run in list(runs(self.simple(title)))[:_MOST_STARTS]:
            if not run.is_han:
                found.update(_beginnings(run.text))
                continue
            words = self.split(run.text)[:_MOST_STARTS]
            spoken = [self.syllables(word) for word in words]
            for parts in (words, ["".join(word) for word in spoken],
                          ["".join([syllable[:1] for syllable in word]) for word in spoken]):
                rest = "".join(parts)
                for part in parts:
                    found.update(_beginnings(rest))
                    rest = rest[len(part):]
        return found


def _beginnings(text: str) -> Iterator[str]:
    """Yield the beginnings of a text, one to ten characters long."""
    return accumulate(text[:_LONGEST_HEAD])
