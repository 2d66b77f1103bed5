"""Rule sets: every number has a source, local settings stay in bounds, and the text checks find what the law forbids."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from marketplace.core.errors import Invalid
from marketplace.procedures import rules
from marketplace.procedures.rules import BELOW_THRESHOLD


def test_every_number_names_its_source_and_its_words_for_people():
    for name in BELOW_THRESHOLD.numbers():
        assert BELOW_THRESHOLD.source(name)
        assert rules.NUMBER_LABELS[name]


def test_a_number_without_a_source_is_refused():
    with pytest.raises(ValueError, match="min_bids"):
        replace(BELOW_THRESHOLD, sources={k: v for k, v in BELOW_THRESHOLD.sources.items() if k != "min_bids"})


@pytest.mark.parametrize(("field", "timer"), [
    ("sign_days", "T13"), ("contract_publish_workdays", "T16"), ("contract_file_workdays", "T17"),
    ("enquiry_answer_workdays", "T18"), ("result_publish_workdays", "T11"), ("min_notice_workdays", "T06"),
])
def test_periods_agree_with_the_table_of_legal_timers(field, timer):
    assert getattr(BELOW_THRESHOLD, field) == int(rules.timers()[timer].limit)


def test_retention_and_term_agree_with_the_table_of_legal_timers():
    assert rules.timers()["T24"].limit == f"min {BELOW_THRESHOLD.retention_years}"
    assert rules.timers()["T25"].limit == f"{BELOW_THRESHOLD.term_months}, max {BELOW_THRESHOLD.term_months_max}"
    low, high = rules.LOCAL_LIMITS["objection_workdays"]
    assert rules.timers()["T40"].limit == f"{low}-{high} (setting)"


def test_all_forty_one_timers_are_read():
    assert list(rules.timers()) == [f"T{n:02d}" for n in range(1, 42)]


def test_a_snapshot_is_plain_json_and_reads_back_the_same():
    plain = json.loads(json.dumps(rules.snapshot(BELOW_THRESHOLD)))
    assert rules.from_snapshot(plain) == BELOW_THRESHOLD


def test_an_older_snapshot_without_a_new_number_reads_with_todays():
    plain = rules.snapshot(replace(BELOW_THRESHOLD, objection_workdays=7))
    del plain["score_places"]
    plain["gone_since"] = 1
    read = rules.from_snapshot(plain)
    assert (read.objection_workdays, read.score_places) == (7, BELOW_THRESHOLD.score_places)


def test_a_rule_set_is_found_by_full_name_and_by_procedure():
    assert rules.rule_set("below_threshold@2026.1") is rules.rule_set("below_threshold") is BELOW_THRESHOLD
    with pytest.raises(KeyError):
        rules.rule_set("open_tender")


@pytest.mark.parametrize(("size", "experts"), [(3, 2), (5, 4), (7, 5), (9, 6)])
def test_two_thirds_of_the_panel_are_experts(size, experts):
    assert rules.experts_needed(BELOW_THRESHOLD, size) == experts


def test_the_page_speaks_the_words_of_the_procedure():
    words = {thing: BELOW_THRESHOLD.word(thing) for thing in BELOW_THRESHOLD.words}
    assert words == {"file": "比选（遴选）公告", "offer": "响应", "bidder": "响应人", "unsealing": "启封", "panel": "评审小组",
                     "result": "中选"}


def test_one_half_as_a_share_rounds_up():
    assert rules.experts_needed(replace(BELOW_THRESHOLD, expert_share=Fraction(1, 2)), 5) == 3


@pytest.mark.parametrize("size", [1, 2, 4, 6])
def test_a_small_or_even_panel_is_refused_with_its_basis(size):
    with pytest.raises(Invalid) as refused:
        rules.check_panel_size(BELOW_THRESHOLD, size)
    assert refused.value.field == "panel_size"
    assert "214" in str(refused.value)


@pytest.mark.parametrize("size", [3, 5, 7])
def test_an_odd_panel_of_at_least_three_is_allowed(size):
    rules.check_panel_size(BELOW_THRESHOLD, size)


def check(method="comprehensive", price_weight=10, weights=(50, 40)):
    rules.check_weights(BELOW_THRESHOLD, method=method, price_weight=price_weight, weights=weights)


def test_weights_that_total_100_pass():
    check()
    check(price_weight=30, weights=(70,))
    check("fixed_price", 0, (60, 40))
    check("lowest_price", 100, ())


@pytest.mark.parametrize(("method", "price_weight", "weights", "field"), [
    ("comprehensive", 10, (50, 39), "criteria"),
    ("comprehensive", 10, (50, 41), "criteria"),
    ("comprehensive", 9, (50, 41), "price_weight"),
    ("comprehensive", 31, (50, 19), "price_weight"),
    ("comprehensive", 30, (), "criteria"),
    ("fixed_price", 10, (50, 40), "price_weight"),
    ("fixed_price", 0, (50, 40), "criteria"),
    ("lowest_price", 100, (10,), "criteria"),
    ("auction", 10, (90,), "scoring_method"),
])
def test_weights_that_break_a_rule_name_the_field(method, price_weight, weights, field):
    with pytest.raises(Invalid) as refused:
        check(method, price_weight, weights)
    assert refused.value.field == field


def test_a_local_number_replaces_the_default_and_brings_its_own_source():
    local = rules.with_local(BELOW_THRESHOLD, {"objection_workdays": (5, "澜川区内控〔2026〕3号")})
    assert (local.objection_workdays, local.source("objection_workdays")) == (5, "澜川区内控〔2026〕3号")
    assert BELOW_THRESHOLD.objection_workdays == 3


@pytest.mark.parametrize(("key", "value", "source", "field"), [
    ("sign_days", 60, "文", "key"), ("objection_workdays", 2, "文", "value"), ("objection_workdays", 8, "文", "value"),
    ("min_bids", 3, "  ", "source"), ("panel_default", 4, "文", "value"), ("panel_min", 4, "文", "value"),
])
def test_a_local_number_out_of_bounds_is_refused(key, value, source, field):
    with pytest.raises(Invalid) as refused:
        rules.with_local(BELOW_THRESHOLD, {key: (value, source)})
    assert refused.value.field == field


def test_local_price_weights_that_cross_are_refused():
    with pytest.raises(Invalid):
        rules.with_local(BELOW_THRESHOLD, {"price_weight_min": (30, "文"), "price_weight_max": (20, "文")})


@pytest.mark.parametrize(("text", "code"), [
    ("投标人须成立满3年以上", "founded_years"), ("社会组织成立时间不少于 2 年及以上", "founded_years"),
    ("注册资本不低于50万元", "scale"), ("专职人员人数不少于10人", "scale"), ("年收入达到100万元", "scale"),
    ("仅限本区注册的社会组织参加", "location"), ("须在本市设有分支机构", "location"), ("注册地须在本区", "location"),
    ("获得市级以上荣誉的加 5 分", "regional_honors"), ("本行业同类业绩", "regional_honors"),
    ("仅限国有企业", "ownership"), ("指定使用某某品牌", "named_supplier"), ("评估等级为3A的优先", "rating"),
    ("4A级及以上社会组织", "rating"), ("报价不得低于20万元", "floor_price"), ("本项目专门面向中小企业采购", "sme_only"),
    ("协助开展行政处罚", "N2"), ("装修工程", "N3"), ("由承接方垫资", "N4"), ("购买社工岗位 6 个", "N5"),
    ("劳务派遣人员 3 名", "N5"), ("向社会募捐", "fundraising"),
])
def test_what_the_law_forbids_is_found_with_its_article(text, code):
    found = {warning.code: warning for warning in rules.lint_requirement(f"项目要求：{text}。")}
    assert code in found
    assert found[code].basis
    assert found[code].excerpt in text


@pytest.mark.parametrize("text", [
    "为本区60岁以上老人提供助餐服务，服务期一年", "辖区内登记在册的困难家庭", "2 名持证社工派驻社区服务站",
    "连续服务三年以上的志愿者可获表扬", "行政执法宣传辅助", "老人平均年龄不低于 70 岁，每月不少于 4 次活动",
    "区内六个社区，每场人数不少于 30 人",
])
def test_ordinary_sentences_raise_no_warning(text):
    assert rules.lint_requirement(text) == []


def test_each_kind_of_warning_comes_once():
    found = rules.lint_requirement("注册资本100万元。注册资金50万元。")
    assert [warning.code for warning in found] == ["scale"]
