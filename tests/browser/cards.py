"""Card payments in the world: the receiver's Stripe account on a fake, a signed pledge to pay, one that was paid."""

from dataclasses import replace
from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy import select

from marketplace.accounts.queries import load_actor
from marketplace.config import Config, StripeAccount
from marketplace.core.access import SYSTEM
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.core.ports import PaymentRequest
from marketplace.funding import operations as funding
from marketplace.funding.models import Pledge
from marketplace.funding.operations.settling import pay_by_card
from marketplace.payments.operations.charges import link_stripe, note_page
from marketplace.web import worker
from marketplace.web.services import services
from tests.browser.world import World
from tests.stripe_fake.core import KEY, SECRET, FakeStripe
from tests.stripe_fake.server import StripeServer

PAYABLE, PAID = Money.yuan(9_000), Money.yuan(3_000)


def start_stripe() -> StripeServer:
    """The fake on a port; it reports nowhere until `tell_site`."""
    server = StripeServer(FakeStripe(), webhook="http://127.0.0.1:9/")
    server.deliveries.set(held=True)
    return server


def with_cards(config: Config, server: StripeServer) -> Config:
    """The settings of a site whose receiving body has a Stripe account."""
    return replace(config, stripe_accounts=(StripeAccount("hk", KEY, SECRET),), stripe_api=server.url)


def tell_site(app: Flask, server: StripeServer, url: str) -> None:
    """Let the fake report to a running site, and payers come back to it."""
    app.extensions["marketplace.config"] = replace(app.extensions["marketplace.config"], base_url=url)
    server.deliveries.set(address=f"{url}/stripe/webhook/hk", held=False)


def build_cards(app: Flask, world: World, server: StripeServer, now: datetime) -> None:
    """Link the account, promise two sums, pay one of them, compare the day: one difference stands."""
    with app.app_context():
        with transaction() as session:
            first = session.scalars(select(Pledge).where(Pledge.ref == world.refs["pledge_signed"])).one()
            linked = link_stripe(session, actor=load_actor(session, world.people["operator"]), now=now, label="hk",
                                 organization=first.receiver, known=frozenset({"hk"}))
            payable, paid = (funding.promise(
                session, actor=SYSTEM, funder=first.funder, project=first.project, receiver=first.receiver, account=linked,
                amount=amount, client_key=f"world-card-{amount.fen}", now=now - timedelta(days=3)) for amount in (PAYABLE, PAID))
            officer = load_actor(session, world.people["funder"])
            charge = pay_by_card(session, actor=officer, pledge=paid, amount=PAID, currency="CNY", now=now)
            world.refs.update(pledge_card=payable.ref, pledge_paid_card=paid.ref, charge=charge.ref)
        wanted = PaymentRequest(world.refs["charge"], PAID, "CNY", "x", "http://x.example/", "http://x.example/")
        page = services().payments.open_payment("hk", wanted)
        with transaction() as session:
            note_page(session, charge_ref=world.refs["charge"], page=page)
        server.fake.dispute(server.fake.pay(page.page_id or "")["latest_charge"], 50_000)
        server.fake._succeed(server.fake._create_intent({"amount": "7700", "currency": "cny", "metadata": {}}))
        db.session.remove()


def settle_cards(app: Flask, server: StripeServer) -> None:
    """Wait until everything was reported and applied, then compare the day."""
    assert server.deliveries.settled(60), "the fake could not report to the site"
    with app.app_context():
        worker.run_until_idle()
        db.session.remove()
    app.test_cli_runner().invoke(args=["payments", "reconcile", "--day", _today()])


def _today() -> str:
    from marketplace.core.clock import beijing_date, utc_now

    return str(beijing_date(utc_now()))
