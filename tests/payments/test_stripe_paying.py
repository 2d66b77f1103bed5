"""Paying a signed pledge by card: who may, what is asked once, what settles it."""

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.funding.models import Pledge
from marketplace.payments.models import Charge, StripeEvent
from tests.factories import funding as money_world
from tests.stripe_fake.site import make_site


@pytest.fixture
def site(app):
    return make_site(app)


def test_a_signer_pays_a_signed_pledge_and_the_webhook_settles_it(site):
    page = site.open_page()
    assert page["amount_total"] == 1_000_000
    assert page["currency"] == "cny"
    assert page["metadata"]["charge"] == site.charge().ref
    site.fake.pay(page["id"])
    assert site.charge().state == "open"                       # coming back proves nothing
    assert "等待 Stripe 确认" in site.client.get(site.path + "?back=paid").text
    site.deliver_all()
    assert site.charge().state == "succeeded"
    assert site.buckets() == {"paid": 1_000_000}
    assert (site.balance("cash-stripe"), site.balance("suspense")) == (1_000_000, 0)
    assert "已记到这份认捐" in site.client.get(site.path).text


def test_the_same_webhooks_again_change_nothing(site):
    site.paid()
    before = site.state()
    for _ in range(3):
        site.deliver_all()
    assert site.state() == before


def test_an_instalment_may_be_paid_first(site):
    site.paid("2500")
    assert site.buckets() == {"open": 750_000, "paid": 250_000}
    site.paid("7500")
    assert site.buckets() == {"paid": 1_000_000}


def test_more_than_is_open_is_refused_before_anything_is_asked(site):
    answer = site.as_(site.signer).post(site.path, data={"amount": "10000.01"})
    assert answer.status_code == 422
    assert "不能付更多" in answer.text
    assert 'value="10000.01"' in answer.text
    assert site.fake.requests == []


@pytest.mark.parametrize("typed", ["0", "-5", "0.001", "1e30", "abc", ""])
def test_bad_amounts_get_a_sentence_and_no_charge(site, typed):
    answer = site.as_(site.signer).post(site.path, data={"amount": typed})
    assert answer.status_code == 422
    assert site.rows(Charge) == []


def test_full_width_digits_and_wan_are_read(site):
    assert site.open_page("０．５万")["amount_total"] == 500_000


def test_nobody_else_opens_a_payment(site):
    assert site.app.test_client().post(site.path).status_code == 302           # a visitor: to the sign-in page
    assert site.as_(site.stranger).post(site.path, data={"amount": "1"}).status_code == 404
    assert site.as_(site.keeper).post(site.path, data={"amount": "1"}).status_code in {403, 404}
    assert site.as_(site.operator).post(site.path, data={"amount": "1"}).status_code in {403, 404}
    assert site.fake.requests == []


def test_a_verbal_pledge_is_not_payable(app):
    site = make_site(app, is_verbal=True)
    answer = site.as_(site.signer).post(site.path, data={"amount": "1"})
    assert answer.status_code == 403
    assert "先签认捐书" in answer.text


def test_off_unless_configured(site):
    site.app.extensions["marketplace.config"] = replace(site.app.extensions["marketplace.config"], stripe_accounts=())
    client = site.as_(site.signer)
    for path in (site.path, "/money/reconciliation", "/money/charges/nothing22222"):
        assert client.get(path).status_code == 404
    assert client.post("/stripe/webhook/hk").status_code == 404


def test_a_page_that_stands_open_is_taken_up_again(site):
    first = site.open_page()
    assert site.open_page() is first
    assert len(site.rows(Charge)) == 1
    answer = site.client.post(site.path, data={"amount": "5000"})
    assert answer.status_code == 422
    assert "付款页开着" in answer.text


def test_a_lost_answer_is_asked_again_with_the_same_key_and_makes_one_page(site):
    site.fake.breakage = ["lost", "lost", "lost"]
    assert site.as_(site.signer).post(site.path, data={"amount": "10000"}).status_code == 503
    assert site.charge().state == "requested"
    site.fake.breakage = []
    site.open_page()
    assert len([one for one in site.fake.objects.values() if one["object"] == "checkout.session"]) == 1
    assert len(site.rows(Charge)) == 1


