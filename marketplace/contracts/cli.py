"""Commands of contracts: says whether a file is what was issued."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from flask.cli import AppGroup

from marketplace.core.db import db
from marketplace.documents import queries
from marketplace.documents.rules import Verdict
from marketplace.web.services import services

group = AppGroup("contracts", help="Contracts and their papers.")


@group.command("verify")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def verify(path: Path, as_json: bool) -> None:  # noqa: FBT001
    """Judge a file: intact, altered, truncated, superseded, unknown or badly signed. Exit 0 only when intact."""
    finding = queries.verify_bytes(db.session(), path.read_bytes(), store=services().files)
    if as_json:
        click.echo(json.dumps(asdict(finding), ensure_ascii=False))
    else:
        click.echo(f"{finding.verdict}：{finding.reason}")
        click.echo(f"{finding.number or '—'}  sha256 {finding.sha256}")
    raise SystemExit(0 if finding.verdict is Verdict.INTACT else 1)
