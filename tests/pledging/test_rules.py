"""What a recorder may type, when a plan stands, what the hall may show: pure rules."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.pledging import rules
from marketplace.pledging.rules import EventState, Figures, Footing, Plan
from tests.factories import NOW

CODE = "53100000500009167K"


@pytest.mark.parametrize(("typed", "paddle", "yuan", "is_again"), [
    ("27, 20000", 27, 20_000, False), ("27", 27, None, False), ("27，２万", 27, 20_000, False), (" 8 20,000 ", 8, 20_000, False),
    ("#14 500+", 14, 500, True), ("27+", 27, None, True), ("27号牌 3千", 27, 3_000, False), ("９９９９；36.8万", 9999, 368_000, False),
])
def test_one_line_says_paddle_sum_and_again(typed, paddle, yuan, is_again):
    found = rules.read_entry(typed)
    assert (found.paddle, found.amount, found.is_again) == (paddle, None if yuan is None else Money.yuan(yuan), is_again)


@pytest.mark.parametrize(("typed", "words"), [
    ("", "看不懂"), ("abc", "看不懂"), ("-5", "看不懂"), ("0", "没有 0 号牌"), ("10000", "没有 10000 号牌"), ("27, 0", "大于零"),
    ("27, -5", "不是金额"), ("27, 0.001", "小于一分"), ("27, 1e30", "不是金额"), ("27, 99999999999999999999", "不是金额"), ("27, x", "不是金额"),
    ("27, 9999999999999999", "太大"),
])
def test_a_line_that_cannot_be_meant_is_refused_with_an_example(typed, words):
    with pytest.raises(Invalid, match=words):
        rules.read_entry(typed)


@given(paddle=st.integers(1, 9999), fen=st.integers(1, 10**12))
def test_what_was_written_is_what_is_read(paddle, fen):
    found = rules.read_entry(f"{paddle}, {Money(fen).grouped()}")
    assert (found.paddle, found.amount) == (paddle, Money(fen))


def test_a_plan_number_is_tidied_and_must_be_the_receivers_own():
    plan = rules.check_plan(Plan(" 53100000500009167k a21008 ", date(2026, 11, 1)), receiver_code=CODE, starts_on=date(2026, 11, 11))
    assert plan.number == f"{CODE}A21008"
    for number, code in ((f"{CODE}B21008", CODE), (f"{CODE}A2100", CODE), (f"{CODE}A21008", "53100000500021326D"), (f"{CODE}A21008", None)):
        with pytest.raises(Invalid):
            rules.check_plan(Plan(number, date(2026, 11, 1)), receiver_code=code, starts_on=date(2026, 11, 28))


def test_the_tenth_day_after_filing_is_early_enough_and_the_ninth_is_not():
    plan = Plan(f"{CODE}A21008", date(2026, 11, 1))
    assert rules.check_plan(plan, receiver_code=CODE, starts_on=date(2026, 11, 11))
    with pytest.raises(Invalid, match="2026-11-11"):
        rules.check_plan(plan, receiver_code=CODE, starts_on=date(2026, 11, 10))


def test_levels_go_from_high_to_low():
    assert rules.check_level(Money.yuan(5_000), [Money.yuan(20_000), Money.yuan(10_000)]) == Money.yuan(5_000)
    for level in (Money.yuan(10_000), Money.yuan(15_000), Money(0)):
        with pytest.raises(Invalid):
            rules.check_level(level, [Money.yuan(20_000), Money.yuan(10_000)])


def test_a_device_clock_is_believed_only_within_reason():
    hour = timedelta(hours=1)
    assert rules.keyed_moment(NOW - hour, NOW) == NOW - hour
    assert rules.keyed_moment(NOW + timedelta(minutes=1), NOW) == NOW
    assert rules.keyed_moment(NOW + hour, NOW) == NOW
    assert rules.keyed_moment(NOW - timedelta(days=2), NOW) == NOW
    assert rules.keyed_moment(None, NOW) == NOW


def test_entries_are_taken_while_live_and_a_day_after():
    assert rules.takes_entries(EventState.LIVE, None, NOW)
    assert not rules.takes_entries(EventState.DRAFT, None, NOW)
    assert rules.takes_entries(EventState.CLOSED, NOW - timedelta(hours=23, minutes=59), NOW)
    assert not rules.takes_entries(EventState.CLOSED, NOW - timedelta(hours=24), NOW)


def test_a_target_stands_only_behind_a_filed_plan():
    assert rules.may_show_target(Footing.FILED_PLAN, "x")
    assert not rules.may_show_target(Footing.FILED_PLAN, "")
    assert not rules.may_show_target(Footing.GUEST_LIST, "")


def test_a_name_is_shown_only_when_allowed_and_checked():
    assert rules.shown_name(7, "南岸", is_withheld=False, is_checked=True) == ("南岸", {})
    assert rules.shown_name(7, "南岸", is_withheld=True, is_checked=True) == ("不具名", {})
    assert rules.shown_name(7, "南岸", is_withheld=False, is_checked=False) == ("{paddle} 号牌", {"paddle": 7})


def test_days_left_are_beijing_days_and_reminders_come_at_three_and_one():
    until = rules.sign_by(NOW, 7, NOW)
    assert [rules.days_left(until, until - timedelta(days=n)) for n in (7, 3, 1, 0)] == [7, 3, 1, 0]
    assert [rules.reminder_step(until, until - timedelta(days=n)) for n in (7, 4, 3, 2, 1, 0)] == [
        "", "", "days3", "days3", "days1", "days1"]
    assert rules.reminder_step(until, until + timedelta(days=1)) == ""
    assert rules.reminder_step(None, NOW) == ""


def test_a_late_entry_has_its_full_time_to_be_signed():
    assert rules.sign_by(NOW, 7, NOW + timedelta(days=1)) == rules.sign_by(NOW, 8, NOW)


def test_the_total_is_the_sum_of_what_is_shown_apart():
    figures = Figures(Money(1), Money(20), Money(300), Money(4_000), Money(50_000))
    assert (figures.matched, figures.total) == (Money(4_300), Money(54_321))


def test_the_screen_writes_ten_thousands_and_drops_decimals_only_when_they_do_not_fit():
    limit = 1_000 * 1_000_000
    assert rules.board(Money.yuan(1_286_000), whole_from=limit) == "128.60"
    assert rules.board(Money.yuan(9_999_999), whole_from=limit) == "1,000.00"
    assert rules.board(Money.yuan(12_345_600), whole_from=limit) == "1,235"
    assert rules.short(Money.yuan(20_000)) == "20,000"
    assert rules.short(Money(2_000_050)) == "20,000.50"


@pytest.mark.parametrize("key", ["", "short", "with blank 1", "x" * 65, "schlüssel-1"])
def test_a_device_key_is_what_our_page_makes(key):
    with pytest.raises(Invalid):
        rules.check_key(key)