def test_when_stripe_is_away_nothing_is_lost(site):
    site.http.is_down = True
    answer = site.as_(site.signer).post(site.path, data={"amount": "10000"})
    assert answer.status_code == 503
    assert "没有重复扣款" in answer.text
    site.http.is_down = False
    site.paid()
    assert site.buckets() == {"paid": 1_000_000}


def test_a_declined_card_leaves_the_page_open_for_another(site):
    page = site.open_page()
    site.fake.decline(page["id"])
    site.deliver_all()
    assert (site.charge().state, site.charge().failure) == ("open", "insufficient_funds")
    site.fake.pay(page["id"])
    site.deliver_all()
    assert (site.charge().state, site.charge().failure) == ("succeeded", "")
    assert site.buckets() == {"paid": 1_000_000}


@pytest.mark.parametrize(("ok", "state", "buckets"), [
    (True, "succeeded", {"paid": 1_000_000}), (False, "failed", {"open": 1_000_000})])
def test_a_method_that_is_confirmed_later_counts_when_it_is_confirmed(site, ok, state, buckets):
    page = site.open_page()
    site.fake.pay_later(page["id"])
    site.deliver_all()
    assert site.buckets() == {"open": 1_000_000}
    site.fake.settle_later(page["id"], ok=ok)
    site.deliver_all()
    assert site.charge().state == state
    assert site.buckets() == buckets


def test_a_closed_page_lets_another_be_opened(site):
    page = site.open_page()
    assert site.client.post(site.path + "/close").status_code == 303
    assert page["status"] == "expired"
    site.deliver_all()
    assert site.charge().state == "cancelled"
    assert site.open_page("5000")["amount_total"] == 500_000


def test_closing_a_page_that_was_paid_meanwhile_leaves_the_payment(site):
    page = site.open_page()
    site.fake.pay(page["id"])
    assert site.client.post(site.path + "/close").status_code == 303
    site.deliver_all()
    assert site.charge().state == "succeeded"


def test_a_payment_for_a_pledge_that_is_paid_by_bank_meanwhile_waits_for_a_person(site, app):
    page = site.open_page()
    with app.app_context(), transaction() as session:
        pledge = session.scalars(select(Pledge).where(Pledge.ref == site.pledge)).one()
        world = money_world.World(None, pledge.project, pledge.receiver, pledge.account)
        money_world.paid(session, world, pledge, pledge.open)
        suspended = pledge.account.ref
    assert suspended == site.account
    site.fake.pay(page["id"])
    site.deliver_all()
    assert site.charge().state == "succeeded"
    assert site.buckets() == {"paid": 1_000_000}
    shown = site.as_(site.keeper).get("/money/reconciliation").text
    assert site.charge().ref in shown
    answer = site.client.post(f"/money/charges/{site.charge().ref}/refund", data={"amount": "10000", "reason": "重复付款"})
    assert answer.status_code == 303
    site.work()
    site.deliver_all()
    assert site.charge().refunded == Money(1_000_000)
    assert site.balance("cash-stripe") == 0
    assert site.charge().ref not in site.client.get("/money/reconciliation").text


def test_the_database_holds_one_open_payment_for_a_pledge(site, app):
    site.open_page()
    with app.app_context():
        with transaction() as session:
            first = session.scalars(select(Charge)).one()
            second = Charge(account_id=first.account_id, subject_kind="pledge", subject_ref=site.pledge,
                            amount=Money(1), currency="CNY", requested_at=first.requested_at)
            session.expunge(first)
            session.add(second)
            with pytest.raises(IntegrityError):
                session.flush()
            session.rollback()
        db.session.remove()


def test_what_stripe_tells_of_payers_is_not_kept(site):
    site.paid()
    kept = str([event.payload for event in site.rows(StripeEvent)])
    assert "li@example.com" not in kept
    assert "李华" not in kept


def test_the_form_may_lead_to_stripe_and_no_other_page_may(site):
    client = site.as_(site.signer)
    assert "form-action 'self' https://checkout.stripe.com" in client.get(site.path).headers["Content-Security-Policy"]
    assert "stripe" not in client.get("/my").headers["Content-Security-Policy"]
