"""How the index and the database are compared, and what a report of it says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

Key = tuple[str, str]


@dataclass(frozen=True)
class Difference:
    """What the index lacks, holds too much, or holds in an older form."""

    missing: tuple[Key, ...]
    extra: tuple[Key, ...]
    stale: tuple[Key, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.stale)

    def report(self, *, documents: int, lag_seconds: float) -> dict[str, object]:
        """Return the report of `flask search verify`; `documents`: how many the index holds."""
        return {"ok": not self, "missing": len(self.missing), "extra": len(self.extra), "stale": len(self.stale),
                "lag_seconds": lag_seconds, "documents": documents}


def compare(should: Mapping[Key, str], holds: Mapping[Key, str]) -> Difference:
    """Compare fingerprints by (kind, ref)."""
    return Difference(
        missing=tuple(sorted(should.keys() - holds.keys())), extra=tuple(sorted(holds.keys() - should.keys())),
        stale=tuple(sorted(key for key in should.keys() & holds.keys() if should[key] != holds[key])))
