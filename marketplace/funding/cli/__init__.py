"""Commands of funding: verify."""

import json

import click
from flask.cli import AppGroup

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.funding.operations.verifying import keep_report
from marketplace.funding.queries import verifying

funding = AppGroup("funding", help="Pledges, pools, and the check of all money.")


@funding.command("verify")
@click.option("--json", "as_json", is_flag=True)
def verify(as_json: bool) -> None:  # noqa: FBT001
    """Recompute all money with code of its own, keep the result for the public pages; exit 1 when it does not fit."""
    now = utc_now()
    with transaction() as session:
        taken = verifying.trial(session)
    report = verifying.verify(verifying.snapshot(db.session()), now=now, taken=taken)
    with transaction() as session:
        keep_report(session, actor=SYSTEM, report=report, now=now)
    if as_json:
        click.echo(json.dumps(verifying.as_json(report), ensure_ascii=False, default=str))
    else:
        broken = [name for name, holds in report.invariants.items() if not holds]
        click.echo(f"{'ok' if report.ok else 'NOT ok'}: {report.entries} entries, {report.entries_per_second} a second, "
                   f"{len(report.invariants) - len(broken)} of {len(report.invariants)} invariants hold")
        for problem in report.problems:
            click.echo(f"  {problem}")
        if report.found > len(report.problems):
            click.echo(f"  and {report.found - len(report.problems)} more")
    raise SystemExit(0 if report.ok else 1)
