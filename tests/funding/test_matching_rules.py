"""Matching rules: what cannot be meant, who is eligible, how much is given, what limited it, and how it is said."""

from dataclasses import asdict, replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.funding.rules import explain, matching
from marketplace.funding.rules.matching import (
    Limit,
    PledgeFacts,
    Progress,
    Room,
    awaits,
    covered,
    decide,
    eligible,
    obstacles,
)
from marketplace.funding.rules.pools import POOL_LIFECYCLE, PoolState, read_plan_number
from marketplace.funding.rules.simulate import Gift, Used, simulate
from marketplace.funding.rules.terms import RuleTerms, check_terms, read_ratio
from tests.factories.organizations import credit_code

DAY = date(2026, 11, 23)
PLENTY = Room(pool=10**15)
yuan = Money.yuan


def terms(numerator=1, denominator=1, **more):
    return RuleTerms(numerator=numerator, denominator=denominator, **more)




TEN_THOUSAND = yuan(10_000)


def facts(amount=TEN_THOUSAND, **more):
    return PledgeFacts(amount=amount, on=DAY, **more)


# ---- ratios as people type them ----

@pytest.mark.parametrize(("typed", "read"), [
    ("1:2", (1, 2)), ("1：2", (1, 2)), ("２：１", (2, 1)), ("1/3", (1, 3)), (" 2 : 4 ", (1, 2)), ("50%", (1, 2)), ("33.5%", (67, 200)),
    ("0.5", (1, 2)), ("1.25", (5, 4)), ("1", (1, 1)), ("100:1", (100, 1)), ("150％", (3, 2)),
])
def test_a_ratio_is_read_as_people_type_it_in_lowest_terms(typed, read):
    assert read_ratio(typed) == read


@pytest.mark.parametrize(("typed", "words"), [
    ("0:0", "0:0"), ("0", "前一个数（配套）要大于 0"), ("0:1", "前一个数（配套）要大于 0"), ("1:0", "后一个数（认捐）要大于 0"),
    ("", "不是配比"), ("一比一", "不是配比"), ("-1:2", "不是配比"), ("1e3", "不是配比"), ("1:2:3", "不是配比"),
    ("2000000:1999999", "数太大"), ("101:1", "100 倍"), ("10001%", "100 倍"),
])
def test_a_ratio_that_cannot_be_meant_gets_a_sentence(typed, words):
    with pytest.raises(Invalid, match=words) as caught:
        read_ratio(typed, field="ratio")
    assert caught.value.field == "ratio"


# ---- terms that contradict themselves ----

@pytest.mark.parametrize(("changes", "field", "words"), [
    ({"numerator": 0, "denominator": 0}, "ratio", "不能是 0:0"),
    ({"numerator": -1}, "ratio", "前一个数"), ({"denominator": -2}, "ratio", "后一个数"),
    ({"per_pledge_cap": Money(0)}, "per_pledge_cap", "每笔上限要大于 0"),
    ({"per_donor_cap": Money(-1)}, "per_donor_cap", "每个捐赠方"), ({"per_project_cap": Money(0)}, "per_project_cap", "每个项目"),
    ({"per_round_cap": Money(0)}, "per_round_cap", "每场活动"), ({"threshold": Money(0)}, "threshold", "门槛要大于 0"),
    ({"min_donors": -1}, "min_donors", "0 到 100000"), ({"own_percent": 101}, "own_percent", "0 到 100"),
    ({"confirm_days": -1}, "confirm_days", "0 到 3650"), ({"reserve_days": 0}, "reserve_days", "1 到 3650"),
    ({"priority": -1}, "priority", "小的先配"), ({"threshold_percent": 0}, "threshold_percent", "1 到 100"),
    ({"threshold_percent": 101}, "threshold_percent", "1 到 100"),
    ({"floor": yuan(1)}, "floor_budget", "同时填"), ({"floor_budget": yuan(1)}, "floor", "同时填"),
    ({"floor": Money(0), "floor_budget": yuan(1)}, "floor", "保底金额要大于 0"),
    ({"floor": yuan(9), "floor_budget": yuan(1), "per_pledge_cap": yuan(8)}, "floor", "高于每笔上限 8.00 元"),
    ({"starts_on": date(2026, 5, 2), "ends_on": date(2026, 5, 1)}, "ends_on", "结束日 2026-05-01 早于开始日 2026-05-02"),
    ({"categories": ("A04", "养老")}, "categories", "“养老”不是类别代码"), ({"areas": ("",)}, "areas", "不是地区代码"),
    ({"receiver_kinds": ("church",)}, "receiver_kinds", "“church”不是接收方类型"),
])
def test_terms_that_cannot_be_meant_are_refused_with_the_field(changes, field, words):
    with pytest.raises(Invalid, match=words) as caught:
        check_terms(replace(terms(), **changes))
    assert caught.value.field == field


