"""Clauses, payment plan, months, clocks, frozen bytes."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.contracts import rules
from marketplace.contracts.rules import ClockState, ContractState
from marketplace.core.calendar import WorkCalendar
from marketplace.core.errors import IllegalStep
from marketplace.core.money import Money
from tests.documents.paper import facts

TITLES = [
    "合同概要", "合同双方", "订立依据", "服务内容、对象和地点", "数量和质量要求", "服务期限", "合同价款", "付款计划", "人员配备",
    "报告和台账", "监督、评估和验收", "禁止转包和分包限制", "资金使用和审计", "个人信息和保密", "未成年人、老年人等的保护和保险",
    "知识产权", "变更和补充", "违约责任", "解除和交接", "不可抗力", "廉洁约定", "争议解决", "合同公开", "合同附件", "份数和生效", "签署",
]


def words(position: int, **changes: object) -> str:
    """The paragraphs of one clause (counted from 1)."""
    clause = rules.clauses(facts(**changes))[position - 1]
    return "\n".join((*clause.paragraphs, *clause.quoted))


def test_the_clauses_are_the_26_of_the_rulebook_in_its_order() -> None:
    assert [clause.title for clause in rules.clauses(facts())] == TITLES
    assert [rules.clause_number(n) for n in (1, 10, 11, 20, 21, 26)] == [
        "第一条", "第十条", "第十一条", "第二十条", "第二十一条", "第二十六条"]


@pytest.mark.parametrize(("position", "said"), [
    (3, "m3xk7p2d9qyt"), (3, "2026年12月7日"), (4, "其中行动不便的 92 位老人"), (4, "60 岁以上高龄"), (4, "节日慰问餐"),
    (6, "自2027年1月1日起至2027年12月31日止，共 12 个月"), (7, "356,000.00 元，大写：人民币叁拾伍万陆仟元整"), (7, "含税价"),
    (9, "专职社工 3 名"), (10, "15 年"), (11, "服务对象代表"), (12, "不得将服务转包"), (14, "未满十四周岁"),
    (15, "违法犯罪记录"), (17, "不超过本合同总价的 10%"), (18, "0.05%"), (19, "30 日内未改正"), (22, "人民法院"),
    (23, "2 个工作日内公开"), (24, "LC-HZ-2026-0871"), (24, "41d8a6f093be27c5"), (25, "印章图片不是签名"),
])
def test_every_fact_stands_in_its_clause(position: int, said: str) -> None:
    assert said in words(position)


def test_lottery_money_brings_its_mark_and_its_bans() -> None:
    assert "彩票公益金" not in words(13)
    assert "标明资助标识" in words(13, is_lottery=True)


def test_unknown_facts_leave_sentences_that_still_read() -> None:
    bare = {"summary": "助餐", "body": "", "target_group": "", "beneficiaries": None, "place": "", "offer_summary": "", "team": ""}
    text = words(4, service=bare) + words(9, service=bare)
    assert "助餐" in text
    assert "None" not in text
    assert "自本合同生效之日起十二个月" in words(6, period={"from": "", "to": "", "months": 0})
    assert "以要求较高的为准" in words(5, indicators=[])


@given(st.integers(1, 10**12), st.lists(st.integers(1, 100), min_size=1, max_size=12))
def test_instalments_always_add_up_to_the_price(fen: int, percents: list[int]) -> None:
    steps = [{"title": "t", "percent": p, "condition": "c", "days_after": 30} for p in percents]
    plan = rules.payment_plan(Money(fen), steps)
    assert sum(int(row["fen"]) for row in plan) == fen  # type: ignore[call-overload]


def test_three_thirds_of_an_odd_price_are_equal_to_a_fen() -> None:
    steps = [{"title": "t", "percent": p, "condition": "", "days_after": 30} for p in (33, 33, 34)]
    assert [row["figures"] for row in rules.payment_plan(Money(10_000_01), steps)] == ["3,300.00", "3,300.00", "3,400.01"]


def test_no_plan_means_one_payment_at_the_end() -> None:
    [row] = rules.payment_plan(Money.yuan(5), ())
    assert (row["percent"], row["fen"], row["days"]) == (100, 500, 30)


@pytest.mark.parametrize(("start", "end", "months"), [
    (date(2027, 1, 1), date(2027, 12, 31), 12), (date(2027, 1, 15), date(2028, 1, 14), 12),
    (date(2027, 3, 1), date(2027, 3, 31), 1), (date(2027, 1, 31), date(2027, 7, 30), 6)])
def test_months_count_the_last_day_in(start: date, end: date, months: int) -> None:
    assert rules.months_between(start, end) == months


def test_frozen_bytes_depend_on_every_fact_and_not_on_their_order() -> None:
    first, again = rules.freeze(facts()), rules.freeze(dict(reversed(list(facts().items()))))
    assert rules.terms_bytes(first) == rules.terms_bytes(again)
    other = rules.freeze(facts(funding_source="别的来源"))
    assert rules.terms_sha256(other) != rules.terms_sha256(first)
    assert b'"document_number":"LC-HT-2026-0143"' in rules.terms_bytes(first)


def test_every_printed_character_is_offered_to_the_glyph_check() -> None:
    text = rules.printed_text(rules.freeze(facts(indicators=[{"name": "张𣇉明", "target": "1", "unit": "", "evidence": ""}])))
    assert "𣇉" in text
    assert "叁拾伍万陆仟元整" in text


CALENDAR = WorkCalendar()


def stand(**given: date | None) -> list[ClockState]:
    """The states of the four clocks on 2026-12-17."""
    dates = {"signed_on": None, "published_on": None, "filed_on": None, **given}
    return [clock.state for clock in rules.clocks(sign_by=date(2026, 12, 16), today=date(2026, 12, 17), calendar=CALENDAR, **dates)]


def test_clocks_run_from_their_legal_starts() -> None:
    waiting = ClockState.NOT_STARTED
    assert stand() == [ClockState.OVERDUE, waiting, waiting, waiting]
    assert stand(signed_on=date(2026, 12, 16)) == [
        ClockState.DONE, ClockState.RUNNING, ClockState.RUNNING, ClockState.KEPT]
    assert stand(signed_on=date(2026, 12, 17))[0] is ClockState.LATE_DONE
    assert stand(signed_on=date(2026, 12, 10))[1] is ClockState.OVERDUE
    assert stand(signed_on=date(2026, 12, 10), published_on=date(2026, 12, 14))[1] is ClockState.DONE


def test_periods_end_on_the_days_the_law_counts() -> None:
    made = rules.clocks(sign_by=date(2026, 12, 16), signed_on=date(2026, 12, 17), published_on=None, filed_on=None,
                        today=date(2026, 12, 17), calendar=CALENDAR)
    assert [clock.by for clock in made] == [
        date(2026, 12, 16), date(2026, 12, 21), date(2026, 12, 28), date(2041, 12, 31)]  # a Thursday; weekends do not count
    assert rules.sign_by(date(2026, 12, 8), 30, CALENDAR) == date(2027, 1, 7)
    assert rules.sign_by(date(2026, 12, 3), 30, CALENDAR) == date(2027, 1, 4)  # a Saturday rolls to Monday


@pytest.mark.parametrize("state", ContractState)
@pytest.mark.parametrize("action", ["issue", "sign"])
def test_a_contract_is_frozen_then_issued_then_signed_and_nothing_else(state: ContractState, action: str) -> None:
    legal = {(ContractState.FROZEN, "issue"): ContractState.ISSUED, (ContractState.ISSUED, "sign"): ContractState.SIGNED}
    if (state, action) in legal:
        assert rules.LIFECYCLE.after(state, action) is legal[state, action]
    else:
        with pytest.raises(IllegalStep):
            rules.LIFECYCLE.after(state, action)
