"""The lines of a statement one after the other: their order, the running balance, the number of each line. Pure."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from marketplace.core.money import Money
from marketplace.core.sheets.text import folded
from marketplace.payments.rules.lines import Direction

DIGEST = 24
NONE = Money(0)


@dataclass(frozen=True)
class StatementRow:
    """One line as read. `amount` is what the payer sent, `fee` what the bank kept of it; `row` counts from 1."""

    row: int
    booked_on: date
    direction: Direction
    amount: Money
    fee: Money = NONE
    balance: Money | None = None
    serial: str = ""
    name: str = ""
    account: str = ""
    purpose: str = ""

    @property
    def change(self) -> int:
        """Return what the line does to the balance, in fen."""
        return (self.amount.fen if self.direction is Direction.IN else -self.amount.fen) - self.fee.fen


@dataclass(frozen=True)
class Break:
    """A place where the balances do not follow: a row is missing, or changed. `row` 0: the closing balance."""

    row: int
    expected: Money
    found: Money

    @property
    def difference(self) -> Money:
        """Return what is missing (or too much, then negative)."""
        return self.found - self.expected


def in_time(rows: Sequence[StatementRow], opening: Money | None) -> list[StatementRow]:
    """Return the rows oldest first: many banks write the newest first. The balances decide, then the dates."""
    ways = (list(rows), list(reversed(rows)))
    return min(ways, key=lambda way: (len(breaks(way, opening, None)),
                                      sum(a.booked_on > b.booked_on for a, b in pairwise(way))))


def breaks(rows: Sequence[StatementRow], opening: Money | None, closing: Money | None) -> list[Break]:
    """Return each place where a balance is not the one before plus the line."""
    made, before = [], opening
    for row in rows:
        if row.balance is None:
            before = None if before is None else Money(before.fen + row.change)
            continue
        if before is not None and before.fen + row.change != row.balance.fen:
            made.append(Break(row.row, Money(before.fen + row.change), row.balance))
        before = row.balance
    if closing is not None and before is not None and closing != before:
        made.append(Break(0, before, closing))
    return made


def first_balance(rows: Sequence[StatementRow]) -> Money | None:
    """Return the balance before the first line, where balances are given."""
    first = rows[0] if rows else None
    return Money(first.balance.fen - first.change) if first is not None and first.balance is not None else None


def last_balance(rows: Sequence[StatementRow]) -> Money | None:
    """Return the balance after the last line."""
    return rows[-1].balance if rows else None


def with_serials(rows: Sequence[StatementRow]) -> list[StatementRow]:
    """Return the rows with a number each: the bank's own, else a digest with a counter for truly equal lines."""
    seen: Counter[str] = Counter()
    made = []
    for row in rows:
        if not row.serial:
            facts = (row.booked_on.isoformat(), row.direction.value, row.amount.fen, row.fee.fen,
                     row.balance.fen if row.balance else "", folded(row.name), row.account, folded(row.purpose))
            digest = hashlib.sha256("|".join(map(str, facts)).encode()).hexdigest()[:DIGEST]
            seen[digest] += 1
            row = replace(row, serial=f"#{digest}-{seen[digest]}")  # noqa: PLW2901 - the same line, now numbered
        made.append(row)
    return made
