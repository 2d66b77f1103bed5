"""What a project lacks. Unknown is never zero: where nobody said what gifts pay for, no gap is reckoned with. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.rules.landing import Family, Place, family_of, refusal


class Basis(StrEnum):
    """What a gap is taken from."""

    COST_LINES = "cost_lines"
    BUDGET = "budget"
    UNKNOWN = "unknown"


BASIS_LABELS: Mapping[Basis, str] = {
    Basis.COST_LINES: N_("购买单位列出的捐赠费用，减去已签的"), Basis.BUDGET: N_("预算减去已签认捐、配套和已核定自筹"),
    Basis.UNKNOWN: N_("购买单位还没有列出捐赠可以支付的费用"),
}


@dataclass(frozen=True)
class Gap:
    """A gap in fen, None where it is not known, and what it is taken from."""

    fen: int | None
    basis: Basis

    @property
    def money(self) -> Money | None:
        """Return the gap as money."""
        return None if self.fen is None else Money(self.fen)


@dataclass(frozen=True, kw_only=True)
class Committed:
    """What is known of a project's money, in fen.

    `lines`: what named extra costs still lack, None where none is named. `signed`: own and matched pledges that stand,
    with what pools have reserved. `own`: proved own contributions.
    """

    budget: int | None
    signed: int = 0
    own: int = 0
    lines: int | None = None


def gap_of(place: Place, known: Committed) -> Gap | None:
    """Return what a project lacks; None where no money may land on it now (funding.rules.landing).

    Named extra costs come first. Beside a procurement contract only those count: the contract pays all the rest.
    """
    if refusal(place):
        return None
    if known.lines is not None:
        return Gap(max(known.lines, 0), Basis.COST_LINES)
    if known.budget is None or family_of(place.procedure) is Family.PROCUREMENT:
        return Gap(None, Basis.UNKNOWN)
    return Gap(max(known.budget - known.signed - known.own, 0), Basis.BUDGET)
