"""The candidate pairs of many projects: those of the category first, then the few that only the words find. Pure.

Projects of one place are looked at together: one sparse product gives all their likenesses. At most BY_TEXT of the
candidates of a project come from other categories, since people file projects under the wrong one (matching.md 2).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from marketplace.matching.rules import scoring
from marketplace.matching.rules.edges import Edges
from marketplace.matching.rules.facts import NeedFacts
from marketplace.matching.rules.ground import Ground, Places
from marketplace.matching.rules.hard import RULES
from marketplace.matching.rules.market import Market
from marketplace.matching.rules.weights import TENTHS, Weights

MOST, BY_TEXT = 50, 10
CELLS = 4_000_000                        # likenesses held at once: 16 MB
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Wish:
    """How candidates are chosen: the weights, how many of a project, and which more providers single projects lose.

    `bars`: project key -> provider key -> bits of hard rules (conflicts of interest, declined by the provider).
    `is_full`: every pair that no hard rule forbids, however unlike: only to prove that the candidates are enough.
    """

    weights: Weights
    most: int = MOST
    is_full: bool = False
    bars: Mapping[int, Mapping[int, int]] = field(default_factory=dict)


def candidates(market: Market, needs: Sequence[NeedFacts], wish: Wish, *,
               progress: Progress = lambda _done, _all: None) -> Edges:
    """Return the candidate pairs of all projects.

    `progress` is told how many projects are done, of how many; it may raise to stop.
    """
    ordered = sorted(needs, key=lambda one: one.key)
    rows = market.need_rows(ordered)
    by_place: dict[tuple[str, ...], list[int]] = {}
    for number, need in enumerate(ordered):
        by_place.setdefault(need.areas, []).append(number)
    found: dict[int, _Found] = {}
    for areas in sorted(by_place):
        ground = market.ground(areas)
        step = max(CELLS // max(len(ground.places), 1), 1)
        theirs = csr_array(market.texts[ground.places].T.tocsr())
        for at in range(0, len(by_place[areas]), step):
            group = by_place[areas][at:at + step]
            likeness = (rows[np.array(group)] @ theirs).toarray()
            for line, number in enumerate(group):
                found[number] = _best(market, ordered[number], ground, likeness[line], wish)
            progress(len(found), len(ordered))
    return _as_edges(market, ordered, [found[number] for number in range(len(ordered))])


class _Found:
    """The chosen providers of one project."""

    def __init__(self, market: Market, need: NeedFacts, seen: scoring.Seen, chosen: Places, weights: Weights) -> None:
        self.parts = scoring.parts(seen, chosen, weights)
        total = self.parts.sum(axis=1, dtype=np.int32) + weights.newcomer * TENTHS * market.is_new[seen.places[chosen]]
        order = np.lexsort((market.keys[seen.places[chosen]], -seen.likeness[chosen], -total))
        chosen, self.parts = chosen[order], self.parts[order]
        self.places = seen.places[chosen]
        self.known = scoring.known_bits(need, seen, chosen)
        self.by_text = seen.by_text[chosen]
        self.likeness = seen.likeness[chosen]
        self.ruled_out = scoring.counts_of_rules(market, need, seen)


def _best(market: Market, need: NeedFacts, ground: Ground, likeness: NDArray[np.float32], wish: Wish) -> _Found:
    """Choose the candidates of one project."""
    seen = scoring.look(market, need, ground, likeness, is_full=wish.is_full)
    scoring.bar(market, seen, wish.bars.get(need.key, {}))
    total = scoring.totals(seen, wish.weights)
    chosen = np.flatnonzero(total >= 0) if wish.is_full else choose(total, seen, wish.most)
    return _Found(market, need, seen, chosen, wish.weights)


def choose(total: NDArray[np.float32], seen: scoring.Seen, most: int) -> Places:
    """Return which rows of `seen` are kept: the best of all, and among them room for a few found by words alone.

    A fifth of a longer list than MOST, so that a list of everybody holds them all.
    """
    right = np.flatnonzero((total >= 0) & ~seen.by_text)
    words = np.flatnonzero((total >= 0) & seen.by_text)
    words = words[_top(seen.likeness[words], min(max(BY_TEXT, most // 5), most))]
    right = right[_top(total[right], most - len(words))]
    return np.concatenate([right, words])


def _top(values: NDArray[np.float32], most: int) -> Places:
    """Return the places of the highest values; of equal ones the first."""
    if len(values) <= most:
        return np.arange(len(values))
    if most <= 0:
        return np.zeros(0, np.int64)
    line = np.partition(values, len(values) - most)[len(values) - most]
    above = np.flatnonzero(values > line)
    return np.concatenate([above, np.flatnonzero(values == line)[:most - len(above)]])


def _as_edges(market: Market, needs: Sequence[NeedFacts], found: Sequence[_Found]) -> Edges:
    """Return what was found as columns; providers that nobody wants are left out."""
    places = np.concatenate([one.places for one in found]) if found else np.zeros(0, np.int64)
    used = np.unique(places)
    return Edges(
        need_keys=np.array([one.key for one in needs], np.int64), provider_keys=market.keys[used],
        needs=np.repeat(np.arange(len(found)), [len(one.places) for one in found]).astype(np.int32),
        providers=np.searchsorted(used, places).astype(np.int32),
        parts=np.concatenate([one.parts for one in found]) if found else np.zeros((0, 6), np.int16),
        known=np.concatenate([one.known for one in found]) if found else np.zeros(0, np.uint8),
        channels=(np.concatenate([one.by_text for one in found]) if found else np.zeros(0)).astype(np.uint8),
        wants=np.array([one.wants for one in needs], np.int32),
        ruled_out=np.array([one.ruled_out for one in found], np.int32).reshape(len(found), len(RULES)),
        is_new=market.is_new[used], running=market.running[used], free=market.free[used])
