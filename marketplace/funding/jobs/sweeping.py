"""Duties of every worker: promises lapse in time, and money that went back to its payer is noticed."""

from collections.abc import Callable

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.funding import operations
from marketplace.funding.queries import suspects

EXPIRE_EVERY, LOOK_EVERY = 60.0, 600.0
AT_ONCE = 100


def expire_promises() -> None:
    """Let promises lapse; a worker that finds nothing due takes no lock.

    A transaction for each: pools are locked after pledges and caps, so two promises in one would break the order.
    """
    while suspects.has_lapsed(db.session(), now=utc_now()):
        with transaction() as session:
            done = operations.expire_pledges(session, now=utc_now(), limit=1)
        if not done:
            return
    db.session.rollback()


def look_for_round_trips() -> None:
    """Look again at pledges whose payer was paid from the same account later."""
    refs = suspects.paid_back(db.session(), limit=AT_ONCE)
    db.session.rollback()
    for ref in refs:
        with transaction() as session:
            operations.look_again(session, pledge_ref=ref, now=utc_now())


PERIODIC: dict[str, tuple[float, Callable[[], None]]] = {
    "funding.expire_promises": (EXPIRE_EVERY, expire_promises),
    "funding.look_for_round_trips": (LOOK_EVERY, look_for_round_trips),
}
