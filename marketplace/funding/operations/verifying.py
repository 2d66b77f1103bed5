"""Keeps what a check of all money found, and tells the platform when something does not fit."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor
from marketplace.core.audit import record
from marketplace.funding.models import VerifyRun
from marketplace.funding.queries.verifying import VerifyReport

MOST_KEPT = 400   # runs: more than two weeks of hourly ones


def keep_report(session: Session, *, actor: Actor, report: VerifyReport, now: datetime) -> VerifyRun:
    """Keep a report as the newest; the oldest beyond four hundred fall away. One that is not ok is audited."""
    problems = [{**asdict(problem), "expected": _plain(problem.expected), "found": _plain(problem.found)}
                for problem in report.problems]
    run = VerifyRun(at=now, ok=report.ok, entries=report.entries, entries_per_second=report.entries_per_second,
                    invariants=report.invariants, problems=problems, found=report.found)
    session.add(run)
    session.flush()
    old = select(VerifyRun.id).order_by(VerifyRun.id.desc()).offset(MOST_KEPT).limit(1).scalar_subquery()
    session.execute(delete(VerifyRun).where(VerifyRun.id <= old).execution_options(synchronize_session=False))
    if not report.ok:
        record(session, actor=actor, action="funding.verify", subject=("verify_run", str(run.id)), now=now,
               found=report.found, failed=[name for name, holds in report.invariants.items() if not holds])
    return run


def _plain(value: object) -> object:
    """Return a value as JSON can hold it."""
    return value if value is None or isinstance(value, (int, str)) else str(value)
