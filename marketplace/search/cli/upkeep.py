"""Commands of the search index: rebuild, verify, status."""

import json
import sys

import click
from flask.cli import AppGroup

from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.search import queries
from marketplace.search.rules.upkeep import Difference, compare
from marketplace.web.services import public_sources, services

group = AppGroup("search", help="The search index.")


def _difference() -> tuple[Difference, int]:
    """Compare index and database; an index that cannot be read holds nothing."""
    should = {(d.kind, d.ref): d.fingerprint() for d in queries.all_documents(db.session(), public_sources())}
    try:
        holds = services().search_index.stamps()
    except OSError as away:
        click.echo(str(away), err=True)
        holds = {}
    return compare(should, holds), len(holds)


def _report(difference: Difference, documents: int) -> dict[str, object]:
    """Return the report as interfaces.md has it."""
    return {"ok": not difference, "missing": len(difference.missing), "extra": len(difference.extra),
            "stale": len(difference.stale), "lag_seconds": queries.lag_seconds(db.session(), utc_now()),
            "documents": documents}


def _say(report: dict[str, object], *, as_json: bool) -> None:
    """Print a report for people or for programs."""
    if as_json:
        click.echo(json.dumps(report))
        return
    click.echo(f"{'ok' if report['ok'] else 'NOT ok'}: {report['documents']} documents, {report['missing']} missing, "
               f"{report['extra']} extra, {report['stale']} stale, {report['lag_seconds']} s behind")


@group.command("rebuild")
@click.option("--json", "as_json", is_flag=True)
def rebuild(as_json: bool) -> None:  # noqa: FBT001
    """Build the index anew from the database, then switch to it."""
    count = services().search_index.rebuild(queries.all_documents(db.session(), public_sources()))
    difference, documents = _difference()
    _say(_report(difference, documents), as_json=as_json)
    click.echo(f"{count} documents written", err=True)
    sys.exit(1 if difference else 0)


@group.command("verify")
@click.option("--repair", is_flag=True, help="Write what is missing or stale, take out what is too much.")
@click.option("--json", "as_json", is_flag=True)
def verify(repair: bool, as_json: bool) -> None:  # noqa: FBT001
    """Compare the index with the database; exit 1 when it differs (with --repair: still differs)."""
    difference, documents = _difference()
    if repair and difference:
        found = queries.documents_of(db.session(), public_sources(), [*difference.missing, *difference.stale])
        services().search_index.index(found.values(), deleted=difference.extra)
        difference, documents = _difference()
    _say(_report(difference, documents), as_json=as_json)
    sys.exit(1 if difference else 0)


@group.command("status")
@click.option("--json", "as_json", is_flag=True)
def status(as_json: bool) -> None:  # noqa: FBT001
    """Say how much the index holds and how far it is behind."""
    difference, documents = _difference()
    _say(_report(difference, documents), as_json=as_json)
