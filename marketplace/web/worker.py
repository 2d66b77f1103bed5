"""Works the outbox: claims due jobs, runs each handler, notes the outcome. One code path for thread and process."""

import logging
import threading
import traceback
from collections.abc import Callable, Mapping

from flask import Flask, current_app

from marketplace.core import audit
from marketplace.core.clock import monotonic, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.outbox import Claim, Handler, claim_due, mark_done, mark_failed

PAUSE_SECONDS = 1.0
log = logging.getLogger(__name__)


def handlers() -> Mapping[str, Handler]:
    """Return every handler by its name, as create_app gathered them."""
    gathered: Mapping[str, Handler] = current_app.extensions["marketplace.handlers"]
    return gathered


def run_claim(claim: Claim) -> bool:
    """Run one job; the handler opens its own transactions and may be run twice. Return whether it succeeded."""
    try:
        handlers()[claim.handler](**claim.payload)
    except Exception:
        db.session.rollback()
        log.exception("job %s failed", claim.handler)
        with transaction() as session:
            mark_failed(session, claim, error=traceback.format_exc(limit=-4), now=utc_now())
        return False
    with transaction() as session:
        mark_done(session, claim, now=utc_now())
    return True


def run_due(*, limit: int = 10) -> int:
    """Run the jobs that are due now, and seal the audit; return how many jobs ran."""
    now = utc_now()
    with transaction() as session:
        claims = claim_due(session, now=now, limit=limit)
    for claim in claims:
        run_claim(claim)
    with transaction() as session:
        audit.seal_batch(session)
    run_periodic()
    return len(claims)


def run_periodic(*, all_of_them: bool = False) -> None:
    """Run what slices list as PERIODIC (name -> seconds between runs, function) and is due in this process.

    Each opens its own transactions, may run in several processes at once, and may be run twice: work that must
    happen at a moment is a job; this is for sweeping up (sealing, expiry, reconciliation).
    """
    duties: Mapping[str, tuple[float, Callable[[], None]]] = current_app.extensions["marketplace.periodic"]
    last: dict[str, float] = current_app.extensions.setdefault("marketplace.periodic_last", {})
    for name, (seconds, duty) in duties.items():
        if not all_of_them and monotonic() - last.get(name, -seconds) < seconds:
            continue
        last[name] = monotonic()
        try:
            duty()
        except Exception:
            db.session.rollback()
            log.exception("the duty %s failed; it comes again", name)


def run_until_idle(*, most: int = 100_000) -> int:
    """Run due jobs until none is left (commands and tests); return how many ran."""
    ran = 0
    while ran < most and (step := run_due(limit=50)):
        ran += step
    return ran


def work(app: Flask, stop: threading.Event) -> None:
    """Work until told to stop: the loop of `flask jobs work` and of the thread in ./run."""
    while not stop.is_set():
        try:
            with app.app_context():
                ran = run_due()
        except Exception:
            log.exception("the outbox worker stumbled; it goes on")
            ran = 0
        if not ran:
            stop.wait(PAUSE_SECONDS)


def start_thread(app: Flask) -> threading.Event:
    """Start the worker beside the web threads; set the returned event to end it."""
    stop = threading.Event()
    threading.Thread(target=work, args=(app, stop), name="outbox", daemon=True).start()
    return stop
