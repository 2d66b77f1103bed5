"""The ranked list of one project with its reasons, and why one provider stands where it stands. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.rules import scoring
from marketplace.matching.rules.candidates import MOST, Wish, choose
from marketplace.matching.rules.facts import NeedFacts
from marketplace.matching.rules.ground import Ground, Places
from marketplace.matching.rules.hard import RULES, HardRule, used_in
from marketplace.matching.rules.market import Market
from marketplace.matching.rules.ranking import Channel, Explanation, Part, Ranked, Ranking
from marketplace.matching.rules.weights import CRITERIA, TENTHS, TIE_POINTS, Criterion, Weights


def rank(market: Market, need: NeedFacts, weights: Weights, *, most: int = MOST,
         bars: Mapping[int, int] | None = None) -> Ranking:
    """Return the ranked list of one project; `bars`: provider key -> bits of rules that hold only here."""
    wish = Wish(weights, most, bars={need.key: bars or {}})
    seen = _look(market, need, wish)
    chosen = choose(scoring.totals(seen, weights), seen, most)
    rows = _rows(market, need, seen, chosen, weights)
    counted = scoring.counts_of_rules(market, need, seen)
    allowed = used_in(need.procedure)
    ruled_out = {rule: int(many) for rule, many in zip(RULES, counted, strict=True) if many and rule & allowed}
    return Ranking(rows, ruled_out, len(market), nobody=not rows or rows[0].total < weights.least * TENTHS)


def explain(market: Market, need: NeedFacts, provider_key: int, weights: Weights, *,
            bars: Mapping[int, int] | None = None) -> Explanation:
    """Return which rules one provider fails for a project, or where it stands and what it lacks."""
    place = market.place_of.get(provider_key)
    if place is None:
        return Explanation(HardRule.NOT_VERIFIED)
    mine = {provider_key: (bars or {}).get(provider_key, 0)}
    seen = _alone(market, need, place, _likeness(market, need)[place], mine)
    allowed = used_in(need.procedure)
    bits = HardRule(int(seen.bits[0])) if len(seen.bits) else HardRule(int(market.bits[place])) | HardRule.SCOPE
    if market.area_levels(need.areas)[place] < 0:
        bits |= HardRule.AREA
    if bits & allowed:
        return Explanation(bits & allowed)
    ranked = _rows(market, need, seen, np.array([0]), weights)[0]
    lacking = sorted(((one.criterion, one.most - one.tenths) for one in ranked.parts if one.tenths < one.most
                      and one.criterion in CRITERIA), key=lambda pair: -pair[1])
    everybody = _look(market, need, Wish(weights, MOST, bars={need.key: bars or {}}))
    mine_total = scoring.totals(seen, weights)[0]
    better = int(np.count_nonzero(scoring.totals(everybody, weights) > mine_total))
    return Explanation(HardRule.NONE, ranked, 1 + better,
                       max(weights.least * TENTHS - ranked.total, 0), tuple(lacking))


def _alone(market: Market, need: NeedFacts, place: int, likeness: float, bars: Mapping[int, int]) -> scoring.Seen:
    """Put a project beside one provider, whatever rules that one out."""
    level = market.area_levels(need.areas)[[place]]
    ground = Ground(market, np.array([place]), np.maximum(level, 0), with_barred=True)
    seen = scoring.look(market, need, ground, np.array([likeness], np.float32))
    scoring.bar(market, seen, bars)
    return seen


def for_provider(market: Market, needs: Sequence[NeedFacts], provider_key: int, weights: Weights, *,
                 bars: Mapping[int, Mapping[int, int]] | None = None) -> list[tuple[int, Ranked]]:
    """Return the projects that hold one provider with the least total or more: (key, row), best first."""
    place = market.place_of[provider_key]
    mine = market.texts[[place]].T.tocsr()
    likeness = (market.need_rows(needs) @ mine).toarray().ravel() if needs else ()
    found: list[tuple[int, Ranked]] = []
    for need, near in zip(needs, likeness, strict=True):
        if market.area_levels(need.areas)[place] < 0:
            continue
        seen = _alone(market, need, place, float(near), (bars or {}).get(need.key, {}))
        if len(seen.bits) and not seen.bits[0]:
            row = _rows(market, need, seen, np.array([0]), weights)[0]
            if row.total >= weights.least * TENTHS:
                found.append((need.key, row))
    return sorted(found, key=lambda pair: (-pair[1].total, pair[0]))


def _likeness(market: Market, need: NeedFacts) -> NDArray[np.float32]:
    """Return the likeness of every provider to a project: only the columns of its own words are read."""
    row = market.need_rows([need])
    likeness = np.zeros(len(market), np.float32)
    by_column = market.by_column
    for column, value in zip(row.indices, row.data, strict=True):
        start, end = by_column.indptr[column], by_column.indptr[column + 1]
        likeness[by_column.indices[start:end]] += value * by_column.data[start:end]
    return likeness


def _look(market: Market, need: NeedFacts, wish: Wish) -> scoring.Seen:
    """Put one project beside those who serve its place."""
    ground = market.ground(need.areas)
    seen = scoring.look(market, need, ground, _likeness(market, need)[ground.places])
    scoring.bar(market, seen, wish.bars.get(need.key, {}))
    return seen


def _rows(market: Market, need: NeedFacts, seen: scoring.Seen, chosen: Places, weights: Weights) -> tuple[Ranked, ...]:
    """Return the chosen providers in order, with contributions, shared words and groups of ties."""
    given = scoring.parts(seen, chosen, weights)
    known = scoring.known_bits(need, seen, chosen)
    words = market.need_rows([need]).indices
    made = []
    for at, row in enumerate(chosen):
        parts = [Part(one, int(given[at, column]), weights.points[one] * TENTHS, bool(known[at] >> column & 1))
                 for column, one in enumerate(CRITERIA)]
        place = int(seen.places[row])
        if market.is_new[place] and weights.newcomer:
            parts.append(Part(Criterion.NEWCOMER, weights.newcomer * TENTHS, weights.newcomer * TENTHS))
        made.append(Ranked(
            int(market.keys[place]), sum(one.tenths for one in parts), tuple(parts),
            Channel.TEXT if seen.by_text[row] else Channel.CATEGORY, _shared(market, need, place, words),
            is_newcomer=bool(market.is_new[place])))
    likeness = {int(market.keys[seen.places[row]]): float(seen.likeness[row]) for row in chosen}
    made.sort(key=lambda one: (-one.total, -likeness[one.provider_key], one.provider_key))
    return _in_groups(made)


def _shared(market: Market, need: NeedFacts, place: int, words: Places) -> tuple[str, ...]:
    """Return the words that a project and a provider share; `words`: the columns of the project."""
    start, end = market.texts.indptr[place], market.texts.indptr[place + 1]
    return market.reader.shared(np.intersect1d(words, market.texts.indices[start:end]), need.texts[:3])


def _in_groups(rows: list[Ranked]) -> tuple[Ranked, ...]:
    """Give each row the number of its group of ties: a group ends where the gap to its first one reaches TIE_POINTS."""
    made: list[Ranked] = []
    group, first = 0, None
    for one in rows:
        if first is None or first - one.total >= TIE_POINTS * TENTHS:
            group, first = group + 1, one.total
        made.append(replace(one, group=group))
    return tuple(made)


