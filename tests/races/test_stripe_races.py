"""Card payments at the same moment: the same webhooks from many sides, refunds for the same fen, settlers side by side."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.funding.operations.settling import settle_charge
from marketplace.funding.queries.verifying import verify
from marketplace.payments.models import Charge, Refund, StripeEvent
from marketplace.payments.operations.charges import request_refund
from tests.stripe_fake.site import make_site

pytestmark = pytest.mark.race
SIDES = 8


def side_by_side(work, count=SIDES):
    """Run the same work in threads that start together; return what each gave."""
    gate = threading.Barrier(count)

    def one(number):
        gate.wait(30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.fixture
def site(fresh_app):
    fresh_app.config["WTF_CSRF_ENABLED"] = False
    return make_site(fresh_app)


def is_sound(site):
    with site.app.app_context():
        report = verify(db.session(), now=utc_now())
        db.session.remove()
    return [str(problem) for problem in report.problems if problem.invariant != "I1"]   # the sealer has not run


def test_the_same_webhooks_from_eight_sides_in_any_order_are_taken_once(site):
    charge = site.fake.pay(site.open_page()["id"])["latest_charge"]
    for _ in range(2):
        site.fake.refund(charge, 100_000)
    site.fake.close_dispute(site.fake.dispute(charge, 200_000)["id"], won=False)

    def deliver(number):
        events = list(site.fake.events)
        random.Random(number).shuffle(events)
        return [site.deliver(event).status_code for event in events]

    answers = side_by_side(deliver)
    assert {code for codes in answers for code in codes} == {200}
    side_by_side(lambda _: site.work(), 3)
    site.deliver_all()
    events = site.rows(StripeEvent)
    assert len(events) == len(site.fake.events)
    assert {event.state for event in events} <= {"applied", "ignored"}
    assert site.buckets() == {"paid": 600_000, "refunded": 400_000}
    assert (site.balance("cash-stripe"), site.balance("suspense")) == (600_000, 0)
    assert is_sound(site) == []


def test_eight_refunds_for_the_same_fen_let_through_what_is_there(site):
    site.paid()

    def ask(_number):
        with site.app.app_context():
            try:
                with transaction() as session:
                    charge = session.scalars(select(Charge)).one()
                    request_refund(session, actor=SYSTEM, charge=charge, amount=Money(300_000), reason="x", now=utc_now())
            except Invalid:
                return False
            finally:
                db.session.remove()
            return True

    assert sum(side_by_side(ask)) == 3
    assert sum(refund.amount.fen for refund in site.rows(Refund)) == 900_000
    assert site.charge().refunded.fen == 900_000


def test_settlers_side_by_side_settle_once(site):
    for event in (site.fake.pay(site.open_page()["id"]) and site.fake.events):
        site.deliver(event)
    ref = site.charge().ref

    def settle(_number):
        with site.app.app_context():
            try:
                with transaction() as session:
                    return settle_charge(session, charge_ref=ref, now=utc_now())
            finally:
                db.session.remove()

    assert side_by_side(settle) == [[]] * SIDES
    assert site.buckets() == {"paid": 1_000_000}
    assert is_sound(site) == []


def test_a_double_click_opens_one_payment(site):
    clients = []
    for _ in range(SIDES):
        clients.append(site.app.test_client())
        site.client = clients[-1]
        site.as_(site.signer)
    answers = side_by_side(lambda number: clients[number].post(site.path, data={"amount": "10000"}))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.location for answer in answers}) == 1
    assert len(site.rows(Charge)) == 1
