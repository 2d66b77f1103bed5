"""Sixty-four threads in four processes against one pool until nothing is left, killed at random: nothing overspent, nothing lost."""

import pytest
import sqlalchemy as sa

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Allocation, MatchingPool, Pledge
from marketplace.funding.queries import verifying
from marketplace.ledger.jobs import seal
from marketplace.payments.models import BankLine
from tests.factories.funding import make_funder, make_pool, make_world
from tests.factories.payments import came, import_lines
from tests.torture.pledgers import PROCESSES, THREADS, pledgers

pytestmark = pytest.mark.torture
ROUNDS, KILLS = 20, 3


def stage(session):
    """One receiver, four projects, twelve funders, and a bank line for each thread to pay from."""
    world = make_world(session)
    projects = [world.project.id, *(make_world(session).project.id for _ in range(3))]
    funders = [make_funder(session).id for _ in range(12)]
    import_lines(session, world.account, *(came("90000000.00") for _ in range(PROCESSES * THREADS)))
    lines = session.scalars(sa.select(BankLine.id).order_by(BankLine.id)).all()
    return {"receiver": world.receiver.id, "account": world.account.id, "projects": projects, "funders": funders, "lines": list(lines)}


def check(app, pool_id, acknowledged, number):
    """Compare what was acknowledged with what is there; recompute all money."""
    with app.app_context():
        seal()
        report = verifying.verify(verifying.snapshot(db.session()), now=utc_now())
        assert report.problems == [], f"round {number}: {report.problems}"
        session = db.session()
        keys = set(session.scalars(sa.select(Pledge.client_key).where(Pledge.client_key.startswith(f"{number}-"))))
        assert set(acknowledged) <= keys, f"round {number}: lost {set(acknowledged) - keys}"
        assert len(acknowledged) == len(set(acknowledged)), f"round {number}: answered twice"
        assert len(keys) <= len(set(acknowledged)) + PROCESSES * THREADS * (KILLS + 1)
        pool = session.get_one(MatchingPool, pool_id)
        given = session.scalar(sa.select(sa.func.sum(sa.type_coerce(Allocation.amount - Allocation.returned, sa.BigInteger)))
                               .where(Allocation.pool_id == pool_id))
        assert pool.reserved.fen + pool.captured.fen == given <= pool.cap.fen
        return pool.cap.fen - given, len(keys), report.entries


def test_a_pool_is_never_overspent_and_nothing_is_lost_though_workers_are_killed(fresh_app, record_property):
    with fresh_app.app_context(), transaction() as session:
        told = stage(session)
    left, pledges, entries = [], 0, 0
    with pledgers(fresh_app, seed=20261122) as workers:
        for number in range(ROUNDS):
            with fresh_app.app_context(), transaction() as session:
                cap = Money(250_000 + 7_919 * number)
                pool = make_pool(session, cap=cap, per_donor_cap=Money(cap.fen // 6 + 1))
                pool_id = pool.id
            acknowledged = workers.round({**told, "round": number, "pool": pool_id}, kills=KILLS)
            rest, count, entries = check(fresh_app, pool_id, acknowledged, number)
            left.append(rest)
            pledges += count
            with fresh_app.app_context(), transaction() as session:
                operations.close_pool(session, actor=SYSTEM, pool=session.get_one(MatchingPool, pool_id), now=utc_now())
        assert workers.kills == ROUNDS * KILLS
    assert 0 in left, "some round gave the very last fen"
    record_property("told", f"{workers.kills} kills, {pledges} pledges, {entries} entries: overspent 0, lost 0")
