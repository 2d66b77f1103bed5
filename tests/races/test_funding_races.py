"""Threads at one money at the same time: the last fen, caps, a cost, releases, refunds, expiry, the same form eight times."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Allocation, CostLine, MatchingPool, Pledge, PoolCap, Release
from marketplace.funding.queries import verifying
from marketplace.ledger.jobs import seal
from marketplace.ledger.models import Journal
from marketplace.organizations.models import Organization
from marketplace.payments.models import BankLine, ReceivingAccount
from marketplace.projects import operations as projects
from marketplace.projects.models import Project
from marketplace.web import worker
from tests.factories import NOW
from tests.factories.funding import keeper, make_funder, make_pool, make_world, proposed
from tests.factories.payments import came, import_lines

pytestmark = pytest.mark.race
THREADS = 8


def together(app, jobs):
    """Run every job in a transaction and thread of its own, started together; return what each gave or which refusal it met."""
    gate, results = threading.Barrier(len(jobs)), [None] * len(jobs)

    def run(number, job):
        gate.wait()
        with app.app_context():
            try:
                with transaction() as session:
                    results[number] = job(session)
            except DomainError as refusal:
                results[number] = refusal
            except Exception as fault:  # noqa: BLE001 - handed to the test
                results[number] = fault

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    faults = [one for one in results if isinstance(one, Exception) and not isinstance(one, DomainError)]
    assert not faults, faults
    return results


def all_money_fits(app):
    with app.app_context():
        seal()
        report = verifying.verify(verifying.snapshot(db.session()), now=utc_now())
        assert report.problems == []


class Stage:
    """A world whose rows are known by id, so that every thread loads its own."""

    def __init__(self, app, **pool):
        with app.app_context(), transaction() as session:
            self.world = make_world(session)
            self.funders = [make_funder(session).id for _ in range(THREADS)]
            self.pool = make_pool(session, **pool).id if pool else 0
            self.ids = (self.world.project.id, self.world.receiver.id, self.world.account.id)
            import_lines(session, self.world.account, *(came("90000.00") for _ in range(THREADS)))
            self.lines = list(session.scalars(sa.select(BankLine.id).order_by(BankLine.id)))
            self.keeper, self.handler = keeper(session, self.world), self.world.desk.handler
            self.approver = self.world.desk.approver

    def promise(self, session, funder, amount, key, **facts):
        from marketplace.funding.models import Funder

        project, receiver, account = self.ids
        return operations.promise(
            session, actor=SYSTEM, funder=session.get_one(Funder, funder), project=session.get_one(Project, project),
            receiver=session.get_one(Organization, receiver), account=session.get_one(ReceivingAccount, account),
            amount=amount, client_key=key, now=NOW, **facts).id

    def pay(self, session, pledge_id, line):
        """Money comes for a pledge and is confirmed."""
        pledge = session.get_one(Pledge, pledge_id)
        operations.identify_line(session, actor=SYSTEM, line=session.get_one(BankLine, line), pledge=pledge, now=NOW)
        operations.confirm(session, actor=SYSTEM, pledge=pledge, amount=pledge.paid, idem_key=f"c:{pledge.ref}", now=NOW)


def given(app, stage):
    with app.app_context():
        session = db.session()
        return session.get_one(MatchingPool, stage.pool), session.scalars(sa.select(Allocation).order_by(Allocation.id)).all()


def test_the_last_fen_of_a_pool_is_given_once(fresh_app):
    stage = Stage(fresh_app, cap=Money(10_001))
    together(fresh_app, [lambda session, n=n: stage.promise(session, stage.funders[n], Money(3_000), f"k{n}") for n in range(THREADS)])
    pool, made = given(fresh_app, stage)
    assert sorted(a.amount.fen for a in made) == [1_001, 3_000, 3_000, 3_000]
    assert (pool.reserved, pool.captured) == (pool.cap, Money(0))
    all_money_fits(fresh_app)


def test_the_last_fen_of_a_pool_is_given_once_to_different_projects(fresh_app):
    """Nothing but the pool's own row stands between them: each reads the same room, and only one finds it there."""
    stages = [Stage(fresh_app) for _ in range(THREADS)]
    with fresh_app.app_context(), transaction() as session:
        stages[0].pool = make_pool(session, cap=Money(10_001)).id
    together(fresh_app, [lambda session, n=n: stages[n].promise(session, stages[n].funders[0], Money(3_000), f"k{n}")
                         for n in range(THREADS)])
    pool, made = given(fresh_app, stages[0])
    assert sorted(a.amount.fen for a in made) == [1_001, 3_000, 3_000, 3_000]
    assert pool.reserved == pool.cap
    all_money_fits(fresh_app)


def test_the_cap_of_a_donor_holds_against_itself(fresh_app):
    stage = Stage(fresh_app, cap=Money.yuan(100_000), per_donor_cap=Money(7_000))
    together(fresh_app, [lambda session, n=n: stage.promise(session, stage.funders[0], Money(3_000), f"k{n}") for n in range(THREADS)])
    _, made = given(fresh_app, stage)
    assert sorted(a.amount.fen for a in made) == [1_000, 3_000, 3_000]
    all_money_fits(fresh_app)


