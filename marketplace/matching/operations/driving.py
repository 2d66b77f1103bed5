"""Computes one run from end to end, for a worker or a page: the work outside of transactions, the notes inside."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.core.clock import monotonic
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, DomainError
from marketplace.core.text import N_
from marketplace.matching.operations import runs
from marketplace.matching.queries import computing
from marketplace.matching.queries.orders import Engines, Order
from marketplace.matching.rules.runs import Phase

PAUSE = 0.5                              # seconds between two notes of progress within a phase
MOST_TRIES = 5                           # so often is a run solved again because somebody was deleted meanwhile
Opener = Callable[[], AbstractContextManager[Session]]
Clock = Callable[[], datetime]
log = logging.getLogger(__name__)


def drive(opener: Opener, *, run_ref: str, engines: Engines, clock: Clock, carries: bool = False) -> None:
    """Compute a run and store it whole, or leave it cancelled or failed with nothing stored. Safe to call twice.

    Raises Conflict while another worker is at it.
    `carries`: pins and forbids of the run in force are asked for again, as the order said (operations.runs.RunOrder).
    `opener` opens a transaction of the caller (a worker or a view gives its own); no work is done inside one.
    """
    worker = new_ref()
    with opener() as session:
        order = runs.begin_run(session, run_ref=run_ref, worker=worker, now=clock(), carries=carries)
    if order is None:
        return
    try:
        _compute_and_store(session, order, _Work(opener, order, worker, clock), engines)
    except runs.Lost:
        log.info("run %s is computed by somebody else", run_ref)
    except runs.CancelAsked:
        with opener() as session:
            runs.end_cancelled(session, run_ref=run_ref, worker=worker, now=clock())
    except Exception as error:
        if not isinstance(error, DomainError):
            log.exception("run %s failed", run_ref)
        with opener() as session:
            runs.fail_run(session, run_ref=run_ref, worker=worker, reason=_line(error), now=clock())


def _compute_and_store(reading: Session, order: Order, work: "_Work", engines: Engines) -> None:
    """Compute, store; solve again without those who were deleted meanwhile."""
    outcome = computing.compute(reading, order, engines=engines, now=work.clock(), watch=work.watch)
    for _ in range(MOST_TRIES):
        with work.opener() as session:
            gone = runs.store_outcome(session, worker=work.worker, outcome=outcome, now=work.clock())
        if gone is None:
            return
        outcome = computing.without(outcome, gone.projects, gone.providers, engines=engines, watch=work.watch)
    raise Conflict(N_("计算期间一直有项目或组织被删除。请稍后重新计算"))


class _Work:
    """One worker's hold on a run: writes the progress at each phase and every half second; raises when it must stop."""

    def __init__(self, opener: Opener, order: Order, worker: str, clock: Clock) -> None:
        self.opener, self.worker, self.clock = opener, worker, clock
        self._run_id = order.run_id
        self._phase: Phase | None = None
        self._at = 0.0

    def watch(self, phase: Phase, percent: int) -> None:
        """Write how far the work is, unless it was written just now."""
        if phase == self._phase and monotonic() - self._at < PAUSE:
            return
        self._phase, self._at = phase, monotonic()
        with self.opener() as session:
            runs.note_progress(session, run_id=self._run_id, worker=self.worker, at=(phase, percent), now=self.clock())


def _line(error: Exception) -> str:
    """Return one line for the page of the run."""
    return " ".join(str(error).split()) or type(error).__name__
