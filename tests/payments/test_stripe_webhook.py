"""What comes in at the webhook: forged, late, from the other mode, unknown, too large, shuffled and tripled."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from marketplace.core.audit import AuditEvent
from marketplace.core.db import db, transaction
from marketplace.payments.models import Charge, StripeEvent
from marketplace.payments.operations.events import retry_waiting
from marketplace.payments.rules.stripe import add_up, read
from tests.stripe_fake.core import FakeStripe
from tests.stripe_fake.site import make_site

OTHER = "whsec_somebodyelsessecret"


@pytest.fixture
def site(app):
    return make_site(app)


def paid_event(site):
    """A success that was not delivered yet."""
    site.fake.pay(site.open_page()["id"])
    return next(event for event in site.fake.events if event["type"] == "payment_intent.succeeded")


def refused(site, answer, status=400):
    """Say that nothing was taken: no event kept, no money moved."""
    assert answer.status_code == status, answer.text
    assert site.rows(StripeEvent) == []
    assert site.charge().state == "open"
    assert site.balance("cash-stripe") == 0


def test_a_forged_message_is_refused(site):
    refused(site, site.deliver(paid_event(site), secret=OTHER))


def test_a_message_without_a_signature_is_refused(site):
    body, _ = site.fake.signed(paid_event(site))
    refused(site, site.app.test_client().post("/stripe/webhook/hk", data=body, content_type="application/json"))


def test_a_message_whose_bytes_changed_is_refused(site):
    body, headers = site.fake.signed(paid_event(site))
    more = body.replace(b"1000000", b"9000000")
    assert more != body
    refused(site, site.app.test_client().post("/stripe/webhook/hk", data=more, headers=headers))


@pytest.mark.parametrize("seconds", [-301, -86_400, 301])
def test_a_message_too_old_or_from_the_future_is_refused(site, seconds):
    refused(site, site.deliver(paid_event(site), at=site.fake.now() + seconds))


def test_a_message_almost_five_minutes_old_is_taken(site):
    assert site.deliver(paid_event(site), at=site.fake.now() - 290).status_code == 200
    assert site.charge().state == "succeeded"


def test_a_message_from_the_other_mode_is_refused_and_noted(site):
    event = {**paid_event(site), "livemode": True}
    for _ in range(2):
        assert site.deliver(event).status_code == 400
    assert site.charge().state == "open"
    assert [(one.state, one.is_live) for one in site.rows(StripeEvent)] == [("ignored", True)]
    noted = [one for one in site.rows(AuditEvent) if one.action == "payments.event_refused"]
    assert [one.facts["reason"] for one in noted] == ["livemode"]


def test_a_message_of_three_megabytes_is_refused_unread(site):
    event = paid_event(site)
    event = {**event, "padding": "x" * 3_000_000}
    refused(site, site.deliver(event), 413)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"object": "event"}',
                                  b'{"object": "event", "id": "evt_1", "created": 1, "data": {"object": []}}'])
def test_a_signed_message_that_is_no_event_is_refused(site, body):
    from stripe import WebhookSignature

    paid_event(site)
    header = WebhookSignature.generate_signature_header(body.decode("latin-1"), site.fake.secret, site.fake.now())
    answer = site.app.test_client().post("/stripe/webhook/hk", data=body, headers={"Stripe-Signature": header},
                                         content_type="application/json")
    refused(site, answer)


def test_an_account_that_is_not_configured_does_not_exist(site):
    body, headers = site.fake.signed(paid_event(site))
    assert site.app.test_client().post("/stripe/webhook/other", data=body, headers=headers).status_code == 404


def test_an_event_about_something_unknown_waits_and_is_applied_when_its_object_appears(site):
    event = paid_event(site)
    refund = site.fake.refund(event["data"]["object"]["latest_charge"], 1000)
    told = [one for one in site.fake.events if one["data"]["object"]["id"] == refund["id"]]
    for one in told:
        assert site.deliver(one).status_code == 200
    assert {one.state for one in site.rows(StripeEvent)} == {"waiting"}
    assert site.deliver(event).status_code == 200
    assert {one.state for one in site.rows(StripeEvent)} == {"applied"}
    assert site.charge().refunded.fen == 1000


def test_events_of_payments_that_are_none_of_ours_are_let_go_after_a_week(site, app):
    paid_event(site)
    other = FakeStripe(key="sk_test_another", secret=site.fake.secret)
    intent = other._create_intent({"amount": "5000", "currency": "cny", "metadata": {}})
    other._succeed(intent)
    assert site.deliver(other.events[-1]).status_code == 200
    now = datetime.now(tz=UTC)   # noqa: TID251 - the moment of the message
    with app.app_context():
        for days, state in ((6, "waiting"), (8, "ignored")):
            with transaction() as session:
                assert retry_waiting(session, now=now + timedelta(days=days)) == 0
            assert [one.state for one in db.session.scalars(select(StripeEvent))] == [state]
    assert site.balance("cash-stripe") == 0


def test_a_duty_applies_what_waits(site, app):
    event = paid_event(site)
    refund = site.fake.refund(event["data"]["object"]["latest_charge"], 1000)
    told = next(one for one in site.fake.events if one["data"]["object"]["id"] == refund["id"])
    site.deliver(told)
    with app.app_context():
        with transaction() as session:   # the ids became known without an event
            session.scalars(select(Charge)).one().payment_intent_id = event["data"]["object"]["id"]
        with transaction() as session:
            assert retry_waiting(session, now=datetime.now(tz=UTC)) == 1   # noqa: TID251
    assert [one.state for one in site.rows(StripeEvent)] == ["applied"]


def test_a_success_in_another_currency_settles_nothing(site):
    event = paid_event(site)
    event["data"]["object"]["currency"] = "jpy"
    assert site.deliver(event).status_code == 200
    assert site.charge().state == "open"


def test_events_of_another_kind_are_kept_and_move_nothing(site):
    site.open_page()
    event = site.fake.tell("customer.created", {"id": "cus_1", "object": "customer"})
    assert site.deliver(event).status_code == 200
    assert [one.state for one in site.rows(StripeEvent)] == ["ignored"]


# ---------- any order, any number of times ----------

def story(site):
    """A page declined, paid, partly refunded twice with equal sums, disputed and lost: all events of it."""
    start = len(site.fake.events)
    page = site.open_page()
    site.fake.decline(page["id"])
    charge = site.fake.pay(page["id"])["latest_charge"]
    for _ in range(2):
        site.fake.refund(charge, 150_000)
    dispute = site.fake.dispute(charge, 200_000)
    site.fake.close_dispute(dispute["id"], won=False)
    events = site.fake.events[start:]
    first = site.fake.now() // 86_400 * 86_400
    for at, event in enumerate(events):      # each in a second of its own, the same seconds in every story
        event["created"] = first + at
        event["data"]["object"]["created"] = first
    return events


def test_a_thousand_shuffled_and_tripled_webhooks_end_as_once_in_order(site):
    """The figure: over 1,000 messages, each event three times, all stories mixed, the outbox working in between."""
    for event in story(site):
        assert site.deliver(event).status_code == 200
        site.work()
    once = site.state_of(site.pledge)
    assert once["charges"][0][:3] == ("succeeded", 1_000_000, 300_000)
    assert once["buckets"] == {"paid": 500_000, "refunded": 500_000}
    messages, pledges = [], []
    while len(messages) < 1_000:
        pledges.append(site.another())
        messages += story(site) * 3
    random.Random(20261122).shuffle(messages)
    for at, event in enumerate(messages):
        assert site.deliver(event).status_code == 200
        if at % 20 == 0:
            site.work()
    site.work()
    assert [site.state_of(pledge) for pledge in pledges] == [once] * len(pledges)
    assert site.balance("cash-stripe") == 500_000 * (len(pledges) + 1)
    assert site.balance("suspense") == 0
    assert {one.state for one in site.rows(StripeEvent)} <= {"applied", "ignored"}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_events_say_together_does_not_depend_on_their_order(data):
    told = [read(event) for event in _events_of_many_ways(data.draw(st.integers(0, 3)))]
    mixed = data.draw(st.permutations(told * 2))
    assert add_up(mixed) == add_up(told)


def _events_of_many_ways(way):
    """Events of a payment: paid at once, later, failed later, or expired; refunds that fail, disputes that are won."""
    fake = FakeStripe()
    page = fake._create_session({"mode": "payment", "success_url": "x", "metadata": {"charge": "abc"}, "line_items": {
        "0": {"quantity": "1", "price_data": {"currency": "cny", "unit_amount": "9000", "product_data": {"name": "x"}}}}})
    fake.decline(page["id"])
    if way == 0:
        fake.expire(page["id"])
    elif way == 1:
        fake.pay(page["id"])
    else:
        fake.pay_later(page["id"])
        fake.settle_later(page["id"], ok=way == 2)
    if way in {1, 2}:
        charge = fake.objects[page["payment_intent"]]["latest_charge"]
        fake.settle_refund(fake.refund(charge, 100)["id"], ok=False)
        fake.refund(charge, 100)
        fake.close_dispute(fake.dispute(charge, 500)["id"], won=True)
    return [event for event in fake.events if "created" in event]
