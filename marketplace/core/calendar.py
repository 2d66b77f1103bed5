"""Working days and calendar days as Chinese law counts them (Civil Code 201-203; rulebook 2.10)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import chinese_calendar

from marketplace.core.clock import at_beijing, beijing_date

SATURDAY = 5


@dataclass(frozen=True)
class WorkCalendar:
    """The published calendar plus local overrides (date -> is it a working day).

    For years whose holiday notice is not out yet only weekends count, and deadlines are provisional.
    """

    overrides: Mapping[date, bool] = field(default_factory=dict)

    def is_workday(self, day: date) -> bool:
        """Say whether public offices work on `day`, shifted weekend days included."""
        if day in self.overrides:
            return self.overrides[day]
        try:
            return bool(chinese_calendar.is_workday(day))
        except NotImplementedError:
            return day.weekday() < SATURDAY

    def is_provisional(self, day: date) -> bool:
        """Say whether the holiday notice for that year was not known to this system."""
        if day in self.overrides:
            return False
        try:
            chinese_calendar.is_workday(day)
        except NotImplementedError:
            return True
        return False

    def add_workdays(self, start: date, days: int) -> date:
        """Return the `days`-th working day after `start`; the start day itself is not counted (CC 201)."""
        day = start
        while days > 0:
            day += timedelta(days=1)
            days -= self.is_workday(day)
        return day

    def add_days(self, start: date, days: int) -> date:
        """Return the last day of a period of calendar days, rolled forward to a working day (CC 203)."""
        day = start + timedelta(days=days)
        while not self.is_workday(day):
            day += timedelta(days=1)
        return day

    def workdays_end(self, start: datetime, days: int) -> datetime:
        """Return the exclusive end (midnight, Beijing) of a period of working days that began at `start`."""
        return at_beijing(self.add_workdays(beijing_date(start), days) + timedelta(days=1))
