"""What a project lacks. Unknown is never zero: where nobody said what gifts pay for, no gap is reckoned with. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.rules.funders import BANS
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
class Cost:
    """A named cost that gifts may pay, and what it still lacks, in fen."""

    ref: str
    name: str
    fen: int


@dataclass(frozen=True)
class Gap:
    """A gap in fen, None where it is not known, and what it is taken from; the named costs that make it up.

    `drafted`: fen of papers from plans that wait for a signature, already taken off.
    """

    fen: int | None
    basis: Basis
    costs: tuple[Cost, ...] = ()
    drafted: int = 0

    @property
    def money(self) -> Money | None:
        """Return the gap as money."""
        return None if self.fen is None else Money(self.fen)


@dataclass(frozen=True, kw_only=True)
class Committed:
    """What is known of a project's money, in fen.

    `lines`: what named extra costs still lack, None where none is named. `signed`: own and matched pledges that stand,
    with what pools have reserved. `own`: proved own contributions. `drafts`: papers that wait for a signature, each
    with the ref of the cost that it names (or none) and its sum.
    """

    budget: int | None
    signed: int = 0
    own: int = 0
    lines: tuple[Cost, ...] | None = None
    drafts: tuple[tuple[str, int], ...] = ()


def gap_of(place: Place, known: Committed) -> Gap | None:
    """Return what a project lacks; None where no money may land on it now (funding.rules.landing).

    Named extra costs come first. Beside a procurement contract only those count: the contract pays all the rest.
    """
    if refusal(place):
        return None
    drafted = sum(fen for _, fen in known.drafts)
    if known.lines is not None:
        costs = left_of(known.lines, known.drafts)
        return Gap(sum(one.fen for one in costs), Basis.COST_LINES, costs, drafted)
    if known.budget is None or family_of(place.procedure) is Family.PROCUREMENT:
        return Gap(None, Basis.UNKNOWN, (), drafted)
    return Gap(max(known.budget - known.signed - known.own - drafted, 0), Basis.BUDGET, (), drafted)


def left_of(lines: Sequence[Cost], drafts: Sequence[tuple[str, int]]) -> tuple[Cost, ...]:
    """Return the costs that still lack something beside drafts; a draft that names none counts for the first ones."""
    left = {one.ref: max(one.fen, 0) for one in lines}
    for ref, fen in sorted(drafts, key=lambda draft: draft[0] not in left):
        rest = fen
        for key in [ref] if ref in left else list(left):
            taken = min(rest, left[key])
            left[key], rest = left[key] - taken, rest - taken
    return tuple(Cost(one.ref, one.name, left[one.ref]) for one in lines if left[one.ref])


def is_off_lottery(costs: Sequence[Cost]) -> bool:
    """Say whether one of the costs may not be paid by lottery money (funding.rules.funders)."""
    return any(word in one.name for one in costs for ban in BANS for word in ban.words)


def parts_of(costs: Sequence[int], grants: Sequence[int]) -> list[list[int]]:
    """Return how much of each cost each grant pays, cost after cost: a promise names one cost (funding.rules.landing).

    Together the grants are the costs, so every cost is paid once and every grant is used up.
    """
    made, left = [], list(costs)
    for grant in grants:
        row, rest = [0] * len(costs), grant
        for place, fen in enumerate(left):
            row[place] = min(rest, fen)
            rest -= row[place]
            left[place] -= row[place]
        made.append(row)
    return made
