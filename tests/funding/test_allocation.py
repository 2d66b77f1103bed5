"""Matching money beside a pledge: by priority, each fen once, never over a cap, each sum with its reason."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace.core.access import SYSTEM
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Allocation, CostLine, FundedProject, Pledge
from marketplace.funding.operations import allocation as matching
from marketplace.funding.operations import scarce
from marketplace.funding.rules.terms import RuleTerms
from tests.factories import NOW
from tests.factories.funding import held, make_funder, make_pledge, make_pool, make_world
from tests.funding.books import balances, check_books

yuan = Money.yuan


def allocations(session):
    return session.scalars(select(Allocation).order_by(Allocation.id)).all()


def given(session):
    return [(a.amount, str(a.limited_by)) for a in allocations(session)]


def sign(session, pledge, now=NOW):
    """What a signature does to the row, then to the pools."""
    pledge.is_verbal, pledge.signed_at = False, now
    sums = session.scalars(select(FundedProject).where(FundedProject.project_id == pledge.project_id)).one()
    session.refresh(sums)
    sums.verbal = sums.verbal - pledge.open
    session.flush()
    return operations.match_pledge(session, actor=SYSTEM, pledge=pledge, now=now)


def test_a_promise_reserves_matching_money_in_the_same_transaction(session):
    world, pool = make_world(session), make_pool(session, ratio=(1, 2), reserve_days=10)
    pledge = make_pledge(session, world)
    row = allocations(session)[0]
    assert (row.pledge_id, row.pool_id, row.base, row.asked, row.amount, row.state, row.limited_by) == (
        pledge.id, pool.id, yuan(10_000), yuan(5_000), yuan(5_000), "reserved", "")
    assert (row.reserved_at, row.expires_at, row.rule.version) == (NOW, NOW + timedelta(days=10), 1)
    assert row.reason == "按 1:2 应配 5,000.00 元，实配 5,000.00 元"
    assert pool.reserved == yuan(5_000)
    books = balances(session)
    assert (books[f"pool-available:{pool.ref}"], books[f"pool-reserved:{pool.ref}"]) == (9_500_000, 500_000)
    facts = session.scalars(select(AuditEvent).where(AuditEvent.action == "funding.match")).one().facts
    assert facts["shares"] == [
        {"pool": pool.ref, "rule": 1, "asked_fen": 500_000, "amount_fen": 500_000, "limited_by": ""}]
    check_books(session)


def test_the_new_allocations_are_returned_without_reading_them_back(session):
    make_pool(session)
    pledge = make_pledge(session, make_world(session), is_verbal=True)
    made = sign(session, pledge)
    assert [a.amount for a in made] == [yuan(10_000)]
    assert made == allocations(session)


def test_each_cap_limits_and_is_named(session):
    world, donor = make_world(session), make_funder(session)
    make_pool(session, per_pledge_cap=yuan(3_000), per_donor_cap=yuan(5_000), per_project_cap=yuan(7_000), per_round_cap=yuan(7_500))
    make_pledge(session, world, funder=donor, round_ref="夜")
    make_pledge(session, world, funder=donor, round_ref="夜")
    make_pledge(session, world, round_ref="夜")
    make_pledge(session, make_world(session), round_ref="夜")
    make_pledge(session, make_world(session), round_ref="晨")
    assert given(session) == [(yuan(3_000), "pledge"), (yuan(2_000), "donor"), (yuan(2_000), "project"), (Money(50_000), "round"),
                              (yuan(3_000), "pledge")]
    assert allocations(session)[2].reason == "按 1:1 应配 10,000.00 元，本项目配套上限还剩 2,000.00 元，实配 2,000.00 元"
    check_books(session)


def test_the_last_fen_of_a_pool_is_given_and_nothing_after_it(session):
    world = make_world(session)
    pool = make_pool(session, cap=Money(1_000_001))
    for _ in range(3):
        make_pledge(session, world)
    assert given(session) == [(yuan(10_000), ""), (Money(1), "pool")]
    assert pool.reserved == pool.cap
    check_books(session)


def test_pools_answer_by_priority_and_every_fen_is_matched_once(session):
    world = make_world(session)
    make_pool(session, name="后", ratio=(3, 1), priority=20)
    make_pool(session, name="先", ratio=(1, 2), priority=10, cap=Money(100_001))
    make_pledge(session, world)
    first, second = allocations(session)
    assert (first.pool.name, first.base, first.asked, first.amount, first.limited_by) == (
        "先", yuan(10_000), yuan(5_000), Money(100_001), "pool")
    assert (second.pool.name, second.base, second.amount) == ("后", Money(799_998), Money(2_399_994))
    assert second.reason == "其余 7,999.98 元由本资金池接着配，按 3:1 应配 23,999.94 元，实配 23,999.94 元"
    check_books(session)


def test_a_pool_that_covers_all_leaves_nothing_to_the_next(session):
    make_pool(session, priority=1)
    make_pool(session, priority=2)
    make_pledge(session, make_world(session))
    assert len(allocations(session)) == 1


def test_nobody_matches_his_own_pledge(session):
    funder = make_funder(session)
    make_pool(session, funder=funder)
    make_pledge(session, make_world(session), funder=funder)
    assert allocations(session) == []


@pytest.mark.parametrize("earmark", [
    {"categories": ("B",)}, {"areas": ("11",)}, {"receiver_kinds": ("enterprise",)}, {"ends_on": date(2026, 11, 22)},
    {"starts_on": date(2026, 11, 24)},
])
def test_an_earmark_keeps_a_pool_from_a_pledge(session, earmark):
    make_pool(session, **earmark)
    make_pledge(session, make_world(session))
    assert allocations(session) == []


def test_a_paused_or_closed_pool_gives_nothing_to_a_page_that_still_shows_it(session):
    world, paused, closed = make_world(session), make_pool(session), make_pool(session)
    operations.pause_pool(session, actor=SYSTEM, pool=paused, now=NOW)
    operations.close_pool(session, actor=SYSTEM, pool=closed, now=NOW)
    pledge = make_pledge(session, world)
    assert (pledge.state, allocations(session)) == ("pledged", [])
    check_books(session)


def test_a_cost_line_is_never_paid_twice_by_a_pledge_and_its_matching_money(session):
    world = make_world(session)
    make_pool(session)
    line = operations.add_cost_line(session, actor=SYSTEM, project=world.project, name="增加一辆送餐车", amount=yuan(15_000), now=NOW)
    make_pledge(session, world, cost_line=line)
    assert given(session) == [(yuan(5_000), "cost_line")]
    session.refresh(line)
    assert line.funded == line.amount
    check_books(session)
    operations.cancel(session, actor=SYSTEM, pledge=session.scalars(select(Pledge)).one(), reason="单位预算调整", now=NOW)
    session.refresh(line)
    assert line.funded == Money(0)
    check_books(session)


def test_a_verbal_promise_is_matched_when_it_is_signed(session):
    world, pool = make_world(session), make_pool(session)
    pledge = make_pledge(session, world, is_verbal=True)
    assert allocations(session) == []
    sign(session, pledge)
    assert given(session) == [(yuan(10_000), "")]
    assert pool.reserved == yuan(10_000)
    check_books(session)


def test_a_pool_that_answers_paddles_reserves_once_and_signing_only_renews_the_term(session):
    world = make_world(session)
    make_pool(session, matches_verbal=True, cap=yuan(4_000), priority=1)
    other = make_pool(session, priority=2)
    pledge = make_pledge(session, world, is_verbal=True)
    assert given(session) == [(yuan(4_000), "pool")]
    later = NOW + timedelta(days=5)
    made = sign(session, pledge, later)
    assert [(a.pool_id, a.base, a.amount) for a in made] == [(other.id, yuan(6_000), yuan(6_000))]
    assert [a.expires_at for a in allocations(session)] == [later + timedelta(days=30)] * 2
    check_books(session)
    assert operations.match_pledge(session, actor=SYSTEM, pledge=pledge, now=later) == []
    assert len(allocations(session)) == 2


def test_a_reservation_whose_money_has_come_keeps_no_clock_when_it_is_asked_again(session):
    world = make_world(session)
    make_pool(session, confirm_days=5)
    pledge = held(session, world, make_pledge(session, world))
    assert operations.match_pledge(session, actor=SYSTEM, pledge=pledge, now=NOW) == []
    assert allocations(session)[0].expires_at is None


def test_matching_money_is_not_matched(session):
    world = make_world(session)
    make_pool(session)
    held(session, world, make_pledge(session, world))
    matched = session.scalars(select(Pledge).where(Pledge.kind == "matched")).one()
    assert operations.match_pledge(session, actor=SYSTEM, pledge=matched, now=NOW) == []


def test_what_was_returned_can_be_matched_again_under_a_key_of_its_own(session):
    world, pool = make_world(session), make_pool(session)
    pledge = make_pledge(session, world)
    operations.return_match(session, actor=SYSTEM, pledge=pledge, dropped=yuan(1), of=yuan(1), now=NOW, reason="test")
    assert len(operations.match_pledge(session, actor=SYSTEM, pledge=pledge, now=NOW)) == 1
    keys = [a.idem_key for a in allocations(session)]
    assert keys == [f"match:{pledge.ref}:{pool.ref}:1", f"match:{pledge.ref}:{pool.ref}:2"]
    check_books(session)


# ---- the exact path: what was read is not what is there any more ----

def stale(session, pledge, rooms):
    """The writing for a pledge that was reckoned with rooms as they were before somebody else took them."""
    writing = matching._Matching(session, SYSTEM, pledge, matching._Before(), NOW)
    offers = [replace(offer, room=replace(offer.room, **rooms)) for offer in writing._offers()]
    return writing, matching.reckon(offers, writing.facts, base=writing.base, cost_left=None)


@pytest.mark.parametrize(("terms", "rooms"), [({}, {"pool": 10**9}), ({"per_project_cap": yuan(12_000)}, {"project": 10**9}),
                                              ({"per_donor_cap": yuan(12_000)}, {"donor": 10**9})])
def test_a_room_read_too_large_changes_nothing_and_the_exact_path_gives_what_is_there(session, terms, rooms):
    world, funder = make_world(session), make_funder(session)
    pool = make_pool(session, cap=yuan(12_000), **terms)
    make_pledge(session, world, funder=funder)
    operations.pause_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    pledge = make_pledge(session, world, funder=funder)
    operations.start_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    writing, takings = stale(session, pledge, {"pool": 10**9, **rooms})
    assert [taking.share.amount for taking in takings] == [yuan(10_000)]
    assert writing.write(takings) is None
    check_books(session)
    assert pool.reserved == yuan(10_000)
    made = writing.write_locked()
    assert [(a.amount, a.asked) for a in made] == [(yuan(2_000), yuan(10_000))]
    check_books(session)


def test_a_rule_or_state_that_changed_since_it_was_read_refuses_the_fast_path(session):
    world, pool = make_world(session), make_pool(session, is_open=False)
    pledge = make_pledge(session, world)
    operations.start_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    writing, takings = stale(session, pledge, {})
    operations.change_rule(session, actor=SYSTEM, pool=pool, terms=RuleTerms(numerator=1, denominator=5), now=NOW)
    assert writing.write(takings) is None
    assert [(a.amount, a.rule.version) for a in writing.write_locked()] == [(yuan(2_000), 2)]
    operations.pause_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    second = make_pledge(session, world)
    operations.start_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    writing, takings = stale(session, second, {})
    operations.close_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    assert writing.write(takings) is None
    assert writing.write_locked() == []
    check_books(session)


def test_a_cost_line_filled_since_it_was_read_refuses_the_fast_path(session):
    world, pool = make_world(session), make_pool(session, is_open=False)
    line = operations.add_cost_line(session, actor=SYSTEM, project=world.project, name="车", amount=yuan(11_000), now=NOW)
    pledge = make_pledge(session, world, cost_line=line)
    operations.start_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    writing, takings = stale(session, pledge, {})
    assert writing.write(takings) is None
    assert [(a.amount, a.limited_by) for a in writing.write_locked()] == [(yuan(1_000), "cost_line")]
    session.execute(scarce.COST.update().values(funded=yuan(11_000)))
    assert session.scalars(select(CostLine.funded)).all() == [yuan(11_000)]


def test_when_even_the_exact_path_finds_less_than_it_locked_nothing_is_written(session):
    world, pool = make_world(session), make_pool(session, is_open=False)
    pledge = make_pledge(session, world)
    operations.start_pool(session, actor=SYSTEM, pool=pool, now=NOW)

    class Wrong(matching._Matching):
        def plan(self):
            return [matching.Taking(replace(taking.offer, version=99), taking.share) for taking in super().plan()]

    with pytest.raises(Conflict, match="刚刚被别的认捐用去"):
        Wrong(session, SYSTEM, pledge, matching._Before(), NOW).write_locked()
    assert allocations(session) == []
    check_books(session)


def test_an_error_in_the_middle_leaves_nothing_behind(session):
    world, pool = make_world(session), make_pool(session)
    pledge = make_pledge(session, world)
    writing = matching._Matching(session, SYSTEM, pledge, matching._Before(), NOW)
    with pytest.raises(IntegrityError):   # the pool has a live claim for this pledge already: the index says so
        writing.write(writing.plan())
    assert pool.reserved == yuan(10_000)
    check_books(session)


def test_a_number_given_out_again_after_a_rollback_is_a_new_allocation(session):
    world = make_world(session)
    make_pool(session)
    funder = make_funder(session)
    lost = session.begin_nested()
    make_pledge(session, world, funder=funder, amount=yuan(1))
    kept = allocations(session)
    lost.rollback()
    assert kept
    make_pledge(session, world, funder=funder, amount=yuan(2))
    assert [a.amount for a in allocations(session)] == [yuan(2)]


def test_a_statement_that_overdraws_a_cap_is_refused_by_the_row(session):
    world = make_world(session)
    make_pool(session, per_project_cap=yuan(10_000))
    make_pledge(session, world)
    for wrong in ("used = 1000001", "used = -1"):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.connection().exec_driver_sql(f"UPDATE pool_cap SET {wrong} WHERE scope = 'project'")


def test_rows_that_disagree_stop_everything(session):
    pool = make_pool(session)
    with pytest.raises(RuntimeError, match="matching_pool"):
        scarce.free_pool(session.connection(), pool.id, yuan(1), captured=False)
    with pytest.raises(RuntimeError, match="pool_cap"):
        scarce.free_cap(session.connection(), pool.id, "donor", "nobody", yuan(1))
    with pytest.raises(RuntimeError, match="pledge"):
        scarce.shrink_matched(session.connection(), 0, yuan(1), NOW)
