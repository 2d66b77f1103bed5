"""Matching money goes back to its pools: in proportion, to the fen, once, and never before it can be spent again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.core.access import SYSTEM
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Allocation, Pledge
from marketplace.funding.operations import moving, returning
from marketplace.payments.models import Charge
from tests.factories import NOW
from tests.factories.funding import held, make_funder, make_pledge, make_pool, make_world, officer, paid, released
from tests.funding.books import balances, check_books

yuan = Money.yuan


def allocations(session):
    return session.scalars(select(Allocation).order_by(Allocation.id)).all()


def matched_of(session):
    return session.scalars(select(Pledge).where(Pledge.kind == "matched")).one()


def give_back(session, pledge, dropped, of):
    return operations.return_match(session, actor=SYSTEM, pledge=pledge, dropped=dropped, of=of, now=NOW, reason="test")


def refund(session, world, pledge, amount, key="r"):
    operations.ask_refund(session, actor=SYSTEM, pledge=pledge, amount=amount, reason="捐赠人要求退回", now=NOW)
    operations.refund_returned(session, actor=SYSTEM, pledge=pledge, amount=amount, from_account=world.suspense, idem_key=key, now=NOW)


def settle(session, world, matched):
    """The pool's funder pays its matching money, and the receiver confirms it."""
    return held(session, world, matched)


def test_a_cancelled_promise_restores_pool_and_caps_exactly(session):
    world = make_world(session)
    pool = make_pool(session, ratio=(1, 3), per_project_cap=yuan(50_000))
    pledge = make_pledge(session, world, amount=Money(1_000_003))
    before = balances(session)[f"pool-available:{pool.ref}"]
    operations.cancel(session, actor=SYSTEM, pledge=pledge, reason="单位预算调整", now=NOW)
    row = allocations(session)[0]
    assert (row.state, row.returned, row.returned_at) == ("returned", row.amount, NOW)
    assert (pool.reserved, balances(session)[f"pool-available:{pool.ref}"]) == (Money(0), before + row.amount.fen)
    check_books(session)
    assert give_back(session, pledge, yuan(1), yuan(1)) == Money(0)


