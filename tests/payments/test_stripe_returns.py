"""Money that goes back: refunds asked here or at Stripe, disputes, what comes back again."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.funding.models import Pledge
from marketplace.funding.operations import ask_refund, confirm, payables
from marketplace.payments.models import Charge, ReceivingAccount, Refund
from marketplace.payments.operations.charges import request_refund
from tests.stripe_fake.site import make_site


@pytest.fixture
def site(app):
    made = make_site(app)
    made.paid()
    return made


def refund(site, amount, reason="项目缩减"):
    """The receiver's accountant asks for a refund."""
    return site.as_(site.keeper).post(f"{site.path}/{site.charge().ref}/refund", data={"amount": amount, "reason": reason})


def asked(site):
    """The refunds that Stripe was asked for."""
    return [one for one in site.fake.requests if one["path"] == "/v1/refunds"]


def test_a_part_goes_back_to_the_card(site):
    assert refund(site, "3000").status_code == 303
    assert site.buckets() == {"paid": 700_000, "refunding": 300_000}
    site.work()
    site.deliver_all()
    assert site.buckets() == {"paid": 700_000, "refunded": 300_000}
    assert [(one.state, one.amount.fen) for one in site.rows(Refund)] == [("succeeded", 300_000)]
    assert (site.balance("cash-stripe"), site.balance("suspense")) == (700_000, 0)


def test_what_goes_back_to_a_card_is_not_paid_by_transfer_as_well(site):
    def by_transfer():
        with site.app.app_context():
            pledge = db.session.scalars(select(Pledge).where(Pledge.ref == site.pledge)).one()
            bank = db.session.scalars(select(ReceivingAccount).where(
                ReceivingAccount.organization_id == pledge.receiver_id, ReceivingAccount.kind == "bank")).one()
            return [one.payment.amount.fen for one in payables(db.session(), bank)]

    with site.app.app_context(), transaction() as session:      # promised to the bank account, paid by card
        session.execute(update(Pledge).where(Pledge.ref == site.pledge).values(account_id=None))
    refund(site, "3000")
    assert site.buckets()["refunding"] == 300_000
    assert by_transfer() == []
    with site.app.app_context(), transaction() as session:
        pledge = session.scalars(select(Pledge).where(Pledge.ref == site.pledge)).one()
        ask_refund(session, actor=SYSTEM, pledge=pledge, amount=Money.yuan(2_000), reason="另一部分", now=utc_now())
    assert by_transfer() == [200_000]
    site.work()
    site.deliver_all()
    assert site.buckets()["refunding"] == 200_000
    assert by_transfer() == [200_000]


def test_two_equal_partial_refunds_are_two_refunds_with_two_keys(site):
    for _ in range(2):
        assert refund(site, "3000").status_code == 303
    site.work()
    site.deliver_all()
    keys = {one["headers"]["idempotency-key"] for one in asked(site)}
    assert len(keys) == 2
    assert site.buckets() == {"paid": 400_000, "refunded": 600_000}
    assert site.charge().refunded.fen == 600_000


def test_the_same_refund_asked_again_after_a_lost_answer_is_made_once(site):
    refund(site, "3000")
    site.fake.breakage = ["lost", "lost", "lost"]
    site.work()
    site.fake.breakage = []
    _now_due(site)
    site.work()
    assert len([one for one in site.fake.objects.values() if one["object"] == "refund"]) == 1
    site.deliver_all()
    assert site.buckets() == {"paid": 700_000, "refunded": 300_000}


def _now_due(site):
    """Let no job wait for its next attempt."""
    from marketplace.core.outbox import Job

    with site.app.app_context(), transaction() as session:
        session.execute(update(Job).where(Job.state == "waiting").values(due_at=utc_now()))


def test_an_over_refund_is_refused_before_stripe_is_asked(site):
    refund(site, "8000")
    answer = refund(site, "2000.01")
    assert answer.status_code == 422
    assert "最多还能退 2,000.00 元" in answer.text
    site.work()
    assert len(asked(site)) == 1


def test_the_database_refuses_more_refunded_than_received(site, app):
    with app.app_context():
        with transaction() as session:
            with pytest.raises(IntegrityError):
                session.execute(update(Charge).values(refunded=Money(1_000_001)))
            session.rollback()
        db.session.remove()


def test_the_guard_counts_what_is_on_its_way_even_from_a_stale_page(site, app):
    with app.app_context():
        with transaction() as session:
            charge = session.scalars(select(Charge)).one()
            request_refund(session, actor=SYSTEM, charge=charge, amount=Money(600_000), reason="x", now=utc_now())
            with pytest.raises(Invalid, match="4,000"):
                request_refund(session, actor=SYSTEM, charge=charge, amount=Money(400_001), reason="x", now=utc_now())
        db.session.remove()


def test_stripe_refuses_an_over_refund_too_and_the_money_is_free_again(site):
    refund(site, "9000")
    site.fake.refund(site.charge().stripe_charge_id, 500_000)        # somebody was faster in the account's own pages
    site.work()
    site.deliver_all()
    states = sorted((one.state, one.amount.fen) for one in site.rows(Refund))
    assert states == [("failed", 900_000), ("succeeded", 500_000)]
    assert site.charge().refunded.fen == 500_000
    assert site.balance("cash-stripe") == 500_000


