"""The formulas of rulebook 2.4 and 2.6 with their vectors; draws, ties, flags, lifecycles."""

import hashlib
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.awards import rules
from marketplace.awards.rules import Candidate, FlagKind, OfferFacts, SeatState
from marketplace.awards.rules.flags import alikeness
from marketplace.core.errors import IllegalStep, Invalid
from marketplace.core.money import Money


def two(points):
    return {key: rules.round_points(value, 2) for key, value in points.items()}


# ---- price points ----

def test_price_points_of_the_rulebook_at_weight_ten():
    prices = {"a": Money.yuan(360_000), "b": Money.yuan(400_000), "c": Money.yuan(380_000)}
    assert two(rules.price_points(prices, 10)) == {"a": Decimal("10.00"), "b": Decimal("9.00"), "c": Decimal("9.47")}


def test_price_points_of_the_rulebook_with_a_deduction_of_ten_per_cent():
    prices = {"small": Money.yuan(400_000), "b": Money.yuan(380_000), "c": Money.yuan(395_000)}
    points = two(rules.price_points(prices, 20, {"small": 10}))
    assert points == {"small": Decimal("20.00"), "b": Decimal("18.95"), "c": Decimal("18.23")}


def test_no_price_is_left_out_as_highest_or_lowest():
    prices = {"a": Money.yuan(1), "b": Money.yuan(100), "c": Money.yuan(10_000)}
    assert two(rules.price_points(prices, 100)) == {"a": Decimal("100.00"), "b": Decimal("1.00"), "c": Decimal("0.01")}


def test_no_prices_give_no_points():
    assert rules.price_points({}, 10) == {}


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=8), st.integers(0, 100))
def test_price_points_stay_between_nothing_and_the_weight_and_fall_with_the_price(fens, weight):
    points = rules.price_points({str(i): Money(fen) for i, fen in enumerate(fens)}, weight)
    assert max(points.values()) == weight
    assert all(0 <= value <= weight for value in points.values())
    for i, j in product(range(len(fens)), repeat=2):
        if fens[i] < fens[j]:
            assert points[str(i)] >= points[str(j)]


# ---- rounding and means ----

@pytest.mark.parametrize(("value", "up", "even", "down"), [
    ("2.345", "2.35", "2.34", "2.34"), ("2.355", "2.36", "2.36", "2.35"), ("2.3449999", "2.34", "2.34", "2.34"),
    ("2", "2.00", "2.00", "2.00"), ("99.995", "100.00", "100.00", "99.99"),
])
def test_three_ways_to_round(value, up, even, down):
    found = [rules.round_points(Decimal(value), 2, how) for how in (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN)]
    assert found == [Decimal(up), Decimal(even), Decimal(down)]


def test_thirds_are_kept_exact_until_the_end():
    thirds = rules.mean([Decimal(1), Decimal(0), Decimal(0)])
    assert thirds + thirds + thirds == 1


def test_quality_is_the_sum_of_the_means():
    given_ = {1: [Decimal(16), Decimal(18), Decimal(17)], 2: [Decimal("8.5"), Decimal(9), Decimal(8)]}
    assert rules.quality_points(given_) == Fraction(17) + Fraction(17, 2)


@pytest.mark.parametrize("points", ["0", "20", "19.99", "5.50", "7.500"])
def test_points_from_zero_to_the_weight_with_two_decimals_are_taken(points):
    rules.check_points(Decimal(points), 20, criterion="方案")


