"""What changed between two schedules, told by pair: new, gone, moved to another round. Pure."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from marketplace.meetings.rules.inputs import Seat


@dataclass(frozen=True)
class Change:
    """One pair that differs: its round before and after, from 1; None where it does not meet."""

    project: int
    organization: int
    before: int | None
    after: int | None


@dataclass(frozen=True)
class Difference:
    """All that differs, by round after (gone ones last), and the points on both sides."""

    changes: tuple[Change, ...]
    points_before: int
    points_after: int

    @property
    def organizations(self) -> int:
        """Return how many organizations have another list."""
        return len({change.organization for change in self.changes})

    @property
    def tables(self) -> int:
        """Return how many tables have another list."""
        return len({change.project for change in self.changes})


def difference(before: Iterable[Seat], after: Iterable[Seat]) -> Difference:
    """Compare two schedules."""
    old = {(seat.project, seat.organization): seat for seat in before}
    new = {(seat.project, seat.organization): seat for seat in after}
    made = [Change(*pair, _round(old.get(pair)), _round(new.get(pair))) for pair in old.keys() | new.keys()]
    changed = sorted((one for one in made if one.before != one.after),
                     key=lambda one: (one.after is None, one.after or one.before or 0, one.project, one.organization))
    return Difference(tuple(changed), *(sum(seat.points for seat in side.values()) for side in (old, new)))


def digest(seats: Iterable[Seat]) -> str:
    """Return a hash of a schedule: what was previewed is what is kept."""
    rows = sorted((seat.project, seat.organization, seat.round, seat.points, seat.is_pinned) for seat in seats)
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _round(seat: Seat | None) -> int | None:
    """Return the round of a meeting, if there is one."""
    return None if seat is None else seat.round
