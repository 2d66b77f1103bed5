"""One wrong character in a form of three or more: what was meant. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from marketplace.search.rules.analysis import Language, pairs, runs
from marketplace.search.rules.ideas import Idea, Sense
from marketplace.search.rules.spelling import LONGEST, SHORTEST

_MOST_WINDOWS = 200


@dataclass(frozen=True)
class Slip:
    """A stretch [start, end) of a text that is a form with one wrong character, at `place` of the text.

    `is_word`: the wrong character makes a word with its neighbour; `is_alike`: it is spoken like the right one.
    """

    start: int
    end: int
    place: int
    typed: str
    meant: str
    concept: str
    is_word: bool
    is_alike: bool

    @property
    def doubted(self) -> tuple[str, ...]:
        """Return the pairs that the wrong character makes with its neighbours."""
        at = self.place - self.start
        return tuple(pairs(self.typed[max(at - 1, 0):at + 2]))


def slips(text: str, ideas: Sequence[Idea], language: Language) -> list[Slip]:
    """Return what may be slips in a normal text: only where that leaves no word the dictionary does not know."""
    unknown = [(idea.start, idea.end) for idea in ideas if idea.sense == Sense.WORD]
    found = []
    for start, typed in _windows(text, unknown):
        end = start + len(typed)
        whole = all(start <= word[0] and word[1] <= end for word in unknown if word[0] < end and start < word[1])
        for i, meant in language.spelling.near(typed) if whole else ():
            if any(word[0] <= start + i < word[1] for word in unknown):
                found.append(_slip(text, (start, end), start + i, meant, language))
    return found


def _windows(text: str, unknown: Sequence[tuple[int, int]]) -> Iterator[tuple[int, str]]:
    """Yield the stretches of running text that touch an unknown word, and where they begin."""
    count = 0
    for run in runs(text):
        lengths = range(min(LONGEST, len(run.text)), SHORTEST - 1, -1) if run.is_han and unknown else ()
        for length in lengths:
            for start in range(run.start, run.end - length + 1):
                if count < _MOST_WINDOWS and any(a < start + length and start < b for a, b in unknown):
                    count += 1
                    yield start, text[start:start + length]


def _slip(text: str, place: tuple[int, int], at: int, meant: str, language: Language) -> Slip:
    """Return a slip with what speaks for and against it."""
    typed = text[place[0]:place[1]]
    ends = range(at + 1, min(at + 5, len(text) + 1))
    around = {text[a:b] for a in range(max(at - 3, 0), at + 1) for b in ends if b - a > 1}
    return Slip(*place, at, typed, meant, language.terms.concepts[meant][0], any(map(language.is_word, around)),
                tuple(language.syllables(typed)) == tuple(language.syllables(meant)))


def best(found: Sequence[Slip], counts: Callable[[Iterable[str]], Mapping[str, int]]) -> tuple[Slip | None, bool]:
    """Return the likeliest slip, and whether nobody writes as typed, so that it is put right at once."""
    likely = [slip for slip in found if slip.is_alike or not slip.is_word]
    if not likely:
        return None, False
    told = counts({f"~{slip.concept}" for slip in likely} | {pair for slip in likely for pair in slip.doubted})
    likely = [slip for slip in likely if slip.is_alike or told.get(f"~{slip.concept}")]
    if not likely:
        return None, False
    slip = max(likely, key=lambda one: (one.is_alike, len(one.meant), told.get(f"~{one.concept}", 0), one.meant))
    is_unheard = not any(told.get(pair) for pair in slip.doubted)
    return (slip, is_unheard) if is_unheard or not slip.is_word else (None, False)