@pytest.mark.parametrize("points", ["-0.01", "20.01", "19.999", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_other_points_are_refused_by_the_criterions_name(points):
    with pytest.raises(Invalid) as refused:
        rules.check_points(Decimal(points), 20, criterion="方案")
    assert refused.value.facts["criterion"] == "方案"


# ---- ranking ----

def ranked(*candidates, method="comprehensive", weight=10, places=2, rounding=ROUND_HALF_UP, seed="s"):
    return rules.rank([Candidate(key, Money.yuan(price), Fraction(str(quality))) for key, price, quality in candidates],
                      method=method, price_weight=weight, places=places, rounding=rounding, seed=seed)


def order(rows):
    return [(row.key, row.rank) for row in rows]


def test_the_total_is_quality_and_price_points_rounded_once():
    rows = ranked(("a", 360_000, "80.004"), ("b", 400_000, "85"), ("c", 380_000, "70"))
    assert [(row.key, row.total) for row in rows] == [("b", Decimal("94.00")), ("a", Decimal("90.00")), ("c", Decimal("79.47"))]
    assert rows[2].price_points == Decimal("9.4737")


def test_the_parts_are_not_rounded_before_they_are_added():
    # 9.4736842 + 0.5213158 = 9.995 exactly half: rounded once it is 10.00, rounded apart it would be 9.99
    quality = Decimal("9.995") - Decimal(0)
    exact = Fraction("9.995") - Fraction(360, 380) * 10 + Fraction(360, 380) * 10
    assert exact == Fraction(str(quality))
    rows = rules.rank([Candidate("a", Money.yuan(360), Fraction(0)),
                       Candidate("b", Money.yuan(380), Fraction("9.995") - Fraction(360, 380) * 10)],
                      method="comprehensive", price_weight=10, places=2, rounding=ROUND_HALF_UP, seed="s")
    assert next(row.total for row in rows if row.key == "b") == Decimal("10.00")


def test_equal_totals_are_ordered_by_the_lower_price():
    rows = ranked(("dear", 400_000, "81"), ("cheap", 360_000, "80"), ("low", 380_000, "10"))
    assert [(row.key, row.total, row.rank, row.lot) for row in rows[:2]] == [
        ("cheap", Decimal("90.00"), 1, None), ("dear", Decimal("90.00"), 2, None)]


def test_equal_totals_and_prices_below_the_first_place_share_a_rank():
    rows = ranked(("a", 300_000, "90"), ("b", 400_000, "50"), ("c", 400_000, "50"), ("d", 400_000, "40"))
    assert order(rows) == [("a", 1), ("b", 2), ("c", 2), ("d", 4)]
    assert {row.lot for row in rows} == {None}


def test_a_tie_for_first_is_broken_by_the_published_seed():
    rows = ranked(("a", 300_000, "50"), ("b", 300_000, "50"), ("c", 300_000, "50"), ("d", 300_000, "40"), seed="2026")
    expected = sorted("abc", key=lambda ref: hashlib.sha256(f"2026:tie:{ref}".encode()).hexdigest())
    assert [(row.key, row.rank, row.lot) for row in rows[:3]] == [(key, 1, n) for n, key in enumerate(expected, 1)]
    assert [row.is_first for row in rows] == [True, False, False, False]
    assert rows[3].lot is None


def test_another_seed_can_give_another_first():
    firsts = {ranked(("a", 1, "50"), ("b", 1, "50"), seed=str(n))[0].key for n in range(20)}
    assert firsts == {"a", "b"}


def test_the_rounded_total_decides_as_published():
    rows = ranked(("dear", 400_000, "81.004"), ("cheap", 360_000, "80.003"))
    assert order(rows) == [("cheap", 1), ("dear", 2)]


def test_by_lowest_price_quality_counts_nothing():
    rows = ranked(("a", 380_000, "0"), ("b", 360_000, "0"), ("c", 380_000, "0"), method="lowest_price", weight=100)
    assert order(rows) == [("b", 1), ("a", 2), ("c", 2)]
    assert [row.price_points for row in rows] == [Decimal("100.0000"), Decimal("94.7368"), Decimal("94.7368")]


def test_with_a_fixed_price_only_quality_counts():
    rows = ranked(("a", 360_000, "70"), ("b", 360_000, "90"), method="fixed_price", weight=0)
    assert order(rows) == [("b", 1), ("a", 2)]
    assert {row.price_points for row in rows} == {Decimal(0)}


def test_nothing_to_rank_gives_an_empty_ranking():
    assert ranked() == []


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 9_000)), min_size=1, max_size=7), st.integers(0, 10**6))
def test_a_ranking_has_everybody_once_in_falling_order_and_exactly_one_first(offers, seed):
    rows = ranked(*((f"k{n}", price, Decimal(quality) / 100) for n, (price, quality) in enumerate(offers)), seed=str(seed))
    assert sorted(row.key for row in rows) == sorted(f"k{n}" for n in range(len(offers)))
    assert [row.total for row in rows] == sorted((row.total for row in rows), reverse=True)
    assert sum(row.is_first for row in rows) == 1
    assert rows == ranked(*reversed([(f"k{n}", p, Decimal(q) / 100) for n, (p, q) in enumerate(offers)]), seed=str(seed))


