"""Points of a pair from the registry alone, for pairs that no matching run has scored: category and area. Pure.

Tenths of a point, at most 800. Unknown counts a middle value, never nothing; another category than all that an
organization names is no pair.
"""

from collections.abc import Collection

SAME = (600, 480, 360)           # the same item, the same group, the same class of the guiding catalogue
LENGTHS = (7, 5, 3)              # signs of the codes of item, group, class
CATEGORY_UNKNOWN = 300
AREA_SERVED, AREA_UNKNOWN, AREA_OTHER = 200, 100, 20


def estimate(category: str | None, area: str | None, *, serves: Collection[str], areas: Collection[str]) -> int:
    """Return the points of a project's category and area for an organization that names `serves` and `areas`."""
    first = _category(category, serves)
    return first + _area(area, areas) if first else 0


def _category(category: str | None, serves: Collection[str]) -> int:
    """Return the points of the category: the nearest of those that the organization names."""
    if not category or not serves:
        return CATEGORY_UNKNOWN
    for points, length in zip(SAME, LENGTHS, strict=True):
        if any(code[:length] == category[:length] for code in serves):
            return points
    return 0


def _area(area: str | None, areas: Collection[str]) -> int:
    """Return the points of the area: codes that begin alike lie in one another."""
    if not area or not areas:
        return AREA_UNKNOWN
    return AREA_SERVED if any(area.startswith(code) for code in areas) else AREA_OTHER