def test_terms_with_every_part_are_accepted():
    check_terms(FULL)


FULL = terms(
    1, 2, per_pledge_cap=yuan(5_000), per_donor_cap=yuan(20_000), per_project_cap=yuan(50_000), per_round_cap=yuan(80_000),
    min_donors=3, threshold=yuan(30_000), threshold_percent=40, floor=yuan(500), floor_budget=yuan(50_000), own_percent=10,
    categories=("A04",), areas=("440605",), receiver_kinds=("foundation",), starts_on=date(2026, 11, 1),
    ends_on=date(2026, 12, 31), priority=10, confirm_days=7, reserve_days=20, matches_verbal=True)


# ---- who is eligible ----

COVERED = facts(category="A040203", area="440605011", receiver_kind="foundation")


def test_a_pledge_inside_every_earmark_is_covered():
    assert eligible(FULL, COVERED)


@pytest.mark.parametrize(("changes", "words"), [
    ({"category": "A05"}, "项目类别不在配套范围（A04）"), ({"area": "440606"}, "项目地区不在配套范围（440605）"),
    ({"receiver_kind": "enterprise"}, "接收方类型不在配套范围（基金会）"), ({"on": date(2026, 10, 31)}, "配套从 2026-11-01 开始"),
    ({"on": date(2027, 1, 1)}, "配套已于 2026-12-31 结束"), ({"is_of_pool_funder": True}, "自己的认捐不配套"),
])
def test_each_earmark_refuses_with_its_own_reason(changes, words):
    decision = eligible(FULL, replace(COVERED, **changes))
    assert not decision
    assert decision.reason.format(**decision.facts) == words or words in decision.reason.format(**decision.facts)


def test_the_last_day_still_counts_and_a_verbal_promise_waits_unless_the_rule_takes_it():
    assert eligible(FULL, replace(COVERED, on=date(2026, 12, 31), is_verbal=True))
    refused = eligible(terms(), facts(is_verbal=True))
    assert refused.reason == "口头认捐签署认捐书后才配套"


def test_every_obstacle_is_named_at_once():
    assert len(obstacles(FULL, facts(category="B", area="1", receiver_kind="unit", is_of_pool_funder=True))) == 4


# ---- how much ----

@pytest.mark.parametrize(("ratio", "amount", "asked"), [
    ((1, 1), 1, 1), ((1, 2), 1, 0), ((1, 2), 3, 1), ((2, 3), 100, 66), ((3, 1), 33, 99), ((1, 3), 10**15, 333333333333333),
])
def test_what_is_asked_is_the_exact_fraction_rounded_down_to_a_fen(ratio, amount, asked):
    assert decide(terms(*ratio), facts(Money(amount)), PLENTY).asked == Money(asked)


@pytest.mark.parametrize(("room", "limited_by", "words"), [
    ({"cost_line": 320_000}, Limit.COST_LINE, "该费用项还可接受 3,200.00 元"),
    ({"donor": 320_000}, Limit.DONOR, "该捐赠方的配套上限还剩 3,200.00 元"),
    ({"project": 320_000}, Limit.PROJECT, "本项目配套上限还剩 3,200.00 元"),
    ({"round": 320_000}, Limit.ROUND, "本场活动的配套上限还剩 3,200.00 元"),
    ({"pool": 320_000}, Limit.POOL, "资金池还剩 3,200.00 元"),
])
def test_the_smallest_room_limits_and_the_sentence_names_it(room, limited_by, words):
    share = decide(terms(1, 2), facts(), replace(Room(pool=10**12), **room))
    assert (share.asked, share.amount, share.limited_by) == (yuan(5_000), yuan(3_200), limited_by)
    assert share.reason == f"按 1:2 应配 5,000.00 元，{words}，实配 3,200.00 元"


