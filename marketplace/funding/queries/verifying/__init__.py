"""Recomputes all money from the bare rows, with arithmetic of its own: it uses nothing of funding's operations."""

from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.funding.models import VerifyRun
from marketplace.funding.queries.verifying.report import INVARIANTS, Problem, VerifyReport

__all__ = ["INVARIANTS", "Problem", "VerifyReport", "as_json", "latest"]


def latest(session: Session) -> VerifyReport | None:
    """Return what the newest run found, for the public pages; nothing before the first run."""
    run = session.scalar(select(VerifyRun).order_by(VerifyRun.id.desc()).limit(1))
    if run is None:
        return None
    return VerifyReport(run.ok, run.entries, run.entries_per_second, run.invariants,
                        [Problem(**row) for row in run.problems], run.found, run.at)  # type: ignore[arg-type]


def as_json(report: VerifyReport) -> dict[str, object]:
    """Return the five keys of `flask funding verify --json` (interfaces.md)."""
    keys = ("ok", "entries", "entries_per_second", "invariants", "problems")
    return {key: value for key, value in asdict(report).items() if key in keys}
