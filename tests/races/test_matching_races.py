"""Pools under threads: the last fen is given once, and no order of steps deadlocks or bends the books. Both databases."""

import random
import threading

import pytest
from sqlalchemy import select

from marketplace.core.access import SYSTEM
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Allocation, Funder, MatchingPool, Pledge
from marketplace.ledger.rules import AccountKind, account
from marketplace.organizations.models import Organization
from marketplace.payments.models import ReceivingAccount
from marketplace.projects.models import Project
from tests.factories import NOW
from tests.factories.funding import make_funder, make_pool, make_world
from tests.funding.books import check_books

pytestmark = pytest.mark.race
THREADS, STEPS = 8, 12


class Town:
    """Two projects, three donors and two pools, known by their ids so that every thread reads its own rows."""

    def __init__(self, app, caps, **terms):
        self.app, self.errors = app, []
        with app.app_context(), transaction() as session:
            worlds = [make_world(session), make_world(session)]
            self.projects = [w.project.id for w in worlds]
            self.receiver, self.account = worlds[0].receiver.id, worlds[0].account.id
            self.suspense = account(AccountKind.SUSPENSE, worlds[0].account.ref)
            self.donors = [make_funder(session).id for _ in range(3)]
            self.pools = [make_pool(session, cap=Money(cap), priority=at, **terms).id for at, cap in enumerate(caps)]

    def promise(self, session, key, dice, amount=10_000):
        return operations.promise(
            session, actor=SYSTEM, funder=session.get_one(Funder, dice.choice(self.donors)), amount=Money(amount),
            project=session.get_one(Project, dice.choice(self.projects)), receiver=session.get_one(Organization, self.receiver),
            account=session.get_one(ReceivingAccount, self.account), client_key=key, now=NOW)

    def run(self, work):
        """Each thread does its steps, a transaction each; refusals are fine, anything else is kept as an error."""
        start = threading.Barrier(THREADS)

        def live(number):
            dice = random.Random(number)
            start.wait()
            with self.app.app_context():
                for step in range(STEPS):
                    try:
                        with transaction() as session:
                            work(session, f"{number}-{step}", dice)
                    except DomainError:
                        pass
                    except Exception as error:  # noqa: BLE001 - told by the test
                        self.errors.append(repr(error))
                db.session.remove()

        threads = [threading.Thread(target=live, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert self.errors == []


def test_the_last_fen_is_given_exactly_once_when_all_reach_for_it(fresh_app):
    town = Town(fresh_app, [123_457, 300_001], per_donor_cap=Money(150_000))
    town.run(town.promise)
    with fresh_app.app_context():
        session = db.session()
        first, second = (session.get_one(MatchingPool, key) for key in town.pools)
        assert first.reserved == first.cap
        assert second.reserved == second.cap
        pledges = session.scalars(select(Pledge)).all()
        assert len(pledges) == THREADS * STEPS
        assert all(a.amount <= a.asked for a in session.scalars(select(Allocation)))
        check_books(session)


def pick(session, dice, *conditions):
    """Some pledge, or nothing."""
    found = session.scalars(select(Pledge.id).where(*conditions).order_by(Pledge.id)).all()
    return session.get_one(Pledge, dice.choice(found)) if found else None


def any_step(town):
    """One random step of a funder, a bank, a receiver or a clock."""

    def pay(session, key, dice, kind="own"):
        if pledge := pick(session, dice, Pledge.open > Money(0), Pledge.kind == kind):
            amount = Money(max(pledge.open.fen // dice.choice([1, 1, 2]), 1))
            operations.arrive(session, actor=SYSTEM, pledge=pledge, amount=amount, from_account=town.suspense, idem_key=f"a{key}", now=NOW)
            operations.confirm(session, actor=SYSTEM, pledge=pledge, amount=amount, idem_key=f"c{key}", now=NOW)

    def refund(session, key, dice):
        if pledge := pick(session, dice, Pledge.held > Money(0)):
            amount = Money(dice.randint(1, pledge.held.fen))
            operations.ask_refund(session, actor=SYSTEM, pledge=pledge, amount=amount, reason="退回一部分", now=NOW)

    def returned(session, key, dice):
        if pledge := pick(session, dice, Pledge.refunding > Money(0)):
            operations.refund_returned(session, actor=SYSTEM, pledge=pledge, amount=pledge.refunding, from_account=town.suspense,
                                       idem_key=f"r{key}", now=NOW)

    def cancel(session, key, dice):
        if pledge := pick(session, dice, Pledge.open > Money(0), Pledge.kind == "own"):
            operations.cancel(session, actor=SYSTEM, pledge=pledge, reason="不再支付", now=NOW)

    def move(session, key, dice):
        found = session.scalars(select(Allocation.id).where(Allocation.state != "returned")).all()
        if found:
            allocation = session.get_one(Allocation, dice.choice(found))
            other = next(key for key in town.pools if key != allocation.pool_id)
            operations.move_match(session, actor=SYSTEM, allocation=allocation, pool=session.get_one(MatchingPool, other), now=NOW)

    def expire(session, key, dice):
        operations.expire_reservations(session, now=NOW.replace(year=2027), limit=3)

    steps = [town.promise] * 6 + [pay] * 4 + [refund, returned, cancel, move, expire,
                                              lambda session, key, dice: pay(session, key, dice, "matched")]
    return lambda session, key, dice: dice.choice(steps)(session, key, dice)


def test_no_order_of_steps_deadlocks_or_bends_the_books(fresh_app):
    town = Town(fresh_app, [200_000, 400_000], per_donor_cap=Money(220_000), per_project_cap=Money(330_000))
    town.run(any_step(town))
    with fresh_app.app_context():
        check_books(db.session())
        states = set(db.session().scalars(select(Allocation.state)))
        assert {"reserved", "captured", "returned"} & states