# ---- committee and draw ----

@pytest.mark.parametrize(("size", "experts", "least", "ok"), [
    (5, 4, 5, True), (5, 3, 5, False), (7, 5, 5, True), (7, 4, 5, False), (9, 6, 5, True), (3, 2, 3, True),
    (3, 1, 3, False), (4, 4, 3, False), (3, 3, 5, False), (6, 6, 5, False),
])
def test_the_committee_rule_of_the_rulebook(size, experts, least, ok):
    assert rules.committee_is_ok(size, experts, least=least) is ok


def test_the_order_of_a_draw_can_be_repeated_with_a_pocket_calculator():
    refs = ["kx3", "ab9", "zz2"]
    by_hand = sorted(refs, key=lambda ref: hashlib.sha256(("20261207" + ref).encode()).hexdigest())
    assert rules.draw_order("20261207", refs) == rules.draw_order("20261207", reversed(refs)) == by_hand


def test_every_place_in_the_draw_is_about_equally_likely():
    firsts = [rules.draw_order(rules.new_seed(), "abcd")[0] for _ in range(2_000)]
    assert all(400 < firsts.count(ref) < 600 for ref in "abcd")


def test_letters_hide_who_came_first_and_run_past_z():
    names = rules.aliases("s", [f"bid{n}" for n in range(28)])
    assert sorted(names.values(), key=lambda name: (len(name), name)) == [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "AA", "BB"]
    assert names == rules.aliases("s", [f"bid{n}" for n in reversed(range(28))])
    assert len({rules.aliases(str(seed), ["x", "y"])["x"] for seed in range(20)}) == 2


@pytest.mark.parametrize(("category", "fields", "fits"), [
    ("A040203", ["A04"], True), ("A040203", ["A05", "A04"], True), ("A040203", ["A05"], False), ("A040203", [], True),
    (None, ["A05"], True),
])
def test_an_experts_field_is_the_second_level_of_the_catalogue(category, fields, fits):
    assert rules.fits_field(category, fields) is fits


def test_levels_are_read_from_what_a_clerk_writes():
    found = rules.levels("16-20 方案完整\n9～15分：基本完整\n备注\n0—8 缺少关键环节")
    assert [(level.low, level.high, level.words) for level in found] == [
        (16, 20, "方案完整"), (9, 15, "基本完整"), (0, 8, "缺少关键环节")]
    assert [level.holds(Decimal(15)) for level in found] == [False, True, False]
    assert not found[0].holds(None)


# ---- flags ----

def kinds(flags):
    return [(flag.kind, flag.keys) for flag in flags]


def test_a_price_below_half_of_the_mean_is_flagged():
    prices = {"low": Money.yuan(39), "b": Money.yuan(70), "c": Money.yuan(60), "d": Money.yuan(150)}
    assert kinds(rules.abnormally_low(prices, None)) == [(FlagKind.LOW_MEAN, ("low",))]
    prices["low"] = Money.yuan(40)
    assert rules.abnormally_low(prices, None) == []


def test_a_price_below_half_of_the_next_lowest_is_flagged():
    prices = {"low": Money.yuan(49), "b": Money.yuan(99), "c": Money.yuan(100)}
    assert (FlagKind.LOW_NEXT, ("low",)) in kinds(rules.abnormally_low(prices, None))
    prices["low"] = Money(49_50)
    assert rules.abnormally_low(prices, None) == []


