"""What a change of an event's facts does to meetings in force: which rounds move, whether the place does. Pure.

The facts travel in a job as plain values, so that the message says old and new times of that very change.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from marketplace.meetings.rules import EventFacts, Slot, slots


@dataclass(frozen=True)
class Move:
    """What moved: rounds with their times before and after, by number; the place before and after, if it changed."""

    rounds: Mapping[int, tuple[Slot, Slot]]
    places: tuple[str, str] | None

    def touches(self, numbers: Collection[int]) -> bool:
        """Say whether it moves a meeting in one of these rounds."""
        return bool(numbers) and (self.places is not None or any(number in self.rounds for number in numbers))


def move(before: EventFacts, after: EventFacts) -> Move:
    """Return what is another time or place for those who meet; another title or more rounds move nobody."""
    rounds = {old.number: (old, new) for old, new in zip(slots(before), slots(after), strict=False) if old != new}
    return Move(rounds, (before.place, after.place) if before.place != after.place else None)


def plain(facts: EventFacts) -> dict[str, object]:
    """Return facts as plain values for a job."""
    return {**asdict(facts), "starts_at": facts.starts_at.isoformat()}


def read(values: Mapping[str, Any]) -> EventFacts:
    """Return facts from the plain values of a job."""
    known = {one.name: values[one.name] for one in fields(EventFacts) if one.name in values}
    return EventFacts(**{**known, "starts_at": datetime.fromisoformat(known["starts_at"])})
