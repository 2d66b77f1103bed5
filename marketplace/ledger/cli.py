"""Commands of the ledger: export."""

from collections.abc import Iterator
from datetime import datetime

import click
from flask import current_app
from flask.cli import AppGroup

from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.ledger import queries
from marketplace.ledger.rules import plain_text

ledger = AppGroup("ledger", help="The double-entry ledger.")


@ledger.command("export")
@click.option("--format", "form", type=click.Choice([str(form) for form in plain_text.Format]), required=True)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="From this day on, with opening balances.")
def export(form: str, since: datetime | None) -> None:
    """Print the ledger for hledger or beancount: every journal, and an assertion of every balance."""
    config = current_app.extensions["marketplace.config"]
    day = since.date() if since else None
    session = db.session()
    lines = plain_text.write(queries.entries(session, since=day), queries.standing_before(session, day),
                             form=plain_text.Format(form), currency=config.currency, since=day)
    for line in lines:
        click.echo(line)


@ledger.command("verify")
@click.option("--heads", type=click.File(encoding="utf-8"), help="Heads kept outside: lines 'position hash'.")
def verify(heads: Iterator[str] | None) -> None:
    """Recompute every hash of the ledger and its chain; exit 1 when something does not fit."""
    report = queries.verify_chain(db.session(), now=utc_now(), heads=_read_heads(heads or iter(())))
    click.echo(f"{'ok' if report.ok else 'NOT ok'}: {report.journals} journals, {report.sealed} sealed, "
               f"{report.unsealed} unsealed, head {report.head[:16]}…")
    if report.first_bad:
        click.echo(f"first journal that does not fit: {report.first_bad}")
    if report.is_stale:
        click.echo("the unsealed tail is older than 60 s: is a worker running?")
    raise SystemExit(0 if report.ok else 1)


@ledger.command("heads")
def heads() -> None:
    """Print the heads of the chain to keep outside, one a line."""
    for position, head in queries.heads(db.session()):
        click.echo(f"{position} {head}")


def _read_heads(lines: Iterator[str]) -> dict[int, str]:
    """Return heads that were kept, position -> chain hash; a line that is none ends the command with 2."""
    known = {}
    for number, line in enumerate(lines, start=1):
        position, _, digest = line.strip().partition(" ")
        if not line.strip():
            continue
        if not position.isdigit() or not digest.strip():
            raise click.UsageError(f"line {number}: not 'position hash'")
        known[int(position)] = digest.strip()
    return known
