"""What is said when least numbers cannot be met: demand, supply, who is short, three ways to mend it. Pure."""

from dataclasses import asdict, dataclass

import numpy as np

from marketplace.meetings.rules.problems import Problem, Schedule


@dataclass(frozen=True)
class Shortage:
    """The sums of the side that is short, and its parties: (name, least, found, partners, rounds)."""

    side: str                       # tables, organizations
    demand: int                     # least numbers of this side together
    supply: int                     # meetings that the other side can hold with it
    found: int                      # meetings of this side that the schedule has
    rows: tuple[tuple[str, int, int, int, int], ...]
    more_rounds: int                # rounds to add if everybody stays for them
    is_proven: bool

    def as_facts(self) -> dict[str, object]:
        """Return it as plain values for a row."""
        return asdict(self)


def shortage_of(problem: Problem, found: Schedule, names: tuple[str, ...]) -> tuple[Shortage, ...]:
    """Return what is short on each side; nothing where every least number is met."""
    made, tables = [], problem.tables
    for side, first, last, others in (("tables", 0, tables, np.unique(problem.right)),
                                      ("organizations", tables, len(names), np.unique(problem.left))):
        short = [one for one in found.short if first <= one.party < last]
        if not short:
            continue
        demand = int(problem.least[first:last].sum())
        supply = int(problem.degrees[others].sum())
        rounds = -(-max(demand - supply, 0) // max(len(others), 1))
        made.append(Shortage(
            side, demand, supply, len(found.pairs),
            tuple((names[one.party], one.least, one.found, one.partners, one.rounds) for one in short),
            rounds, found.is_proven_short))
    return tuple(made)
