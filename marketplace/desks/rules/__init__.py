"""What the desks show, in which order: pipeline columns, tile classes. Pure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from marketplace.projects.rules import DisplayStatus

PIPELINE: Sequence[DisplayStatus] = (
    DisplayStatus.DRAFT, DisplayStatus.IN_REVIEW, DisplayStatus.OPEN, DisplayStatus.SEALED,
    DisplayStatus.SCORING, DisplayStatus.RESULT, DisplayStatus.CONTRACTED,
)
OUTCOMES: Sequence[DisplayStatus] = (DisplayStatus.FAILED, DisplayStatus.TERMINATED)
SOON = timedelta(days=7)
EXPIRY_WARNING = timedelta(days=60)
TILE_CLASSES = 5
TOWN_LENGTH = 9        # a town's code; a community's is longer


def tile_classes(counts: Mapping[str, int]) -> dict[str, str]:
    """Return t1 to t5 for each place: five equal steps from the least to the most."""
    if not counts:
        return {}
    least, most = min(counts.values()), max(counts.values())
    if most == least:
        return dict.fromkeys(counts, "t2")
    return {
        place: f"t{min((count - least) * TILE_CLASSES // (most - least) + 1, TILE_CLASSES)}"
        for place, count in counts.items()
    }
