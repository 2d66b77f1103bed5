"""The score: contributions in tenths of a point that sum to the total, for a project and some providers at once. Pure.

Columns are those of weights.CRITERIA. A provider that fails a hard rule has no score; one whose category differs is a
candidate only by its words (channel TEXT).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.rules import levels
from marketplace.matching.rules.facts import NeedFacts
from marketplace.matching.rules.hard import RULES, HardRule, used_in
from marketplace.matching.rules.levels import Levels
from marketplace.matching.rules.market import Market, Places, Served
from marketplace.matching.rules.weights import CRITERIA, TENTHS, Criterion, Weights

COLUMN = {criterion: column for column, criterion in enumerate(CRITERIA)}


@dataclass(frozen=True)
class Seen:
    """A project beside the providers that may serve its place, in the order of `places`.

    `likeness`: cosine of the texts; `category`: level, an estimate where `category_known` is false; `bits`: the hard
    rules each fails (0: a candidate); `by_text`: found by its words although its category differs.
    """

    places: Places
    likeness: Levels
    category: Levels
    category_known: NDArray[np.bool_]
    area: Levels
    area_known: NDArray[np.bool_]
    budget: Levels
    bits: NDArray[np.int32]
    by_text: NDArray[np.bool_]


def look(market: Market, need: NeedFacts, served: Served, likeness: Levels) -> Seen:
    """Put a project beside those who serve its place."""
    places = served.places
    text = levels.text_levels(likeness)
    known = market.has_codes[places] if need.category else np.zeros(len(places), np.bool_)
    stated = market.category(need.category)[places] if need.category else np.zeros(len(places), np.float32)
    category = np.where(known, stated, np.maximum(text, market.floor[places])).astype(np.float32)
    by_text = known & (stated == 0)
    bits = market.ruled_out(need, places)
    bits[by_text & (likeness < levels.TEXT_LINE)] |= int(HardRule.SCOPE)
    if levels.is_house_to_run(need):
        bits[~market.runs_houses[places]] |= int(HardRule.SCOPE)
    bits &= int(used_in(need.procedure))
    return Seen(places, likeness, category, known, served.levels, served.are_known,
                levels.budget_levels(need.budget_fen, market.typical[places]), bits, by_text)


def bar(market: Market, seen: Seen, bars: Mapping[int, int]) -> None:
    """Add bits of rules that only this project and some providers have: provider key -> bits."""
    for key, bits in bars.items():
        place = market.place_of.get(key)
        if place is None:
            continue
        row = int(np.searchsorted(seen.places, place))
        if row < len(seen.places) and seen.places[row] == place:
            seen.bits[row] |= bits


def totals(market: Market, seen: Seen, weights: Weights) -> Levels:
    """Return the total of each in tenths, unrounded, adjustments for newcomers included; -1 for those ruled out."""
    points = weights.points
    found = (
        points[Criterion.CATEGORY] * seen.category + points[Criterion.TEXT] * levels.text_levels(seen.likeness)
        + points[Criterion.AREA] * seen.area + points[Criterion.TRACK] * market.track[seen.places]
        + points[Criterion.BUDGET] * seen.budget + points[Criterion.CAPACITY] * market.room[seen.places]
        + weights.newcomer * market.is_new[seen.places])
    made: Levels = np.where(seen.bits == 0, np.float32(TENTHS) * found, np.float32(-1.0)).astype(np.float32)
    return made


def parts(market: Market, seen: Seen, chosen: Places, weights: Weights) -> NDArray[np.int16]:
    """Return the contributions of chosen rows of `seen`, (m, 6), rounded to whole tenths: they sum to the total."""
    places = seen.places[chosen]
    by_criterion = {
        Criterion.CATEGORY: seen.category[chosen], Criterion.TEXT: levels.text_levels(seen.likeness[chosen]),
        Criterion.AREA: seen.area[chosen], Criterion.TRACK: market.track[places],
        Criterion.BUDGET: seen.budget[chosen], Criterion.CAPACITY: market.room[places]}
    columns = [np.rint(by_criterion[one] * (weights.points[one] * TENTHS)) for one in CRITERIA]
    return np.column_stack(columns).astype(np.int16)


def known_bits(market: Market, need: NeedFacts, seen: Seen, chosen: Places) -> NDArray[np.uint8]:
    """Return which contributions rest on known facts: bit i for criterion i."""
    places = seen.places[chosen]
    facts = {
        Criterion.CATEGORY: seen.category_known[chosen], Criterion.TEXT: np.ones(len(chosen), np.bool_),
        Criterion.AREA: seen.area_known[chosen], Criterion.TRACK: market.track_known[places],
        Criterion.BUDGET: ~np.isnan(market.typical[places]) & bool(need.budget_fen),
        Criterion.CAPACITY: market.free[places] >= 0}
    bits = np.zeros(len(chosen), np.uint8)
    for one in CRITERIA:
        bits |= (facts[one].astype(np.uint8) << COLUMN[one]).astype(np.uint8)
    return bits


def counts_of_rules(market: Market, need: NeedFacts, seen: Seen) -> NDArray[np.int32]:
    """Return how many providers each rule removes, in the order of hard.RULES; one may fail several."""
    counted = np.array([int(np.count_nonzero(seen.bits & int(rule))) for rule in RULES], np.int32)
    if need.areas:
        counted[list(RULES).index(HardRule.AREA)] = len(market) - len(seen.places)
    return counted
