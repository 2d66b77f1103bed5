"""The providers that may serve one place, their columns gathered once for all its projects. Pure."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.rules.hard import EVERYWHERE, RULES
from marketplace.matching.rules.levels import Levels

if TYPE_CHECKING:
    from marketplace.matching.rules.market import Market

Places = NDArray[np.int64]
_ALWAYS = sum(int(rule) for rule, text in RULES.items() if text.procedures == EVERYWHERE)


@dataclass(frozen=True)
class Stated:
    """What those on a ground say of one category: the level of each, and who is near it or has not said."""

    levels: Levels
    near: NDArray[np.bool_]


class Ground:
    """Those who may serve a place: `places` in the market, in order, with the level of each for the area.

    `serving`: how many serve the place; those whom a rule of their own rules out in every procedure are counted but not
    held, unless the ground is made with `with_barred`.
    """

    def __init__(self, market: "Market", places: Places, level: Levels, *, with_barred: bool = False) -> None:
        self.serving = len(places)
        kept = slice(None) if with_barred else market.bits[places] & _ALWAYS == 0
        self._market = market
        self.places, self.levels = places[kept], level[kept]
        self._stated: dict[str, Stated] = {}

    @cached_property
    def are_known(self) -> NDArray[np.bool_]:
        """Say which have said where they work."""
        return self._market.area_known[self.places]

    @cached_property
    def bits(self) -> NDArray[np.int32]:
        """Return the rules each fails by itself."""
        return self._market.bits[self.places]

    @cached_property
    def track(self) -> Levels:
        """Return the level of the track record."""
        return self._market.track[self.places]

    @cached_property
    def track_known(self) -> NDArray[np.bool_]:
        """Say whose track record is known."""
        return self._market.track_known[self.places]

    @cached_property
    def room(self) -> Levels:
        """Return the level of the capacity."""
        return self._market.room[self.places]

    @cached_property
    def free(self) -> NDArray[np.int32]:
        """Return the places each has, -1 where it has not said."""
        return self._market.free[self.places]

    @cached_property
    def is_new(self) -> NDArray[np.bool_]:
        """Say who is a newcomer."""
        return self._market.is_new[self.places]

    @cached_property
    def certified(self) -> NDArray[np.int32]:
        """Return the certified staff of each, -1 where it has not said."""
        return self._market.certified[self.places]

    @cached_property
    def grade(self) -> NDArray[np.int32]:
        """Return the grade of each, 0 for none."""
        return self._market.grade[self.places]

    @cached_property
    def floor(self) -> Levels:
        """Return the least category level where codes are not known."""
        return self._market.floor[self.places]

    @cached_property
    def runs_houses(self) -> NDArray[np.bool_]:
        """Say who names care among what it does."""
        return self._market.runs_houses[self.places]

    @cached_property
    def typical(self) -> Levels:
        """Return the logarithm of the usual amount, NaN where nothing is known."""
        return self._market.typical[self.places]

    @cached_property
    def free_fen(self) -> NDArray[np.int64]:
        """Return the money each can still take on."""
        return self._market.free_fen[self.places]

    @cached_property
    def has_codes(self) -> NDArray[np.bool_]:
        """Say who has named a category."""
        return self._market.has_codes[self.places]

    @cached_property
    def _kinds(self) -> dict[frozenset[str], NDArray[np.bool_]]:
        return {}

    def of_kinds(self, kinds: frozenset[str]) -> NDArray[np.bool_]:
        """Say who is of one of the kinds."""
        if kinds not in self._kinds:
            self._kinds[kinds] = self._market.of_kinds(kinds)[self.places]
        return self._kinds[kinds]

    def category(self, code: str) -> Stated:
        """Return what each says of a category; without a code everybody is near."""
        if code not in self._stated:
            if code:
                level = self._market.category(code)[self.places]
                near = (level > 0) | ~self.has_codes
            else:
                level, near = np.zeros(len(self.places), np.float32), np.ones(len(self.places), np.bool_)
            self._stated[code] = Stated(level, near)
        return self._stated[code]
