"""What the worker sweeps up for pledging events: reminders to sign that have become due."""

from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.pledging import operations

REMIND_SECONDS = 3600


def remind_due() -> None:
    """Remind who has three days or one day left to sign."""
    with transaction() as session:
        operations.remind_due(session, now=utc_now())


PERIODIC = {"pledging.remind_due": (REMIND_SECONDS, remind_due)}
