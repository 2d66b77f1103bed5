"""Compares one day of every Stripe account: fetch outside any transaction, then book inside one.

The caller hands in how a transaction is opened (`opened`) and the gateway: the network lies between transactions.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM
from marketplace.core.clock import at_beijing
from marketplace.core.errors import Invalid
from marketplace.core.ports import PaymentGateway
from marketplace.payments.models import ReceivingAccount
from marketplace.payments.operations.events import Taken, take_event
from marketplace.payments.operations.reconciling import book_day
from marketplace.payments.rules.stripe import read
from marketplace.payments.rules.stripe_days import bounds

Opened = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True)
class Watched:
    """One account to compare: its row, its label in the configuration, whether real money moves, the currency."""

    account_id: int
    label: str
    is_live: bool
    currency: str


@dataclass(frozen=True)
class Compared:
    """What the comparison of one day of one account found; `events`: how many no message had told."""

    label: str
    day: date
    transactions: int
    differences: list[dict[str, object]]
    events: int


def compare_day(opened: Opened, gateway: PaymentGateway, *, accounts: Sequence[Watched], day: date,
                now: datetime) -> Iterator[Compared]:
    """Take in the day's events that were missed, book fees and payouts, keep what differs; one account at a time."""
    since, until = bounds(at_beijing(day))
    for watched in accounts:
        events = list(gateway.events(watched.label, since=since, until=until))
        movements = list(gateway.movements(watched.label, since=since, until=until))
        taken = sum(_take(opened, watched, event, now) for event in reversed(events))
        with opened() as session:
            row = book_day(session, actor=SYSTEM, reconciled=session.get_one(ReceivingAccount, watched.account_id),
                           day=day, movements=movements, currency=watched.currency, now=now)
            found = Compared(watched.label, day, row.transactions, list(row.differences), taken)
        yield found


def _take(opened: Opened, watched: Watched, event: Mapping[str, object], now: datetime) -> bool:
    """Take in one listed event in a transaction of its own; True when no message had told it."""
    try:
        told = read(event)
    except Invalid:
        return False
    with opened() as session:
        account = session.get_one(ReceivingAccount, watched.account_id)
        return take_event(session, account=account, told=told, is_live=watched.is_live, now=now) is not Taken.KNOWN
