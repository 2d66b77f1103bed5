"""A test site with one receiving body on a fake Stripe: a signed pledge, its signer, the receiver's people, the operator."""

from dataclasses import dataclass, replace

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace.config import StripeAccount
from marketplace.core.access import Role
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.funding.models import Pledge
from marketplace.integrations.stripe import StripeGateway
from marketplace.ledger.queries import balances
from marketplace.payments.models import Charge, Dispute, Refund
from marketplace.payments.operations.charges import link_stripe
from marketplace.web import worker
from tests.factories import NOW
from tests.factories import funding as world_of_money
from tests.factories.accounts import make_person, sign_in
from tests.factories.organizations import operator
from tests.stripe_fake.client import FakeHTTPClient
from tests.stripe_fake.core import KEY, SECRET, FakeStripe

AMOUNT = Money.yuan(10_000)


@dataclass
class Site:
    """What a story needs: who is there (ids), and what they do."""

    app: Flask
    client: FlaskClient
    fake: FakeStripe
    http: FakeHTTPClient
    pledge: str
    account: str
    signer: int
    keeper: int
    operator: int
    stranger: int

    @property
    def path(self) -> str:
        return f"/fund/pledges/{self.pledge}/card"

    def as_(self, person: int) -> FlaskClient:
        sign_in(self.client, person)
        return self.client

    def open_page(self, amount: str = "10000") -> dict:
        """The signer opens the payment page; return the session at Stripe."""
        answer = self.as_(self.signer).post(self.path, data={"amount": amount})
        assert answer.status_code == 303, answer.text
        return self.fake.objects[answer.location.rpartition("/")[2]]

    def deliver(self, event: dict, **how: object):
        """Post one event as Stripe does."""
        body, headers = self.fake.signed(event, **how)
        return self.app.test_client().post("/stripe/webhook/hk", data=body, headers=headers)

    def deliver_all(self) -> None:
        """Post every event so far, in order, then let the outbox work."""
        for event in self.fake.events:
            assert self.deliver(event).status_code == 200
        self.work()

    def work(self) -> None:
        with self.app.app_context():
            worker.run_until_idle()
            db.session.remove()

    def paid(self, amount: str = "10000") -> dict:
        """A payment that went well, settled; return the PaymentIntent."""
        intent = self.fake.pay(self.open_page(amount)["id"])
        self.deliver_all()
        return intent

    def charge(self) -> Charge:
        """The newest charge."""
        with self.app.app_context():
            return db.session.scalars(select(Charge).order_by(Charge.id.desc())).first()

    def rows(self, model: type) -> list:
        with self.app.app_context():
            return list(db.session.scalars(select(model).order_by(model.id)))

    def buckets(self, ref: str = "") -> dict[str, int]:
        """Where the pledge's fen are, without the empty places."""
        names = ("open", "paid", "held", "released", "refunding", "refunded", "disputed", "dropped")
        with self.app.app_context():
            pledge = db.session.scalars(select(Pledge).where(Pledge.ref == (ref or self.pledge))).one()
            return {name: getattr(pledge, name).fen for name in names if getattr(pledge, name).fen}

    def balance(self, kind: str) -> int:
        """What stands on the receiving body's ledger account of a kind; cash is shown as what is there."""
        with self.app.app_context():
            fen = balances(db.session(), f"{kind}:{self.account}").get(f"{kind}:{self.account}", Money(0)).fen
        return fen if kind == "suspense" else -fen

    def state(self) -> dict:
        """All that must stay equal: rows, buckets, balances."""
        return {**self.state_of(self.pledge),
                "balances": {kind: self.balance(kind) for kind in ("cash-stripe", "suspense", "fee", "transit")}}

    def state_of(self, pledge: str) -> dict:
        """What is known of one pledge's charges, without the ids that tell it from another's."""
        charges = [one for one in self.rows(Charge) if one.subject_ref == pledge]
        ids = {one.id for one in charges}
        return {
            "charges": [(one.state, one.received.fen, one.refunded.fen, one.failure, one.settled_at) for one in charges],
            "refunds": sorted((one.amount.fen, one.state, one.failure, one.settled_at)
                              for one in self.rows(Refund) if one.charge_id in ids),
            "disputes": sorted((one.amount.fen, one.state, one.withdrawn.fen, one.reinstated.fen, one.opened_at,
                                one.closed_at) for one in self.rows(Dispute) if one.charge_id in ids),
            "buckets": self.buckets(pledge),
        }

    def another(self) -> str:
        """Another signed pledge of the same funder to the same receiver, from now on the one that is paid."""
        with self.app.app_context(), transaction() as session:
            first = session.scalars(select(Pledge).where(Pledge.ref == self.pledge)).one()
            world = world_of_money.World(None, first.project, first.receiver, first.account)
            self.pledge = world_of_money.make_pledge(session, world, funder=first.funder, amount=first.amount).ref
        return self.pledge


def configure(app: Flask, fake: FakeStripe, **changes: object) -> FakeHTTPClient:
    """Give a site the account `hk` on a fake."""
    accounts = (StripeAccount("hk", fake.key, fake.secret),)
    config = replace(app.extensions["marketplace.config"], stripe_accounts=accounts, **changes)
    http = FakeHTTPClient(fake)
    app.extensions["marketplace.config"] = config
    app.extensions["marketplace.services"].payments = StripeGateway(accounts, http_client=http)
    return http


def make_site(app: Flask, *, amount: Money = AMOUNT, **facts: object) -> Site:
    """A site whose receiver has a Stripe account, and a signed pledge of 10,000."""
    fake = FakeStripe(key=KEY, secret=SECRET)
    http = configure(app, fake)
    with app.app_context(), transaction() as session:
        world = world_of_money.make_world(session)
        linked = link_stripe(session, actor=operator(), organization=world.receiver, label="hk",
                             known=frozenset({"hk"}), now=NOW)
        funder = world_of_money.make_funder(session)
        pledge = world_of_money.make_pledge(session, world, funder=funder, amount=amount, account=linked, **facts)
        people = {
            "signer": make_person(session, name="沈官员", role=Role.FUNDER, organization_id=funder.organization_id),
            "keeper": make_person(session, name="方会计", role=Role.PROVIDER_ADMIN, organization_id=world.receiver.id),
            "operator": make_person(session, name="何伟", role=Role.OPERATOR),
            "stranger": make_person(session, name="外人", role=Role.FUNDER,
                                    organization_id=world_of_money.make_funder(session).organization_id),
        }
        session.flush()
        ids = {name: person.id for name, person in people.items()}
        return Site(app, app.test_client(), fake, http, pledge.ref, linked.ref, **ids)
