"""Commands of payments: compare a day with the payment house."""

import json
from datetime import date, datetime, timedelta

import click
from flask.cli import AppGroup

from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.payments.operations.days import compare_day
from marketplace.payments.queries import stripe as queries
from marketplace.payments.rules.stripe_days import WHAT_LABELS, What
from marketplace.web.services import config, services

group = AppGroup("payments", help="Receiving accounts and card payments.")


@group.command("reconcile")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The day in Beijing; yesterday without it.")
@click.option("--json", "as_json", is_flag=True)
def reconcile(day: datetime | None, as_json: bool) -> None:  # noqa: FBT001
    """Book a day's fees and payouts of every Stripe account and list what differs. Exit 1 when something does."""
    if not config().stripe_accounts:
        click.echo("No Stripe account is configured (MARKETPLACE_STRIPE_ACCOUNTS).", err=True)
        raise SystemExit(3)
    now = utc_now()
    which: date = day.date() if day else beijing_date(now) - timedelta(days=1)
    watched = queries.watched(db.session(), config().stripe_accounts, config().currency)
    found = list(compare_day(transaction, services().payments, accounts=watched, day=which, now=now))
    if as_json:
        click.echo(json.dumps([{"account": one.label, "day": one.day.isoformat(), "transactions": one.transactions,
                                "events": one.events, "differences": one.differences} for one in found],
                              ensure_ascii=False))
    else:
        for one in found:
            click.echo(f"{one.label}  {one.day}  {one.transactions} 笔变动，补收消息 {one.events} 条，"
                       f"差异 {len(one.differences)} 处")
            for row in one.differences:
                click.echo(f"  {WHAT_LABELS[What(str(row['what']))]}  {row['stripe_id']}  "
                           f"{Money(int(str(row['found_fen']))).grouped()}")
    raise SystemExit(1 if any(one.differences for one in found) else 0)
