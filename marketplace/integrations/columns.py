"""Adds up scores, filters, counts and sorts the documents of one index segment with NumPy. Knows no engine.

Semantics: core/searching.py. Same sums in the same order in the same precision, so that scores are equal to the bit.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketplace.core.searching import (
    ZONE_WEIGHTS,
    Clause,
    Cursor,
    Hit,
    IndexRow,
    Role,
    SearchHits,
    SearchRequest,
    Sort,
    Zone,
    order_of,
)

Ids = NDArray[np.uint32]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Postings = Callable[[Zone, str], Ids]
Facts = tuple[str, str, str, Mapping[str, tuple[str, ...]], Mapping[str, int], Mapping[str, int], float]
_MISSING = np.iinfo(np.int64).min


def facts_of(row: IndexRow) -> Facts:
    """Return what an engine stores of a row beside its tokens."""
    orders = {str(sort): place for sort, place in row.orders.items()}
    return row.kind, row.ref, row.stamp, dict(row.values), dict(row.numbers), orders, row.prior


@dataclass(frozen=True)
class Facet:
    """The values of one facet in a segment: words, and beside each other the documents and the word each has."""

    words: Sequence[str]
    documents: Ids
    codes: NDArray[np.uint32]
    holders: Mapping[str, Ids]

    @classmethod
    def of(cls, values: Iterable[tuple[int, Sequence[str]]]) -> "Facet":
        """Gather (document, values)."""
        coded: dict[str, int] = {}
        pairs = [(at, coded.setdefault(word, len(coded))) for at, words in values for word in dict.fromkeys(words)]
        table = np.array(pairs, dtype=np.uint32).reshape(-1, 2)
        order = np.argsort(table[:, 1], kind="stable")
        cuts = np.searchsorted(table[order, 1], np.arange(1, len(coded)))
        holders = dict(zip(coded, np.split(table[order, 0], cuts), strict=False))
        return cls(list(coded), table[:, 0], table[:, 1], holders)

    def count(self, chosen: Mask) -> dict[str, int]:
        """Count each value in the documents chosen."""
        counts = np.bincount(self.codes[chosen[self.documents]], minlength=len(self.words))
        return {word: int(number) for word, number in zip(self.words, counts, strict=True) if number}


@dataclass(frozen=True)
class Columns:
    """The facts of a segment's documents, column by column."""

    keys: Sequence[tuple[str, str]]
    stamps: Sequence[str]
    in_order: Sequence[int]              # documents in the order of their keys
    ranks: Integers                      # place of the key among the segment's keys
    sorted_keys: Sequence[str]
    facets: Mapping[str, Facet]
    kinds: Facet
    numbers: Mapping[str, Integers]
    orders: Mapping[str, Integers]
    prior: Floats

    @classmethod
    def of(cls, facts: Sequence[Facts]) -> "Columns":
        """Turn the stored facts into columns."""
        keys = [f"{one[0]}:{one[1]}" for one in facts]
        in_order = sorted(range(len(keys)), key=keys.__getitem__)
        ranks = np.empty(len(keys), dtype=np.int64)
        ranks[in_order] = np.arange(len(keys))
        values, numbers = {name for one in facts for name in one[3]}, {name for one in facts for name in one[4]}
        return cls(
            keys=[one[:2] for one in facts], stamps=[one[2] for one in facts],
            in_order=in_order, ranks=ranks, sorted_keys=[keys[at] for at in in_order],
            facets={name: Facet.of((at, one[3].get(name, ())) for at, one in enumerate(facts)) for name in values},
            kinds=Facet.of((at, (one[0],)) for at, one in enumerate(facts)),
            numbers={name: np.array([one[4].get(name, _MISSING) for one in facts], np.int64) for name in numbers},
            orders={sort: np.array([_place(one, sort) for one in facts], np.int64) for sort in Sort},
            prior=np.array([one[6] for one in facts], np.float64))

    def __len__(self) -> int:
        return len(self.keys)

    def places_of(self, keys: Iterable[tuple[str, str]] | None, alive: Mask) -> list[int]:
        """Return where documents stand that are still there: those of some keys, or all."""
        if keys is None:
            return np.flatnonzero(alive).tolist()
        found = []
        for kind, ref in keys:
            key = f"{kind}:{ref}"
            rank = bisect_left(self.sorted_keys, key)
            if rank < len(self.sorted_keys) and self.sorted_keys[rank] == key and alive[self.in_order[rank]]:
                found.append(self.in_order[rank])
        return found


def _place(facts: Facts, sort: Sort) -> int:
    """Return the stored place in an order; documents without one come last."""
    found = facts[5].get(str(sort))
    return order_of(None, f"{facts[0]}:{facts[1]}") if found is None else found


@dataclass
class Answer:
    """What one segment says: its best hits as (place, key, kind, ref), how many there are, the counts."""

    hits: list[tuple[Any, str, str, str]]
    total: int
    facets: dict[str, dict[str, int]] = field(default_factory=dict)
    bands: list[int] = field(default_factory=list)


