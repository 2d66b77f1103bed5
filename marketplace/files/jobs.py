"""Outbox handlers: the virus check of each new file. No verdict is no clean bill; the outbox asks again."""

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.files import operations, queries, rules
from marketplace.files.rules import ScanState
from marketplace.web.services import services


def scan_file(file_ref: str) -> None:
    """Scan the bytes outside any transaction, then note what was found."""
    stored = queries.by_ref(db.session(), file_ref)
    if stored.scan_state in {ScanState.CLEAN, ScanState.INFECTED}:
        return
    sha256 = stored.sha256
    db.session.rollback()
    unreachable: OSError | None = None
    verdict: str | None = None
    try:
        verdict = services().scanner.scan(services().files.get(sha256))
    except OSError as error:
        unreachable = error
    with transaction() as session:
        operations.record_scan(session, actor=SYSTEM, file=queries.by_ref(session, file_ref), verdict=verdict,
                               now=utc_now())
    if unreachable is not None:
        raise unreachable


HANDLERS = {rules.JOB_FILE_STORED: scan_file}
