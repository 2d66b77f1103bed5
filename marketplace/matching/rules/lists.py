"""The ranked list of one project with its reasons, and why one provider stands where it stands. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from marketplace.matching.rules import scoring
from marketplace.matching.rules.candidates import MOST, Wish, choose
from marketplace.matching.rules.facts import NeedFacts
from marketplace.matching.rules.hard import RULES, HardRule, used_in
from marketplace.matching.rules.market import Market, Places, Served
from marketplace.matching.rules.ranking import Channel, Explanation, Part, Ranked, Ranking
from marketplace.matching.rules.weights import CRITERIA, TENTHS, TIE_POINTS, Criterion, Weights


def rank(market: Market, need: NeedFacts, weights: Weights, *, most: int = MOST,
         bars: Mapping[int, int] | None = None) -> Ranking:
    """Return the ranked list of one project; `bars`: provider key -> bits of rules that hold only here."""
    wish = Wish(weights, most, {need.key: bars or {}})
    seen = _look(market, need, wish)
    chosen = choose(scoring.totals(market, seen, weights), seen, most)
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
    seen = _look(market, need, Wish(weights, MOST, {need.key: bars or {}}))
    at = np.flatnonzero(seen.places == place)
    if not len(at):
        own = market.ruled_out(need, np.array([place])) | (bars or {}).get(provider_key, 0)
        return Explanation(HardRule(int(own[0])) & used_in(need.procedure) | HardRule.AREA)
    row = int(at[0])
    if seen.bits[row]:
        return Explanation(HardRule(int(seen.bits[row])))
    total = scoring.totals(market, seen, weights)
    ranked = _rows(market, need, seen, np.array([row]), weights)[0]
    lacking = sorted(((one.criterion, one.most - one.tenths) for one in ranked.parts if one.tenths < one.most
                      and one.criterion in CRITERIA), key=lambda pair: -pair[1])
    return Explanation(HardRule.NONE, ranked, 1 + int(np.count_nonzero(total > total[row])),
                       max(weights.least * TENTHS - ranked.total, 0), tuple(lacking))


def for_provider(market: Market, needs: Sequence[NeedFacts], provider_key: int, weights: Weights, *,
                 bars: Mapping[int, Mapping[int, int]] | None = None) -> list[tuple[int, Ranked]]:
    """Return the projects for which one provider is a candidate with at least the least total: (key, row), best first."""
    place = market.place_of[provider_key]
    rows = market.need_rows(needs)
    mine = market.texts[[place]].T.tocsr()
    likeness = np.asarray((rows @ mine).toarray(), np.float32)
    found: list[tuple[int, Ranked]] = []
    for number, need in enumerate(needs):
        served = market.served(need.areas)
        at = np.flatnonzero(served.places == place)
        if not len(at):
            continue
        seen = scoring.look(market, need, Served(served.places[at], served.levels[at], served.are_known[at]),
                            likeness[number])
        scoring.bar(market, seen, (bars or {}).get(need.key, {}))
        if not seen.bits[0]:
            row = _rows(market, need, seen, np.array([0]), weights)[0]
            if row.total >= weights.least * TENTHS:
                found.append((need.key, row))
    return sorted(found, key=lambda pair: (-pair[1].total, pair[0]))


def _look(market: Market, need: NeedFacts, wish: Wish) -> scoring.Seen:
    """Put one project beside those who serve its place: only the columns of its own words are read."""
    served = market.served(need.areas)
    row = market.need_rows([need])
    likeness = np.zeros(len(market), np.float32)
    by_column = market.by_column
    for column, value in zip(row.indices, row.data, strict=True):
        start, end = by_column.indptr[column], by_column.indptr[column + 1]
        likeness[by_column.indices[start:end]] += value * by_column.data[start:end]
    seen = scoring.look(market, need, served, likeness[served.places])
    scoring.bar(market, seen, wish.bars.get(need.key, {}))
    return seen


def _rows(market: Market, need: NeedFacts, seen: scoring.Seen, chosen: Places, weights: Weights) -> tuple[Ranked, ...]:
    """Return the chosen providers in order, with contributions, shared words and groups of ties."""
    given = scoring.parts(market, seen, chosen, weights)
    known = scoring.known_bits(market, need, seen, chosen)
    words = market.need_rows([need]).indices
    made = [_ranked(market, need, seen, int(row), weights, given[at].tolist(), int(known[at]), words)
            for at, row in enumerate(chosen)]
    likeness = {market.keys[seen.places[row]]: float(seen.likeness[row]) for row in chosen}
    made.sort(key=lambda one: (-one.total, -likeness[one.provider_key], one.provider_key))
    return _in_groups(made)


def _ranked(market: Market, need: NeedFacts, seen: scoring.Seen, row: int, weights: Weights,  # noqa: PLR0917
            tenths: list[int], known: int, words: Places) -> Ranked:
    """Return one provider of the list."""
    place = int(seen.places[row])
    parts = [Part(one, tenths[column], weights.points[one] * TENTHS, bool(known >> column & 1))
             for column, one in enumerate(CRITERIA)]
    if market.is_new[place] and weights.newcomer:
        parts.append(Part(Criterion.NEWCOMER, weights.newcomer * TENTHS, weights.newcomer * TENTHS))
    start, end = market.texts.indptr[place], market.texts.indptr[place + 1]
    shared = np.intersect1d(words, market.texts.indices[start:end])
    return Ranked(int(market.keys[place]), sum(one.tenths for one in parts), tuple(parts),
                  Channel.TEXT if seen.by_text[row] else Channel.CATEGORY,
                  market.reader.shared(shared, need.texts[:3]), is_newcomer=bool(market.is_new[place]))


def _in_groups(rows: list[Ranked]) -> tuple[Ranked, ...]:
    """Give each row the number of its group of ties: a group ends where the gap to its first one reaches TIE_POINTS."""
    made: list[Ranked] = []
    group, first = 0, None
    for one in rows:
        if first is None or first - one.total >= TIE_POINTS * TENTHS:
            group, first = group + 1, one.total
        made.append(replace(one, group=group))
    return tuple(made)


