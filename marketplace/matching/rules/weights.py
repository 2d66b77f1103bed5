"""Weight sets: how many points of 100 each criterion can give, and the adjustments beside them. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from marketplace.core.errors import Invalid
from marketplace.core.text import N_

FULL = 100
TENTHS = 10                              # inside, points are integers in tenths: 0..1000
TIE_POINTS = 3                           # smaller gaps mean nothing: one group, people choose (matching.md 3)


class Criterion(StrEnum):
    """What gives points, in the order in which people read them; the last three are adjustments, not criteria."""

    CATEGORY = "category"
    TEXT = "text"
    AREA = "area"
    TRACK = "track"
    BUDGET = "budget"
    CAPACITY = "capacity"
    NEWCOMER = "newcomer"
    LOAD = "load"
    SWITCHING = "switching"


CRITERIA = (Criterion.CATEGORY, Criterion.TEXT, Criterion.AREA, Criterion.TRACK, Criterion.BUDGET, Criterion.CAPACITY)
CRITERION_LABELS: Mapping[Criterion, str] = {
    Criterion.CATEGORY: N_("服务类别"), Criterion.TEXT: N_("文字内容"), Criterion.AREA: N_("服务区域"),
    Criterion.TRACK: N_("履约经历"), Criterion.BUDGET: N_("预算规模"), Criterion.CAPACITY: N_("承接余力"),
    Criterion.NEWCOMER: N_("新组织加分"), Criterion.LOAD: N_("在手项目"), Criterion.SWITCHING: N_("保持原配对"),
}
LIMITS: Mapping[str, tuple[int, int]] = {"newcomer": (0, 20), "load": (0, 10), "switching": (0, 20),
                                         "least": (0, 90)}


@dataclass(frozen=True)
class Weights:
    """Points of 100 a criterion, and the adjustments beside them, in points.

    `newcomer`: bonus; `load`: malus per project in hand or given beyond the first; `switching`: bonus for a pair of the
    published run; `least`: the total under which nobody is proposed.
    """

    points: Mapping[Criterion, int] = field(default_factory=lambda: dict(DEFAULT_POINTS))
    newcomer: int = 2
    load: int = 1
    switching: int = 5
    least: int = 45

    def as_plain(self) -> dict[str, object]:
        """Return plain values for a row or a hash."""
        return {**asdict(self), "points": {str(one): self.points[one] for one in CRITERIA}}


DEFAULT_POINTS: Mapping[Criterion, int] = {
    Criterion.CATEGORY: 25, Criterion.TEXT: 25, Criterion.AREA: 15, Criterion.TRACK: 15, Criterion.BUDGET: 10,
    Criterion.CAPACITY: 10,
}


def from_plain(plain: Mapping[str, object]) -> Weights:
    """Return the weights that `as_plain` wrote."""
    points = plain["points"]
    assert isinstance(points, Mapping)
    return Weights({one: int(points[one]) for one in CRITERIA}, *(int(str(plain[name])) for name in LIMITS))


def check(weights: Weights) -> Weights:
    """Return the weights; raises Invalid when they do not total 100 or an adjustment is out of bounds."""
    for one in CRITERIA:
        if not 0 <= weights.points[one] <= FULL:
            raise Invalid(N_("每项权重须在 0 到 100 之间"), field=str(one))
    total = sum(weights.points[one] for one in CRITERIA)
    if total != FULL:
        raise Invalid(N_("权重合计须为 100，现在是 {total}"), field="points", total=total)
    for name, (low, high) in LIMITS.items():
        if not low <= getattr(weights, name) <= high:
            raise Invalid(N_("这一项须在 {low} 到 {high} 之间"), field=name, low=low, high=high)
    return weights