def test_the_cap_of_one_pledge_limits_first_and_of_equal_limits_the_first_is_named():
    share = decide(terms(per_pledge_cap=yuan(7)), facts(), Room(pool=700, donor=700))
    assert (share.amount, share.limited_by) == (yuan(7), Limit.PLEDGE)
    assert decide(terms(), facts(yuan(7)), Room(pool=700)).limited_by is None


def test_an_exhausted_or_overdrawn_room_gives_nothing_and_says_so():
    for left in (0, -5):
        share = decide(terms(), facts(yuan(1)), Room(pool=100, project=left))
        assert share.amount == Money(0)
        assert share.reason == "按 1:1 应配 1.00 元，本项目配套上限还剩 0.00 元，本次不配套"


def test_a_small_project_is_lifted_to_the_floor_but_never_above_the_pledge_itself():
    rule = terms(1, 10, floor=yuan(500), floor_budget=yuan(50_000))
    small, large = yuan(50_000), yuan(50_001)
    assert decide(rule, facts(yuan(1_000), budget=small), PLENTY).amount == yuan(500)
    assert decide(rule, facts(yuan(60), budget=small), PLENTY).amount == yuan(60)
    assert decide(rule, facts(yuan(10_000), budget=small), PLENTY).amount == yuan(1_000)
    assert decide(rule, facts(yuan(1_000), budget=large), PLENTY).amount == yuan(100)
    assert decide(rule, facts(yuan(1_000)), PLENTY).amount == yuan(100)
    assert decide(rule, facts(yuan(1_000), budget=small), PLENTY).reason == (
        "小项目每笔至少配 500.00 元、不超过认捐，应配 500.00 元，实配 500.00 元")


def test_the_next_pool_is_reckoned_on_what_the_first_left_uncovered():
    first = decide(terms(1, 2), facts(yuan(100)), Room(pool=2_001))
    assert covered(terms(1, 2), first) == Money(4_002)
    second = decide(terms(3, 1), facts(yuan(100)), PLENTY, Money(10_000 - 4_002))
    assert second.amount == Money(5_998 * 3)
    assert second.reason == "其余 59.98 元由本资金池接着配，按 3:1 应配 179.94 元，实配 179.94 元"


def test_what_is_covered_shrinks_with_what_was_returned():
    share = decide(terms(1, 2), facts(yuan(100)), PLENTY)
    assert covered(terms(1, 2), share) == yuan(100)
    assert covered(terms(1, 2), share, yuan(20)) == yuan(40)


fens = st.integers(1, 10**13)
rooms = st.one_of(st.none(), st.integers(0, 10**13))
rules = st.builds(
    RuleTerms, numerator=st.integers(1, 1_000), denominator=st.integers(1, 1_000),
    per_pledge_cap=st.one_of(st.none(), st.builds(Money, fens)), floor=st.builds(Money, fens), floor_budget=st.builds(Money, fens))


some_room = st.builds(Room, pool=st.integers(0, 10**13), donor=rooms, project=rooms, round=rooms, cost_line=rooms)


@given(rule=rules, amount=fens, budget=rooms, room=some_room)
def test_no_share_exceeds_the_fraction_or_any_room_and_a_limit_is_named_exactly_when_it_bites(rule, amount, budget, room):
    budget = None if budget is None else Money(budget)
    share = decide(rule, facts(Money(amount), budget=budget), room)
    fair = Fraction(rule.numerator, rule.denominator) * amount
    small = budget is not None and budget <= rule.floor_budget
    assert share.asked.fen == max(fair.__floor__(), min(rule.floor.fen, amount) if small else 0)
    limits = [x for x in (rule.per_pledge_cap and rule.per_pledge_cap.fen, *asdict(room).values()) if x is not None]
    assert share.amount.fen == min(share.asked.fen, *limits)
    assert (share.limited_by is None) == (share.amount == share.asked)
    again = matching.retell(rule, pledged=Money(amount), base=share.base, asked=share.asked, given=share.amount,
                            limited_by=share.limited_by or "")
    assert again == share
    part = covered(rule, share)
    assert Money(0) <= part <= share.base
    assert Fraction(part.fen) * rule.numerator >= share.amount.fen * rule.denominator or part == share.base


# ---- conditions before it is confirmed ----

