"""The score: contributions in tenths of a point that sum to the total, for a project and some providers at once. Pure.

Columns are those of weights.CRITERIA. A provider that fails a hard rule has no score; one whose category differs is a
candidate only by its words. Everything that depends on the place alone is gathered once a place (`Ground`), and of each
project only those are looked at closely whom its category or its words could make a candidate.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.rules import levels
from marketplace.matching.rules.facts import NeedFacts
from marketplace.matching.rules.ground import Ground, Places
from marketplace.matching.rules.hard import RULES, HardRule, used_in
from marketplace.matching.rules.levels import Levels
from marketplace.matching.rules.market import Market
from marketplace.matching.rules.weights import CRITERIA, TENTHS, Criterion, Weights

COLUMN = {criterion: column for column, criterion in enumerate(CRITERIA)}
_SCOPE_PLACE = list(RULES).index(HardRule.SCOPE)


@dataclass(frozen=True)
class Seen:
    """A project beside those who serve its place and do something like it, in the order of `places` (in the market).

    `rows`: their places in the ground; `likeness`: cosine of the texts; `category`: level, an estimate where
    `category_known` is false; `bits`: the hard rules each fails (0: a candidate); `by_text`: found by its words
    although its category differs; `unlike`: how many more serve the place and do nothing like it (SCOPE).
    """

    ground: Ground
    rows: Places
    places: Places
    likeness: Levels
    category: Levels
    category_known: NDArray[np.bool_]
    budget: Levels
    bits: NDArray[np.int32]
    by_text: NDArray[np.bool_]
    unlike: int


def look(market: Market, need: NeedFacts, ground: Ground, likeness: Levels, *, is_full: bool = False) -> Seen:
    """Put a project beside those who serve its place; `likeness` of each of them. `is_full`: beside all of them."""
    stated = ground.category(need.category)
    rows = np.flatnonzero(stated.near | (likeness >= levels.TEXT_LINE) | is_full)
    near, level = likeness[rows], stated.levels[rows]
    known = ground.has_codes[rows] if need.category else np.zeros(len(rows), np.bool_)
    category = np.where(known, level, np.maximum(levels.text_levels(near), ground.floor[rows])).astype(np.float32)
    by_text = known & (level == 0)
    bits = ground.bits[rows] | _bits_of(need, ground, rows)
    if levels.is_house_to_run(need):
        bits[~ground.runs_houses[rows]] |= int(HardRule.SCOPE)
    if need.buyer_key is not None and (buyer := market.place_of.get(need.buyer_key)) is not None:
        bits[ground.places[rows] == buyer] |= int(HardRule.BUYER_ITSELF)
    bits &= int(used_in(need.procedure))
    return Seen(ground, rows, ground.places[rows], near, category, known,
                levels.budget_levels(need.budget_fen, ground.typical[rows]), bits, by_text,
                len(ground.places) - len(rows))


def _bits_of(need: NeedFacts, ground: Ground, rows: Places) -> NDArray[np.int32]:
    """Return the bits of what the published qualification asks, and of the money each can take on."""
    bits = np.zeros(len(rows), np.int32)
    if need.required_kinds:
        bits[~ground.of_kinds(need.required_kinds)[rows]] |= int(HardRule.KIND)
    if need.required_certified:
        known = ground.certified[rows]
        bits[(known >= 0) & (known < need.required_certified)] |= int(HardRule.CERTIFIED_STAFF)
    if need.required_grade:
        bits[ground.grade[rows] < need.required_grade] |= int(HardRule.GRADE)
    if need.budget_fen:
        bits[ground.free_fen[rows] < need.budget_fen] |= int(HardRule.OVER_CAPACITY_MONEY)
    return bits


def bar(market: Market, seen: Seen, bars: Mapping[int, int]) -> None:
    """Add bits of rules that only this project and some providers have: provider key -> bits."""
    for key, bits in bars.items():
        place = market.place_of.get(key)
        if place is None:
            continue
        row = int(np.searchsorted(seen.places, place))
        if row < len(seen.places) and seen.places[row] == place:
            seen.bits[row] |= bits


def totals(seen: Seen, weights: Weights) -> Levels:
    """Return the total of each in tenths, unrounded, adjustments for newcomers included; -1 for those ruled out."""
    points, ground, rows = weights.points, seen.ground, seen.rows
    found = (
        points[Criterion.CATEGORY] * seen.category + points[Criterion.TEXT] * levels.text_levels(seen.likeness)
        + points[Criterion.AREA] * ground.levels[rows] + points[Criterion.TRACK] * ground.track[rows]
        + points[Criterion.BUDGET] * seen.budget + points[Criterion.CAPACITY] * ground.room[rows]
        + weights.newcomer * ground.is_new[rows])
    made: Levels = np.where(seen.bits == 0, np.float32(TENTHS) * found, np.float32(-1.0)).astype(np.float32)
    return made


def parts(seen: Seen, chosen: Places, weights: Weights) -> NDArray[np.int16]:
    """Return the contributions of chosen rows of `seen`, (m, 6), rounded to whole tenths: they sum to the total."""
    ground, rows = seen.ground, seen.rows[chosen]
    found = np.empty((len(chosen), len(CRITERIA)), np.float32)
    for criterion, level in (
        (Criterion.CATEGORY, seen.category[chosen]), (Criterion.TEXT, levels.text_levels(seen.likeness[chosen])),
        (Criterion.AREA, ground.levels[rows]), (Criterion.TRACK, ground.track[rows]),
        (Criterion.BUDGET, seen.budget[chosen]), (Criterion.CAPACITY, ground.room[rows])):
        found[:, COLUMN[criterion]] = level * (weights.points[criterion] * TENTHS)
    return np.rint(found).astype(np.int16)


def known_bits(need: NeedFacts, seen: Seen, chosen: Places) -> NDArray[np.uint8]:
    """Return which contributions rest on known facts: bit i for criterion i."""
    ground, rows = seen.ground, seen.rows[chosen]
    bits = np.full(len(chosen), 1 << COLUMN[Criterion.TEXT], np.uint8)
    for criterion, known in (
        (Criterion.CATEGORY, seen.category_known[chosen]), (Criterion.AREA, ground.are_known[rows]),
        (Criterion.TRACK, ground.track_known[rows]), (Criterion.CAPACITY, ground.free[rows] >= 0),
        (Criterion.BUDGET, ~np.isnan(ground.typical[rows]) & bool(need.budget_fen))):
        bits |= known.astype(np.uint8) << np.uint8(COLUMN[criterion])
    return bits


def counts_of_rules(market: Market, need: NeedFacts, seen: Seen) -> NDArray[np.int32]:
    """Return how many providers each rule removes, in the order of hard.RULES; one may fail several.

    Rules of the provider alone and of the published qualification are counted over the whole market, AREA over it too;
    SCOPE among those who serve the place; conflicts and refusals as they are known.
    """
    counted = market.counts_of(need).copy()
    allowed = int(used_in(need.procedure))
    for place, rule in enumerate(RULES):
        if rule in (HardRule.CONFLICT, HardRule.DECLARE_FIRST, HardRule.DECLINED, HardRule.BUYER_ITSELF,
                    HardRule.SCOPE):
            counted[place] = np.count_nonzero(seen.bits & int(rule)) if len(seen.bits) else 0
        elif not allowed & int(rule):
            counted[place] = 0
    counted[_SCOPE_PLACE] += seen.unlike
    if need.areas:
        counted[list(RULES).index(HardRule.AREA)] = len(market) - seen.ground.serving
    return counted