def test_a_part_that_falls_away_takes_its_part_along_and_the_odd_fen_goes_back(session):
    world, pool = make_world(session), make_pool(session, ratio=(1, 2))
    pledge = make_pledge(session, world, amount=Money(1_001))
    assert allocations(session)[0].amount == Money(500)
    assert give_back(session, pledge, Money(334), Money(1_001)) == Money(500 - 500 * 667 // 1_001)
    assert (allocations(session)[0].returned, allocations(session)[0].state) == (Money(167), "reserved")
    assert pool.reserved == Money(333)
    check_books(session)
    assert give_back(session, pledge, Money(667), Money(667)) == Money(333)
    assert pool.reserved == Money(0)
    check_books(session)


def test_several_pools_share_a_return_by_largest_remainder(session):
    world = make_world(session)
    for number in range(3):
        make_pool(session, priority=number, cap=Money(100))
    pledge = make_pledge(session, world, amount=Money(300))
    assert [a.amount.fen for a in allocations(session)] == [100, 100, 100]
    assert give_back(session, pledge, Money(100), Money(300)) == Money(100)
    assert [a.returned.fen for a in allocations(session)] == [34, 33, 33]
    check_books(session)
    assert give_back(session, pledge, Money(1), Money(200)) == Money(1)
    assert [a.returned.fen for a in allocations(session)] == [34, 34, 33]


def test_nothing_that_falls_away_returns_nothing(session):
    world = make_world(session)
    pool = make_pool(session, ratio=(1, 3))
    pledge = make_pledge(session, world)
    assert give_back(session, pledge, Money(0), yuan(10_000)) == Money(0)
    assert pool.reserved == Money(333_333)
    assert give_back(session, pledge, Money(0), Money(0)) == Money(333_333)
    check_books(session)


def test_confirmed_and_unpaid_money_returns_at_once_with_the_refund_of_its_pledge(session):
    world, pool = make_world(session), make_pool(session, ratio=(1, 3))
    pledge = held(session, world, make_pledge(session, world))
    other = held(session, world, make_pledge(session, world))
    refund(session, world, pledge, Money(250_001))
    row = allocations(session)[0]
    left = 333_333 * 749_999 // 1_000_000
    assert (row.state, row.amount.fen - row.returned.fen, row.clawing) == ("captured", left, Money(0))
    assert (matched_of(session).amount, pool.captured) == (Money(left + 333_333), Money(left + 333_333))
    check_books(session)
    refund(session, world, pledge, Money(749_999), "r2")
    refund(session, world, other, yuan(10_000), "r3")
    assert (matched_of(session).amount, matched_of(session).state, pool.captured) == (Money(0), "cancelled", Money(0))
    check_books(session)
    held(session, world, make_pledge(session, world))
    assert (matched_of(session).amount, matched_of(session).state) == (Money(333_333), "pledged")
    check_books(session)


def test_paid_matching_money_is_asked_back_and_the_pool_has_its_room_only_when_it_is_there(session):
    world, pool = make_world(session), make_pool(session)
    pledge = held(session, world, make_pledge(session, world))
    matched = matched_of(session)
    held(session, world, matched, yuan(8_000))
    refund(session, world, pledge, yuan(5_000))
    row = allocations(session)[0]
    assert (row.returned, row.clawing) == (yuan(2_000), yuan(3_000))
    assert (matched.open, matched.held, matched.refunding, pool.captured) == (Money(0), yuan(5_000), yuan(3_000), yuan(8_000))
    check_books(session)
    operations.refund_returned(session, actor=SYSTEM, pledge=matched, amount=yuan(1_000), from_account=world.suspense, idem_key="m1",
                               now=NOW)
    assert (row.returned, row.clawing, pool.captured) == (yuan(3_000), yuan(2_000), yuan(7_000))
    check_books(session)
    for _ in range(2):   # the bank says it twice
        operations.refund_returned(session, actor=SYSTEM, pledge=matched, amount=yuan(2_000), from_account=world.suspense,
                                   idem_key="m2", now=NOW)
    assert (row.returned, row.clawing, row.state, pool.captured) == (yuan(5_000), Money(0), "captured", yuan(5_000))
    assert balances(session)[f"pool-available:{pool.ref}"] == 9_500_000
    check_books(session)


def test_what_the_provider_has_already_waits_to_be_clawed_back(session):
    world, pool = make_world(session), make_pool(session)
    pledge = held(session, world, make_pledge(session, world))
    matched = settle(session, world, matched_of(session))
    released(session, world, matched, yuan(9_000))
    refund(session, world, pledge, yuan(10_000))
    row = allocations(session)[0]
    assert (row.clawing, matched.refunding, matched.released, pool.captured) == (yuan(10_000), yuan(1_000), yuan(9_000), yuan(10_000))
    check_books(session)


def test_matching_money_wholly_with_the_provider_asks_the_receiver_for_nothing(session):
    world = make_world(session)
    make_pool(session)
    pledge = held(session, world, make_pledge(session, world))
    matched = settle(session, world, matched_of(session))
    released(session, world, matched)
    refund(session, world, pledge, yuan(10_000))
    assert (allocations(session)[0].clawing, matched.refunding) == (yuan(10_000), Money(0))


def test_matching_money_returned_for_another_reason_gives_the_newest_claims_back(session):
    world, pool = make_world(session), make_pool(session)
    for _ in range(2):
        held(session, world, make_pledge(session, world))
    matched = settle(session, world, matched_of(session))
    refund(session, world, matched, yuan(13_000))
    assert [a.returned for a in allocations(session)] == [yuan(3_000), yuan(10_000)]
    assert pool.captured == yuan(7_000)
    check_books(session)


def test_money_that_returns_to_a_closed_pool_is_promised_no_more(session):
    world, pool = make_world(session), make_pool(session)
    first, second = (held(session, world, make_pledge(session, world)) for _ in range(2))
    matched = held(session, world, matched_of(session), yuan(10_000))
    operations.close_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    refund(session, world, first, yuan(10_000))
    check_books(session)
    refund(session, world, second, yuan(10_000), "r2")
    operations.refund_returned(session, actor=SYSTEM, pledge=matched, amount=yuan(10_000), from_account=world.suspense, idem_key="m",
                               now=NOW)
    assert pool.captured == Money(0)
    assert balances(session)[f"commitment:{pool.funder.ref}"] == 0
    check_books(session)


def test_a_refund_that_no_allocation_explains_stops_everything(session):
    world = make_world(session)
    make_pool(session)
    held(session, world, make_pledge(session, world))
    with pytest.raises(RuntimeError, match="no allocation explains"):
        operations.restore_refunded(session, actor=SYSTEM, pledge=matched_of(session), amount=yuan(10_001), now=NOW)


def test_an_allocation_that_changed_since_it_was_read_is_not_returned_twice(session):
    world, pool = make_world(session), make_pool(session)
    pledge = make_pledge(session, world)
    row = returning.live_rows(session, returning.ALLOCATION.c.pledge_id == pledge.id)[0]
    give_back(session, pledge, yuan(1), yuan(1))
    with pytest.raises(Conflict, match="刚刚有变化"), session.begin_nested():
        returning.give_back(session, actor=SYSTEM, parts=[returning.Part(row, row.amount)], now=NOW, reason="again")
    assert pool.reserved == Money(0)
    check_books(session)


def test_an_upheld_flag_returns_all_matching_money(session):
    world, pool = make_world(session), make_pool(session)
    pledge = make_pledge(session, world)
    flag = operations.raise_flag(session, pledge=pledge, kind="same_payer", facts={}, now=NOW)
    operations.uphold_flag(session, actor=SYSTEM, flag=flag, note="核实为同一付款人", now=NOW)
    assert (pool.reserved, pledge.open) == (Money(0), yuan(10_000))
    check_books(session)


# ---- expiry ----

DUE = NOW + timedelta(days=30)


def test_a_reservation_lapses_at_its_hour_once_and_by_a_guarded_step(session):
    world, pool = make_world(session), make_pool(session)
    pledges = [make_pledge(session, world) for _ in range(3)]
    assert operations.expire_reservations(session, now=DUE - timedelta(seconds=1)) == 0
    assert operations.expire_reservations(session, now=DUE, limit=2) == 2
    assert operations.expire_reservations(session, now=DUE, limit=2) == 1
    assert operations.expire_reservations(session, now=DUE) == 0
    assert (pool.reserved, {a.state for a in allocations(session)}) == (Money(0), {"returned"})
    events = session.scalars(select(AuditEvent).where(AuditEvent.action == "funding.match_returned").order_by(AuditEvent.id)).all()
    assert [(e.facts["reason"], e.subject_ref) for e in events] == [("expired", p.ref) for p in pledges]
    check_books(session)


def test_a_pledge_whose_money_has_begun_to_arrive_keeps_its_matching_money(session):
    world, pool = make_world(session), make_pool(session)
    pledge = paid(session, world, make_pledge(session, world), yuan(1_000))
    assert operations.expire_reservations(session, now=DUE) == 0
    assert (allocations(session)[0].expires_at, pool.reserved) == (None, yuan(10_000))
    operations.cancel(session, actor=SYSTEM, pledge=pledge, reason="余款不再支付", now=NOW)
    assert pool.reserved == yuan(1_000)
    check_books(session)


def test_an_open_payment_page_stops_the_clock(session):
    world = make_world(session)
    make_pool(session)
    pledge = make_pledge(session, world)
    charge = Charge(account_id=world.account.id, subject_kind="pledge", subject_ref=pledge.ref, amount=pledge.amount, currency="HKD",
                    state="open", requested_at=NOW, settled_at=None, checkout_id=None, payment_intent_id=None, stripe_charge_id=None,
                    requested_by=None)
    session.add(charge)
    session.flush()
    assert operations.expire_reservations(session, now=DUE) == 0
    charge.state = "cancelled"
    assert operations.expire_reservations(session, now=DUE) == 1
    check_books(session)


# ---- from one pool to another ----

def move(session, allocation, pool, actor=SYSTEM):
    return operations.move_match(session, actor=actor, allocation=allocation, pool=pool, now=NOW)


def test_a_reservation_moves_to_another_pool_whole_and_is_never_free_in_between(session):
    world, first = make_world(session), make_pool(session, per_donor_cap=yuan(20_000))
    line = operations.add_cost_line(session, actor=SYSTEM, project=world.project, name="车", amount=yuan(20_000), now=NOW)
    make_pledge(session, world, cost_line=line)
    second = make_pool(session, ratio=(2, 1), cap=yuan(10_000))
    old = allocations(session)[0]
    new = move(session, old, second)
    assert (old.state, new.state, new.amount, new.limited_by, new.expires_at) == (
        "returned", "reserved", yuan(10_000), "moved", old.expires_at)
    assert new.reason == "按 2:1 应配 20,000.00 元，从其他资金池转来 10,000.00 元，实配 10,000.00 元"
    assert (first.reserved, second.reserved) == (Money(0), yuan(10_000))
    check_books(session)


def test_confirmed_money_moves_while_it_is_not_paid(session):
    world, first = make_world(session), make_pool(session)
    second = make_pool(session, priority=200, facts={"receiver_account": world.account})
    pledge = held(session, world, make_pledge(session, world))
    third = make_pool(session, priority=300)
    new = move(session, allocations(session)[0], second)
    assert (new.state, new.captured_at, new.expires_at) == ("captured", NOW, None)
    assert (first.captured, second.captured) == (Money(0), yuan(10_000))
    pledges = session.scalars(select(Pledge).where(Pledge.kind == "matched").order_by(Pledge.id)).all()
    assert [(p.pool_id, p.amount) for p in pledges] == [(first.id, Money(0)), (second.id, yuan(10_000))]
    check_books(session)
    newest = move(session, new, third)
    assert newest.idem_key == f"match:{pledge.ref}:{third.ref}:3"
    check_books(session)


def test_money_that_is_paid_or_returned_does_not_move(session):
    world = make_world(session)
    make_pool(session)
    pledge = held(session, world, make_pledge(session, world))
    other = make_pool(session)
    row = allocations(session)[0]
    with pytest.raises(Conflict, match="不能转"):
        move(session, row, row.pool)
    settle(session, world, matched_of(session))
    with pytest.raises(Conflict, match="不能转"):
        move(session, row, other)
    refund(session, world, pledge, yuan(10_000))
    operations.refund_returned(session, actor=SYSTEM, pledge=matched_of(session), amount=yuan(10_000), from_account=world.suspense,
                               idem_key="m", now=NOW)
    with pytest.raises(IllegalStep, match="已经退回"):
        move(session, row, other)


@pytest.mark.parametrize(("pool", "error", "words"), [
    ({"cap": yuan(9_999)}, Conflict, "接不下"), ({"ratio": (1, 2)}, Conflict, "接不下"), ({"categories": ("B",)}, Invalid, "项目类别"),
    ({"is_open": False}, Conflict, "没有开放"), ({"per_project_cap": yuan(9_999)}, Conflict, "接不下"),
])
def test_a_pool_that_cannot_take_all_of_it_takes_nothing(session, pool, error, words):
    world, first = make_world(session), make_pool(session)
    make_pledge(session, world)
    second = make_pool(session, **pool)
    with pytest.raises(error, match=words):
        move(session, allocations(session)[0], second)
    assert (first.reserved, second.reserved) == (yuan(10_000), Money(0))
    check_books(session)


def test_a_pool_never_takes_over_its_own_funders_pledge_or_one_that_it_matches_already(session):
    world, funder = make_world(session), make_funder(session)
    make_pool(session, cap=yuan(4_000), priority=1)
    second, mine = make_pool(session, priority=2), make_pool(session, funder=funder)
    make_pledge(session, world, funder=funder)
    with pytest.raises(Conflict, match="接不下"):
        move(session, allocations(session)[0], second)
    with pytest.raises(Invalid, match="自己的认捐"):
        move(session, allocations(session)[0], mine)


def test_only_who_manages_both_pools_moves_money_between_them(session):
    world, funder = make_world(session), make_funder(session)
    first, second = make_pool(session, funder=funder), make_pool(session, funder=funder, priority=200)
    foreign = make_pool(session, priority=300)
    make_pledge(session, world)
    person = officer(session, funder)
    with pytest.raises(Denied):
        move(session, allocations(session)[0], foreign, person)
    assert move(session, allocations(session)[0], second, person).pool_id == second.id
    assert first.reserved == Money(0)


def test_a_pool_that_changed_under_its_lock_stops_everything(session):
    world = make_world(session)
    make_pool(session)
    pledge = make_pledge(session, world)
    second = make_pool(session, priority=200)
    row = returning.live_rows(session, returning.ALLOCATION.c.pledge_id == pledge.id)[0]
    offer, share = moving._offer_of(session, pledge, second, yuan(10_000), NOW)
    with pytest.raises(RuntimeError, match="changed under its lock"), session.begin_nested():
        moving._take(session, actor=SYSTEM, pledge=pledge, offered=(replace(offer, version=9), share), row=row, now=NOW)
