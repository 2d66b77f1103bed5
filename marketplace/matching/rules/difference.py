"""Two assignments side by side: pairs that go and come, totals before and after. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from marketplace.matching.rules.edits import Pair


@dataclass(frozen=True)
class Difference:
    """Pairs that go (`gone`) and come (`come`) with their totals in tenths; both totals, empty places counted."""

    gone: Mapping[Pair, int]
    come: Mapping[Pair, int]
    total_before: int
    total_after: int
    given_before: int
    given_after: int

    @property
    def changed(self) -> int:
        """Return how many pairs go or come."""
        return len(self.gone) + len(self.come)

    @property
    def projects(self) -> tuple[int, ...]:
        """Return the keys of the projects that are touched."""
        return tuple(sorted({pair[0] for pair in (*self.gone, *self.come)}))


def difference(before: Mapping[Pair, int], after: Mapping[Pair, int], *, total_before: int,
               total_after: int) -> Difference:
    """Return what differs between two sets of pairs with their totals."""
    return Difference({pair: total for pair, total in before.items() if pair not in after},
                      {pair: total for pair, total in after.items() if pair not in before},
                      total_before, total_after, len(before), len(after))