@pytest.mark.parametrize(("progress", "words"), [
    ({"donors": 2}, "要有 3 个捐赠方认捐后才确认"), ({"pledged": Money(2_999_999)}, "认捐合计达到 30,000.00 元"),
    ({"budget": Money(7_500_001)}, "达到预算的 40%"), ({"own": Money(749_999), "budget": yuan(75_000)}, "自筹经证明达到预算的 10%"),
])
def test_each_condition_waits_with_its_own_sentence(progress, words):
    reached = Progress(donors=3, pledged=yuan(30_000), own=yuan(9_000), budget=yuan(70_000))
    assert awaits(FULL, reached) == []
    waiting = awaits(FULL, replace(reached, **progress))
    assert len(waiting) == 1
    assert words in waiting[0].reason.format(**waiting[0].facts)


def test_a_share_of_an_unknown_budget_is_never_reached():
    nothing = Progress(donors=9, pledged=yuan(10**6), own=yuan(10**6), budget=None)
    assert [w.facts for w in awaits(FULL, nothing)] == [{"percent": 40}, {"percent": 10}]


# ---- said in words ----

def test_the_rule_is_one_sentence_with_all_its_parts():
    sentence = explain.sentence(FULL, names={"A04": "养老服务"})
    assert sentence == (
        "每认捐 2 元配 1 元（1:2，不足一分舍去）；预算不超过 50,000.00 元的项目每笔至少配 500.00 元，但不超过认捐金额；每笔最多配 5,000.00 元；"
        "每个捐赠方最多配 20,000.00 元；每个项目最多配 50,000.00 元；每场活动或每轮最多配 80,000.00 元；只配这些类别的项目：养老服务；"
        "只配这些地区的项目：440605；接收方须为：基金会；2026-11-01 至 2026-12-31（含当日）作出的认捐；口头认捐（举牌）时即保留额度；"
        "额度保留 20 天，认捐款一直未到账则释放；项目有 3 个捐赠方认捐后才确认；项目认捐合计达到 30,000.00 元后才确认；"
        "项目认捐合计达到预算的 40% 后才确认；项目自筹经证明达到预算的 10% 后才确认；认捐款由接收方确认收到满 7 天后确认配套；"
        "优先级 10（同一笔认捐，数小的资金池先配，后面的只配余下部分）。")


def test_a_plain_rule_says_only_what_it_has():
    assert explain.sentence(terms()) == (
        "每认捐 1 元配 1 元（1:1，不足一分舍去）；签署认捐书后保留额度；额度保留 30 天，认捐款一直未到账则释放；认捐款由接收方确认收到后即确认配套；"
        "优先级 100（同一笔认捐，数小的资金池先配，后面的只配余下部分）。")
    assert "2026-11-01 起作出的认捐" in explain.sentence(terms(starts_on=date(2026, 11, 1)))
    assert "2026-12-31 前（含当日）作出的认捐" in explain.sentence(terms(ends_on=date(2026, 12, 31)))


def test_the_sentence_and_the_reasons_are_said_in_the_readers_language():
    english = {"每认捐 {denominator} 元配 {numerator} 元（{ratio}，不足一分舍去）": "{numerator} for every {denominator} ({ratio})", "；": "; ",
               "{parts}。": "{parts}.", "按 {ratio} 应配 {asked} 元": "{asked} by {ratio}", "资金池还剩 {left} 元": "pool has {left}", "，": ", ",
               "实配 {amount} 元": "given {amount}"}
    said = explain.sentence(terms(1, 2), lambda words: english.get(words, words))
    assert said.startswith("1 for every 2 (1:2); ")
    assert said.endswith(".")
    share = decide(terms(1, 2), facts(), Room(pool=1))
    assert matching.why(share, lambda words: english[words]) == "5,000.00 by 1:2, pool has 0.01, given 0.01"


