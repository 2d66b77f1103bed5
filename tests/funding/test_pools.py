"""Pools: drafted with a rule, promised when opened, changed and closed without touching what was given."""

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError

from marketplace.core.access import SYSTEM, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Allocation, MatchingPool, MatchingRule
from marketplace.funding.operations.allocation import terms_of
from marketplace.funding.rules.terms import RuleTerms
from tests.factories import NOW
from tests.factories.funding import held, make_funder, make_pledge, make_pool, make_world, officer
from tests.factories.organizations import credit_code, make_organization
from tests.factories.payments import make_account
from tests.funding.books import balances, check_books

yuan = Money.yuan
ONE = RuleTerms(numerator=1, denominator=1)


def allocations(session):
    return session.scalars(select(Allocation).order_by(Allocation.id)).all()


def test_a_draft_promises_nothing_and_an_opened_pool_promises_its_cap(session):
    funder = make_funder(session)
    person = officer(session, funder)
    pool = operations.open_pool(session, actor=person, funder=funder, name=" 社区  配捐 ", cap=yuan(50_000), terms=ONE, now=NOW,
                                purpose="老人助餐")
    assert (pool.name, pool.state, pool.rule_version, pool.purpose, pool.created_by) == (
        "社区 配捐", "draft", 1, "老人助餐", person.person_id)
    assert balances(session) == {}
    assert operations.match_pledge(session, actor=SYSTEM, pledge=make_pledge(session, make_world(session)), now=NOW) == []
    operations.start_pool(session, actor=person, pool=pool, now=NOW)
    assert (pool.state, pool.opened_at) == ("open", NOW)
    assert balances(session)[f"pool-available:{pool.ref}"] == 5_000_000
    check_books(session)


def test_the_rule_is_kept_with_its_sentence_and_comes_back_as_it_was(session):
    terms = RuleTerms(numerator=2, denominator=3, per_pledge_cap=yuan(7), floor=yuan(5), floor_budget=yuan(9), categories=("A04",),
                      areas=("44",), receiver_kinds=("foundation",), min_donors=2, own_percent=5, confirm_days=3, matches_verbal=True)
    funder = make_funder(session)
    pool = operations.open_pool(session, actor=SYSTEM, funder=funder, name="池", cap=yuan(1), terms=terms, now=NOW)
    assert terms_of(pool.rules[0]) == terms
    assert pool.rules[0].sentence.startswith("每认捐 3 元配 2 元（2:3，不足一分舍去）；")


@pytest.mark.parametrize(("changes", "field", "words"), [
    ({"name": "  "}, "name", "名称"), ({"name": "字" * 101}, "name", "100 字"), ({"cap": Money(0)}, "cap", "大于 0"),
    ({"cap": Money(10**15 + 1)}, "cap", "太大"), ({"terms": RuleTerms(numerator=0, denominator=0)}, "ratio", "0:0"),
    ({"purpose": "字" * 2001}, "purpose", "2000 字"), ({"filed_plan_number": "12A"}, "filed_plan_number", "备案编号"),
])
def test_a_pool_that_cannot_be_meant_is_refused(session, changes, field, words):
    with pytest.raises(Invalid, match=words) as caught:
        operations.open_pool(session, actor=SYSTEM, funder=make_funder(session), now=NOW,
                             **{"name": "池", "cap": yuan(1), "terms": ONE, **changes})
    assert caught.value.field == field
    assert session.scalars(select(MatchingPool)).all() == []


def test_matching_money_is_paid_only_to_a_verified_account(session):
    world, body = make_world(session), make_organization(session)
    unproved = make_account(session, body, is_verified=False)
    with pytest.raises(Invalid, match="还没有核验"):
        make_pool(session, facts={"receiver_account": unproved})
    pool = make_pool(session, facts={"receiver_account": world.account, "filed_plan_number": credit_code() + "A26001"})
    assert (pool.receiver_account_id, pool.filed_plan_number[18:]) == (world.account.id, "A26001")


def test_only_the_funders_own_people_manage_a_pool_and_only_once_it_is_verified(session):
    pool = make_pool(session)
    stranger = officer(session, make_funder(session))
    for step in (operations.pause_pool, operations.close_pool):
        with pytest.raises(Denied):
            step(session, actor=stranger, pool=pool, now=NOW)
    with pytest.raises(Denied):
        operations.change_cap(session, actor=stranger, pool=pool, cap=yuan(1), now=NOW)
    with pytest.raises(Denied):
        operations.change_rule(session, actor=stranger, pool=pool, terms=ONE, now=NOW)
    unverified = make_funder(session, is_verified=False)
    with pytest.raises(Denied, match="还没有通过核验"):
        operations.open_pool(session, actor=officer(session, unverified), funder=unverified, name="池", cap=yuan(1), terms=ONE, now=NOW)
    operations.pause_pool(session, actor=officer(session, pool.funder, role=Role.PROVIDER_ADMIN), pool=pool, now=NOW)
    assert pool.state == "paused"


def test_steps_out_of_order_are_refused_and_a_paused_pool_opens_again_without_promising_twice(session):
    pool = make_pool(session, cap=yuan(10))
    with pytest.raises(IllegalStep, match="开放中"):
        operations.start_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    operations.pause_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    operations.start_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    check_books(session)
    operations.close_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    assert (pool.state, pool.closed_at) == ("closed", NOW)
    for change in (lambda: operations.start_pool(session, actor=SYSTEM, pool=pool, now=NOW),
                   lambda: operations.change_cap(session, actor=SYSTEM, pool=pool, cap=yuan(20), now=NOW),
                   lambda: operations.change_rule(session, actor=SYSTEM, pool=pool, terms=ONE, now=NOW)):
        with pytest.raises(IllegalStep, match="已关闭"):
            change()


