"""Commands of the house: audit, jobs, ops, calendar."""

import json
import threading
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from marketplace.core import audit as audit_core
from marketplace.core.calendar import WorkCalendar
from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.web import worker
from marketplace.web.health import checks
from marketplace.web.serve import migrate_command, serve

audit = AppGroup("audit", help="The audit chain.")
jobs = AppGroup("jobs", help="The outbox.")
ops = AppGroup("ops", help="The state of the installation.")
calendar = AppGroup("calendar", help="Working days, with the local overrides.")
HASH_LENGTH = 64
DAY = click.DateTime(["%Y-%m-%d"])


def _read_heads(path: Path) -> dict[int, str]:
    """Return published heads, position -> chain hash; a line that is none ends the command with 2."""
    known = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        position, _, digest = line.strip().partition(" ")
        if not position.isdigit() or len(digest.strip()) != HASH_LENGTH:
            raise click.UsageError(f"{path}, line {number}: not 'position hash'")
        known[int(position)] = digest.strip()
    return known


@audit.command("heads")
def audit_heads() -> None:
    """Print the heads of the chain, one a line, as the public page /audit-heads does."""
    for position, head in audit_core.heads(db.session()):
        click.echo(f"{position} {head}")


@audit.command("verify")
@click.option("--heads", type=click.Path(exists=True, dir_okay=False), help="Published heads: lines 'position hash'.")
@click.option("--json", "as_json", is_flag=True)
def audit_verify(heads: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Recompute the audit chain; exit 1 when something does not fit."""
    known = _read_heads(Path(heads)) if heads else {}
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


@ops.command("health")
@click.option("--json", "as_json", is_flag=True)
def ops_health(as_json: bool) -> None:  # noqa: FBT001
    """Check database, migrations, storage, jobs, clock and search; exit 1 when one is not as it must be.

    A limited search is shown and is no reason for 1: the site is ready without it, as in /readyz.
    """
    found = checks(db.session(), now=utc_now())
    ok = all(check.ok for check in found if check.needed)
    if as_json:
        click.echo(json.dumps({"ok": ok, "checks": {c.name: {"ok": c.ok, "value": c.value} for c in found}}))
    else:
        for check in found:
            click.echo(f"{'ok    ' if check.ok else 'NOT ok'} {check.name}: {check.value}")
    raise SystemExit(0 if ok else 1)


def _calendar() -> WorkCalendar:
    """Return the calendar of this installation."""
    made: WorkCalendar = current_app.extensions["marketplace.work_calendar"](db.session())
    return made


@calendar.command("check")
@click.argument("day", type=DAY)
@click.option("--json", "as_json", is_flag=True)
def calendar_check(day: datetime, as_json: bool) -> None:  # noqa: FBT001
    """Say whether public offices work on a day; exit 1 when they do not."""
    known = _calendar()
    works, provisional = known.is_workday(day.date()), known.is_provisional(day.date())
    if as_json:
        click.echo(json.dumps({"day": day.date().isoformat(), "workday": works, "provisional": provisional}))
    else:
        click.echo(f"{day.date()}: {'workday' if works else 'day off'}{' (provisional)' if provisional else ''}")
    raise SystemExit(0 if works else 1)


@calendar.command("add")
@click.argument("start", type=DAY)
@click.argument("days", type=click.IntRange(0, 3_660))
@click.option("--calendar-days", is_flag=True, help="Count calendar days and roll to a working day (Civil Code 203).")
@click.option("--json", "as_json", is_flag=True)
def calendar_add(start: datetime, days: int, calendar_days: bool, as_json: bool) -> None:  # noqa: FBT001
    """Print the last day of a period that begins on START; the start day is not counted (Civil Code 201)."""
    known = _calendar()
    end = (known.add_days if calendar_days else known.add_workdays)(start.date(), days)
    provisional = known.is_provisional(end)
    click.echo(json.dumps({"end": end.isoformat(), "provisional": provisional}) if as_json else end.isoformat())


def init_cli(app: Flask) -> None:
    """Register the groups of the house."""
    for group in (audit, jobs, ops, calendar, serve, migrate_command):
        app.cli.add_command(group)
