"""Where a page of hits begins, as it stands in an address. Pure."""

import re
from dataclasses import dataclass

from marketplace.core.searching import Cursor, Hit

_SHAPE = re.compile(r"(\d{1,9})~(-?\d{1,19}(?:\.\d{1,20})?(?:e-?\d{1,2})?)~([a-z_]{1,40}:[^\s~]{1,80})", re.ASCII)
_MOST = 1 << 63


@dataclass(frozen=True)
class Start:
    """So many hits stand before this page, the last of them at `after`; None for the first page."""

    skipped: int = 0
    after: Cursor | None = None


def start_of(text: str) -> Start:
    """Read "20~-3.25~project:x1"; whatever is not of this shape is the first page."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return Start()
    skipped, place, key = found.groups()
    number = int(place) if place.lstrip("-").isdigit() else float(place)
    return Start(int(skipped), Cursor(number, key)) if abs(number) < _MOST else Start()


def address_after(skipped: int, last: Hit) -> str:
    """Return where the page after `last` begins; places of 63 bits stay whole numbers."""
    return f"{skipped}~{last.place!r}~{last.cursor.key}"
