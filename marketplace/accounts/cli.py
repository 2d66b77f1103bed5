"""Commands about people: the first security officer is appointed here, everybody after him on the pages."""

import json

import click
from flask.cli import AppGroup

from marketplace.accounts import operations, queries
from marketplace.core.access import SYSTEM, Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError

group = AppGroup("accounts", help="People and their roles.")


@group.command("appoint")
@click.option("--login", required=True, help="Mobile number or e-mail.")
@click.option("--name", required=True)
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--organization", default="", help="Full name of the unit; none for platform roles.")
@click.option("--json", "as_json", is_flag=True)
def appoint(login: str, name: str, role: str, organization: str, as_json: bool) -> None:  # noqa: FBT001
    """Give a person a role and print the activation code; on a new installation, for the security officer."""
    place = queries.place_named(db.session(), organization) if organization else None
    if organization and place is None:
        raise click.UsageError(f"no organization of exactly that name: {organization}")
    try:
        with transaction() as session:
            made = operations.invite(session, actor=SYSTEM, login=login, name=name, roles=[Role(role)],
                                     organization_id=place.id if place else None, now=utc_now())
            answer = {"login": made.person.login, "role": role, "code": made.code}
    except DomainError as refused:
        raise click.UsageError(str(refused)) from None
    if as_json:
        click.echo(json.dumps(answer))
    else:
        click.echo(f"{answer['login']}: {role}" + (f", activation code {made.code} (7 days)" if made.code else ""))