def test_a_refund_made_at_stripe_is_found_and_booked(site):
    site.fake.refund(site.charge().stripe_charge_id, 250_000)
    site.deliver_all()
    assert site.buckets() == {"paid": 750_000, "refunded": 250_000}
    assert [one.requested_by for one in site.rows(Refund)] == [None]


def test_a_refund_that_fails_gives_the_pledge_its_money_back(site):
    site.fake.refunds_pend = True
    refund(site, "3000")
    site.work()
    site.deliver_all()
    assert site.buckets() == {"paid": 700_000, "refunding": 300_000}
    site.fake.settle_refund(site.rows(Refund)[0].stripe_refund_id, ok=False)
    site.deliver_all()
    assert site.buckets() == {"paid": 700_000, "held": 300_000}
    assert site.charge().refunded.fen == 0
    assert (site.balance("cash-stripe"), site.balance("suspense")) == (1_000_000, 0)
    assert "lost_or_stolen_card" in site.as_(site.keeper).get(site.path).text


def test_a_refund_that_comes_back_after_it_had_succeeded_waits_for_a_person(site):
    refund(site, "3000")
    site.work()
    site.deliver_all()
    site.fake.settle_refund(site.rows(Refund)[0].stripe_refund_id, ok=False)
    site.deliver_all()
    assert site.buckets() == {"paid": 700_000, "refunded": 300_000}   # it had gone; what came back belongs to nothing
    assert (site.balance("cash-stripe"), site.balance("suspense")) == (1_000_000, 300_000)


def test_only_the_receiving_body_gives_money_back(site):
    for person in (site.signer, site.operator, site.stranger):
        answer = site.as_(person).post(f"{site.path}/{site.charge().ref}/refund", data={"amount": "1", "reason": "x"})
        assert answer.status_code in {403, 404}
    assert site.rows(Refund) == []


@pytest.mark.parametrize("typed", ["0", "-1", "0.001", "1e30"])
def test_bad_amounts_of_refunds_are_refused(site, typed):
    assert refund(site, typed).status_code == 422
    assert site.rows(Refund) == []


def test_money_on_a_pledge_is_not_returned_behind_its_back(site):
    path = f"/money/charges/{site.charge().ref}/refund"
    answer = site.as_(site.keeper).post(path, data={"amount": "1", "reason": "x"})
    assert answer.status_code == 422
    assert "从认捐页办理退回" in answer.text


def test_a_charge_of_another_pledge_is_not_refunded_through_this_one(site):
    charge = site.charge().ref
    site.another()
    answer = site.as_(site.keeper).post(f"{site.path}/{charge}/refund", data={"amount": "1", "reason": "x"})
    assert answer.status_code == 422
    assert "不是为这份认捐付的" in answer.text


# ---------- disputes ----------

def test_a_dispute_sets_the_money_aside_and_a_won_one_brings_it_back(site):
    dispute = site.fake.dispute(site.charge().stripe_charge_id)
    site.deliver_all()
    assert site.buckets() == {"disputed": 1_000_000}
    assert site.balance("cash-stripe") == 0
    assert "有争议" in site.as_(site.keeper).get("/money/reconciliation").text
    site.fake.close_dispute(dispute["id"], won=True)
    site.deliver_all()
    assert site.buckets() == {"held": 1_000_000}
    assert (site.balance("cash-stripe"), site.balance("suspense")) == (1_000_000, 0)


def test_a_lost_dispute_is_gone(site):
    dispute = site.fake.dispute(site.charge().stripe_charge_id, 400_000)
    site.fake.close_dispute(dispute["id"], won=False)
    site.deliver_all()
    assert site.buckets() == {"paid": 600_000, "refunded": 400_000}
    assert (site.balance("cash-stripe"), site.balance("suspense")) == (600_000, 0)


def test_an_inquiry_takes_no_money(site):
    dispute = site.fake.dispute(site.charge().stripe_charge_id, inquiry=True)
    site.deliver_all()
    assert site.buckets() == {"paid": 1_000_000}
    site.fake.close_dispute(dispute["id"], won=True)
    site.deliver_all()
    assert site.buckets() == {"paid": 1_000_000}
    assert site.balance("cash-stripe") == 1_000_000


def test_a_dispute_over_money_that_was_confirmed(site, app):
    with app.app_context(), transaction() as session:
        pledge = session.scalars(select(Pledge).where(Pledge.ref == site.pledge)).one()
        confirm(session, actor=SYSTEM, pledge=pledge, amount=Money(700_000), now=utc_now(), idem_key="confirm-1")
    dispute = site.fake.dispute(site.charge().stripe_charge_id, 800_000)
    site.deliver_all()
    assert site.buckets() == {"held": 200_000, "disputed": 800_000}
    site.fake.close_dispute(dispute["id"], won=False)
    site.deliver_all()
    assert site.buckets() == {"held": 200_000, "refunded": 800_000}
