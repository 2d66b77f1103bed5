"""Commands of bids: look after the sealing key, see openings that wait."""

import json
import stat

import click
from flask.cli import AppGroup

from marketplace.bids import queries
from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.core.errors import KeyMissing
from marketplace.web.formats import moment
from marketplace.web.services import config, services

group = AppGroup("bids", help="Sealed bids: the outside key, openings that wait.")


@group.command("key")
@click.option("--json", "as_json", is_flag=True)
def key(as_json: bool) -> None:  # noqa: FBT001
    """Say where the sealing key lies; make it when nothing was sealed yet. Exit 1 when it is missing or too open."""
    session, path = db.session(), config().seal_key_path
    sealed, problem = queries.sealed_count(session), ""
    try:
        services().sealer.new_key("check", is_first=sealed == 0)
        if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
            problem = f"other users of this machine can read {path}: chmod 600"
    except KeyMissing as missing:
        problem = str(missing)
    if as_json:
        click.echo(json.dumps({"ok": not problem, "path": str(path), "sealed": sealed, "problem": problem}))
    elif problem:
        click.echo(problem)
    else:
        click.echo(f"sealing key: {path}\n"
                   "Copy it to a safe, away from the database backups. Without it no sealed bid can ever be opened.")
    raise SystemExit(1 if problem else 0)


@group.command("waiting")
def waiting() -> None:
    """List the projects whose opening is due and has not happened. Exit 1 when there are any."""
    late = queries.waiting_openings(db.session(), now=utc_now())
    for project in late:
        click.echo(f"{project.number}  {moment(project.closes_at)}  {project.title}")
    raise SystemExit(1 if late else 0)
