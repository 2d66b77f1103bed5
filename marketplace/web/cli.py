"""Commands of the house: audit, jobs, ops, calendar."""

import json
import threading
from dataclasses import asdict
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from marketplace.core import audit as audit_core
from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.web import worker
from marketplace.web.serve import migrate_command, serve

audit = AppGroup("audit", help="The audit chain.")
jobs = AppGroup("jobs", help="The outbox.")


@audit.command("verify")
@click.option("--heads", type=click.Path(exists=True, dir_okay=False), help="Published heads: lines 'position hash'.")
@click.option("--json", "as_json", is_flag=True)
def audit_verify(heads: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Recompute the audit chain; exit 1 when something does not fit."""
    known = {}
    for line in Path(heads).read_text().splitlines() if heads else ():
        if line.strip():
            position, digest = line.split()
            known[int(position)] = digest
    report = audit_core.verify(db.session(), now=utc_now(), heads=known)
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        click.echo(f"{'ok' if report.ok else 'NOT ok'}: {report.events} events, {report.sealed} sealed, "
                   f"{report.unsealed} unsealed, head {report.head[:16]}… {report.note}")
        if report.first_bad:
            click.echo(f"first event that does not fit: {report.first_bad}")
        if not heads:
            click.echo("A cut tail can only be found against heads published earlier (--heads).")
    raise SystemExit(0 if report.ok else 1)


@jobs.command("run-due")
def jobs_run_due() -> None:
    """Run every job that is due now, then stop."""
    click.echo(f"{worker.run_until_idle()} jobs")


@jobs.command("work")
def jobs_work() -> None:
    """Work the outbox until stopped (at scale, beside MARKETPLACE_JOBS=none)."""
    import signal

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    worker.work(current_app._get_current_object(), stop)  # type: ignore[attr-defined]  # noqa: SLF001


def init_cli(app: Flask) -> None:
    """Register the groups of the house."""
    for group in (audit, jobs, serve, migrate_command):
        app.cli.add_command(group)
