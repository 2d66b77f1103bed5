"""Forms of the dictionary by how they are spoken: full pinyin, and the first letters of its syllables. Pure."""

from collections.abc import Callable, Iterable, Sequence

_LONGEST_TERM = 10                 # characters of a form that is typed by sound
_LONGEST_TYPED = 40                # letters that are taken apart


class Sounds:
    """Terms by sound; made when somebody first types letters, in about half a second for 15,000 terms."""

    def __init__(self, terms: Iterable[str], syllables: Callable[[str], Sequence[str]]) -> None:
        self._full: dict[str, list[str]] = {}
        self._initials: dict[str, list[str]] = {}
        for term in terms:
            if 1 < len(term) <= _LONGEST_TERM and not any(character.isascii() for character in term):
                spoken = syllables(term)
                self._full.setdefault("".join(spoken), []).append(term)
                self._initials.setdefault("".join(one[:1] for one in spoken), []).append(term)

    def full(self, letters: str) -> list[str]:
        """Return the terms that are spoken like this."""
        return self._full.get(letters, [])

    def initials(self, letters: str) -> list[str]:
        """Return the terms whose syllables begin with these letters."""
        return self._initials.get(letters, [])

    def parts(self, letters: str) -> list[tuple[int, int]]:
        """Return where terms lie one behind the other in letters typed without a space; empty when they don't."""
        if len(letters) > _LONGEST_TYPED:
            return []
        best: list[list[tuple[int, int]] | None] = [[]] + [None] * len(letters)
        for end in range(1, len(letters) + 1):
            for start in range(end):
                before = best[start]
                if before is not None and letters[start:end] in self._full and (
                        best[end] is None or len(before) + 1 < len(best[end] or ())):
                    best[end] = [*before, (start, end)]
        return best[-1] or []
