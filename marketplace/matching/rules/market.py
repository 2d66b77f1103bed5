"""The providers of a market as columns: where they are found, what they can, what rules them out whatever the project.

Made once, asked for every project. For 176,000 providers about 250 MB, most of it the rows of their texts.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from marketplace.matching.rules import levels
from marketplace.matching.rules.facts import NeedFacts, ProviderFacts
from marketplace.matching.rules.grams import Reader
from marketplace.matching.rules.ground import Ground, Places
from marketplace.matching.rules.hard import RULES, HardRule
from marketplace.matching.rules.levels import Levels

NEED_WEIGHTS = (2.0, 1.5, 1.0, 0.5)      # title, target group, summary, requirement
PROVIDER_WEIGHTS = (2.0, 1.5, 1.0, 1.0)  # kinds of service, what it did, scope and about, name
_LEAST_IDF = 0.1
MOST_GROUNDS = 300                       # places whose providers are kept gathered
COMMON, LEAST_COMMON = 0.25, 50          # what more than this share (and so many) of all say tells nobody apart


class Market:
    """All providers, sorted by key. `keys[i]` is the key of the provider at place i."""

    def __init__(self, providers: Iterable[ProviderFacts], reader: Reader) -> None:
        self.reader = reader
        every = sorted(providers, key=lambda one: one.key)
        self.keys = np.array([one.key for one in every], np.int64)
        self.place_of = {one.key: place for place, one in enumerate(every)}
        self._read_texts(every)
        self._gather_columns(every)
        self._grounds: dict[tuple[str, ...], Ground] = {}
        self._of_kinds: dict[frozenset[str], NDArray[np.bool_]] = {}
        self._counts = np.array([np.count_nonzero(self.bits & int(rule)) for rule in RULES], np.int32)
        self._sorted_certified = np.sort(self.certified[self.certified >= 0])
        self._sorted_fen = np.sort(self.free_fen)
        self._category: dict[str, Levels] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def _read_texts(self, every: Sequence[ProviderFacts]) -> None:
        """Make the weighted rows of all texts, each of length 1, and the weight of every column."""
        raw = self.reader.rows([list(zip(one.texts, PROVIDER_WEIGHTS, strict=False)) for one in every])
        counts = np.bincount(raw.indices, minlength=raw.shape[1])
        idf = np.log((len(every) + 1) / (counts + 0.5))
        self.is_common = counts > max(COMMON * len(every), LEAST_COMMON)
        self.idf = np.maximum(idf, _LEAST_IDF).astype(np.float32)
        self.texts = self._weighted(raw)

    def _weighted(self, raw: csr_array) -> csr_array:
        """Return rows whose values are the square root of how often, times how rare, to length 1."""
        values = np.sqrt(raw.data) * self.idf[raw.indices]
        rows = np.repeat(np.arange(raw.shape[0]), np.diff(raw.indptr))
        lengths = np.sqrt(np.bincount(rows, weights=values.astype(np.float64) ** 2, minlength=raw.shape[0]))
        values = values / np.maximum(lengths, 1e-9)[rows].astype(np.float32)
        return csr_array((values.astype(np.float32), raw.indices, raw.indptr), shape=raw.shape)

    def _gather_columns(self, every: Sequence[ProviderFacts]) -> None:
        """Gather what does not depend on the project."""
        self.track = np.array([levels.track_level(one) for one in every], np.float32)
        self.track_known = np.array([not one.is_newcomer for one in every], np.bool_)
        self.room = np.array([levels.capacity_level(one) for one in every], np.float32)
        self.free = np.array([-1 if one.free is None else one.free for one in every], np.int32)
        self.running = np.array([one.running for one in every], np.int32)
        self.is_new = np.array([one.is_newcomer for one in every], np.bool_)
        self.certified = np.array([-1 if one.certified is None else one.certified for one in every], np.int32)
        self.grade = np.array([one.grade or 0 for one in every], np.int32)
        self.floor = np.array([levels.estimated_floor(one) for one in every], np.float32)
        self.runs_houses = np.array([levels.runs_houses(one) for one in every], np.bool_)
        self.typical = np.array([np.log2(one.typical_fen) if one.typical_fen else np.nan for one in every], np.float32)
        self.free_fen = np.array([np.iinfo(np.int64).max if one.free_fen is None else one.free_fen for one in every],
                                 np.int64)
        self.bits = np.array([_own_bits(one) for one in every], np.int32)
        self._kinds = _grouped((one.kind, place) for place, one in enumerate(every))
        self._by_area = _grouped((code, place) for place, one in enumerate(every) for code in one.areas)
        self._by_wider = _grouped((code, place) for place, one in enumerate(every) for code in one.wider_areas)
        self._by_code = _grouped((code, place) for place, one in enumerate(every) for code in one.categories)
        self.area_known = np.array([bool(one.areas) for one in every], np.bool_)
        self.area_is_stated = np.array([one.areas_are_stated for one in every], np.bool_)
        self.claim = np.array([levels.claim_level(one.categories) for one in every], np.float32)
        self.has_codes = np.array([bool(one.categories) for one in every], np.bool_)

    @cached_property
    def by_column(self) -> csr_array:
        """Return the texts by column: for each piece or concept the providers that have it."""
        return csr_array(self.texts.T.tocsr())

    def need_rows(self, needs: Sequence[NeedFacts]) -> csr_array:
        """Return the weighted rows of projects' texts; what is common in the market is counted but not compared."""
        rows = self._weighted(self.reader.rows([list(zip(one.texts, NEED_WEIGHTS, strict=False)) for one in needs]))
        rows.data[self.is_common[rows.indices]] = 0
        rows.eliminate_zeros()
        return rows

    def ground(self, areas: tuple[str, ...]) -> Ground:
        """Return who may serve a place, given its code and those above it; all providers where it is unknown."""
        if areas not in self._grounds:
            if len(self._grounds) >= MOST_GROUNDS:
                self._grounds.clear()
            found = self.area_levels(areas)
            places = np.flatnonzero(found >= 0)
            self._grounds[areas] = Ground(self, places, found[places])
        return self._grounds[areas]

    def area_levels(self, areas: tuple[str, ...]) -> Levels:
        """Return the level of every provider for a place, -1 where it does not serve it.

        By its own code, by one above it, by a part of it, or beside it where the provider has not stated its areas.
        """
        if not areas:
            return np.full(len(self), levels.MIDDLE, np.float32)
        found = np.full(len(self), -1.0, np.float32)
        nothing = np.zeros(0, np.int64)
        for above, code in list(enumerate(areas))[::-1]:
            beside = self._by_wider.get(code, nothing)
            if above:
                beside = beside[~self.area_is_stated[beside]]
            is_widest = above and above == len(areas) - 1
            level = levels.SAME_PROVINCE if is_widest else levels.BESIDE[min(above, 2)]
            found[beside] = np.maximum(found[beside], level)
            own = self._by_area.get(code, nothing)
            found[own] = np.maximum(found[own], levels.INSIDE[min(above, 2)])
        found[~self.area_known] = levels.MIDDLE
        return found

    def category(self, code: str) -> Levels:
        """Return the category level of every provider for a code; 0 where it names others, or none."""
        if code not in self._category:
            found = np.zeros(len(self), np.float32)
            for offered, places in self._by_code.items():
                if near := levels.nearness(code, offered):
                    found[places] = np.maximum(found[places], np.float32(near))
            self._category[code] = found * self.claim
        return self._category[code]

    def of_kinds(self, kinds: frozenset[str]) -> NDArray[np.bool_]:
        """Say which providers are of one of the kinds."""
        if kinds not in self._of_kinds:
            fits = np.zeros(len(self), np.bool_)
            for kind in kinds:
                fits[self._kinds.get(kind, np.zeros(0, np.int64))] = True
            self._of_kinds[kinds] = fits
        return self._of_kinds[kinds]

    def counts_of(self, need: NeedFacts) -> NDArray[np.int32]:
        """Return how many of all providers fail each rule that looks at the provider alone, in the order of RULES."""
        counted = self._counts.copy()
        places = {rule: place for place, rule in enumerate(RULES)}
        if need.required_kinds:
            counted[places[HardRule.KIND]] = len(self) - np.count_nonzero(self.of_kinds(need.required_kinds))
        if need.required_certified:
            counted[places[HardRule.CERTIFIED_STAFF]] = np.searchsorted(self._sorted_certified, need.required_certified)
        if need.required_grade:
            counted[places[HardRule.GRADE]] = np.count_nonzero(self.grade < need.required_grade)
        if need.budget_fen:
            counted[places[HardRule.OVER_CAPACITY_MONEY]] = np.searchsorted(self._sorted_fen, need.budget_fen)
        return counted


def _own_bits(one: ProviderFacts) -> int:
    """Return the rules a provider fails whatever the project."""
    bits = HardRule.NONE
    for applies, rule in (
        (not one.is_verified, HardRule.NOT_VERIFIED), (not one.is_legal_person, HardRule.NOT_LEGAL_PERSON),
        (one.is_serious, HardRule.SERIOUS_LIST), (one.is_abnormal, HardRule.ABNORMAL_LIST),
        (one.free is not None and one.free <= 0, HardRule.NO_CAPACITY),
    ):
        if applies:
            bits |= rule
    return int(bits)


def _grouped(pairs: Iterable[tuple[str, int]]) -> Mapping[str, Places]:
    """Return the places of each word, in order."""
    found: dict[str, list[int]] = {}
    for word, place in pairs:
        found.setdefault(word, []).append(place)
    return {word: np.array(places, np.int64) for word, places in found.items()}
