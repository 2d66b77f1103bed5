"""The four figures that pages show of money, made from buckets in one place. Pure.

Public pages show these and never their difference to a wish (rulebook 4.2): confirmed, paid, held, disbursed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.rules.buckets import Bucket

NOTHING = Money(0)
_ARRIVED = (Bucket.PAID, Bucket.HELD, Bucket.RELEASED, Bucket.DISBURSED, Bucket.REFUNDING, Bucket.DISPUTED)


@dataclass(frozen=True)
class Figures:
    """Sums of pledges.

    `confirmed` is signed or captured and not gone again; `paid` arrived and was not returned; `held` lies with the
    receiving body now; `disbursed` was paid out to providers.
    """

    confirmed: Money = NOTHING
    paid: Money = NOTHING
    held: Money = NOTHING
    disbursed: Money = NOTHING

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(self.confirmed + other.confirmed, self.paid + other.paid, self.held + other.held,
                       self.disbursed + other.disbursed)


def figures(fen: Mapping[str, int], *, verbal: int = 0) -> Figures:
    """Return the figures of buckets in fen; `verbal` is the part of `open` that nobody has signed yet."""
    arrived = sum(fen.get(bucket, 0) for bucket in _ARRIVED)
    return Figures(
        confirmed=Money(arrived + fen.get(Bucket.OPEN, 0) - verbal), paid=Money(arrived),
        held=Money(fen.get(Bucket.HELD, 0) + fen.get(Bucket.RELEASED, 0)),
        disbursed=Money(fen.get(Bucket.DISBURSED, 0)))


FIGURE_LABELS: Mapping[str, str] = {
    "confirmed": N_("已确认"), "paid": N_("已到账"), "held": N_("接收方持有"), "disbursed": N_("已拨付"),
}
FIGURE_NOTES: Mapping[str, str] = {
    "confirmed": N_("已签认捐书，或配套已确认；取消和退回的不算"),
    "paid": N_("累计到账；已退回的不算"),
    "held": N_("到账并经接收方确认，还没有拨付"),
    "disbursed": N_("银行流水显示已付给承接单位"),
}
