"""Working days: the verified vectors of rulebook 2.10."""

from datetime import UTC, date, datetime

import pytest

from marketplace.core.calendar import WorkCalendar

CALENDAR = WorkCalendar()


@pytest.mark.parametrize(("start", "days", "end"), [
    (date(2026, 9, 30), 2, date(2026, 10, 9)), (date(2026, 2, 13), 7, date(2026, 3, 2)),
    (date(2026, 4, 30), 5, date(2026, 5, 11)), (date(2026, 9, 18), 5, date(2026, 9, 24)),
    (date(2026, 9, 24), 7, date(2026, 10, 12)), (date(2025, 9, 26), 5, date(2025, 10, 10)),
    (date(2025, 1, 24), 7, date(2025, 2, 10)),
])
def test_working_days_skip_holidays_and_count_shifted_weekends(start, days, end):
    assert CALENDAR.add_workdays(start, days) == end


@pytest.mark.parametrize(("start", "days", "end"), [
    (date(2026, 9, 15), 20, date(2026, 10, 8)), (date(2026, 1, 27), 20, date(2026, 2, 24)),
    (date(2026, 9, 8), 30, date(2026, 10, 8)),
])
def test_calendar_days_roll_forward_to_a_working_day(start, days, end):
    assert CALENDAR.add_days(start, days) == end


def test_a_year_without_a_holiday_notice_is_provisional_and_counts_weekends_only():
    assert CALENDAR.is_provisional(date(2031, 1, 1))
    assert not CALENDAR.is_provisional(date(2026, 1, 1))
    assert CALENDAR.is_workday(date(2031, 1, 1))


def test_an_override_wins_over_the_published_calendar():
    local = WorkCalendar({date(2026, 11, 23): False})
    assert not local.is_workday(date(2026, 11, 23))
    assert local.add_workdays(date(2026, 11, 20), 1) == date(2026, 11, 24)


def test_a_period_of_working_days_ends_at_midnight_in_beijing():
    began = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    assert CALENDAR.workdays_end(began, 3) == datetime(2026, 11, 26, 16, 0, tzinfo=UTC)
