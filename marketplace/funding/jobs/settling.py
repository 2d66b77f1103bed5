"""Settles pledges when the payment house has spoken: one function for every kind of news."""

from collections.abc import Callable

from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.funding.operations.settling import settle_charge
from marketplace.payments import rules as payments


def settle_card(charge_ref: str) -> None:
    """Bring the pledge of a charge up to what is known of it."""
    with transaction() as session:
        settle_charge(session, charge_ref=charge_ref, now=utc_now())


HANDLERS: dict[str, Callable[..., None]] = dict.fromkeys(
    (payments.JOB_CHARGE_SUCCEEDED, payments.JOB_REFUND_SETTLED, payments.JOB_REFUND_FAILED,
     payments.JOB_DISPUTE_OPENED, payments.JOB_DISPUTE_CLOSED), settle_card)