def test_the_cap_of_a_project_holds_against_many_donors(fresh_app):
    stage = Stage(fresh_app, cap=Money.yuan(100_000), per_project_cap=Money(8_500))
    together(fresh_app, [lambda session, n=n: stage.promise(session, stage.funders[n], Money(3_000), f"k{n}") for n in range(THREADS)])
    _, made = given(fresh_app, stage)
    assert sorted(a.amount.fen for a in made) == [2_500, 3_000, 3_000]
    with fresh_app.app_context():
        used = db.session.scalars(sa.select(PoolCap.used).where(PoolCap.scope == "project")).all()
    assert used == [Money(8_500)]
    all_money_fits(fresh_app)


def test_a_cost_is_paid_once(fresh_app):
    stage = Stage(fresh_app, cap=Money.yuan(100_000), ratio=(1, 2))
    with fresh_app.app_context(), transaction() as session:
        line = operations.add_cost_line(session, actor=stage.handler, project=session.get_one(Project, stage.ids[0]),
                                        name="志愿者培训", amount=Money(10_000), now=NOW).id

    def one(session, n):
        return stage.promise(session, stage.funders[n], Money(4_000), f"k{n}", cost_line=session.get_one(CostLine, line))

    results = together(fresh_app, [lambda session, n=n: one(session, n) for n in range(THREADS)])
    assert sum(isinstance(result, int) for result in results) <= 2, "the rest heard that the cost is paid"
    assert any(isinstance(result, int) for result in results)
    with fresh_app.app_context():
        cost = db.session.get_one(CostLine, line)
        assert cost.funded <= cost.amount
    all_money_fits(fresh_app)


def test_the_same_form_sent_eight_times_is_one_pledge(fresh_app):
    stage = Stage(fresh_app, cap=Money.yuan(100_000))
    results = together(fresh_app, [lambda session: stage.promise(session, stage.funders[0], Money(3_000), "the-form")] * THREADS)
    assert len(set(results)) == 1
    _, made = given(fresh_app, stage)
    assert [a.amount for a in made] == [Money(3_000)]
    with fresh_app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Journal).where(Journal.kind == "pledge.promise")) == 1
    all_money_fits(fresh_app)


def held_pledge(app, stage):
    with app.app_context():
        with transaction() as session:
            made = stage.promise(session, stage.funders[0], Money(50_000), "held")
        with transaction() as session:
            stage.pay(session, made, stage.lines[0])
    return made


def test_a_release_confirmed_eight_times_leaves_once(fresh_app):
    stage = Stage(fresh_app)
    made = held_pledge(fresh_app, stage)
    with fresh_app.app_context(), transaction() as session:
        release = proposed(session, stage.world, session.get_one(Pledge, made), Money(20_000)).id
    together(fresh_app, [lambda session: operations.confirm_release(
        session, actor=stage.approver, release=session.get_one(Release, release), now=NOW)] * THREADS)
    with fresh_app.app_context():
        pledge = db.session.get_one(Pledge, made)
        assert (pledge.held, pledge.released) == (Money(30_000), Money(20_000))
        assert db.session.get_one(Release, release).state == "confirmed"
    all_money_fits(fresh_app)


def test_proposals_at_once_do_not_promise_the_same_fen(fresh_app):
    stage = Stage(fresh_app)
    made = held_pledge(fresh_app, stage)
    with fresh_app.app_context(), transaction() as session:
        payee = session.get_one(Organization, stage.ids[1]).id
    results = together(fresh_app, [lambda session: operations.propose_release(
        session, actor=stage.handler, pledge=session.get_one(Pledge, made), milestone=1, amount=Money(20_000),
        payee=session.get_one(Organization, payee), evidence="首付条件已满足", now=NOW).id] * THREADS)
    assert sum(isinstance(result, int) for result in results) == 2
    all_money_fits(fresh_app)


def test_a_refund_races_a_confirmation_and_every_fen_stays_in_one_place(fresh_app):
    stage = Stage(fresh_app, cap=Money.yuan(100_000))
    with fresh_app.app_context(), transaction() as session:
        made = stage.promise(session, stage.funders[0], Money(50_000), "k")
        pledge = session.get_one(Pledge, made)
        operations.identify_line(session, actor=SYSTEM, line=session.get_one(BankLine, stage.lines[0]), pledge=pledge, now=NOW)

    def refund(session):
        operations.ask_refund(session, actor=stage.keeper, pledge=session.get_one(Pledge, made), amount=Money(50_000),
                              reason="项目缩减", now=NOW)

    def confirm(session):
        operations.confirm(session, actor=SYSTEM, pledge=session.get_one(Pledge, made), amount=Money(50_000), idem_key="c", now=NOW)

    together(fresh_app, [refund, confirm, refund, confirm])
    with fresh_app.app_context():
        pledge = db.session.get_one(Pledge, made)
        assert pledge.held + pledge.refunding == Money(50_000)
        assert pledge.paid == Money(0)
    all_money_fits(fresh_app)


