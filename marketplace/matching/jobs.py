"""What the outbox does for matching: computes the runs that were started."""

from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.matching import operations
from marketplace.matching.rules.runs import JOB_RUN_STARTED
from marketplace.web.services import services


def compute_run(run_ref: str, carries: bool = False) -> None:  # noqa: FBT001, FBT002 - the payload of the job
    """Compute one run and store it whole; does nothing where a page or another worker has done it."""
    operations.drive(transaction, run_ref=run_ref, engines=services(), clock=utc_now, carries=carries)


HANDLERS = {JOB_RUN_STARTED: compute_run}