def test_a_price_below_45_per_cent_of_the_ceiling_is_flagged():
    prices = {"low": Money(44_99), "b": Money.yuan(45), "c": Money.yuan(46)}
    assert kinds(rules.abnormally_low(prices, Money.yuan(100))) == [(FlagKind.LOW_CEILING, ("low",))]


def test_one_price_alone_is_not_compared_with_others():
    assert rules.abnormally_low({"a": Money.yuan(1)}, None) == []


TEXT = "由中央厨房统一制作，十一点前送到各社区助餐点。每周公布菜单，每月收集意见，老人代表参加评议会，厨房留样四十八小时，" \
       "配送员固定到户，连续两次无人应门时五分钟内通知网格员，雨天和高温日增加一名配送员，台账每月抽查一次并在助餐点张贴结果。"


def offer(key, price=100, **changes):
    return OfferFacts(key, f"机构{key}", Money.yuan(price), **changes)


def test_the_same_phone_or_contact_of_two_bidders_is_flagged():
    found = rules.collusion_signals([
        offer("a", 100, contact_phone="138 0000 1234", contact_name="周敏"),
        offer("b", 107, contact_phone="13800001234", contact_name="周敏"),
        offer("c", 133, contact_phone="13900000000", contact_name="周敏 ")])
    assert kinds(found) == [(FlagKind.SAME_PHONE, ("a", "b")), (FlagKind.SAME_CONTACT, ("a", "c")),
                            (FlagKind.SAME_CONTACT, ("b", "c"))]
    assert found[0].facts == {"one": "机构a", "other": "机构b"}


def test_empty_contacts_are_no_sign():
    assert rules.collusion_signals([offer("a", 100), offer("b", 107)]) == []


def test_texts_that_are_abnormally_alike_are_flagged_with_their_share():
    found = rules.collusion_signals([offer("a", 100, text=TEXT), offer("b", 107, text=TEXT.replace("中央厨房", "社区厨房"))])
    assert kinds(found) == [(FlagKind.ALIKE_TEXT, ("a", "b"))]
    assert 50 <= int(found[0].facts["share"].removesuffix("%")) < 100


def test_different_and_short_texts_are_not_alike():
    other = "每周一三五上午在活动室开展健康讲座，邀请区医院医生坐诊，为六十五岁以上老人测量血压血糖，建立健康档案，并在月底" \
            "把异常情况告知家庭医生，由志愿者陪同复查，全年不少于九十六场，每场不少于二十五人，签到表和照片按月归档备查。"
    assert alikeness(TEXT, other) < 0.1
    assert alikeness(TEXT[:60], TEXT[:60]) == 0.0
    assert alikeness(TEXT, TEXT) == 1.0


@pytest.mark.parametrize(("prices", "regular"), [
    ((100, 110, 120), True), ((100, 110, 121), True), ((100, 110, 125), False), ((100, 110), False), ((100, 100, 100), False),
    ((130, 100, 120, 110), True),
])
def test_prices_at_equal_steps_or_ratios_are_flagged(prices, regular):
    found = rules.collusion_signals([offer(str(n), price) for n, price in enumerate(prices)])
    assert (FlagKind.REGULAR_PRICES in {flag.kind for flag in found}) is regular


# ---- lifecycle ----

@pytest.mark.parametrize(("state", "action"), list(product(SeatState, ("accept", "recuse", "score", "submit"))))
def test_every_step_of_a_seat_is_either_in_the_table_or_refused(state, action):
    legal = {("drawn", "accept"): "seated", ("drawn", "recuse"): "recused", ("seated", "recuse"): "recused",
             ("seated", "score"): "seated", ("seated", "submit"): "submitted"}
    if (state, action) in legal:
        assert rules.SEAT_STEPS.after(state, action) == legal[state, action]
    else:
        with pytest.raises(IllegalStep):
            rules.SEAT_STEPS.after(state, action)
