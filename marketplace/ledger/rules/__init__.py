"""The chart of accounts and what a posting is. Pure: no table, no clock (funding.md section 4)."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from marketplace.core.money import Money

SEPARATOR = ":"
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class AccountKind(StrEnum):
    """What an account tells. The part after the colon names whose it is: a funder, a pool, a pledge, a bank account.

    Promises: COMMITMENT (debit) stands against POOL_AVAILABLE, POOL_RESERVED and PROMISED (credit).
    Money: CASH_BANK, CASH_STRIPE, TRANSIT, FEE (debit) stand against SUSPENSE, PAID, HELD, MILESTONE, REFUND, DISPUTED
    (credit): a receiving body's own books hold the money, the platform only keeps them.
    """

    COMMITMENT = "commitment"            # :<funder>           promised by a funder and not yet paid
    POOL_AVAILABLE = "pool-available"    # :<pool>             the part of a pool that nobody has claimed
    POOL_RESERVED = "pool-reserved"      # :<pool>             claimed by pledges that are not confirmed yet
    PROMISED = "promised"                # :<pledge>           promised for a project, money not there yet
    CASH_BANK = "cash-bank"              # :<receiving account>
    CASH_STRIPE = "cash-stripe"          # :<receiving account>
    TRANSIT = "transit"                  # :<receiving account> paid out by Stripe, not yet on the bank statement
    FEE = "fee"                          # :<receiving account>
    SUSPENSE = "suspense"                # :<receiving account> money on an account that belongs to nothing known yet
    PAID = "paid"                        # :<pledge>           arrived, not yet confirmed by the receiving body
    HELD = "held"                        # :<pledge>           confirmed by the receiving body
    MILESTONE = "milestone"              # :<pledge>:<number>  released for a milestone, not yet paid out
    REFUND = "refund"                    # :<pledge>           to be returned, not yet returned
    DISPUTED = "disputed"                # :<pledge>           taken back by a card network while it is disputed


def account(kind: AccountKind, ref: str, part: int | None = None) -> str:
    """Return the code of an account: held:4b4w9mav6xbk, milestone:4b4w9mav6xbk:2."""
    return SEPARATOR.join([kind, ref] if part is None else [kind, ref, str(part)])


def kind_of(code: str) -> AccountKind:
    """Return the kind of an account from its code; raises ValueError for a code that is not in the chart."""
    return AccountKind(code.partition(SEPARATOR)[0])


@dataclass(frozen=True)
class Posting:
    """One transfer: `amount` leaves `credit` and arrives in `debit` (double entry by construction)."""

    debit: str
    credit: str
    amount: Money

    def __post_init__(self) -> None:
        if self.amount.fen <= 0 or self.debit == self.credit:
            msg = f"a posting moves a positive amount between two accounts: {self}"
            raise ValueError(msg)
        kind_of(self.debit), kind_of(self.credit)


class Heading(NamedTuple):
    """What a journal says beside its transfers, in the order in which it is hashed."""

    ref: str
    idem_key: str
    kind: str
    subject_kind: str
    subject_ref: str
    at: str                    # `written(moment)`
    actor_id: int | None
    reverses_ref: str | None


def written(moment: datetime) -> str:
    """Return a moment as it is hashed: ISO 8601, UTC, always with six places of a second."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def journal_hash(heading: Heading, postings: Sequence[tuple[str, str, int]]) -> str:
    """Return the SHA-256 of one journal with its transfers (debit, credit, fen) in canonical JSON.

    Its place in the chain is not part of it.
    """
    return hashlib.sha256(_ENCODE([*heading, postings]).encode()).hexdigest()
