"""What the movements of one day on a Stripe balance mean, and where they differ from our own rows. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from marketplace.core.ports import Movement
from marketplace.core.text import N_

CHARGES = frozenset({"charge", "payment"})
REFUNDS = frozenset({"refund", "payment_refund", "refund_failure", "payment_failure_refund"})
DISPUTES = frozenset({"adjustment"})
FEES = frozenset({"stripe_fee", "stripe_fx_fee", "tax_fee"})
PAYOUTS = frozenset({"payout", "payout_cancel", "payout_failure"})


class What(StrEnum):
    """In what a day differs."""

    UNKNOWN_OBJECT = "unknown_object"
    AMOUNT = "amount"
    UNKNOWN_KIND = "unknown_kind"
    CURRENCY = "currency"
    ONLY_HERE = "only_here"


WHAT_LABELS: Mapping[What, str] = {
    What.UNKNOWN_OBJECT: N_("Stripe 有这一笔，本站没有"), What.AMOUNT: N_("金额不同"),
    What.UNKNOWN_KIND: N_("本站不认识的变动种类，没有记账"), What.CURRENCY: N_("币种与本站不同，没有记账"),
    What.ONLY_HERE: N_("本站记为已付款，Stripe 余额里没有"),
}


@dataclass(frozen=True)
class Difference:
    """One thing that does not fit: `expected_fen` is what our rows say, `found_fen` what Stripe says."""

    what: What
    stripe_id: str
    expected_fen: int | None
    found_fen: int

    def as_row(self) -> dict[str, object]:
        """Return it as it is kept."""
        return {"what": str(self.what), "stripe_id": self.stripe_id, "expected_fen": self.expected_fen,
                "found_fen": self.found_fen}


def bounds(start: datetime) -> tuple[datetime, datetime]:
    """Return a day as a half-open interval from its first moment (Beijing days have no daylight saving)."""
    return start, start + timedelta(days=1)


def compare(movement: Movement, *, ours: Sequence[int], currency: str) -> Difference | None:
    """Return how a movement differs from our rows: `ours` are the signed amounts that would fit it."""
    def differs(what: What, expected: int | None = None) -> Difference:
        return Difference(what, movement.source_id or movement.movement_id, expected, movement.amount)

    if movement.currency != currency:
        return differs(What.CURRENCY)
    if movement.kind in FEES | PAYOUTS:
        return None
    if movement.kind not in CHARGES | REFUNDS | DISPUTES:
        return differs(What.UNKNOWN_KIND)
    if not ours:
        return differs(What.UNKNOWN_OBJECT)
    return None if movement.amount in ours else differs(What.AMOUNT, ours[0])
