"""Commands of the search index: rebuild, verify, status."""

import json
import sys
from datetime import datetime
from functools import partial

import click
from flask.cli import AppGroup

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.search import operations, queries
from marketplace.search.cli.making import in_processes
from marketplace.search.queries.dictionary import current_label
from marketplace.search.rules.upkeep import Difference
from marketplace.web.services import config, public_sources, services

group = AppGroup("search", help="The search index.")
_EVERY = 5_000                     # documents between two lines of progress


def _difference(now: datetime) -> tuple[Difference, int]:
    """Compare index and database; an index that cannot be read holds nothing."""
    session, sources = db.session(), public_sources()
    try:
        return queries.difference(session, sources, services().search_index, now=now)
    except OSError as away:
        click.echo(str(away), err=True)
        should = queries.stamps_of(session, queries.all_documents(session, sources), now=now)
        return Difference(missing=tuple(sorted(should)), extra=(), stale=()), 0


def _report(now: datetime) -> dict[str, object]:
    """Return the report as interfaces.md has it, with the engine and what the rows were made with."""
    difference, documents = _difference(now)
    report = difference.report(documents=documents, lag_seconds=queries.lag_seconds(db.session(), now))
    try:
        made_with, is_readable = services().search_index.label(), True
    except OSError:
        made_with, is_readable = "", False
    report["ok"] = bool(report["ok"]) and is_readable and made_with == current_label(db.session())
    return {**report, "engine": config().search, "readable": is_readable, "dictionary": made_with}


def _say(report: dict[str, object], *, as_json: bool) -> None:
    """Print a report for people or for programs."""
    if as_json:
        click.echo(json.dumps(report))
        return
    click.echo(f"{'ok' if report['ok'] else 'NOT ok'}: {report['documents']} documents, {report['missing']} missing, "
               f"{report['extra']} extra, {report['stale']} stale, {report['lag_seconds']} s behind")


def _progress(done: int) -> None:
    """Say on stderr how far a rebuild is."""
    if done % _EVERY == 0:
        click.echo(f"{done} documents", err=True)


def _stop(away: OSError) -> None:
    """Say why the index cannot be written; exit 3: a part of the system is missing."""
    click.echo(str(away), err=True)
    sys.exit(3)


@group.command("rebuild")
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Read texts in so many processes: worth it from some ten thousand documents on.")
@click.option("--json", "as_json", is_flag=True)
def rebuild(processes: int, as_json: bool) -> None:  # noqa: FBT001
    """Build the index anew from the database beside the one in use, then switch to it."""
    making = partial(in_processes, processes) if processes > 1 else queries.one_by_one
    try:
        count = operations.rebuild(db.session(), services=services(), sources=public_sources(), now=utc_now(),
                                   progress=_progress, making=making)
    except OSError as away:
        _stop(away)
        return
    db.session.rollback()
    with transaction() as session:
        operations.want_missing_texts(session, sources=public_sources(), now=utc_now())
    click.echo(f"{count} documents written", err=True)
    report = _report(utc_now())
    _say(report, as_json=as_json)
    sys.exit(0 if report["ok"] else 1)


@group.command("verify")
@click.option("--repair", is_flag=True, help="Write what is missing or stale, take out what is too much.")
@click.option("--json", "as_json", is_flag=True)
def verify(repair: bool, as_json: bool) -> None:  # noqa: FBT001
    """Compare the index with the database; exit 1 when it differs (with --repair: still differs)."""
    now = utc_now()
    if repair:
        try:
            _repair(now)
        except OSError as away:
            _stop(away)
        db.session.rollback()
    report = _report(now)
    _say(report, as_json=as_json)
    sys.exit(0 if report["ok"] else 1)


def _repair(now: datetime) -> None:
    """Mend what differs; an index that is missing or cannot be read is built anew."""
    session, sources = db.session(), public_sources()
    try:
        if services().search_index.label() != current_label(session):
            operations.rebuild(session, services=services(), sources=sources, now=now)
            return
        difference, _ = queries.difference(session, sources, services().search_index, now=now)
    except OSError:
        operations.rebuild(session, services=services(), sources=sources, now=now)
        return
    if difference:
        operations.repair(session, services=services(), sources=sources, difference=difference, now=now)


@group.command("status")
@click.option("--json", "as_json", is_flag=True)
def status(as_json: bool) -> None:  # noqa: FBT001
    """Say how much the index holds and how far it is behind."""
    _say(_report(utc_now()), as_json=as_json)