def test_a_step_somebody_else_took_first_is_refused_by_the_row_itself(session):
    pool = make_pool(session)
    session.connection().exec_driver_sql(f"UPDATE matching_pool SET state = 'paused' WHERE id = {pool.id}")
    assert pool.state == "open"      # what the other page still shows
    with pytest.raises(IllegalStep, match="已暂停"):
        operations.pause_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    session.connection().exec_driver_sql(f"UPDATE matching_pool SET rule_version = 7 WHERE id = {pool.id}")
    with pytest.raises(Conflict, match="刚刚被别人改过"):
        operations.change_rule(session, actor=SYSTEM, pool=pool, terms=ONE, now=NOW)


def test_a_closed_pool_keeps_what_it_gave_and_frees_the_rest(session):
    world, pool = make_world(session), make_pool(session, cap=yuan(30_000))
    kept, lapsing = make_pledge(session, world), make_pledge(session, world)
    held(session, world, kept)
    operations.close_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    assert (pool.reserved, pool.captured) == (yuan(10_000), yuan(10_000))
    check_books(session)
    operations.cancel(session, actor=SYSTEM, pledge=lapsing, reason="单位预算调整", now=NOW)
    assert (pool.reserved, pool.captured) == (Money(0), yuan(10_000))
    assert balances(session)[f"pool-available:{pool.ref}"] == 0
    check_books(session)
    assert make_pledge(session, world) is not None
    assert pool.reserved == Money(0)


def test_a_pool_used_up_to_the_last_fen_closes_without_a_journal_of_nothing(session):
    pool = make_pool(session, cap=yuan(10_000))
    make_pledge(session, make_world(session))
    operations.close_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    check_books(session)


def test_a_changed_rule_counts_for_later_pledges_only(session):
    world, pool = make_world(session), make_pool(session)
    make_pledge(session, world)
    rule = operations.change_rule(session, actor=SYSTEM, pool=pool, terms=RuleTerms(numerator=1, denominator=4), now=NOW)
    make_pledge(session, world)
    first, second = allocations(session)
    assert (first.amount, first.rule.version, first.reason) == (yuan(10_000), 1, "按 1:1 应配 10,000.00 元，实配 10,000.00 元")
    assert (second.amount, second.rule.version, second.reason) == (yuan(2_500), 2, "按 1:4 应配 2,500.00 元，实配 2,500.00 元")
    assert (pool.rule_version, rule.version, [r.version for r in pool.rules]) == (2, 2, [1, 2])
    check_books(session)


def test_a_project_cap_below_what_a_project_has_gives_it_nothing_more_and_takes_nothing_back(session):
    world, pool = make_world(session), make_pool(session)
    make_pledge(session, world)
    operations.change_rule(session, actor=SYSTEM, pool=pool,
                           terms=RuleTerms(numerator=1, denominator=1, per_project_cap=yuan(4_000)), now=NOW)
    make_pledge(session, world)
    assert [a.amount for a in allocations(session)] == [yuan(10_000)]
    check_books(session)


def test_a_rule_that_was_made_never_changes(session):
    make_pool(session)
    rule = session.scalars(select(MatchingRule)).one()
    rule.numerator = 9
    with pytest.raises(DBAPIError), session.begin_nested():
        session.flush()


def test_a_cap_under_what_is_reserved_and_confirmed_is_refused_with_both_amounts(session):
    world, pool = make_world(session), make_pool(session)
    held(session, world, make_pledge(session, world))
    make_pledge(session, world, amount=yuan(2_500))
    with pytest.raises(Invalid) as caught:
        operations.change_cap(session, actor=SYSTEM, pool=pool, cap=Money(1_249_999), now=NOW)
    assert str(caught.value) == (
        "总额 12,499.99 元低于已保留 2,500.00 元与已确认 10,000.00 元之和 12,500.00 元，最低只能改到 12,500.00 元")
    operations.change_cap(session, actor=SYSTEM, pool=pool, cap=yuan(12_500), now=NOW)
    check_books(session)
    operations.change_cap(session, actor=SYSTEM, pool=pool, cap=yuan(90_000), now=NOW)
    operations.change_cap(session, actor=SYSTEM, pool=pool, cap=yuan(90_000), now=NOW)
    assert pool.cap == yuan(90_000)
    check_books(session)


def test_the_cap_of_a_draft_changes_without_a_promise(session):
    pool = make_pool(session, is_open=False)
    operations.change_cap(session, actor=SYSTEM, pool=pool, cap=yuan(5), now=NOW)
    assert (pool.cap, balances(session)) == (yuan(5), {})


def test_the_row_itself_refuses_to_be_overspent(session):
    pool = make_pool(session, cap=yuan(10))
    for wrong in ("reserved = 1001", "captured = 1001", "reserved = -1", "cap = 0", "reserved = 600, captured = 600"):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.connection().exec_driver_sql(f"UPDATE matching_pool SET {wrong} WHERE id = {pool.id}")


def test_every_change_of_a_pool_is_in_the_audit(session):
    pool = make_pool(session)
    operations.change_rule(session, actor=SYSTEM, pool=pool, terms=ONE, now=NOW)
    operations.change_cap(session, actor=SYSTEM, pool=pool, cap=yuan(1), now=NOW)
    operations.pause_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    operations.close_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    rows = session.scalars(select(AuditEvent).where(AuditEvent.subject_ref == pool.ref).order_by(AuditEvent.id)).all()
    assert [row.action for row in rows] == [
        "funding.pool_drafted", "funding.pool_opened", "funding.rule_changed", "funding.cap_changed", "funding.pool_paused",
        "funding.pool_closed"]
    assert rows[3].facts == {"before_fen": 10_000_000, "cap_fen": 100}
