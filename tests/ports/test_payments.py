"""The payment gateway against the fake, in the process and over a loopback port: what the port promises."""

from datetime import UTC, datetime, timedelta

import pytest

from marketplace.config import StripeAccount
from marketplace.core.errors import Denied, PaymentRefused, Unavailable
from marketplace.core.money import Money
from marketplace.core.ports import PaymentRequest
from marketplace.integrations.stripe import StripeGateway
from tests.stripe_fake.client import FakeHTTPClient
from tests.stripe_fake.core import KEY, SECRET, FakeStripe
from tests.stripe_fake.server import StripeServer

WANTED = PaymentRequest("abcdefgh2345", Money(12_345), "CNY", "认捐：助餐", "https://x.example/back?a=1", "https://x.example/left")
LONG_AGO, LATER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["in the process", "over a port"])
def pair(request):
    """A gateway and the fake behind it."""
    fake, accounts = FakeStripe(), [StripeAccount("hk", KEY, SECRET)]
    if request.param == "in the process":
        yield StripeGateway(accounts, http_client=FakeHTTPClient(fake)), fake
        return
    server = StripeServer(fake, webhook="http://127.0.0.1:9/")
    server.deliveries.set(held=True)
    yield StripeGateway(accounts, api=server.url), fake
    server.stop()


def test_the_same_request_opens_one_page(pair):
    gateway, fake = pair
    first = gateway.open_payment("hk", WANTED)
    assert gateway.open_payment("hk", WANTED) == first
    assert first.page_id
    assert first.url
    assert not first.is_live
    assert len(fake.requests) == 2
    assert len(fake.objects) == 1


def test_one_key_for_two_different_requests_is_refused(pair):
    gateway, _ = pair
    gateway.open_payment("hk", WANTED)
    with pytest.raises(PaymentRefused, match="IdempotencyError"):
        gateway.open_payment("hk", PaymentRequest(WANTED.ref, Money(1), "CNY", "x", "https://x.example/b", "https://x.example/c"))


def test_without_a_page_a_bare_payment_is_prepared(pair):
    gateway, fake = pair
    made = gateway.open_payment("hk", PaymentRequest("ref2", Money(500), "CNY", "第二期"))
    assert (made.page_id, made.url) == (None, "")
    assert fake.objects[made.intent_id]["metadata"] == {"charge": "ref2"}


def test_a_fault_after_the_work_was_done_is_not_done_twice(pair):
    gateway, fake = pair
    fake.breakage = ["before"]
    gateway.open_payment("hk", WANTED)
    assert len(fake.objects) == 1


def test_refunds_keep_their_keys_and_their_limit(pair):
    gateway, fake = pair
    page = gateway.open_payment("hk", WANTED)
    intent = fake.pay(page.page_id)["id"]
    for ref in ("r1", "r1", "r2"):
        gateway.refund("hk", ref=ref, intent_id=intent, amount=Money(5_000), charge_ref=WANTED.ref)
    assert sum(one["amount"] for one in fake.objects.values() if one["object"] == "refund") == 10_000
    with pytest.raises(PaymentRefused):
        gateway.refund("hk", ref="r3", intent_id=intent, amount=Money(5_000), charge_ref=WANTED.ref)


def test_a_closed_page_stays_closed_and_a_paid_one_paid(pair):
    gateway, fake = pair
    page = gateway.open_payment("hk", WANTED)
    for _ in range(2):
        gateway.close_payment("hk", page.page_id)
    assert fake.objects[page.page_id]["status"] == "expired"
    other = gateway.open_payment("hk", PaymentRequest("other", Money(1), "CNY", "x", "https://x.example/", "https://x.example/"))
    fake.pay(other.page_id)
    gateway.close_payment("hk", other.page_id)
    assert fake.objects[other.page_id]["status"] == "complete"


def test_events_and_movements_are_listed_through_all_pages(pair):
    gateway, fake = pair
    for _ in range(205):
        fake.tell("payout.paid", fake.payout(3))
    assert len(list(gateway.events("hk", since=LONG_AGO, until=LATER))) == 205
    rows = list(gateway.movements("hk", since=LONG_AGO, until=LATER))
    assert len(rows) == 205
    assert {(row.kind, row.amount, row.fee, row.net, row.currency) for row in rows} == {("payout", -3, 0, -3, "CNY")}
    assert list(gateway.movements("hk", since=LATER, until=LATER + timedelta(days=1))) == []


def test_a_signed_message_is_read_and_any_other_refused(pair):
    gateway, fake = pair
    event = fake.tell("payout.paid", fake.payout(3))
    now = datetime.fromtimestamp(fake.now(), tz=UTC)
    body, headers = fake.signed(event)
    assert gateway.read_event("hk", body=body, signature=headers["Stripe-Signature"], now=now)["id"] == event["id"]
    for wrong in ("", "t=1", "v1=00", headers["Stripe-Signature"] + "0", headers["Stripe-Signature"].replace("t=", "t=1")):
        with pytest.raises(Denied):
            gateway.read_event("hk", body=body, signature=wrong, now=now)
    with pytest.raises(Denied):
        gateway.read_event("hk", body=body, signature=headers["Stripe-Signature"], now=now + timedelta(seconds=301))


def test_a_wrong_key_and_an_unknown_label_are_unavailable(pair):
    gateway, fake = pair
    fake.key = "sk_test_changed"
    with pytest.raises(Unavailable, match="密钥"):
        gateway.open_payment("hk", WANTED)
    with pytest.raises(Unavailable):
        gateway.open_payment("nowhere", WANTED)
