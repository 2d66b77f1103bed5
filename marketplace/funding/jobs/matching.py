"""Confirms matching money when its delay is over, and lets reservations lapse that nobody paid for."""

from collections.abc import Callable, Mapping

from sqlalchemy import select

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.outbox import Handler
from marketplace.funding import operations
from marketplace.funding.models import Pledge
from marketplace.funding.rules.pools import JOB_CAPTURE_DUE

BATCH = 100
EVERY_MINUTE = 60.0


def capture_due(*, pledge_ref: str) -> None:
    """Confirm what is due of one pledge; what is not met yet is found again by the sweep."""
    with transaction() as session:
        pledge = session.scalars(select(Pledge).where(Pledge.ref == pledge_ref)).one()
        operations.capture(session, actor=SYSTEM, pledge=pledge, now=utc_now())


def sweep_captures() -> None:
    """Confirm what has become due since: a threshold reached by somebody else's pledge, a flag cleared."""
    for pledge_id in operations.captures_due(db.session(), now=utc_now(), limit=BATCH):
        with transaction() as session:
            operations.capture(session, actor=SYSTEM, pledge=session.get_one(Pledge, pledge_id), now=utc_now())


def sweep_reservations() -> None:
    """Let reservations lapse, a batch a transaction, so no hot row is locked for long."""
    more = BATCH
    while more == BATCH:
        with transaction() as session:
            more = operations.expire_reservations(session, now=utc_now(), limit=BATCH)


HANDLERS: Mapping[str, Handler] = {JOB_CAPTURE_DUE: capture_due}
PERIODIC: Mapping[str, tuple[float, Callable[[], None]]] = {
    "funding.captures": (EVERY_MINUTE, sweep_captures), "funding.reservations": (EVERY_MINUTE, sweep_reservations)}
