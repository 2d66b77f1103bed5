"""What the steps of building share: the seeded dice, the moment, and whom the world has by now."""

import random
from dataclasses import dataclass, field
from datetime import datetime

from marketplace.core.access import Actor
from marketplace.core.calendar import WorkCalendar
from marketplace.core.clock import at_beijing, beijing_date
from marketplace.core.ports import Sealer
from marketplace.demo.rules.plan import workday_before
from marketplace.demo.rules.texts import Library


@dataclass(frozen=True)
class Unit:
    """A buying unit and the two people who work for it."""

    organization_id: int
    name: str
    area_code: str
    town: str
    communities: tuple[str, ...]
    handler: Actor
    approver: Actor


@dataclass(frozen=True)
class Bidder:
    """An organization that bids, and who writes for it."""

    organization_id: int
    name: str
    fields: frozenset[str]
    contact: str
    phone: str
    actor: Actor


@dataclass
class World:
    """Everything that one step hands to the next; rows are read again by id in every transaction."""

    rng: random.Random
    now: datetime
    sealer: Sealer
    calendar: WorkCalendar
    library: Library
    units: list[Unit] = field(default_factory=list)           # seven towns by size, then the district's bureaus
    communities: list[str] = field(default_factory=list)
    bidders: list[Bidder] = field(default_factory=list)
    experts: dict[int, Actor] = field(default_factory=dict)   # by person
    lines: dict[int, tuple[int, int]] = field(default_factory=dict)   # planned project -> (line, item)
    texts: dict[int, dict[str, object]] = field(default_factory=dict)  # planned project -> its content
    fates: dict[str, int] = field(default_factory=dict)
    phones: int = 0
    codes: int = 0
    organizations: int = 0
    sign_ins: list[tuple[str, str, str]] = field(default_factory=list)   # role, account name, for whom

    @property
    def district(self) -> Unit:
        """Return the district bureau."""
        return self.units[7]

    def morning(self, workdays: int) -> datetime:
        """Return ten o'clock in Beijing, so many working days before the last one up to today; one or more is past."""
        return at_beijing(workday_before(self.calendar, beijing_date(self.now), workdays), 10)

    def next_phone(self) -> int:
        """Return the next telephone's number."""
        self.phones += 1
        return self.phones

    def next_code(self) -> int:
        """Return the next credit code's number."""
        self.codes += 1
        return self.codes


def begin(*, seed: int, now: datetime, sealer: Sealer, calendar: WorkCalendar) -> World:
    """Return an empty world."""
    rng = random.Random(seed)  # noqa: S311 - a repeatable world, no secret
    return World(rng=rng, now=now, sealer=sealer, calendar=calendar, library=Library(rng))
