"""Names of codes and the tiles of towns for the search page, kept a while in each process."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from marketplace.catalogs.queries import areas, category_names

FRESH = timedelta(seconds=30)
TOWN = 2


@dataclass(frozen=True)
class Tile:
    """A town and where its tile stands on the grid, from 1; 0 when it has no place."""

    code: str
    name: str
    x: int
    y: int


@dataclass(frozen=True)
class Names:
    """What codes are called: of the catalogue in force, of areas; the towns as tiles."""

    categories: Mapping[str, str]
    areas: Mapping[str, str]
    tiles: Sequence[Tile]


@dataclass
class NameBook:
    """The names of one process. Safe for threads."""

    kept: Names | None = None
    read_at: datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def names(self, session: Session, now: datetime) -> Names:
        """Return the names, read again when they are older than half a minute."""
        with self.lock:
            if self.kept is None or self.read_at is None or not timedelta(0) <= now - self.read_at < FRESH:
                known = areas(session)
                self.kept = Names(
                    category_names(session), {area.code: area.name for area in known},
                    [Tile(area.code, area.name, area.tile_x or 0, area.tile_y or 0)
                     for area in known if area.level == TOWN])
                self.read_at = now
            return self.kept
