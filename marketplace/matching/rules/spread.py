"""How evenly work is spread: Gini, the top's share, newcomers against their places, deciles. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

DECILES = 10
HUNDRED = 100


def gini(loads: Sequence[int] | NDArray[np.integer]) -> float:
    """Return the Gini coefficient of loads: 0 when all have the same, near 1 when one has everything; 0 for none."""
    sorted_ = np.sort(np.asarray(loads, dtype=np.int64))
    total = int(sorted_.sum())
    if total == 0:
        return 0.0
    places = np.arange(1, sorted_.size + 1, dtype=np.int64)
    return float((2 * int((places * sorted_).sum()) - (sorted_.size + 1) * total) / (sorted_.size * total))


def share(part: float, whole: float) -> float | None:
    """Return part / whole, None where there is no whole: a share of nothing is not zero."""
    return part / whole if whole else None


@dataclass(frozen=True)
class Decile:
    """Pairs of a tenth of the scores (`low` to `high`, tenths of a point, both included): decided, taken."""

    low: int
    high: int
    decided: int
    taken: int

    @property
    def rate(self) -> float | None:
        """Return the share of those decided that was taken."""
        return share(self.taken, self.decided)


def deciles(totals: Sequence[int], taken: Sequence[bool]) -> tuple[Decile, ...]:
    """Split decided pairs by score into tenths of equal number, lowest first; fewer rows where there are fewer pairs.

    When a higher score is taken more often, the score means something; when not, the weights are wrong.
    """
    order = sorted(range(len(totals)), key=lambda place: totals[place])
    count = min(DECILES, len(order))
    cuts = [len(order) * number // count for number in range(count + 1)] if count else []
    return tuple(
        Decile(totals[order[start]], totals[order[end - 1]], end - start,
               sum(taken[place] for place in order[start:end]))
        for start, end in pairwise(cuts))
