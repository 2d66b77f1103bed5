"""The daily comparison with Stripe's balance: fees, payouts, what was missed, what differs."""

import json
from datetime import timedelta

import pytest

from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.money import Money
from marketplace.payments.models import BalanceTransaction, Charge, Reconciliation
from marketplace.web import worker
from tests.stripe_fake.site import configure, make_site


@pytest.fixture
def site(app):
    return make_site(app)


def compare(site, day=None):
    """Run the command for a day; return exit code and what it says."""
    words = ["payments", "reconcile", "--json", "--day", str(day or beijing_date(utc_now()))]
    done = site.app.test_cli_runner().invoke(args=words)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, json.loads(done.stdout)


def test_a_day_books_fees_and_payouts_once(site):
    intent = site.paid()
    site.fake.payout(500_000)
    for _ in range(2):
        assert compare(site) == (0, [{"account": "hk", "day": str(beijing_date(utc_now())), "transactions": 2,
                                      "events": 0, "differences": []}])
    fee = site.fake.fee_of(intent["amount"])
    assert site.charge().fee.fen == fee == site.balance("fee")
    assert site.balance("transit") == 500_000
    assert site.balance("cash-stripe") == sum(row["net"] for row in site.fake.balance) == 500_000 - fee
    assert len(site.rows(BalanceTransaction)) == 2
    assert len(site.rows(Reconciliation)) == 1


def test_after_refunds_and_disputes_the_books_hold_what_stripe_holds(site):
    site.paid()
    charge = site.charge().stripe_charge_id
    site.fake.settle_refund(site.fake.refund(charge, 100_000)["id"], ok=False)
    site.fake.refund(charge, 200_000)
    site.fake.close_dispute(site.fake.dispute(charge, 300_000)["id"], won=True)
    site.fake.close_dispute(site.fake.dispute(charge, 50_000)["id"], won=False)
    site.deliver_all()
    code, found = compare(site)
    assert (code, found[0]["differences"]) == (0, [])
    assert site.balance("cash-stripe") == sum(row["net"] for row in site.fake.balance)


def test_events_that_no_message_told_are_taken_in(site):
    site.fake.pay(site.open_page()["id"])                 # the webhook was away all day
    code, found = compare(site)
    assert found[0]["events"] > 0
    assert code == 0
    site.work()
    assert site.charge().state == "succeeded"
    assert site.buckets() == {"paid": 1_000_000}
    assert compare(site)[1][0]["events"] == 0


def test_more_than_a_page_of_movements_is_read_whole(site):
    for _ in range(230):
        site.fake.payout(1)
    assert compare(site)[1][0]["transactions"] == 230
    assert site.balance("transit") == 230


def test_what_stripe_has_and_we_have_not_is_a_difference(site):
    site.fake._succeed(site.fake._create_intent({"amount": "7700", "currency": "cny", "metadata": {}}))
    site.fake._move("topup", "tu_1", 100, 0, "cny")
    site.fake._move("charge", "ch_foreign", 100, 3, "usd")
    code, found = compare(site)
    assert code == 1
    assert sorted((row["what"], row["found_fen"]) for row in found[0]["differences"]) == [
        ("currency", 100), ("unknown_kind", 100), ("unknown_object", 7700)]
    shown = site.as_(site.keeper).get("/money/reconciliation").text
    assert "Stripe 有这一笔，本站没有" in shown
    assert "3 处差异" in shown


def test_an_amount_that_differs_is_a_difference(site):
    site.paid()
    next(row for row in site.fake.balance if row["type"] == "charge")["amount"] -= 100
    code, found = compare(site)
    assert code == 1
    assert found[0]["differences"][0] | {"stripe_id": ""} == {
        "what": "amount", "stripe_id": "", "expected_fen": 1_000_000, "found_fen": 999_900}


def test_what_we_have_and_stripe_has_not_is_a_difference(site):
    site.paid()
    site.fake.balance.clear()
    charge = site.charge()
    code, found = compare(site, beijing_date(charge.settled_at + timedelta(minutes=5)))
    assert code == 1
    assert found[0]["differences"] == [{"what": "only_here", "stripe_id": charge.stripe_charge_id,
                                        "expected_fen": 1_000_000, "found_fen": 0}]


def test_a_duty_compares_yesterday_once(site):
    site.fake.payout(500_000)["created"] -= 86_400
    with site.app.app_context():
        for _ in range(2):
            worker.run_periodic(all_of_them=True)
    assert [row.day for row in site.rows(Reconciliation)] == [beijing_date(utc_now()) - timedelta(days=1)]
    listed = [one for one in site.fake.requests if one["path"] == "/v1/balance_transactions"]
    assert len(listed) == 1
    assert site.balance("transit") == 500_000


def test_days_on_which_no_worker_ran_are_made_up_for(site):
    today = beijing_date(utc_now())
    site.fake.payout(500_000)["created"] -= 3 * 86_400
    compare(site, today - timedelta(days=5))
    with site.app.app_context():
        for _ in range(2):
            worker.run_periodic(all_of_them=True)
    assert [row.day for row in site.rows(Reconciliation)] == [today - timedelta(days=back) for back in (5, 4, 3, 2, 1)]
    assert site.balance("transit") == 500_000


def test_without_an_account_the_command_says_so(app):
    done = app.test_cli_runner().invoke(args=["payments", "reconcile"])
    assert done.exit_code == 3
    assert "MARKETPLACE_STRIPE_ACCOUNTS" in done.stderr


def test_each_body_sees_its_own_account_only(site):
    assert "hk" in site.as_(site.keeper).get("/money/reconciliation").text
    assert "还没有接入" in site.as_(site.stranger).get("/money/reconciliation").text
    assert "hk" in site.as_(site.operator).get("/money/reconciliation").text


def test_a_charge_is_shown_to_its_receiver_and_hidden_from_others(site):
    site.paid()
    path = f"/money/charges/{site.charge().ref}"
    assert site.as_(site.keeper).get(path).status_code == 200
    assert site.as_(site.operator).get(path).status_code == 200
    assert site.as_(site.stranger).get(path).status_code == 404


def test_the_operator_links_an_account_to_one_body(site, app):
    from marketplace.core.db import transaction
    from marketplace.payments.models import ReceivingAccount
    from tests.factories.organizations import make_organization
    from tests.stripe_fake.core import FakeStripe

    with app.app_context(), transaction() as session:
        body = make_organization(session).ref
    client = site.as_(site.operator)
    taken = client.post("/money/reconciliation", data={"label": "hk", "organization": body})
    assert taken.status_code == 422
    assert "已经接到一个接收方" in taken.text
    configure(app, FakeStripe())
    assert client.post("/money/reconciliation", data={"label": "nowhere", "organization": body}).status_code == 422
    assert site.as_(site.keeper).post("/money/reconciliation", data={"label": "hk", "organization": body}).status_code == 403
    assert len([one for one in site.rows(ReceivingAccount) if one.kind == "stripe"]) == 1


def test_amounts_beyond_thirty_two_bits_are_booked(site):
    site.fake.payout(3_000_000_000)
    assert compare(site)[0] == 0
    assert site.balance("transit") == 3_000_000_000
    assert Money(3_000_000_000).grouped() == "30,000,000.00"
    assert site.rows(Charge) == []
