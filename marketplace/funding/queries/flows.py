"""What the ledger says flowed in a span of time: money that arrived, went back, and was paid out, pledge by pledge."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import at_beijing, beijing_date
from marketplace.core.money import Money
from marketplace.funding.models import Pledge, Release
from marketplace.ledger.models import Journal, Transfer
from marketplace.ledger.rules import AccountKind, account

_AT_ONCE = 500
_OUTSIDE = (AccountKind.SUSPENSE, AccountKind.CASH_BANK, AccountKind.CASH_STRIPE)


@dataclass(frozen=True)
class Flow:
    """One movement of money over the border of a pledge: `arrived`, `returned` or `spent` (negative: clawed back)."""

    pledge_ref: str
    kind: str
    on: date
    amount: Money


def year_span(year: int) -> tuple[datetime, datetime]:
    """Return the half-open span of a calendar year in Beijing."""
    return at_beijing(date(year, 1, 1), 0, 0), at_beijing(date(year + 1, 1, 1), 0, 0)


def flows(session: Session, refs: Sequence[str], *, span: tuple[datetime, datetime] | None = None) -> list[Flow]:
    """Return the movements of pledges, oldest first, within a span if one is given."""
    found: list[tuple[int, Flow]] = []
    for some in _chunks(refs):
        arriving = {account(AccountKind.PAID, ref): ref for ref in some}
        leaving = {account(kind, ref): ref for ref in some
                   for kind in (AccountKind.PAID, AccountKind.REFUND, AccountKind.DISPUTED)}
        holding = {account(AccountKind.HELD, ref): ref for ref in some}
        found += _moved(session, "credit", arriving, "arrived", span)
        found += _moved(session, "debit", leaving, "returned", span)
        found += _moved(session, "debit", _milestones(session, some), "spent", span)
        found += _moved(session, "credit", holding, "spent", span, sign=-1)
    return [flow for _, flow in sorted(found, key=lambda pair: (pair[1].on, pair[0]))]


def _chunks(refs: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield references in bites that every database takes."""
    for start in range(0, len(refs), _AT_ONCE):
        yield refs[start:start + _AT_ONCE]


def _milestones(session: Session, refs: Iterable[str]) -> dict[str, str]:
    """Return the milestone accounts that releases of these pledges opened: code -> pledge."""
    rows = session.execute(select(Pledge.ref, Release.milestone).join(Release, Release.pledge_id == Pledge.id)
                           .where(Pledge.ref.in_(list(refs))).distinct())
    return {account(AccountKind.MILESTONE, ref, number): ref for ref, number in rows}


def _moved(session: Session, side: str, codes: dict[str, str], kind: str, span: tuple[datetime, datetime] | None,
           *, sign: int = 1) -> list[tuple[int, Flow]]:
    """Return transfers on one side of the accounts whose other side lies outside every pledge."""
    if not codes:
        return []
    here, there = (Transfer.credit, Transfer.debit) if side == "credit" else (Transfer.debit, Transfer.credit)
    query = (select(Transfer.id, here, there, Transfer.amount, Journal.at).join(Journal)
             .where(here.in_(list(codes))))
    if span is not None:
        query = query.where(Journal.at >= span[0], Journal.at < span[1])
    return [(row[0], Flow(codes[row[1]], kind, beijing_date(row[4]), row[3] * sign))
            for row in session.execute(query)
            if row[2].partition(":")[0] in _OUTSIDE]


@dataclass(frozen=True)
class Turnover:
    """What one pledge brought and paid out in a span."""

    arrived: Money
    returned: Money
    spent: Money

    @property
    def given(self) -> Money:
        """Return what the funder gave away in the span: arrived and not returned."""
        return self.arrived - self.returned


def turnover(found: Iterable[Flow]) -> dict[str, Turnover]:
    """Add movements up by pledge."""
    sums: dict[str, dict[str, int]] = {}
    for flow in found:
        one = sums.setdefault(flow.pledge_ref, {"arrived": 0, "returned": 0, "spent": 0})
        one[flow.kind] += flow.amount.fen
    return {ref: Turnover(**{kind: Money(fen) for kind, fen in one.items()}) for ref, one in sums.items()}
