"""Asks an engine what a visitor means: strictly first, then loosely when too little was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from marketplace.core.ports import SearchIndex
from marketplace.core.searching import Band, Cursor, Hit, SearchHits, SearchRequest
from marketplace.search.rules.analysis import Language
from marketplace.search.rules.question import FACETS, Question
from marketplace.search.rules.understanding import Chip, Understood, understand

ENOUGH = 20                        # so many hits that hold everything, and nothing else is looked for

__all__ = ["ENOUGH", "Chip", "Finder", "Findings", "Understood"]


@dataclass(frozen=True)
class Findings:
    """One page of hits. The first `exact` of all `total` hold everything that was asked; the rest come near.

    `strict`: the (kind, ref) of those that hold everything, when there are others; `request`: what the engine was
    asked at last, of which total and counts are; `bands`: how many hits lie in each band asked for.
    """

    hits: Sequence[Hit]
    total: int
    exact: int
    facets: Mapping[str, Mapping[str, int]]
    understood: Understood
    strict: frozenset[tuple[str, str]] = frozenset()
    request: SearchRequest = field(default_factory=SearchRequest)
    bands: Sequence[int] = ()


class Finder:
    """Finds with one engine and one language."""

    def __init__(self, engine: SearchIndex, language: Language) -> None:
        self._engine = engine
        self.language = language

    def understand(self, question: Question, now: datetime) -> Understood:
        """Return what a question means; raises OSError when the index cannot be read."""
        return understand(question, self.language, now, self._engine.frequencies, self._engine.size())

    def find(self, question: Question, now: datetime, *, after: Cursor | None = None, limit: int = 20,
             facets: Sequence[str] = FACETS, bands: Sequence[Band] = ()) -> Findings:
        """Return one page; raises OSError when the index cannot be read."""
        understood = self.understand(question, now)
        request = replace(understood.request, facets=tuple(facets), bands=tuple(bands))
        strict = self._engine.search(replace(request, limit=max(limit, ENOUGH)))
        if strict.total < ENOUGH and (widened := self._widened(understood, request, strict, after, limit)):
            wish, loose = widened
            keys = frozenset(strict.refs)
            return Findings(loose.hits, loose.total, strict.total, loose.facets, understood, keys, wish, loose.bands)
        page = strict if after is None else self._engine.search(replace(request, after=after, limit=limit))
        return Findings(page.hits[:limit], strict.total, strict.total, strict.facets, understood, request=request,
                        bands=strict.bands)

    def count(self, request: SearchRequest) -> SearchHits:
        """Return total and counts of a request near one that was found with; raises OSError when there is no index."""
        return self._engine.search(replace(request, after=None, limit=0))

    def _widened(self, understood: Understood, asked: SearchRequest, strict: SearchHits, after: Cursor | None,
                 limit: int) -> tuple[SearchRequest, SearchHits] | None:
        """Return the first looser request that finds enough, else the one that finds most, with what it finds."""
        best, chosen = strict, None
        for wish in (*understood.loose, understood.anywhere, understood.trace):
            if wish is None or (wish is understood.anywhere and best.total):
                continue
            request = replace(wish, facets=asked.facets, bands=asked.bands)
            found = self._loose(request, strict, after, limit)
            if found.total > best.total:
                best, chosen = found, request
            if best.total >= ENOUGH:
                break
        return (chosen, best) if chosen else None

    def _loose(self, request: SearchRequest, strict: SearchHits, after: Cursor | None, limit: int) -> SearchHits:
        """Return a page of the strict hits and, behind them, the others that come near."""
        first = [hit.cursor.key for hit in strict.hits]
        rest = strict.hits if after is None else strict.hits[first.index(after.key) + 1:] if after.key in first else []
        start = None if after is None or after.key in first else after
        more = self._engine.search(replace(request, after=start, limit=limit + len(first)))
        others = [hit for hit in more.hits if hit.cursor.key not in first]
        return SearchHits([*rest, *others][:limit], more.total, more.facets, more.bands)
