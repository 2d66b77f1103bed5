"""Commands of the dictionary: hand it out, read it in as a draft or published, in the form that its page uses."""

import csv
import io
import json
import sys
from pathlib import Path

import click
from flask.cli import AppGroup

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError, Invalid
from marketplace.search.cli.upkeep import group
from marketplace.search.operations import dictionary as operations
from marketplace.search.queries import dictionary as queries
from marketplace.search.rules import wordbook as rules
from marketplace.search.rules.dictionary import COLUMNS, Entry
from marketplace.search.rules.wordbook import Fault, Row
from marketplace.web.services import services

FAULTY, NOT_THERE = 1, 2
dictionary = AppGroup("dictionary", help="The dictionary of the search.")
group.add_command(dictionary)


def _book(version: int | None) -> list[Entry]:
    """Return a version; without a number what is edited, or what is in force."""
    session = db.session()
    draft = queries.draft_of(session) if version is None else None
    if draft is not None:
        return queries.book_of(session, draft)
    return list(queries.entries(session, queries.current_version(session) if version is None else version))


@dictionary.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), default="-")
@click.option("--version", type=int, help="A published version; 0 is the one that comes with the product.")
def export(file: Path, version: int | None) -> None:
    """Write the dictionary as CSV to FILE, or to standard output."""
    try:
        book = _book(version)
    except LookupError as absent:
        click.echo(str(absent), err=True)
        sys.exit(NOT_THERE)
    text = io.StringIO(newline="")
    together = [entry for concept in rules.concepts_of(book) for entry in concept.entries()]
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rules.cells_of(together)])
    with click.open_file(str(file), "wb") as out:
        out.write(text.getvalue().encode())
    click.echo(f"{len(book)} words written", err=True)


@dictionary.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--whole", is_flag=True, help="FILE is the whole dictionary: what it lacks is removed.")
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
@click.option("--publish", "note", metavar="NOTE", help="Publish at once, with this note.")
@click.option("--json", "as_json", is_flag=True)
def read_in(file: Path, whole: bool, dry_run: bool, note: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Read FILE into the draft; exit 1 when a row is wrong: then nothing is taken."""
    try:
        rows, faults = rules.read_file(file.read_bytes(), services().converter.to_simplified)
        book = _book(None)
        new = rows if whole else rules.merged(book, rows)
        faults = faults or rules.check(new)
        changes = rules.compare(book, [row.entry for row in new])
        if not faults and not dry_run:
            _take_in(rows, is_whole=whole, note=note)
    except DomainError as refused:
        click.echo(str(refused), err=True)
        sys.exit(FAULTY)
    _say(changes, faults, as_json=as_json)
    sys.exit(FAULTY if faults else 0)


def _take_in(rows: list[Row], *, is_whole: bool, note: str | None) -> None:
    """Put rows into the draft; publish it when there is a note."""
    now = utc_now()
    with transaction() as session:
        operations.import_book(session, actor=SYSTEM, rows=rows, is_whole=is_whole, now=now)
        if note is not None:
            operations.publish_draft(session, actor=SYSTEM, note=note, now=now)


def _sentence(fault: Fault) -> str:
    """Return what is wrong, as on the page."""
    return str(Invalid(fault.sentence, field=None, **dict(fault.facts)))


def _say(changes: rules.Changes, faults: list[Fault], *, as_json: bool) -> None:
    """Print what changes, or what is wrong, for people or for programs."""
    if as_json:
        click.echo(json.dumps({
            "ok": not faults, "added": 0 if faults else len(changes.added),
            "changed": 0 if faults else len(changes.changed), "removed": 0 if faults else len(changes.removed),
            "faults": [{"row": one.row, "column": one.column, "sentence": _sentence(one)} for one in faults],
        }, ensure_ascii=False))
        return
    for one in faults[:rules.MOST_FAULTS]:
        click.echo(f"row {one.row}, {one.column}: {_sentence(one)}", err=True)
    if not faults:
        click.echo(f"{len(changes.added)} added, {len(changes.changed)} changed, {len(changes.removed)} removed")
