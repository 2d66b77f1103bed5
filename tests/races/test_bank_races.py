"""Threads at one bank account: the same statement, one line for several pledges, one receipt book, one order."""

import pytest
from sqlalchemy import func, select

from marketplace.core.access import SYSTEM
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Pledge
from marketplace.ledger.queries import balance
from marketplace.payments import operations as payments
from marketplace.payments.models import (
    BankLine,
    BankLinePart,
    PaymentOrder,
    PaymentOrderLine,
    Receipt,
    ReceivingAccount,
)
from marketplace.payments.rules.orders import PaymentKind
from marketplace.payments.rules.receipts import ReceiptFacts, ReceiptKind
from tests.factories import NOW
from tests.factories.funding import held, keeper, make_funder, make_pledge, make_world
from tests.factories.payments import came, debit_credit, import_lines
from tests.races.test_funding_races import all_money_fits, together

pytestmark = pytest.mark.race
THREADS = 8
THOUSAND = Money.yuan(1_000)


def stage(app, *lines, pledges=0, each=THOUSAND):
    """A world with a statement of these lines and some pledges; what threads need to load their own."""
    with app.app_context(), transaction() as session:
        world = make_world(session)
        refs = [make_pledge(session, world, funder=make_funder(session), amount=each).ref for _ in range(pledges)]
        if lines:
            import_lines(session, world.account, *lines)
        return {"account": world.account.id, "suspense": world.suspense, "pledges": refs, "who": keeper(session, world),
                "second": keeper(session, world, name="复核人")}


def load(session, kind, **by):
    return session.scalars(select(kind).filter_by(**by)).one()


def test_the_same_statement_imported_eight_times_at_once_is_booked_once(fresh_app):
    made = stage(fresh_app)
    tables = debit_credit([came("100.00", serial="R1"), came("50.00", serial="R2")])

    def take(number):
        return lambda session: payments.import_statement(
            session, actor=SYSTEM, account=load(session, ReceivingAccount, id=made["account"]), name="a.csv",
            data=f"copy {number % 2}".encode(), tables=tables, mapping="auto", now=NOW)

    results = together(fresh_app, [take(number) for number in range(THREADS)])
    assert sum(not isinstance(one, DomainError) for one in results) == 1
    with fresh_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(BankLine)) == 2
        assert balance(db.session(), made["suspense"]) == Money.yuan(150)
    all_money_fits(fresh_app)


def test_one_line_claimed_for_eight_pledges_at_once_is_never_given_twice(fresh_app):
    made = stage(fresh_app, came("3500.00"), pledges=THREADS)

    def identify(ref):
        return lambda session: operations.identify_line(
            session, actor=made["who"], line=load(session, BankLine), pledge=load(session, Pledge, ref=ref),
            amount=Money.yuan(1_000), now=NOW)

    results = together(fresh_app, [identify(ref) for ref in made["pledges"]])
    assert sum(not isinstance(one, DomainError) for one in results) == 3
    with fresh_app.app_context():
        line = load(db.session(), BankLine)
        assert (line.state, line.rest) == ("suspense", Money.yuan(500))
        assert sum(part.amount.fen for part in db.session.scalars(select(BankLinePart))) == line.settled.fen
        assert balance(db.session(), made["suspense"]) == Money.yuan(500)
    all_money_fits(fresh_app)


def test_matching_run_by_eight_at_once_takes_each_line_once(fresh_app):
    made = stage(fresh_app, pledges=3)
    with fresh_app.app_context(), transaction() as session:
        lines = [came("1000.00", purpose=load(session, Pledge, ref=ref).code) for ref in made["pledges"]]
        import_lines(session, load(session, ReceivingAccount, id=made["account"]), *lines)
    together(fresh_app, [lambda session: operations.match_lines(
        session, actor=made["who"], account=load(session, ReceivingAccount, id=made["account"]), now=NOW)] * THREADS)
    with fresh_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(BankLinePart)) == 3
        assert {pledge.paid for pledge in db.session.scalars(select(Pledge))} == {Money.yuan(1_000)}
    all_money_fits(fresh_app)


def test_receipts_recorded_at_once_never_exceed_what_is_held(fresh_app):
    made = stage(fresh_app, pledges=1)
    with fresh_app.app_context(), transaction() as session:
        held(session, type("World", (), {"suspense": made["suspense"]}), load(session, Pledge))

    def record(number):
        return lambda session: operations.record_receipt(
            session, actor=made["who"], pledge=load(session, Pledge), now=NOW,
            facts=ReceiptFacts(ReceiptKind.DONATION, f"0000{number}", Money.yuan(300), NOW.date()))

    results = together(fresh_app, [record(number) for number in range(THREADS)])
    assert sum(not isinstance(one, DomainError) for one in results) == 3
    with fresh_app.app_context():
        assert sum(one.amount.fen for one in db.session.scalars(select(Receipt))) == 90_000


def test_one_payment_stands_on_one_order_and_is_approved_once(fresh_app):
    made = stage(fresh_app, came("66.00", name="路人", account="6222000000001111"))

    def prepare(session):
        return operations.prepare_order(
            session, actor=made["who"], account=load(session, ReceivingAccount, id=made["account"]), now=NOW,
            subjects=[(PaymentKind.RETURN, load(session, BankLine).ref)]).id

    results = together(fresh_app, [prepare] * THREADS)
    assert sum(not isinstance(one, DomainError) for one in results) == 1
    done = together(fresh_app, [lambda session: operations.approve_order(
        session, actor=made["second"], order=load(session, PaymentOrder), now=NOW)] * THREADS)
    assert sum(one is None for one in done) == 1
    with fresh_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(PaymentOrderLine)) == 1
