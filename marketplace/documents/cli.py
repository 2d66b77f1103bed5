"""Commands of papers: void one that was issued by mistake; check that this machine can print."""

import json

import click
from flask.cli import AppGroup

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.errors import DomainError
from marketplace.documents import operations, queries
from marketplace.web.services import services

group = AppGroup("documents", help="Issued papers.")


@group.command("void")
@click.argument("number")
@click.option("--reason", required=True, help="What the verify page will say.")
def void(number: str, reason: str) -> None:
    """Void the paper NUMBER; its verify page says so from then on."""
    now = utc_now()
    try:
        with transaction() as session:
            document = queries.by_number(session, number)
            if document is None:
                raise click.UsageError(f"no paper has the number {number}")
            operations.void(session, actor=SYSTEM, document=document, reason=reason, now=now)
    except DomainError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{number} 已作废：{reason}")


@group.command("check-printer")
@click.option("--json", "as_json", is_flag=True)
def check_printer(as_json: bool) -> None:  # noqa: FBT001
    """Print one line on this machine; exit 3 and say what is missing when it cannot."""
    try:
        facts = services().pdf.self_check()
    except (DomainError, OSError) as error:
        click.echo(str(error), err=True)
        raise SystemExit(3) from error
    click.echo(json.dumps(facts) if as_json else f"ok: {facts['toolchain']}")
