"""What an engine is given and what it is asked: tokens, exact values, numbers. No language and no vendor in here.

A search is a sum of clauses. A clause is a list of alternatives, an alternative one or several tokens that must all be
there; the clause is worth its weight times the best of (alternative's factor x weight of the highest zone that holds
it). Every engine adds up the same numbers, so that they agree on hits, counts and order. `holds` and `value_of` are the
reference: engines are tested against them, and saved searches are matched with them.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

NEVER = 1 << 38                    # stands for "no value": after everything else in every order
_TIE_BITS = 24


class Zone(StrEnum):
    """Where in a document a token stands. Each zone holds all of the one before: TITLE in LEAD in TEXT."""

    TITLE = "title"
    LEAD = "lead"                  # with buyer, place, kind of service, target group, summary
    TEXT = "text"                  # everything, attachments too
    HEAD = "head"                  # beginnings of the title, its pinyin and initials: for suggestions; apart


NUMBERS = ("amount", "published", "deadline")     # that ranges may ask for: fen, seconds since 1970
ZONE_WEIGHTS: Mapping[Zone, float] = {Zone.TITLE: 2.0, Zone.LEAD: 1.5, Zone.TEXT: 1.0}


class Sort(StrEnum):
    """The orders of a list of hits."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    CLOSING = "closing"
    BUDGET_HIGH = "budget_high"
    BUDGET_LOW = "budget_low"


class Role(StrEnum):
    """What a clause demands. COUNTED: at least `least` of these; BONUS: only adds to the score."""

    MUST = "must"
    COUNTED = "counted"
    BONUS = "bonus"
    NOT = "not"


@dataclass(frozen=True)
class IndexRow:
    """One document as an engine writes it. `orders`: for each sort but relevance an integer, small ones first."""

    kind: str
    ref: str
    stamp: str
    tokens: Mapping[Zone, frozenset[str]]
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)     # facet -> exact values, ancestors included
    numbers: Mapping[str, int] = field(default_factory=dict)                # for ranges: fen, seconds since 1970
    orders: Mapping[Sort, int] = field(default_factory=dict)
    prior: float = 1.0               # 1.00 to 1.04: things before the notices about them, newer before older

    @property
    def key(self) -> str:
        """Return the unique key."""
        return f"{self.kind}:{self.ref}"


@dataclass(frozen=True)
class PackedRow:
    """A row as one engine writes it: one text, which another process sends quickly. Other engines cannot read it."""

    text: str


def plain(row: IndexRow | PackedRow) -> IndexRow:
    """Return a row that no engine packed; raises TypeError for one that another engine did."""
    if isinstance(row, PackedRow):
        msg = "this row was packed by another engine"
        raise TypeError(msg)
    return row


@dataclass(frozen=True)
class Alternative:
    """One way to satisfy a clause: all of these tokens.

    `is_inside`: they stand only where another way stands too, so that nobody need look whether the clause holds.
    """

    tokens: tuple[str, ...]
    factor: float = 1.0
    is_inside: bool = False


@dataclass(frozen=True)
class Clause:
    """One thing asked for, in any of its forms."""

    alternatives: tuple[Alternative, ...]
    weight: float = 1.0
    role: Role = Role.COUNTED
    zones: tuple[Zone, ...] = (Zone.TITLE, Zone.LEAD, Zone.TEXT)


@dataclass(frozen=True)
class Cursor:
    """Where the last page ended: the place of its last row in the order asked for, and that row's key."""

    place: float
    key: str


Band = tuple[str, int | None, int | None]         # a number and the range [from, to) in which it lies


@dataclass(frozen=True)
class SearchRequest:
    """What an engine is asked. Values of one filter: any of them; filters and ranges: all of them.

    `kinds` filter without being a facet's choice. Ranges are half-open [from, to) and need the number to be there.
    Counts of a facet leave out what was chosen in that facet. `bands`: how many hits lie in each is counted.
    """

    clauses: tuple[Clause, ...] = ()
    least: int = 0
    kinds: tuple[str, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[int | None, int | None]] = field(default_factory=dict)
    facets: tuple[str, ...] = ()
    bands: tuple[Band, ...] = ()
    sort: Sort = Sort.RELEVANCE
    after: Cursor | None = None
    limit: int = 20


@dataclass(frozen=True)
class Hit:
    """One document found: its place in the order asked for (minus the score under relevance), small ones first."""

    kind: str
    ref: str
    place: float

    @property
    def cursor(self) -> Cursor:
        """Return where a page ends that ends here."""
        return Cursor(self.place, f"{self.kind}:{self.ref}")


@dataclass(frozen=True)
class SearchHits:
    """One page of hits, the exact total (all pages), exact counts of each facet and each band asked for."""

    hits: Sequence[Hit]
    total: int
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    bands: Sequence[int] = ()

    @property
    def refs(self) -> list[tuple[str, str]]:
        """Return (kind, ref) of the hits."""
        return [(hit.kind, hit.ref) for hit in self.hits]


def order_of(value: int | None, key: str) -> int:
    """Return a place in an order that no other document shares: the value, then a digest of the key. Below 2^63."""
    clipped = NEVER if value is None else max(0, min(value, NEVER - 1))
    return clipped << _TIE_BITS | zlib.crc32(key.encode()) & (1 << _TIE_BITS) - 1


def value_of(row: IndexRow, clause: Clause) -> float:
    """Return what a clause is worth in a document; 0.0 when it is not there."""
    best = 0.0
    for alternative in clause.alternatives:
        for zone in clause.zones:
            held = row.tokens.get(zone, frozenset())
            if alternative.tokens and all(token in held for token in alternative.tokens):
                best = max(best, alternative.factor * ZONE_WEIGHTS.get(zone, 1.0))
    return clause.weight * best


def chosen(row: IndexRow, request: SearchRequest, *, but: str = "") -> bool:
    """Say whether kinds, filters (without that of facet `but`) and ranges let a document through."""
    if request.kinds and row.kind not in request.kinds:
        return False
    for facet, values in request.filters.items():
        if facet != but and values and not set(values) & set(row.values.get(facet, ())):
            return False
    return all(_within(row.numbers.get(name), *bounds) for name, bounds in request.ranges.items())


def _within(number: int | None, start: int | None, end: int | None) -> bool:
    """Say whether a number lies in [start, end)."""
    if number is None:
        return start is None and end is None
    return (start is None or number >= start) and (end is None or number < end)


def in_band(row: IndexRow, band: Band) -> bool:
    """Say whether a document has a number, and in the range."""
    name, *bounds = band
    return name in row.numbers and _within(row.numbers[name], bounds[0], bounds[1])


def said(row: IndexRow, request: SearchRequest) -> bool:
    """Say whether the text of a document has what the clauses demand."""
    counted = 0
    for clause in request.clauses:
        if clause.role == Role.BONUS:
            continue
        there = value_of(row, clause) > 0
        if there == (clause.role == Role.NOT) and clause.role != Role.COUNTED:
            return False
        counted += there and clause.role == Role.COUNTED
    return counted >= request.least


def holds(row: IndexRow, request: SearchRequest) -> bool:
    """Say whether a document is a hit."""
    return chosen(row, request) and said(row, request)


def score_of(row: IndexRow, request: SearchRequest) -> float:
    """Return the relevance of a hit."""
    return row.prior * sum(value_of(row, clause) for clause in request.clauses if clause.role != Role.NOT)
