"""The ledger as plain text that other programs check: hledger's journal and beancount's. Pure.

A debit is positive there. Every account ends with an assertion of its balance, so the other program's own arithmetic
must come to ours.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from marketplace.core.money import Money
from marketplace.ledger.rules import SEPARATOR, AccountKind


class Format(StrEnum):
    """The programs that can check an export."""

    HLEDGER = "hledger"
    BEANCOUNT = "beancount"


_ROOT: Mapping[AccountKind, str] = {
    AccountKind.COMMITMENT: "Assets:Commitment", AccountKind.CASH_BANK: "Assets:Bank",
    AccountKind.CASH_STRIPE: "Assets:Stripe", AccountKind.TRANSIT: "Assets:Transit", AccountKind.FEE: "Expenses:Fee",
    AccountKind.POOL_AVAILABLE: "Liabilities:Pool:Available", AccountKind.POOL_RESERVED: "Liabilities:Pool:Reserved",
    AccountKind.PROMISED: "Liabilities:Promised", AccountKind.SUSPENSE: "Liabilities:Suspense",
    AccountKind.PAID: "Liabilities:Paid", AccountKind.HELD: "Liabilities:Held",
    AccountKind.MILESTONE: "Liabilities:Milestone", AccountKind.REFUND: "Liabilities:Refund",
    AccountKind.DISPUTED: "Liabilities:Disputed",
}


_EPOCH = date(1970, 1, 1)   # journals need not come in the order of their days: accounts are open from here on


@dataclass(frozen=True)
class Entry:
    """One journal as it is written out: its transfers as (debit, credit, fen)."""

    on: date
    ref: str
    key: str
    kind: str
    subject: str
    lines: Sequence[tuple[str, str, int]]


def name_of(code: str) -> str:
    """Return the account's name in other books: held:4b4w9mav6xbk is Liabilities:Held:4B4W9MAV6XBK."""
    kind, _, rest = code.partition(SEPARATOR)
    return f"{_ROOT[AccountKind(kind)]}:{rest.upper()}"


def write(entries: Iterator[Entry], opening: Mapping[str, int], *, form: Format, currency: str,
          since: date | None) -> Iterator[str]:
    """Yield the lines of an export. `opening`: debit minus credit of each account before `since`, in fen."""
    style = _Hledger(currency) if form is Format.HLEDGER else _Beancount(currency)
    balances = {name_of(code): fen for code, fen in opening.items()}
    yield from style.head()
    last = first = since or _EPOCH
    if balances:
        yield from style.opened(balances, first)
        yield from style.journal(first, "opening balances", "", balances)
    for entry in entries:
        sums = _by_account(entry)
        yield from style.opened(sums.keys() - balances.keys(), first)
        yield from style.journal(entry.on, entry.kind, f"{entry.subject} ref={entry.ref} key={entry.key}", sums)
        for name, fen in sums.items():
            balances[name] = balances.get(name, 0) + fen
        last = max(last, entry.on)
    yield from style.asserted(balances, last)


def _by_account(entry: Entry) -> dict[str, int]:
    """Return debit minus credit of each account that a journal touches."""
    sums: dict[str, int] = {}
    for debit, credit, fen in entry.lines:
        sums[name_of(debit)] = sums.get(name_of(debit), 0) + fen
        sums[name_of(credit)] = sums.get(name_of(credit), 0) - fen
    return sums


class _Hledger:
    """hledger's journal format."""

    def __init__(self, currency: str) -> None:
        self.currency = currency

    def head(self) -> Iterator[str]:
        """Declare the currency and its two places."""
        yield f"commodity 1000.00 {self.currency}"
        yield ""

    def opened(self, names: Iterable[str], on: date) -> Iterator[str]:  # noqa: ARG002
        """Declare accounts, so that a strict reader knows them."""
        for name in sorted(names):
            yield f"account {name}"

    def journal(self, on: date, kind: str, note: str, sums: Mapping[str, int]) -> Iterator[str]:
        """Write one journal."""
        yield ""
        yield f"{on.isoformat()} {kind}" + (f"  ; {note}" if note else "")
        for name, fen in sums.items():
            yield f"    {name}  {Money(fen).plain()} {self.currency}"

    def asserted(self, balances: Mapping[str, int], on: date) -> Iterator[str]:
        """Assert what stands on every account at the end."""
        if not balances:
            return
        yield ""
        yield f"{on.isoformat()} closing balances"
        for name, fen in sorted(balances.items()):
            yield f"    {name}  0.00 {self.currency} = {Money(fen).plain()} {self.currency}"


class _Beancount:
    """beancount's format: accounts are opened before use; balances are asserted for the morning after, to the fen."""

    def __init__(self, currency: str) -> None:
        self.currency = currency

    def head(self) -> Iterator[str]:
        """Name the currency."""
        yield f'option "operating_currency" "{self.currency}"'
        yield ""

    def opened(self, names: Iterable[str], on: date) -> Iterator[str]:
        """Open accounts on the day of their first use."""
        for name in sorted(names):
            yield f"{on.isoformat()} open {name} {self.currency}"

    def journal(self, on: date, kind: str, note: str, sums: Mapping[str, int]) -> Iterator[str]:
        """Write one journal."""
        yield ""
        yield f'{on.isoformat()} * "{_quoted(kind)}" "{_quoted(note)}"'
        for name, fen in sums.items():
            yield f"  {name}  {Money(fen).plain()} {self.currency}"

    def asserted(self, balances: Mapping[str, int], on: date) -> Iterator[str]:
        """Assert what stands on every account at the end."""
        yield ""
        for name, fen in sorted(balances.items()):
            yield f"{(on + timedelta(days=1)).isoformat()} balance {name}  {Money(fen).plain()} ~ 0 {self.currency}"


def _quoted(text: str) -> str:
    """Return a text as it may stand between quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
