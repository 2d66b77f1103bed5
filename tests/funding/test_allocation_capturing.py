"""Matching money is confirmed when the pledge is held, the delay is over, conditions are met and nobody has doubts."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from marketplace.core.access import SYSTEM
from marketplace.core.audit import AuditEvent
from marketplace.core.db import transaction
from marketplace.core.money import Money
from marketplace.core.outbox import Job
from marketplace.funding import operations
from marketplace.funding.jobs import matching as jobs
from marketplace.funding.models import Allocation, FundedProject, MoneyFlag, OwnContribution, Pledge
from marketplace.funding.operations import capturing, scarce
from tests.factories import NOW
from tests.factories.funding import held, make_funder, make_pledge, make_pool, make_world, paid
from tests.factories.payments import make_proof
from tests.funding.books import balances, check_books

yuan = Money.yuan


def matched_of(session):
    return session.scalars(select(Pledge).where(Pledge.kind == "matched")).one_or_none()


def allocation_of(session, pledge):
    return session.scalars(select(Allocation).where(Allocation.pledge_id == pledge.id)).one()


def capture(session, pledge, now=NOW):
    return operations.capture(session, actor=SYSTEM, pledge=pledge, now=now)


def test_once_the_receiver_confirms_the_money_its_match_becomes_the_pools_promise_to_the_project(session):
    world, pool = make_world(session), make_pool(session, ratio=(1, 2))
    pledge = held(session, world, make_pledge(session, world))
    row, matched = allocation_of(session, pledge), matched_of(session)
    assert (row.state, row.captured_at, row.expires_at) == ("captured", NOW, None)
    assert (pool.reserved, pool.captured) == (Money(0), yuan(5_000))
    assert (matched.amount, matched.open, matched.state, matched.funder_id, matched.receiver_id, matched.account_id) == (
        yuan(5_000), yuan(5_000), "pledged", pool.funder_id, world.receiver.id, world.account.id)
    assert (matched.landing, matched.expires_at, matched.is_verbal) == (pledge.landing, None, False)
    sums = session.scalars(select(FundedProject).where(FundedProject.kind == "matched")).one()
    assert (sums.amount, sums.open, sums.donors) == (yuan(5_000), yuan(5_000), 1)
    assert balances(session)[f"promised:{matched.ref}"] == 500_000
    assert session.scalars(select(AuditEvent).where(AuditEvent.action == "funding.match_confirmed")).one().facts["matched"] == matched.ref
    check_books(session)


def test_one_matched_pledge_grows_with_every_pledge_of_its_pool_and_project(session):
    world = make_world(session)
    make_pool(session)
    for number in range(1, 4):
        held(session, world, make_pledge(session, world))
        assert matched_of(session).amount == yuan(10_000 * number)
    assert session.scalars(select(FundedProject.donors).where(FundedProject.kind == "matched")).one() == 1
    check_books(session)


def test_the_pools_own_account_receives_where_it_has_one(session):
    world = make_world(session)
    other = make_world(session)
    make_pool(session, facts={"receiver_account": other.account})
    held(session, world, make_pledge(session, world))
    matched = matched_of(session)
    assert (matched.receiver_id, matched.account_id) == (other.receiver.id, other.account.id)


def test_money_that_is_only_partly_there_confirms_nothing(session):
    world = make_world(session)
    make_pool(session)
    pledge = make_pledge(session, world)
    assert capture(session, pledge) == Money(0)
    held(session, world, pledge, yuan(4_000))
    assert matched_of(session) is None
    paid(session, world, pledge)
    assert (capture(session, pledge), matched_of(session)) == (Money(0), None)
    operations.confirm(session, actor=SYSTEM, pledge=pledge, amount=yuan(6_000), now=NOW, idem_key="rest")
    assert matched_of(session).amount == yuan(10_000)
    check_books(session)


def test_confirming_again_confirms_nothing_more(session):
    world = make_world(session)
    make_pool(session)
    pledge = held(session, world, make_pledge(session, world))
    assert capture(session, pledge) == Money(0)
    assert matched_of(session).amount == yuan(10_000)
    assert capture(session, matched_of(session)) == Money(0)


def test_disputed_money_confirms_nothing_until_the_dispute_is_won(session):
    world = make_world(session)
    pool = make_pool(session, confirm_days=3)
    pledge = held(session, world, make_pledge(session, world))
    operations.open_dispute(session, actor=SYSTEM, pledge=pledge, amount=yuan(1), idem_key="d", now=NOW)
    later = NOW + timedelta(days=3)
    assert capture(session, pledge, later) == Money(0)
    operations.close_dispute(session, actor=SYSTEM, pledge=pledge, amount=yuan(1), won=True, from_account=world.stripe, idem_key="w",
                             now=NOW)
    assert capture(session, pledge, later) == yuan(10_000)
    assert pool.captured == yuan(10_000)


def test_a_delay_waits_keeps_the_reservation_and_asks_for_the_work_when_it_is_over(session):
    world = make_world(session)
    make_pool(session, confirm_days=7)
    pledge = held(session, world, make_pledge(session, world))
    row, due = allocation_of(session, pledge), NOW + timedelta(days=7)
    assert (row.state, row.capture_after, row.expires_at) == ("reserved", due, None)
    job = session.scalars(select(Job).where(Job.kind == "funding.capture_due")).one()
    assert (job.due_at, job.payload) == (due, {"pledge_ref": pledge.ref})
    assert capture(session, pledge, due - timedelta(seconds=1)) == Money(0)
    assert session.scalars(select(Job).where(Job.kind == "funding.capture_due")).one() is job
    assert operations.captures_due(session, now=due - timedelta(seconds=1)) == []
    assert operations.captures_due(session, now=due) == [pledge.id]
    assert capture(session, pledge, due) == yuan(10_000)
    assert operations.captures_due(session, now=due) == []
    check_books(session)


def test_a_flag_stops_it_until_somebody_clears_it_and_for_good_when_it_is_upheld(session):
    world = make_world(session)
    make_pool(session)
    pledge = make_pledge(session, world)
    flag = MoneyFlag(pledge_id=pledge.id, kind="same_payer", facts={}, raised_at=NOW, decided_at=None)
    session.add(flag)
    held(session, world, pledge)
    assert (matched_of(session), operations.captures_due(session, now=NOW)) == (None, [])
    session.execute(update(MoneyFlag).values(state="upheld", decided_at=NOW, note="核实"))
    assert capture(session, pledge) == Money(0)
    session.execute(update(MoneyFlag).values(state="cleared"))
    assert operations.captures_due(session, now=NOW) == [pledge.id]
    assert capture(session, pledge) == yuan(10_000)


def test_the_number_of_different_donors_is_waited_for_and_then_found_by_the_sweep(session):
    world, twice = make_world(session), make_funder(session)
    make_pool(session, min_donors=3)
    waiting = held(session, world, make_pledge(session, world, funder=twice))
    held(session, world, make_pledge(session, world, funder=twice))
    make_pledge(session, world, is_verbal=True)
    make_pledge(session, make_world(session))
    withdrawn = make_pledge(session, world)
    operations.cancel(session, actor=SYSTEM, pledge=withdrawn, reason="单位预算调整", now=NOW)
    make_pledge(session, world)
    assert (matched_of(session), operations.captures_due(session, now=NOW)) == (None, [])
    make_pledge(session, world)
    due = operations.captures_due(session, now=NOW)
    assert waiting.id in due
    assert len(due) == 2
    assert operations.captures_due(session, now=NOW, limit=1) == due[:1]
    assert capture(session, waiting) == yuan(10_000)
    check_books(session)


@pytest.mark.parametrize("terms", [{"threshold": yuan(15_000)}, {"threshold_percent": 5}])
def test_a_sum_of_signed_pledges_is_waited_for(session, terms):
    world = make_world(session, budget=yuan(300_000), ceiling=yuan(300_000))
    make_pool(session, **terms)
    pledge = held(session, world, make_pledge(session, world))
    make_pledge(session, world, is_verbal=True)
    assert capture(session, pledge) == Money(0)
    make_pledge(session, world, amount=yuan(4_999))
    assert capture(session, pledge) == Money(0)
    make_pledge(session, world, amount=yuan(1))
    assert capture(session, pledge) == yuan(10_000)


def test_own_contribution_counts_only_when_proved(session):
    world = make_world(session, budget=yuan(100_000), ceiling=yuan(100_000))
    make_pool(session, own_percent=10)
    pledge = held(session, world, make_pledge(session, world))
    claim = OwnContribution(project_id=world.project.id, organization_id=world.receiver.id, kind="receipt", description="自筹",
                            amount=yuan(10_000), proof_file_id=make_proof(session, world.receiver).id, claimed_at=NOW, decided_at=None)
    session.add(claim)
    assert capture(session, pledge) == Money(0)
    session.flush()
    session.execute(update(OwnContribution).values(state="proved", decided_at=NOW))
    assert capture(session, pledge) == yuan(10_000)


def test_a_project_without_pledges_has_reached_nothing(session):
    world = make_world(session)
    progress = capturing.progress_of(session, world.project.id, None)
    assert (progress.donors, progress.pledged, progress.own) == (0, Money(0), Money(0))


def test_an_allocation_that_changed_under_its_lock_stops_everything(session):
    world = make_world(session)
    make_pool(session, confirm_days=1)
    pledge = held(session, world, make_pledge(session, world))
    row = capturing._reserved(session, pledge.id)[0]
    assert capture(session, pledge, NOW + timedelta(days=1)) == yuan(10_000)
    with pytest.raises(RuntimeError, match="changed under the lock"):
        capturing._confirm(session, SYSTEM, scarce.subject_of(pledge), row, NOW)


def test_the_job_and_the_sweeps_do_the_same_work_once(ctx, monkeypatch):
    with transaction() as session:
        world = make_world(session)
        make_pool(session, confirm_days=2)
        first, second = (held(session, world, make_pledge(session, world)) for _ in range(2))
        lapsing = make_pledge(session, world)
        refs = first.ref, second.ref, lapsing.ref
    later = NOW + timedelta(days=40)
    monkeypatch.setattr(jobs, "utc_now", lambda: later)
    jobs.capture_due(pledge_ref=refs[0])
    jobs.capture_due(pledge_ref=refs[0])
    jobs.sweep_captures()
    jobs.sweep_captures()
    jobs.sweep_reservations()
    with transaction() as session:
        states = session.execute(select(Pledge.ref, Allocation.state).join(Allocation, Allocation.pledge_id == Pledge.id)).all()
        assert dict(map(tuple, states)) == {refs[0]: "captured", refs[1]: "captured", refs[2]: "returned"}
        assert matched_of(session).amount == yuan(20_000)
        check_books(session)
