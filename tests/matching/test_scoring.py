"""The score: what gives points, what rules out, what is said about it."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.matching.rules import levels, lists
from marketplace.matching.rules.candidates import Wish, candidates
from marketplace.matching.rules.hard import BELOW, GRANTS, PROCUREMENT, RULES, HardRule, named, used_in
from marketplace.matching.rules.ranking import Channel
from marketplace.matching.rules.weights import CRITERIA, TENTHS, Criterion, Weights
from tests.factories.market import CITY, DISTRICT, TOWN, a_market, a_need, a_provider

ELSEWHERE = frozenset({"330102"})
CROWD = tuple(a_provider(100 + n, texts=("法律援助", "纠纷调解", "", ""), categories=("A0701",)) for n in range(8))


def rank(need, *providers, bars=None, weights=None):
    return lists.rank(a_market(*providers, *CROWD), need, weights or Weights(), bars=bars)


def row_of(ranking, key):
    return next((row for row in ranking.rows if row.provider_key == key), None)


def part(row, criterion):
    return next(one for one in row.parts if one.criterion == criterion)


def test_the_contributions_of_every_row_sum_to_the_total_shown():
    ranking = rank(a_need(), a_provider(1), a_provider(2, told=0, free=None, typical_fen=None), a_provider(3, categories=()))
    assert len(ranking.rows) == 3
    for row in ranking.rows:
        assert sum(one.tenths for one in row.parts) == row.total
        assert all(0 <= one.tenths <= one.most for one in row.parts)


def test_the_weights_of_a_set_are_the_most_each_criterion_can_give():
    weights = Weights({Criterion.CATEGORY: 40, Criterion.TEXT: 10, Criterion.AREA: 10, Criterion.TRACK: 20, Criterion.BUDGET: 10,
                       Criterion.CAPACITY: 10}, newcomer=0)
    row = row_of(rank(a_need(), a_provider(1), weights=weights), 1)
    assert {one.criterion: one.most for one in row.parts} == {one: weights.points[one] * TENTHS for one in CRITERIA}
    assert part(row, Criterion.CATEGORY).tenths == 400


@pytest.mark.parametrize(("changes", "need", "rule"), [
    ({"is_verified": False}, {}, HardRule.NOT_VERIFIED), ({"is_legal_person": False}, {}, HardRule.NOT_LEGAL_PERSON),
    ({"is_serious": True}, {}, HardRule.SERIOUS_LIST), ({"is_abnormal": True}, {}, HardRule.ABNORMAL_LIST),
    ({"free": 0}, {}, HardRule.NO_CAPACITY), ({"areas": ELSEWHERE}, {}, HardRule.AREA),
    ({"free_fen": 10_000_000}, {}, HardRule.OVER_CAPACITY_MONEY),
    ({"kind": "enterprise"}, {"required_kinds": frozenset({"service_agency"})}, HardRule.KIND),
    ({"certified": 2}, {"required_certified": 3}, HardRule.CERTIFIED_STAFF), ({"grade": 2}, {"required_grade": 3}, HardRule.GRADE),
    ({"categories": ("A0701",), "texts": ("法律援助", "", "", "")}, {}, HardRule.SCOPE), ({}, {"buyer_key": 1}, HardRule.BUYER_ITSELF),
])
def test_each_hard_rule_rules_out_and_is_counted_and_named(changes, need, rule):
    asked = a_need(**need)
    ranking = rank(asked, a_provider(1, **changes), a_provider(2, grade=5))
    assert [row.provider_key for row in ranking.rows] == [2]
    assert ranking.ruled_out[rule] >= 1
    told = lists.explain(a_market(a_provider(1, **changes), a_provider(2, grade=5), *CROWD), asked, 1, Weights())
    assert told.bits & rule
    assert told.ranked is None
    assert RULES[rule].source
    assert RULES[rule].remedy


def test_the_same_provider_without_the_fault_is_a_candidate():
    assert row_of(rank(a_need(), a_provider(1)), 1) is not None


def test_no_rule_speaks_of_age_staff_size_or_the_registered_place_and_the_rating_is_no_rule_of_procurement():
    assert not any(procedure in RULES[HardRule.GRADE].procedures for procedure in PROCUREMENT)
    assert RULES[HardRule.GRADE].procedures == BELOW | GRANTS
    names = {rule.name for rule in RULES}
    assert not names & {"AGE", "FOUNDED", "STAFF", "STAFF_SIZE", "REGISTERED_AREA"}
    facts = {one.name for one in dataclasses.fields(type(a_provider()))}
    assert not facts & {"founded_on", "staff_total", "registered_area", "area_code"}


def test_a_rating_asked_by_a_procurement_procedure_rules_nobody_out():
    ranking = rank(a_need(procedure="open_tender", required_grade=5), a_provider(1, grade=None))
    assert row_of(ranking, 1) is not None
    assert HardRule.GRADE not in ranking.ruled_out


def test_a_rating_gives_no_points():
    one, other = (row_of(rank(a_need(), a_provider(1, grade=grade)), 1) for grade in (None, 5))
    assert one.total == other.total


def test_filed_bodies_take_part_in_grant_rounds_only():
    filed = a_provider(1, is_legal_person=False)
    assert row_of(rank(a_need(procedure="grant_round"), filed), 1)
    assert row_of(rank(a_need(procedure="below_threshold"), filed), 1) is None


def test_every_rule_is_named_in_some_procedure_and_masks_keep_the_order():
    assert all(text.procedures for text in RULES.values())
    assert named(int(used_in("below_threshold"))) == tuple(rule for rule in RULES if "below_threshold" in RULES[rule].procedures)


@pytest.mark.parametrize("fact", ["free", "typical_fen", "certified", "grade"])
def test_what_a_provider_has_not_said_is_neither_zero_nor_a_rule(fact):
    row = row_of(rank(a_need(required_certified=3), a_provider(1, **{fact: None})), 1)
    assert row is not None
    assert all(one.tenths > 0 for one in row.parts)


def test_unknown_categories_and_areas_count_as_the_middle_and_say_so():
    row = row_of(rank(a_need(), a_provider(1, categories=(), areas=frozenset(), told=0, free=None, typical_fen=None)), 1)
    unknown = {one.criterion for one in row.parts if not one.is_known}
    assert unknown == {Criterion.CATEGORY, Criterion.AREA, Criterion.TRACK, Criterion.BUDGET, Criterion.CAPACITY}
    assert part(row, Criterion.AREA).tenths == round(levels.MIDDLE * 150)


def test_a_project_filed_under_the_wrong_category_is_found_by_its_words():
    ranking = rank(a_need(category="A0701"), a_provider(1))
    row = row_of(ranking, 1)
    assert row.channel is Channel.TEXT
    assert part(row, Criterion.CATEGORY).tenths == 0
    assert "健康筛查" in "".join(row.shared) or "独居老人" in row.shared


def test_shared_words_are_those_of_both_sides():
    row = row_of(rank(a_need(texts=("认知症长者照护", "", "")), a_provider(1, texts=("失智老人日间照料", "", "", ""))), 1)
    assert "认知症" in "".join(row.shared)
    assert not row_of(rank(a_need(texts=("消防演练", "", "")), a_provider(1, texts=("居家养老", "", "", ""))), 1).shared


def test_who_serves_the_town_the_district_or_the_whole_city_serves_the_town():
    for code in (TOWN, DISTRICT, CITY):
        assert row_of(rank(a_need(), a_provider(1, areas=frozenset({code}))), 1)


def test_who_serves_a_town_serves_a_part_of_the_district():
    row = row_of(rank(a_need(areas=(DISTRICT, CITY)), a_provider(1, areas=frozenset({TOWN}), wider_areas=frozenset({DISTRICT, CITY}))), 1)
    assert part(row, Criterion.AREA).tenths == round(levels.PART_OF_IT * 150)


def test_a_neighbouring_town_is_no_area_served_when_the_areas_are_stated():
    near = {"areas": frozenset({"440605121"}), "wider_areas": frozenset({DISTRICT, CITY})}
    assert row_of(rank(a_need(), a_provider(1, **near)), 1) is None
    assert row_of(rank(a_need(), a_provider(1, **near, areas_are_stated=False)), 1)


def test_gaps_under_three_points_are_one_group_of_ties():
    ranking = rank(a_need(), a_provider(1), a_provider(2), a_provider(3, told=0, typical_fen=3_000_000))
    groups = {row.provider_key: row.group for row in ranking.rows}
    assert groups[1] == groups[2] == 1
    first = next(row.total for row in ranking.rows if row.group == 1)
    assert all((first - row.total >= 30) == (row.group > 1) for row in ranking.rows)


def test_identical_providers_stand_in_the_order_of_their_keys():
    ranking = rank(a_need(), a_provider(3), a_provider(2), a_provider(1))
    assert len({row.total for row in ranking.rows}) == 1
    assert [row.provider_key for row in ranking.rows] == [1, 2, 3]


def test_nobody_is_said_when_the_best_is_under_the_line_or_nobody_is_there():
    assert rank(a_need(), a_provider(1, areas=ELSEWHERE)).nobody
    assert not rank(a_need(), a_provider(1)).nobody
    assert rank(a_need(), a_provider(1, told=0, typical_fen=None), weights=Weights(newcomer=0, least=90)).nobody


def test_a_care_home_to_run_asks_for_who_runs_care():
    asked = a_need(category="", texts=("镇敬老院“公建民营”服务项目", "特困老人", ""))
    friendly = a_provider(1, texts=("精神关爱", "关爱空巢活动", "", "同心驿站"), name="同心驿站", categories=())
    carer = a_provider(2, texts=("养老服务", "敬老院托管", "", ""), categories=())
    assert [row.provider_key for row in rank(asked, friendly, carer).rows if row.provider_key < 100] == [2]
    visiting = a_need(category="", texts=("走进敬老院志愿服务", "老人", ""))
    assert row_of(rank(visiting, friendly), 1)


def test_what_bars_one_pair_bars_only_that_pair():
    ranking = rank(a_need(), a_provider(1), a_provider(2), bars={1: int(HardRule.CONFLICT)})
    assert [row.provider_key for row in ranking.rows if row.provider_key < 100] == [2]
    assert ranking.ruled_out[HardRule.CONFLICT] == 1


def test_who_claims_everything_gains_nothing_by_it():
    honest = a_provider(1)
    stuffed = a_provider(2, categories=tuple(f"A{group:02d}{item:02d}01" for group in range(1, 9) for item in range(1, 8)),
                         texts=("居家养老服务、" + "、".join(["法律援助", "消防演练", "社区营造", "禁毒", "心理咨询", "文艺演出"] * 20), "", "", ""))
    ranking = rank(a_need(), honest, stuffed)
    assert row_of(ranking, 1).total > row_of(ranking, 2).total


def test_a_profile_of_a_hundred_thousand_characters_is_read_to_its_limit():
    long = a_provider(1, texts=("居家养老服务" + "独居老人健康筛查" * 12_500, "", "", ""))
    assert len(long.texts[0]) > 100_000
    assert row_of(rank(a_need(), long, a_provider(2)), 1).total <= row_of(rank(a_need(), long, a_provider(2)), 2).total + 10


def test_the_track_record_is_shrunk_to_the_middle_and_rises_with_what_is_known():
    found = [levels.track_level(a_provider(finished=n, told=0)) for n in (0, 1, 4, 40)]
    assert found[0] == levels.MIDDLE
    assert found == sorted(found)
    assert found[3] < 1
    told = levels.track_level(a_provider(finished=0, told=4))
    assert found[0] < told < found[2]


def test_bad_reviews_pull_a_track_record_down():
    good, bad = (levels.track_level(a_provider(finished=6, told=0, reviews=3, review_tenths=tenths)) for tenths in (150, 30))
    assert bad < levels.MIDDLE < good


def test_the_budget_fits_best_when_it_is_the_usual_one():
    usual = np.log2(np.array([30e6, 60e6, 960e6, np.nan], np.float32)).astype(np.float32)
    found = levels.budget_levels(30_000_000, usual)
    assert found[0] == pytest.approx(1, abs=1e-4)
    assert found[1] == pytest.approx(0.75, abs=1e-3)
    assert found[2] == 0
    assert found[3] == levels.MIDDLE
    assert set(levels.budget_levels(None, usual)) == {np.float32(levels.MIDDLE)}


@pytest.mark.parametrize(("wanted", "offered", "near"), [
    ("A040201", "A040201", 1.0), ("A040201", "A0402", 0.85), ("A0402", "A040201", 0.85), ("A040201", "A040202", 0.5),
    ("A040201", "A0403", 0.0), ("A040201", "A04", 0.0), ("A040201", "B0402", 0.0), ("养老", "养老", 1.0), ("养老", "养老服务", 0.0),
])
def test_codes_are_near_by_their_place_in_the_tree(wanted, offered, near):
    assert levels.nearness(wanted, offered) == near


def test_a_newcomer_gets_a_bonus_that_is_shown():
    row = row_of(rank(a_need(), a_provider(1, told=0)), 1)
    assert part(row, Criterion.NEWCOMER).tenths == Weights().newcomer * TENTHS
    assert row.is_newcomer
    assert row_of(rank(a_need(), a_provider(1, told=1)), 1).parts[-1].criterion != Criterion.NEWCOMER


def test_why_not_says_the_place_what_is_short_and_what_would_help_most():
    market = a_market(a_provider(1, told=0, free=1), a_provider(2), *CROWD)
    told = lists.explain(market, a_need(), 1, Weights(newcomer=0, least=90))
    assert told.bits == HardRule.NONE
    assert told.place == 2
    assert told.short == 900 - told.ranked.total > 0
    assert [most for _, most in told.lacking] == sorted((most for _, most in told.lacking), reverse=True)
    assert lists.explain(market, a_need(), 2, Weights()).short == 0


def test_one_who_is_in_no_market_is_not_verified():
    assert lists.explain(a_market(*CROWD), a_need(), 1, Weights()).bits == HardRule.NOT_VERIFIED


def test_the_projects_for_one_provider_are_those_whose_lists_hold_it():
    market = a_market(a_provider(1), *CROWD)
    needs = [a_need(1), a_need(2, areas=("330102",)), a_need(3, category="A0701", texts=("纠纷调解", "", "")), a_need(4, budget_fen=None)]
    found = lists.for_provider(market, needs, 1, Weights(), bars={4: {1: int(HardRule.DECLINED)}})
    assert [key for key, _ in found] == [1]
    assert found[0][1].total == row_of(lists.rank(market, needs[0], Weights()), 1).total
    assert lists.for_provider(market, [], 1, Weights()) == []


needs_of = st.lists(st.builds(a_need, st.integers(1, 10_000), category=st.sampled_from(["", "A040201", "A0701", "A0402"]),
                              areas=st.sampled_from([(), (TOWN, DISTRICT, CITY), (DISTRICT, CITY), ("330102",)]),
                              required_certified=st.sampled_from([None, 3, 9]), budget_fen=st.sampled_from([None, 1, 30_000_000])),
                    min_size=1, max_size=6, unique_by=lambda one: one.key)
providers_of = st.lists(st.builds(a_provider, st.integers(1, 10_000), free=st.sampled_from([None, 0, 1, 3]), told=st.integers(0, 3),
                                  categories=st.sampled_from([(), ("A040201",), ("A0701", "A0402")]), certified=st.sampled_from([None, 1, 5]),
                                  areas=st.sampled_from([frozenset(), frozenset({DISTRICT}), frozenset({"330102"})]),
                                  texts=st.sampled_from([("", "", "", ""), ("居家养老", "独居老人健康筛查", "", ""), ("纠纷调解", "", "", "")])),
                        min_size=1, max_size=12, unique_by=lambda one: one.key)


@settings(max_examples=60, deadline=None)
@given(needs=needs_of, providers=providers_of)
def test_the_columns_of_a_run_say_the_same_as_the_lists_of_single_projects(needs, providers):
    market = a_market(*providers)
    edges = candidates(market, needs, Wish(Weights()))
    totals = edges.base() + Weights().newcomer * TENTHS * edges.is_new[edges.providers]
    for number, key in enumerate(edges.need_keys):
        need = next(one for one in needs if one.key == key)
        ranking = lists.rank(market, need, Weights())
        mine = edges.needs == number
        found = sorted(zip(edges.provider_keys[edges.providers[mine]].tolist(), totals[mine].tolist(), strict=True))
        assert found == sorted((row.provider_key, row.total) for row in ranking.rows)
        counted = dict(zip(RULES, edges.ruled_out[number].tolist(), strict=True))
        assert {rule: many for rule, many in counted.items() if many} == dict(ranking.ruled_out)


@settings(max_examples=40, deadline=None)
@given(needs=needs_of, providers=providers_of)
def test_nobody_who_fails_a_rule_is_a_candidate_and_everybody_else_near_is(needs, providers):
    market = a_market(*providers)
    edges = candidates(market, needs, Wish(Weights()))
    pairs = {(int(edges.need_keys[n]), int(edges.provider_keys[p])) for n, p in zip(edges.needs, edges.providers, strict=True)}
    for need in needs:
        for provider in providers:
            told = lists.explain(market, need, provider.key, Weights())
            assert ((need.key, provider.key) in pairs) == (told.bits == HardRule.NONE)


@settings(max_examples=30, deadline=None)
@given(needs=needs_of, providers=providers_of, order=st.randoms())
def test_the_order_of_the_inputs_changes_nothing(needs, providers, order):
    shuffled_needs, shuffled = list(needs), list(providers)
    order.shuffle(shuffled_needs)
    order.shuffle(shuffled)
    one = candidates(a_market(*providers), needs, Wish(Weights()))
    other = candidates(a_market(*shuffled), shuffled_needs, Wish(Weights()))
    assert one.as_bytes() == other.as_bytes()
