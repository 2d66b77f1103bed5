"""The independent check of all money knows card payments: it agrees with the books, and finds what was changed."""

import pytest
from sqlalchemy import update

from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.funding.queries.verifying import verify
from marketplace.payments.models import BalanceTransaction, Charge, Dispute, Refund
from tests.stripe_fake.site import make_site


@pytest.fixture
def site(app):
    """Two charges: one refunded in part, one disputed; a refund that came back, a payout, fees."""
    made = make_site(app)
    first = made.paid("6000")["latest_charge"]
    made.fake.settle_refund(made.fake.refund(first, 100_000)["id"], ok=False)
    made.fake.refund(first, 150_000)
    second = made.paid("4000")["latest_charge"]
    made.fake.close_dispute(made.fake.dispute(second, 50_000)["id"], won=False)
    made.fake.payout(300_000)
    made.deliver_all()
    made.app.test_cli_runner().invoke(args=["payments", "reconcile", "--day", str(beijing_date(utc_now()))])
    return made


def problems(site):
    with site.app.app_context():
        report = verify(db.session(), now=utc_now())
        db.session.remove()
        return sorted({(one.invariant, one.what) for one in report.problems})


def test_the_books_of_card_payments_agree(site):
    assert problems(site) == []


@pytest.mark.parametrize(("change", "what"), [
    (update(Charge).values(received=Charge.received + Money(1)), "cash at Stripe"),
    (update(Refund).where(Refund.state == "succeeded").values(amount=Money(149_999)), "cash at Stripe"),
    (update(Dispute).values(reinstated=Money(1)), "cash at Stripe"),
    (update(BalanceTransaction).where(BalanceTransaction.type == "charge").values(fee_fen=0), "fees are not"),
    (update(BalanceTransaction).where(BalanceTransaction.type == "payout").values(amount_fen=-1), "cash at Stripe"),
    (update(Refund).where(Refund.state == "succeeded").values(amount=Money(600_001)), "more went back"),
])
def test_a_changed_row_is_found(site, app, change, what):
    with app.app_context():
        with transaction() as session:
            session.execute(change.execution_options(synchronize_session=False))
        db.session.remove()
    assert any(what in found for _, found in problems(site)), problems(site)
