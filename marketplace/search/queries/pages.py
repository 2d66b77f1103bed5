"""One page of hits with everything that stands around it: rows, counts, where the next page begins, ways out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.core.searching import Band
from marketplace.search.queries.cards import Card, Key, cards
from marketplace.search.queries.finding import Finder, Findings, Understood
from marketplace.search.queries.titles import titles_like
from marketplace.search.queries.upkeep import Sources
from marketplace.search.rules.paging import Start, address_after
from marketplace.search.rules.question import DUE_DAYS, FACETS, Question

PAGE = 20
BATCH = 500
MOST_WAYS = 5
KIND, PROJECT, DEADLINE = "kind", "project", "deadline"
DISTRICT, TOWN = 6, 9               # characters of an area code


@dataclass(frozen=True)
class Row:
    """One hit on a page. `is_exact`: it holds everything that was asked."""

    card: Card
    is_exact: bool = True


@dataclass(frozen=True)
class Results:
    """One page of hits. `next`: where the next page begins, empty on the last.

    `due`: how many close within so many days. `is_limited`: found by titles alone, without an index.
    """

    rows: Sequence[Row]
    total: int
    exact: int
    start: Start = field(default_factory=Start)
    next: str = ""
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    due: Mapping[int, int] = field(default_factory=dict)
    understood: Understood | None = None
    is_limited: bool = False

    @property
    def first(self) -> int:
        """Return the place of the first row among all hits, from 1; 0 when there is none."""
        return self.start.skipped + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """Return the place of the last row among all hits."""
        return self.start.skipped + len(self.rows)


def results(session: Session, finder: Finder, asked: Question, now: datetime, *, start: Start,
            sources: Sources) -> Results:
    """Return one page of hits; raises OSError when there is no index."""
    bands = _due_bands(asked, now)
    found = finder.find(asked, now, after=start.after, limit=PAGE, facets=(*FACETS, KIND), bands=bands)
    keys = [(hit.kind, hit.ref) for hit in found.hits]
    exact = {key for number, key in enumerate(keys, start.skipped) if number < found.exact}
    skipped = start.skipped + len(keys)
    return Results(
        rows=[Row(card, is_exact=card.key in exact) for card in cards(session, keys, now, sources=sources)],
        total=found.total, exact=found.exact, start=start,
        next=address_after(skipped, found.hits[-1]) if keys and skipped < found.total else "",
        facets=found.facets, due=_due(finder, asked, now, found, bands), understood=found.understood)


def _due_bands(asked: Question, now: datetime) -> tuple[Band, ...]:
    """Return what is due within so many days; nothing where no deadlines are looked at."""
    begin = int(now.timestamp())
    days = DUE_DAYS if asked.kinds in ((), (PROJECT,)) else ()
    return tuple((DEADLINE, begin, begin + some * 86_400) for some in days)


def _due(finder: Finder, asked: Question, now: datetime, found: Findings, bands: tuple[Band, ...]) -> dict[int, int]:
    """Return how many hits close within so many days, whichever of these was chosen."""
    counts = found.bands
    if bands and asked.due_days is not None:
        ranges = finder.understand(replace(asked, due_days=None), now).request.ranges
        counts = finder.count(replace(found.request, facets=(), ranges=ranges, bands=bands)).bands
    return dict(zip(DUE_DAYS if bands else (), counts, strict=True))


def titles_only(session: Session, asked: Question, now: datetime, *, sources: Sources) -> Results:
    """Return what titles alone say: all there is while the index is away."""
    keys = titles_like(session, asked.text, asked.kinds)
    shown = cards(session, keys, now, sources=sources)
    counts: dict[str, int] = {}
    for kind, _ in keys:
        counts[kind] = counts.get(kind, 0) + 1
    return Results(rows=[Row(card) for card in shown], total=len(shown), exact=len(shown), facets={KIND: counts},
                   is_limited=True)


def walk(session: Session, finder: Finder, asked: Question, now: datetime, *, sources: Sources,
         most: int) -> Iterator[Card]:
    """Yield all hits in the order of the page, at most so many, read from the engine in batches."""
    after, left = None, most
    while left > 0:
        found = finder.find(asked, now, after=after, limit=min(BATCH, left), facets=())
        if not found.hits:
            return
        yield from cards(session, [(hit.kind, hit.ref) for hit in found.hits], now, sources=sources)
        left -= len(found.hits)
        after = found.hits[-1].cursor


def exact_keys(finder: Finder, asked: Question, now: datetime, *, limit: int) -> Sequence[Key]:
    """Return the first hits that hold everything asked: what a subscription offers."""
    found = finder.find(asked, now, limit=limit, facets=())
    return [(hit.kind, hit.ref) for hit in found.hits[:found.exact]]


@dataclass(frozen=True)
class Way:
    """A question near the one that found nothing: what was changed in it, and how much it finds."""

    question: Question
    facet: str
    value: str
    total: int


def ways_out(finder: Finder, asked: Question, understood: Understood | None, now: datetime) -> list[Way]:
    """Return questions that drop or widen one condition and find something, the most first."""
    found = []
    for facet, value, question in (*_nearby(asked), *_unsaid(asked, understood)):
        total = finder.find(question, now, limit=1, facets=()).total
        if total:
            found.append(Way(question, facet, value, total))
    return sorted(found, key=lambda way: -way.total)[:MOST_WAYS]


def _nearby(asked: Question) -> Iterator[tuple[str, str, Question]]:
    """Yield (what is dropped, its value, the question without it), at most a dozen."""
    if asked.kinds:
        yield KIND, asked.kinds[0], replace(asked, kinds=())
    for facet in FACETS:
        if values := asked.filters.get(facet, ()):
            if facet == "area" and (over := _wider(values)) != values:
                yield "wider", over[0], replace(asked, filters={**asked.filters, facet: over})
            yield facet, values[0] if len(values) == 1 else "", replace(
                asked, filters={name: kept for name, kept in asked.filters.items() if name != facet})
    if asked.due_days is not None:
        yield "due", str(asked.due_days), replace(asked, due_days=None)
    if asked.amount_from is not None or asked.amount_to is not None:
        yield "amount", "", replace(asked, amount_from=None, amount_to=None)


def _wider(codes: Sequence[str]) -> tuple[str, ...]:
    """Return the places around places: the town of a community, the district of a town."""
    return tuple(dict.fromkeys(code[:TOWN] if len(code) > TOWN else code[:DISTRICT] for code in codes))


def _unsaid(asked: Question, understood: Understood | None) -> Iterator[tuple[str, str, Question]]:
    """Yield the question without one of the things that were understood from its text."""
    for chip in (understood.chips if understood else ())[:MOST_WAYS]:
        if chip.text_without.strip():
            yield "q", chip.word, replace(asked, text=chip.text_without.strip())
