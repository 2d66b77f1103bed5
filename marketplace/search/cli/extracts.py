"""What became of the texts of public files."""

import json

import click

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.search import operations
from marketplace.search.cli.upkeep import group
from marketplace.search.queries.extracts import outcomes
from marketplace.web.services import public_sources


@group.command("texts")
@click.option("--json", "as_json", is_flag=True)
def texts(as_json: bool) -> None:  # noqa: FBT001
    """Say how many public files were read, and why others were not; ask the worker for those not tried yet."""
    with transaction() as session:
        wanted = operations.want_missing_texts(session, sources=public_sources(), now=utc_now())
    rows = outcomes(db.session())
    if as_json:
        keys = ("state", "reason", "files", "characters")
        click.echo(json.dumps({"wanted": wanted, "outcomes": [dict(zip(keys, row, strict=True)) for row in rows]}))
        return
    for state, reason, files, characters in rows:
        click.echo(f"{state:8} {files:6} files {characters:10} characters  {reason}")
    click.echo(f"{wanted} files are waiting for the worker")
