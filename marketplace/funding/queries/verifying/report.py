"""What the check of all money says."""

from dataclasses import dataclass
from datetime import datetime

INVARIANTS = tuple(f"I{number}" for number in range(1, 13))
MOST_KEPT = 20   # problems of one invariant that are told one by one; the rest are counted


@dataclass(frozen=True)
class Problem:
    """One thing that does not fit: which invariant, what, where, and both numbers."""

    invariant: str
    what: str
    where: str
    expected: object
    found: object

    def __str__(self) -> str:
        """Say it on one line."""
        return f"{self.invariant} {self.what} at {self.where}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True)
class VerifyReport:
    """The result of one run. `problems` holds the first of each invariant, `found` counts all of them."""

    ok: bool
    entries: int
    entries_per_second: int
    invariants: dict[str, bool]
    problems: list[Problem]
    found: int
    at: datetime


class Findings:
    """Collects problems while the check runs."""

    def __init__(self) -> None:
        self.kept: list[Problem] = []
        self.counts = dict.fromkeys(INVARIANTS, 0)

    def add(self, invariant: str, what: str, where: str, expected: object, found: object) -> None:
        """Note one problem; of each invariant the first twenty are kept word by word."""
        self.counts[invariant] += 1
        if self.counts[invariant] <= MOST_KEPT:
            self.kept.append(Problem(invariant, what, where, expected, found))

    def equal(self, invariant: str, what: str, where: str, expected: object, found: object) -> None:
        """Note a problem unless both are the same."""
        if expected != found:
            self.add(invariant, what, where, expected, found)

    def report(self, *, entries: int, seconds: float, now: datetime) -> VerifyReport:
        """Return what was found."""
        total = sum(self.counts.values())
        rate = int(entries / seconds) if entries and seconds > 0 else 0
        return VerifyReport(not total, entries, rate, {name: not count for name, count in self.counts.items()},
                            self.kept, total, now)
