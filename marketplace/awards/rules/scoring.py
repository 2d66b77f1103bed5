"""The formulas of rulebook 2.6: price points, means, totals, ranks, ties. Exact inside, rounded once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

from marketplace.awards.rules.draw import draw_order
from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.procedures.rules import WHOLE, ScoringMethod

POINT_PLACES = 2          # what a member may write
KEPT_PLACES = 4           # parts of a total, kept for show
_HALF = Fraction(1, 2)


def round_points(value: Fraction | Decimal, places: int, rounding: str = ROUND_HALF_UP) -> Decimal:
    """Return an exact, non-negative value as a Decimal with `places` decimals."""
    scaled = Fraction(value) * 10**places
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    part = Fraction(rest, scaled.denominator)
    up = {
        ROUND_HALF_UP: part >= _HALF,
        ROUND_HALF_EVEN: part > _HALF or (part == _HALF and whole % 2 == 1),
        ROUND_DOWN: False,
    }[rounding]
    return Decimal(whole + up).scaleb(-places)


def price_points(prices: Mapping[str, Money], weight: int,
                 deductions: Mapping[str, int] | None = None) -> dict[str, Fraction]:
    """Return base / price * weight for each price; the lowest price is the base and gets the full weight.

    `deductions` are per cents off for the comparison only (SME policy, rulebook 2.9); no price is ever left
    out as the highest or the lowest (Order 87 art 55).
    """
    off = deductions or {}
    adjusted = {key: Fraction(price.fen) * (WHOLE - off.get(key, 0)) / WHOLE for key, price in prices.items()}
    base = min(adjusted.values(), default=Fraction(0))
    return {key: base / price * weight for key, price in adjusted.items()}


def mean(points: Sequence[Decimal]) -> Fraction:
    """Return the exact mean of the members' points for one criterion."""
    return sum((Fraction(one) for one in points), Fraction(0)) / len(points)


def quality_points(by_criterion: Mapping[int, Sequence[Decimal]]) -> Fraction:
    """Return the sum over the criteria of the mean of the members' points."""
    return sum((mean(points) for points in by_criterion.values()), Fraction(0))


def check_points(points: Decimal, weight: int, *, criterion: str) -> None:
    """Refuse points that are no number, below 0, above the weight, or with more than two decimals."""
    if not points.is_finite() or not 0 <= points <= weight:
        raise Invalid(N_("“{criterion}”的得分应在 0 到 {weight} 之间"), field="points", criterion=criterion,
                      weight=weight)
    if points != points.quantize(Decimal(1).scaleb(-POINT_PLACES)):
        raise Invalid(N_("“{criterion}”的得分最多两位小数"), field="points", criterion=criterion)


@dataclass(frozen=True)
class Level:
    """What a range of points stands for: 16-20 for a complete plan."""

    low: Decimal
    high: Decimal
    words: str

    def holds(self, points: Decimal | None) -> bool:
        """Say whether these points lie in the range, ends included."""
        return points is not None and self.low <= points <= self.high


_LEVEL = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*[-–—~～至到]\s*(\d+(?:\.\d+)?)\s*分?[\s：:，,]*(.*)$")


def levels(text: str) -> list[Level]:
    """Return the ranges that a criterion names, one a line: "16-20 方案完整". Other lines are left out."""
    found = (_LEVEL.match(line) for line in text.splitlines())
    return [Level(min(Decimal(one[1]), Decimal(one[2])), max(Decimal(one[1]), Decimal(one[2])), one[3].strip())
            for one in found if one]


@dataclass(frozen=True)
class Candidate:
    """A valid offer on its way into the ranking."""

    key: str
    price: Money
    quality: Fraction = Fraction(0)


@dataclass(frozen=True)
class Ranked:
    """A place in the ranking. Equal ranks are a tie; `lot` orders those tied for first."""

    key: str
    price_points: Decimal
    quality_points: Decimal
    total: Decimal
    rank: int
    lot: int | None = None

    @property
    def is_first(self) -> bool:
        """Say whether this is the offer to be awarded: first, and first by lot where there was a tie."""
        return self.rank == 1 and self.lot in (None, 1)


def rank(candidates: Sequence[Candidate], *, method: str, price_weight: int, places: int, rounding: str,
         seed: str) -> list[Ranked]:
    """Return the offers in order: score down, price up, else equal; by lowest price: price up, else equal.

    The published (rounded) total decides, so that anybody can check the order on paper. A tie for the first
    place is broken by lot from `seed`; other ties stay (Order 87 arts 56, 57, 68).
    """
    by_price = method == ScoringMethod.LOWEST_PRICE
    fixed = {ScoringMethod.LOWEST_PRICE: WHOLE, ScoringMethod.FIXED_PRICE: 0}
    weight = fixed.get(ScoringMethod(method), price_weight)
    points = price_points({one.key: one.price for one in candidates}, weight)
    totals = {one.key: round_points(points[one.key] + one.quality, places, rounding) for one in candidates}

    def place(one: Candidate) -> tuple[Decimal, int]:
        return (Decimal(0) if by_price else -totals[one.key], one.price.fen)

    ordered = sorted(candidates, key=lambda one: (place(one), one.key))
    places_taken = [place(one) for one in ordered]
    first = [one.key for one in ordered if place(one) == places_taken[0]]
    drawn = draw_order(f"{seed}:tie:", first) if len(first) > 1 else []
    lots = {key: number for number, key in enumerate(drawn, 1)}
    ranked = [
        Ranked(one.key, round_points(points[one.key], KEPT_PLACES), round_points(one.quality, KEPT_PLACES),
               totals[one.key], places_taken.index(place(one)) + 1, lots.get(one.key))
        for one in ordered
    ]
    return sorted(ranked, key=lambda one: (one.rank, one.lot or 0))
