"""Rules of projects: states, display, checks, bands."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from marketplace.core.calendar import WorkCalendar
from marketplace.core.clock import at_beijing
from marketplace.core.errors import IllegalStep
from marketplace.core.money import Money
from marketplace.procedures.rules import BELOW_THRESHOLD, ScoringMethod
from marketplace.projects import rules
from marketplace.projects.rules import (
    LIFECYCLE,
    Action,
    BudgetBand,
    DisplayStatus,
    Draft,
    ProjectState,
    Section,
    budget_band,
    display_status,
    months_end,
    publish_problems,
)
from tests.factories import NOW

S, A = ProjectState, Action
LEGAL = {
    (S.DRAFT, A.SUBMIT): S.IN_REVIEW, (S.DRAFT, A.TERMINATE): S.TERMINATED,
    (S.IN_REVIEW, A.RETURN): S.DRAFT, (S.IN_REVIEW, A.PUBLISH): S.PUBLISHED, (S.IN_REVIEW, A.TERMINATE): S.TERMINATED,
    (S.PUBLISHED, A.OPEN): S.OPENED, (S.PUBLISHED, A.FAIL): S.FAILED, (S.PUBLISHED, A.TERMINATE): S.TERMINATED,
    (S.OPENED, A.AWARD): S.AWARDED, (S.OPENED, A.FAIL): S.FAILED, (S.OPENED, A.TERMINATE): S.TERMINATED,
    (S.AWARDED, A.CONTRACT): S.CONTRACTED, (S.AWARDED, A.REOPEN_AWARD): S.OPENED, (S.AWARDED, A.TERMINATE): S.TERMINATED,
}
CATEGORIES = {"A040203": "老年助餐服务"}
WHOLE = Draft(
    title="长者助餐服务", body="要做什么", budget=Money.yuan(100), category_code="A040203", area_code="440605011",
    price_weight=20, panel_size=5, weights=(50, 30), percents=(40, 60), indicators=1, service_from=date(2027, 1, 1),
    service_to=date(2027, 12, 31), contact_name="何老师", contact_phone="0000-1",
)


def problems(**changes: object) -> list[tuple[str, str]]:
    found = publish_problems(replace(WHOLE, **changes), categories=CATEGORIES, rules=BELOW_THRESHOLD)
    for one in found:
        assert one.sentence.format(**one.facts)
    return [(one.section, one.field) for one in found]


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("action", A)
def test_every_step_is_legal_or_refused_as_the_table_says(state: S, action: A) -> None:
    if (state, action) in LEGAL:
        assert LIFECYCLE.allows(state, action)
        assert LIFECYCLE.after(state, action) == LEGAL[state, action]
    else:
        assert not LIFECYCLE.allows(state, action)
        with pytest.raises(IllegalStep, match=rules.STATE_LABELS[state]):
            LIFECYCLE.after(state, action)


@pytest.mark.parametrize(("state", "seconds", "status"), [
    (S.DRAFT, -1, DisplayStatus.DRAFT), (S.IN_REVIEW, -1, DisplayStatus.IN_REVIEW), (S.PUBLISHED, -1, DisplayStatus.OPEN),
    (S.PUBLISHED, 0, DisplayStatus.SEALED), (S.PUBLISHED, 1, DisplayStatus.SEALED), (S.OPENED, 1, DisplayStatus.SCORING),
    (S.AWARDED, 1, DisplayStatus.RESULT), (S.CONTRACTED, 1, DisplayStatus.CONTRACTED), (S.FAILED, 1, DisplayStatus.FAILED),
    (S.TERMINATED, -1, DisplayStatus.TERMINATED),
])
def test_the_display_status_follows_state_and_clock(state: S, seconds: int, status: DisplayStatus) -> None:
    closes_at = NOW + timedelta(days=7)
    assert display_status(state, NOW, closes_at, closes_at + timedelta(seconds=seconds)) == status


def test_every_state_and_status_has_a_label() -> None:
    assert set(rules.STATE_LABELS) == set(S)
    assert set(rules.STATUS_LABELS) == set(DisplayStatus)
    assert set(rules.SECTION_LABELS) == set(Section)
    assert set(rules.SORT_LABELS) == set(rules.Sort)
    assert set(rules.BAND_LABELS) == set(BudgetBand)


def test_a_whole_draft_has_no_problem() -> None:
    assert problems() == []


@pytest.mark.parametrize(("changes", "expected"), [
    ({"title": "短"}, ("basics", "title")), ({"budget": None}, ("basics", "budget")),
    ({"budget": Money(0)}, ("basics", "budget")), ({"ceiling": Money.yuan(101)}, ("basics", "ceiling")),
    ({"category_code": None}, ("basics", "category_code")), ({"category_code": "A99"}, ("basics", "category_code")),
    ({"area_code": None}, ("basics", "area_code")), ({"body": " "}, ("requirement", "body")),
    ({"indicators": 0}, ("indicators", "indicators")), ({"weights": (50, 31)}, ("scoring", "criteria")),
    ({"price_weight": 9, "weights": (91,)}, ("scoring", "price_weight")),
    ({"panel_size": 4}, ("scoring", "panel_size")), ({"percents": (40, 59)}, ("payment", "milestones")),
    ({"percents": ()}, ("payment", "milestones")),
    ({"scoring_method": ScoringMethod.FIXED_PRICE}, ("scoring", "price_weight")),
    ({"service_to": None}, ("time", "service_to")), ({"service_to": date(2027, 1, 1)}, ("time", "service_to")),
    ({"service_to": date(2028, 1, 1)}, ("time", "term_reason")), ({"service_to": date(2030, 1, 1)}, ("time", "service_to")),
    ({"contact_name": ""}, ("time", "contact_name")), ({"contact_phone": " "}, ("time", "contact_phone")),
])
def test_each_gap_is_named_with_its_place(changes: dict[str, object], expected: tuple[str, str]) -> None:
    assert problems(**changes) == [expected]


def test_a_fixed_price_is_no_factor_and_the_lowest_price_the_only_one() -> None:
    assert problems(scoring_method=ScoringMethod.FIXED_PRICE, price_weight=0, weights=(60, 40)) == []
    assert problems(scoring_method=ScoringMethod.LOWEST_PRICE, price_weight=100, weights=()) == []
    assert problems(scoring_method=ScoringMethod.LOWEST_PRICE, price_weight=100, weights=(1,)) == [("scoring", "criteria")]


def test_a_longer_term_with_a_reason_is_allowed_up_to_three_years() -> None:
    assert problems(service_to=date(2029, 12, 31), term_reason="预算有保障") == []
    assert problems(service_to=date(2030, 1, 1), term_reason="预算有保障") == [("time", "service_to")]


@pytest.mark.parametrize(("start", "months", "end"), [
    (date(2027, 1, 1), 12, date(2027, 12, 31)), (date(2027, 3, 15), 12, date(2028, 3, 14)),
    (date(2027, 1, 31), 1, date(2027, 2, 28)), (date(2028, 1, 30), 1, date(2028, 2, 29)),
    (date(2027, 8, 31), 1, date(2027, 9, 30)), (date(2027, 12, 1), 36, date(2030, 11, 30)),
])
def test_a_term_ends_the_day_before(start: date, months: int, end: date) -> None:
    assert months_end(start, months) == end


def test_a_deadline_may_fall_on_a_shifted_working_weekend_but_not_on_a_holiday() -> None:
    now, calendar = at_beijing(date(2026, 9, 1), 9), WorkCalendar()
    for day, field in ((date(2026, 9, 20), None), (date(2026, 9, 25), "closes_at"), (date(2026, 9, 19), "closes_at")):
        found = rules.deadline_problem(at_beijing(day, 17), now=now, workdays=5, calendar=calendar)
        assert (found.field if found else None) == field
    assert rules.deadline_problem(None, now=now, workdays=5, calendar=calendar) is not None


def test_the_notice_period_leaps_over_the_national_holiday() -> None:
    first = rules.earliest_deadline(at_beijing(date(2026, 9, 29), 10), 5, WorkCalendar())
    assert first == at_beijing(date(2026, 10, 12), 17)  # 30 Sep, 8, 9, 10 (working Saturday), 12 Oct


@pytest.mark.parametrize(("yuan", "band"), [
    (199_999, BudgetBand.UNDER_20), (200_000, BudgetBand.FROM_20), (499_999, BudgetBand.FROM_20),
    (500_000, BudgetBand.FROM_50), (1_000_000, BudgetBand.FROM_100),
])
def test_budget_bands_are_half_open(yuan: int, band: BudgetBand) -> None:
    assert budget_band(Money.yuan(yuan)) == band


def test_only_a_unit_of_one_skips_the_second_pair_of_eyes() -> None:
    assert rules.may_skip_second_person(1)
    assert not rules.may_skip_second_person(2)