def test_expiry_races_the_payment_and_one_of_both_happens(fresh_app):
    stage = Stage(fresh_app, cap=Money.yuan(100_000))
    late = NOW + timedelta(days=4_000)
    made = []
    with fresh_app.app_context(), transaction() as session:
        made = [stage.promise(session, stage.funders[n], Money(5_000), f"k{n}") for n in range(THREADS)]
    together(fresh_app, [
        *(lambda session, n=n: stage.pay(session, made[n], stage.lines[n]) for n in range(THREADS)),
        *[lambda session: operations.expire_pledges(session, now=late)] * 2,
        *[lambda session: operations.expire_reservations(session, now=late)] * 2])
    with fresh_app.app_context():
        for pledge in db.session.scalars(sa.select(Pledge).where(Pledge.kind == "own")):
            assert pledge.held + pledge.dropped + pledge.open == Money(5_000)
            assert not (pledge.held.fen and pledge.dropped.fen)
    all_money_fits(fresh_app)


def test_captures_and_cancellations_at_once_leave_the_pool_exact(fresh_app):
    stage = Stage(fresh_app, cap=Money(24_000))
    with fresh_app.app_context(), transaction() as session:
        made = [stage.promise(session, stage.funders[n], Money(3_000), f"k{n}") for n in range(THREADS)]
    together(fresh_app, [
        *(lambda session, n=n: stage.pay(session, made[n], stage.lines[n]) for n in range(4)),
        *(lambda session, n=n: operations.cancel(session, actor=SYSTEM, pledge=session.get_one(Pledge, made[n]), reason="算了", now=NOW)
          for n in range(4, 8)),
        *(lambda session, n=n: stage.promise(session, stage.funders[n], Money(3_000), f"late{n}") for n in range(4))])
    pool, _ = given(fresh_app, stage)
    assert pool.captured == Money(12_000)
    assert pool.reserved <= Money(12_000)
    all_money_fits(fresh_app)


def test_many_confirmed_at_once_do_not_lock_against_steps_of_single_ones(fresh_app):
    stage = Stage(fresh_app, cap=Money(24_000))
    with fresh_app.app_context(), transaction() as session:
        made = [stage.promise(session, stage.funders[n], Money(3_000), f"k{n}") for n in range(THREADS)]
        for n, line in enumerate(stage.lines):
            operations.identify_line(session, actor=SYSTEM, line=session.get_one(BankLine, line), now=NOW,
                                     pledge=session.get_one(Pledge, made[n]))

    def all_of_them(session):
        return operations.confirm_all(session, actor=SYSTEM, now=utc_now(), pledges=[session.get_one(Pledge, n) for n in made])

    def back(session, n):
        return operations.ask_refund(session, actor=SYSTEM, pledge=session.get_one(Pledge, n), amount=Money(1_000),
                                     reason="缩减", now=NOW, idem_key=f"back:{n}")

    results = together(fresh_app, [all_of_them, all_of_them, *(lambda session, n=n: back(session, n) for n in made[::-1])])
    assert sorted(results[:2]) == [0, THREADS]
    with fresh_app.app_context():
        worker.run_until_idle()
        rows = db.session.execute(sa.select(Pledge.paid, Pledge.held, Pledge.refunding).where(Pledge.kind == "own")).all()
        assert [tuple(row) for row in rows] == [(Money(0), Money(2_000), Money(1_000))] * THREADS
        assert given(fresh_app, stage)[0].captured == Money(24_000)
    all_money_fits(fresh_app)


def test_one_line_of_the_bank_identified_at_once_for_two_pledges_pays_one(fresh_app):
    stage = Stage(fresh_app)
    with fresh_app.app_context(), transaction() as session:
        made = [stage.promise(session, stage.funders[n], Money.yuan(90_000), f"k{n}") for n in range(4)]
    results = together(fresh_app, [lambda session, n=n: operations.identify_line(
        session, actor=SYSTEM, line=session.get_one(BankLine, stage.lines[0]), pledge=session.get_one(Pledge, made[n]), now=NOW).id
        for n in range(4)])
    assert sum(isinstance(result, int) for result in results) == 1
    all_money_fits(fresh_app)


def test_a_project_that_ends_in_the_same_instant_has_no_pledge_made_after_its_end(fresh_app):
    stage = Stage(fresh_app)

    def end(session):
        project = session.get_one(Project, stage.ids[0])
        projects.terminate(session, actor=stage.approver, project=project, reason="需求取消，不再采购这项服务", now=NOW + timedelta(minutes=1))
        return session.scalar(sa.select(sa.func.count()).select_from(Pledge))

    jobs = [lambda session, one=one: stage.promise(session, one, Money.yuan(100), f"end-{one}") for one in stage.funders[:-1]]
    *promises, seen = together(fresh_app, [*jobs, end])
    made = [result for result in promises if not isinstance(result, DomainError)]
    assert isinstance(seen, int), seen
    assert seen == len(made)             # what the end saw is all there is
    all_money_fits(fresh_app)
