"""What every page with filters shows: the values of a facet, and the conditions in force."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One value of a facet as the page shows it; `depth` counts the branches above it that the page shows too."""

    value: str
    word: str
    count: int
    is_chosen: bool
    depth: int = 0


@dataclass(frozen=True)
class Chip:
    """A condition in force, and the address without it."""

    facet: str
    word: str
    url: str
