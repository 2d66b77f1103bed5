"""Forms of the dictionary by all but one of their characters. Pure."""

from collections.abc import Iterable, Iterator

SHORTEST, LONGEST = 3, 8           # characters of a form in which one wrong character is noticed


class Spelling:
    """Forms by all but one of their characters; made when an unknown word is first met."""

    def __init__(self, terms: Iterable[str]) -> None:
        self._holes: dict[str, list[str]] = {}
        for term in terms:
            if SHORTEST <= len(term) <= LONGEST and not any(character.isascii() for character in term):
                for i in range(len(term)):
                    self._holes.setdefault(f"{term[:i]}*{term[i + 1:]}", []).append(term)

    def near(self, typed: str) -> Iterator[tuple[int, str]]:
        """Yield the place of a wrong character, and the form that was meant."""
        for i in range(len(typed)):
            for term in self._holes.get(f"{typed[:i]}*{typed[i + 1:]}", ()):
                if term != typed:
                    yield i, term