def answer(columns: Columns, alive: Mask, postings: Postings, request: SearchRequest) -> Answer:
    """Answer a request from one segment."""
    spoken, score = _spoken(columns, alive, postings, request)
    masks = _masks(columns, request)
    found = _all_of(spoken, masks.values())
    facets = {}
    for name in request.facets:
        if name in columns.facets:
            rest = (mask for chosen, mask in masks.items() if chosen != name)
            facets[name] = columns.facets[name].count(_all_of(spoken, rest) if name in masks else found)
    bands = [int(np.count_nonzero(found & _within(columns.numbers.get(name), start, end, len(columns))))
             for name, start, end in request.bands]
    return Answer(_best(columns, found, score, request), int(np.count_nonzero(found)), facets, bands)


def merged(answers: Sequence[Answer], request: SearchRequest) -> SearchHits:
    """Put the segments' answers together."""
    hits = sorted(hit for one in answers for hit in one.hits)[:request.limit]
    facets: dict[str, dict[str, int]] = {name: {} for name in request.facets}
    for one in answers:
        for name, counts in one.facets.items():
            for word, number in counts.items():
                facets[name][word] = facets[name].get(word, 0) + number
    total = sum(one.total for one in answers)
    bands = [sum(counts) for counts in zip(*(one.bands for one in answers), strict=True)] or [0] * len(request.bands)
    return SearchHits([Hit(kind, ref, place) for place, _, kind, ref in hits], total, facets, bands)


def _all_of(mask: Mask, others: Iterable[Mask]) -> Mask:
    """Return where all masks hold."""
    for other in others:
        mask = mask & other
    return mask


def _spoken(columns: Columns, alive: Mask, postings: Postings, request: SearchRequest) -> tuple[Mask, Floats]:
    """Return which documents hold what the clauses demand, and their scores."""
    mask, score = alive.copy(), np.zeros(len(columns))
    counted = np.zeros(len(columns), dtype=np.int32)
    for clause in request.clauses:
        value = _value(len(columns), postings, clause)
        there = value > 0
        if clause.role == Role.NOT:
            mask &= ~there
            continue
        if clause.role == Role.MUST:
            mask &= there
        elif clause.role == Role.COUNTED:
            counted += there
        score += value
    if request.least > 0:
        mask &= counted >= request.least
    return mask, score * columns.prior


def _value(size: int, postings: Postings, clause: Clause) -> Floats:
    """Return what a clause is worth in each document."""
    best = np.zeros(size)
    for alternative in clause.alternatives:
        for zone in clause.zones if alternative.tokens else ():
            ids = _common([postings(zone, token) for token in alternative.tokens])
            if len(ids):
                best[ids] = np.maximum(best[ids], alternative.factor * ZONE_WEIGHTS.get(zone, 1.0))
    return clause.weight * best


def _common(lists: list[Ids]) -> Ids:
    """Return the documents in all of the lists, shortest first."""
    lists.sort(key=len)
    common = lists[0]
    for other in lists[1:]:
        if not len(common):
            break
        common = np.intersect1d(common, other, assume_unique=True)
    return common


def _masks(columns: Columns, request: SearchRequest) -> dict[str, Mask]:
    """Return the documents that each filter lets through, by facet; kinds and ranges together under no name."""
    size = len(columns)
    rest = _holding(columns.kinds, request.kinds, size) if request.kinds else np.ones(size, dtype=np.bool_)
    for name, bounds in request.ranges.items():
        if bounds != (None, None):
            rest &= _within(columns.numbers.get(name), *bounds, size)
    chosen = {facet: values for facet, values in request.filters.items() if values}
    return {"": rest, **{facet: _holding(columns.facets.get(facet), values, size) for facet, values in chosen.items()}}


def _within(numbers: Integers | None, start: int | None, end: int | None, size: int) -> Mask:
    """Return the documents whose number lies in [start, end)."""
    if numbers is None:
        return np.zeros(size, dtype=np.bool_)
    mask: Mask = numbers != _MISSING
    if start is not None:
        mask &= numbers >= start
    if end is not None:
        mask &= numbers < end
    return mask


def _holding(facet: Facet | None, values: Iterable[str], size: int) -> Mask:
    """Return the documents that have any of the values."""
    mask = np.zeros(size, dtype=np.bool_)
    for value in values:
        if facet is not None and value in facet.holders:
            mask[facet.holders[value]] = True
    return mask


def _best(columns: Columns, found: Mask, score: Floats, request: SearchRequest) -> list[tuple[Any, str, str, str]]:
    """Return the first hits after the cursor."""
    ids = np.flatnonzero(found)
    places = -score[ids] if request.sort == Sort.RELEVANCE else columns.orders[request.sort][ids]
    if request.after is not None:
        later = _later(columns, ids, places, request.after)
        ids, places = ids[later], places[later]
    if request.limit <= 0:
        return []
    if len(ids) > request.limit:
        worst = np.partition(places, request.limit - 1)[request.limit - 1]
        ids, places = ids[places <= worst], places[places <= worst]
    order = np.lexsort((columns.ranks[ids], places))[:request.limit]
    found_keys = [columns.keys[at] for at in ids[order].tolist()]
    return [(place, f"{kind}:{ref}", kind, ref)
            for place, (kind, ref) in zip(places[order].tolist(), found_keys, strict=True)]


def _later(columns: Columns, ids: NDArray[np.intp], places: NDArray[Any], cursor: Cursor) -> Mask:
    """Say which hits come after the end of the last page."""
    first = bisect_right(columns.sorted_keys, cursor.key)
    later: Mask = (places > cursor.place) | ((places == cursor.place) & (columns.ranks[ids] >= first))
    return later
