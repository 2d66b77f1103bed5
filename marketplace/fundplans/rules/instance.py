"""What a plan is reckoned on: projects that lack money, funds with earmarks, ratios, caps and what is left. Pure."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from marketplace.core.ports import Ints

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Asking:
    """One project that lacks `gap` fen of its `budget` fen. `value`: tenths of a point for closing the gap.

    `costs`: (ref, fen) of the named costs that make up the gap, if it is one of named costs. `is_off_lottery`: one of
    them may not be paid by lottery money.
    """

    ref: str
    value: int
    budget: int
    gap: int
    category: str = ""
    area: str = ""
    costs: tuple[tuple[str, int], ...] = ()
    is_off_lottery: bool = False


@dataclass(frozen=True)
class Fund:
    """One fund: of a project's budget it bears at most `parts` of `of`, at most `cap` fen (None: no cap) a project.

    `left`: fen it can still give. `categories`, `areas`: code prefixes it is earmarked for; empty: all. `already`: fen
    it gave before, by project ref: ratio and cap count them too. A grant becomes one promise of one donor, so it is at
    most `pledge_cap` and `donor_cap`. `has_receiver`: somebody whom its rule lets receive can.
    """

    ref: str
    parts: int
    of: int
    left: int
    cap: int | None = None
    categories: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    already: tuple[tuple[str, int], ...] = ()
    pledge_cap: int | None = None
    donor_cap: int | None = None
    has_receiver: bool = True
    is_lottery: bool = False

    def takes(self, category: str, area: str) -> bool:
        """Say whether the earmark covers a project; a project that does not say is covered by no named earmark."""
        return covers(self.categories, category) and covers(self.areas, area)

    @cached_property
    def once(self) -> int:
        """Return the most of one grant, whatever the project: what is left, and the caps of one promise."""
        return min(cap for cap in (self.left, self.pledge_cap, self.donor_cap) if cap is not None)

    def most(self, budget: int, given: int = 0) -> int:
        """Return the most it gives to one project of that budget, in fen, when it has given some before."""
        share = budget * self.parts // self.of
        limit = share if self.cap is None else min(share, self.cap)
        return max(min(limit - given, self.once), 0)

    def may_pay(self, one: Asking) -> bool:
        """Say whether it may pay a project at all: earmark, receiver, and what lottery money is for."""
        return (self.has_receiver and not (self.is_lottery and one.is_off_lottery)
                and self.takes(one.category, one.area))


def covers(prefixes: Sequence[str], code: str) -> bool:
    """Say whether one of the prefixes covers the code; no prefix covers all."""
    return not prefixes or any(code.startswith(prefix) for prefix in prefixes)


@dataclass(frozen=True)
class Instance:
    """Projects in the order in which they came (first come) and funds; all money in whole fen."""

    projects: tuple[Asking, ...]
    funds: tuple[Fund, ...]
    note: tuple[tuple[str, str], ...] = field(default=())   # what else is frozen with it: the run that gave the values

    @cached_property
    def room(self) -> Ints:
        """Return how much each fund may give to each project at most (n, m): 0 where it may not pay it at all."""
        made = np.zeros((len(self.projects), len(self.funds)), np.int64)
        covered: dict[tuple[str, str, bool], list[int]] = {}
        given = [dict(fund.already) for fund in self.funds]
        for row, one in enumerate(self.projects):
            key = (one.category, one.area, one.is_off_lottery)
            if key not in covered:
                covered[key] = [column for column, fund in enumerate(self.funds) if fund.may_pay(one)]
            for column in covered[key]:
                made[row, column] = min(self.funds[column].most(one.budget, given[column].get(one.ref, 0)), one.gap)
        return made

    @cached_property
    def gaps(self) -> Ints:
        """Return what each project lacks."""
        return np.array([one.gap for one in self.projects], np.int64)

    @cached_property
    def values(self) -> Ints:
        """Return what each project is worth."""
        return np.array([one.value for one in self.projects], np.int64)

    @cached_property
    def lefts(self) -> Ints:
        """Return what each fund can still give."""
        return np.array([fund.left for fund in self.funds], np.int64)

    @cached_property
    def can(self) -> Mask:
        """Return which projects could be paid if all funds were theirs alone: the others are out of the question."""
        found: Mask = (self.gaps > 0) & (self.room.sum(axis=1) >= self.gaps)
        return found

    @property
    def arcs(self) -> int:
        """Return how many pairs of project and fund are possible."""
        return int((self.room > 0).sum())

    def digest(self) -> str:
        """Return the SHA-256 of everything in canonical JSON: the same inputs have the same digest."""
        plain = {"projects": [_said(one) for one in self.projects], "funds": [_said(fund) for fund in self.funds],
                 "note": self.note}
        text = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


_LATER = {"costs": (), "is_off_lottery": False, "pledge_cap": None, "donor_cap": None, "has_receiver": True,
          "is_lottery": False}


def _said(one: Asking | Fund) -> dict[str, object]:
    """Return what one side says; what plans did not know at first stands there only where it says something."""
    return {name: value for name, value in asdict(one).items() if name not in _LATER or value != _LATER[name]}


def broken(instance: Instance, given: Ints) -> list[str]:
    """Return every limit that grants break, in words for a developer; none: all hold exactly.

    A project gets all of its gap or nothing; no fund gives more than it has, its ratio, its cap, or off its earmark.
    """
    sums = given.sum(axis=1)
    found = (
        (bool((given < 0).any()), "a negative grant"),
        (bool((given > instance.room).any()), "a ratio, cap, earmark or receiver"),
        (bool((given.sum(axis=0) > instance.lefts).any()), "a fund gives more than it has"),
        (bool(((sums != 0) & (sums != instance.gaps)).any()), "a project gets a part of its gap"),
    )
    return [word for holds, word in found if holds]
