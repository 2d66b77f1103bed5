"""Recomputes all money from the bare rows, with arithmetic of its own: it uses nothing of funding's operations.

I1 journals balance, their hashes and chain hold. I2 nothing is given that is not there. I3 counters, live
allocations, pledges and ledger say the same. I4 caps. I5 what must be unique is. I6 nothing is reversed or released
twice. I7 no more is paid out than arrived. I8 papers add up. I9 the database refuses changes. I10 nothing is half done.
I11 what was returned is free again. I12 what the public and the bank see is what the ledger says.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import monotonic
from marketplace.funding.models import VerifyRun
from marketplace.funding.queries.verifying.accounts import check_accounts
from marketplace.funding.queries.verifying.books import read_books
from marketplace.funding.queries.verifying.cards import check_cards
from marketplace.funding.queries.verifying.flows import sort_flows
from marketplace.funding.queries.verifying.guards import check_guards, trial
from marketplace.funding.queries.verifying.papers import check_papers
from marketplace.funding.queries.verifying.pledges import check_pledges
from marketplace.funding.queries.verifying.pools import check_pools
from marketplace.funding.queries.verifying.reading import Reader, snapshot
from marketplace.funding.queries.verifying.report import INVARIANTS, Findings, Problem, VerifyReport

__all__ = ["INVARIANTS", "Problem", "VerifyReport", "as_json", "latest", "snapshot", "trial", "verify"]


def verify(session: Session, *, now: datetime, taken: Sequence[str] = ()) -> VerifyReport:
    """Recompute everything from one snapshot (begin it with `snapshot`). `taken`: what `trial` was not refused."""
    began = monotonic()
    findings, reader = Findings(), Reader(session)
    for what in taken:
        findings.add("I9", "the database let a posted row be changed", what, "refused", "taken")
    books = read_books(reader, findings, now=now)
    flows = sort_flows(books, findings)
    check_pledges(reader, flows, findings, books.keys)
    check_pools(reader, flows, findings, books.claims)
    check_papers(reader, flows, findings)
    check_accounts(reader, flows, findings)
    check_cards(reader, flows, findings)
    check_guards(reader, findings)
    return findings.report(entries=books.entries, seconds=monotonic() - began, now=now)


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
