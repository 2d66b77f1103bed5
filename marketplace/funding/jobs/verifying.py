"""The hourly check of all money: a duty of every worker; who comes first in the hour does it."""

from datetime import timedelta

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.funding.operations.verifying import keep_report
from marketplace.funding.queries import verifying

EVERY = timedelta(hours=1)
LOOK_EVERY = 60.0   # seconds between looks whether an hour has passed


def verify_hourly() -> None:
    """Check all money unless it was checked within the hour, and keep what was found."""
    now = utc_now()
    newest = verifying.latest(db.session())
    if newest is not None and now - newest.at < EVERY:
        return
    with transaction() as session:
        taken = verifying.trial(session)
    report = verifying.verify(verifying.snapshot(db.session()), now=now, taken=taken)
    with transaction() as session:
        keep_report(session, actor=SYSTEM, report=report, now=now)
