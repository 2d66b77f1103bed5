"""What a visitor asks, as it stands in an address: the same for page, feed, export and saved search. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from marketplace.core.searching import Sort

FACETS = ("status", "category", "area", "budget", "buyer", "fund")
KINDS = ("project", "organization", "catalog_item", "purchase_list_item", "notice", "help", "pool")
DUE_DAYS = (3, 7, 30)
MOST_TEXT = 200                    # characters of a query that are looked at
MOST_VALUES = 50                   # chosen values in all
_MOST_YUAN = 10**11


@dataclass(frozen=True)
class Question:
    """A whole question. `filters`: facet -> values; amounts in yuan, both ends included; `plain`: words as typed."""

    text: str = ""
    kinds: tuple[str, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    amount_from: int | None = None
    amount_to: int | None = None
    due_days: int | None = None
    sort: Sort | None = None       # None: by relevance with words, newest first without
    plain: bool = False

    @property
    def order(self) -> Sort:
        """Return the order in force."""
        if self.sort is None or (self.sort == Sort.RELEVANCE and not self.text):
            return Sort.RELEVANCE if self.text else Sort.NEWEST
        return self.sort

    @property
    def is_empty(self) -> bool:
        """Say whether nothing at all was asked."""
        return self == Question(sort=self.sort)

    def arguments(self) -> list[tuple[str, str]]:
        """Return the question as arguments of an address, always in the same order."""
        pairs = [("q", self.text)] if self.text else []
        pairs += [("kind", kind) for kind in self.kinds]
        pairs += [(facet, value) for facet in FACETS for value in self.filters.get(facet, ())]
        for name, number in (("min", self.amount_from), ("max", self.amount_to), ("due", self.due_days)):
            if number is not None:
                pairs.append((name, str(number)))
        if self.sort is not None:
            pairs.append(("sort", str(self.sort)))
        return [*pairs, ("plain", "1")] if self.plain else pairs

    def address(self) -> str:
        """Return the part of an address after the question mark."""
        return urlencode(self.arguments())

    def without(self, facet: str, value: str) -> "Question":
        """Return the question without one chosen value."""
        kept = tuple(one for one in self.filters.get(facet, ()) if one != value)
        return replace(self, filters={**{k: v for k, v in self.filters.items() if k != facet},
                                      **({facet: kept} if kept else {})})


def question_of(arguments: Iterable[tuple[str, str]]) -> Question:
    """Read a question from the arguments of an address; what does not exist is left out, nothing raises."""
    gathered: dict[str, list[str]] = {}
    for name, value in arguments:
        gathered.setdefault(name, []).append(value)
    return Question(
        text="".join(gathered.get("q", [""])[0].split("\x00")).strip()[:MOST_TEXT],
        kinds=tuple(dict.fromkeys(kind for kind in gathered.get("kind", ()) if kind in KINDS)),
        filters=_filters(gathered), amount_from=_number(gathered, "min"), amount_to=_number(gathered, "max"),
        due_days=next((days for days in DUE_DAYS if str(days) in gathered.get("due", ())), None),
        sort=next((sort for sort in Sort if sort in gathered.get("sort", ())), None),
        plain="1" in gathered.get("plain", ()))


def _filters(gathered: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return the chosen values, each once, at most MOST_VALUES in all."""
    left, found = MOST_VALUES, {}
    for facet in FACETS:
        values = [value[:40] for value in gathered.get(facet, ()) if value]
        kept = tuple(dict.fromkeys(values))[:left]
        left -= len(kept)
        if kept:
            found[facet] = kept
    return found


def _number(gathered: Mapping[str, Sequence[str]], name: str) -> int | None:
    """Return a whole number of yuan, or None."""
    text = gathered.get(name, [""])[0]
    return min(int(text), _MOST_YUAN) if text.isascii() and text.isdigit() and len(text) < 20 else None  # noqa: PLR2004
