"""What is to be scheduled, as columns, and what came out. Pure.

Parties are numbered: the tables first, then the organizations. A pair joins a table and an organization; it may meet
once. Points are integers in tenths, as everywhere in matching.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
FREE = -1                        # nobody sits there


@dataclass(frozen=True)
class Problem:
    """One event: `tables` tables and `len(least) - tables` organizations.

    `left`, `right`: of each pair the party at the table and the party that comes; `gains`: its points, above zero.
    `presence`: (parties, rounds), who is there when. `least`: meetings that each party is to have at least.
    `pins`: pair -> round that somebody fixed, FREE for "in any round". `kept`: pair -> round of the schedule before;
    `keeping`: points that a pair of it counts more, so that a small edit changes little.
    """

    tables: int
    left: Ints
    right: Ints
    gains: Ints
    presence: Bools
    least: Ints
    pins: dict[int, int] = field(default_factory=dict)
    kept: dict[int, int] = field(default_factory=dict)
    keeping: int = 0

    @property
    def rounds(self) -> int:
        """Return how many rounds the event has."""
        return int(self.presence.shape[1])

    @property
    def degrees(self) -> Ints:
        """Return how many meetings each party can have at most: the rounds in which it is there."""
        there: Ints = self.presence.sum(axis=1, dtype=np.int64)
        return there

    @property
    def everybody_stays(self) -> bool:
        """Say whether all parties are there in all rounds: then the schedule is exact."""
        return bool(self.presence.all())

    def worth(self) -> Ints:
        """Return the points of each pair as the solver sees them: those of the schedule before count a little more."""
        if not (self.keeping and self.kept):
            return self.gains
        worth = self.gains.copy()
        worth[np.fromiter(self.kept, np.int64, len(self.kept))] += self.keeping
        return worth

    def fingerprint(self) -> str:
        """Return a hash of everything that decides the result."""
        made = hashlib.sha256(f"{self.tables}/{self.rounds}/{self.keeping}".encode())
        for column in (self.left, self.right, self.gains, self.presence, self.least):
            made.update(np.ascontiguousarray(column).tobytes())
        made.update(repr((sorted(self.pins.items()), sorted(self.kept.items()) if self.keeping else ())).encode())
        return made.hexdigest()


@dataclass(frozen=True)
class Short:
    """A party that cannot have its least number of meetings: wanted, found, possible partners, rounds it is there."""

    party: int
    least: int
    found: int
    partners: int
    rounds: int


@dataclass(frozen=True)
class Schedule:
    """What was found: pairs and their rounds, sorted by pair; the points; the bound that no schedule can pass.

    `bound`: the best total if pairs needed no round of their own (b-matching within what the rounds can seat).
    `short`: who has fewer meetings than asked for; `is_proven_short`: no schedule could serve all of them.
    `unplaced`: pins that found no round.
    """

    pairs: Ints
    rounds: Ints
    total: int
    bound: int
    short: tuple[Short, ...] = ()
    is_proven_short: bool = False
    unplaced: tuple[int, ...] = ()

    @property
    def ratio(self) -> float:
        """Return the total as a share of the bound; 1 where there is nothing to gain."""
        return self.total / self.bound if self.bound else 1.0