def test_the_worked_example_plays_every_cap_by_the_real_rule():
    assert explain.worked_example(FULL) == [
        "认捐 10,000.00 元：按 1:2 应配 5,000.00 元，实配 5,000.00 元",
        "认捐 20,000.02 元：按 1:2 应配 10,000.01 元，每笔最多配 5,000.00 元，实配 5,000.00 元",
        "同一捐赠方已配到上限附近，又认捐 10,000.00 元：按 1:2 应配 5,000.00 元，该捐赠方的配套上限还剩 2,500.00 元，实配 2,500.00 元",
        "项目已配到上限附近，又收到认捐 10,000.00 元：按 1:2 应配 5,000.00 元，本项目配套上限还剩 2,500.00 元，实配 2,500.00 元",
        "本场活动已配到上限附近，又有认捐 10,000.00 元：按 1:2 应配 5,000.00 元，本场活动的配套上限还剩 2,500.00 元，实配 2,500.00 元",
        "资金池快要配完，又有认捐 10,000.00 元：按 1:2 应配 5,000.00 元，资金池还剩 2,500.00 元，实配 2,500.00 元",
        "小项目收到认捐 500.00 元：小项目每笔至少配 500.00 元、不超过认捐，应配 500.00 元，实配 500.00 元"]
    assert explain.worked_example(terms()) == [
        "认捐 10,000.00 元：按 1:1 应配 10,000.00 元，实配 10,000.00 元",
        "资金池快要配完，又有认捐 10,000.00 元：按 1:1 应配 10,000.00 元，资金池还剩 5,000.00 元，实配 5,000.00 元"]


# ---- the simulator ----

def test_the_simulator_plays_gifts_in_order_and_names_what_limited_each():
    rule = terms(1, 2, per_donor_cap=yuan(6_000), per_project_cap=yuan(9_000), per_round_cap=yuan(100_000))
    played = simulate(rule, yuan(10_000), [
        Gift(amount=yuan(10_000), donor="甲", project="A", round="夜"), Gift(amount=yuan(10_000), donor="甲", project="A"),
        Gift(amount=yuan(10_000), donor="乙", project="A"), Gift(amount=yuan(10_000), donor="丙", project="B"), Gift(amount=yuan(1))])
    assert [line.amount for line in played.lines] == [yuan(5_000), yuan(1_000), yuan(3_000), yuan(1_000), Money(0)]
    assert [line.share.limited_by for line in played.lines] == [None, Limit.DONOR, Limit.PROJECT, Limit.POOL, Limit.POOL]
    assert (played.pledged, played.matched, played.left) == (yuan(40_001), yuan(10_000), Money(0))
    assert played.lines[1].say() == "按 1:2 应配 5,000.00 元，该捐赠方的配套上限还剩 1,000.00 元，实配 1,000.00 元"


def test_the_simulator_starts_from_a_copy_of_what_a_pool_has_given_and_changes_nothing_of_it():
    start = Used(pool=99_000, scopes={("donor", "甲"): 500})
    played = simulate(terms(per_donor_cap=Money(800)), Money(100_000), [Gift(amount=yuan(10), donor="甲")], start)
    assert played.lines[0].amount == Money(300)
    assert (played.used, played.left) == (Money(99_000), Money(700))
    assert start == Used(pool=99_000, scopes={("donor", "甲"): 500})


def test_the_simulator_says_why_a_gift_is_not_covered():
    outside = facts(category="B", area="440605", receiver_kind="foundation")
    line = simulate(FULL, yuan(1), [Gift(amount=yuan(5), facts=outside)]).lines[0]
    assert (line.share, line.amount) == (None, Money(0))
    assert line.say() == "项目类别不在配套范围（A04）"
    assert simulate(FULL, yuan(100_000), [Gift(amount=yuan(5))]).lines[0].amount == Money(250)


# ---- pools ----

def test_every_step_of_a_pool_is_in_the_table_and_no_other():
    legal = {("draft", "start"): "open", ("paused", "start"): "open", ("open", "pause"): "paused", ("open", "close"): "closed",
             ("paused", "close"): "closed"}
    for state in PoolState:
        for action in ("start", "pause", "close"):
            assert POOL_LIFECYCLE.allows(state, action) == ((state.value, action) in legal)
    assert {key: value.value for key, value in POOL_LIFECYCLE.table.items()} == legal


def test_a_filing_number_holds_the_charitys_code():
    number = credit_code(7) + "A26001"
    assert read_plan_number(number.lower().replace("A26001", "Ａ26001".lower())) == number
    assert read_plan_number("") == ""
    for wrong in ("A26001", "53100000500009167XA21008", number + "1"):
        with pytest.raises(Invalid, match="备案编号"):
            read_plan_number(wrong)
