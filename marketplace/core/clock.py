"""The only place that reads the wall clock; everything else takes `now` as an argument."""

import time
from datetime import date, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8), "UTC+8")


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(tz=timezone.utc)  # noqa: UP017 - 3.11 has datetime.UTC; the long name reads better here


def monotonic() -> float:
    """Return seconds that only ever grow, for pauses inside one process; never for anything that is stored."""
    return time.monotonic()


def beijing(moment: datetime) -> datetime:
    """Return the same moment on the clock of the people who read it (UTC+8, no daylight saving)."""
    return moment.astimezone(BEIJING)


def beijing_date(moment: datetime) -> date:
    """Return the calendar day that `moment` falls on in Beijing time."""
    return beijing(moment).date()


def at_beijing(day: date, hour: int = 0, minute: int = 0) -> datetime:
    """Return the moment of a Beijing wall-clock time, in UTC."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BEIJING).astimezone(timezone.utc)  # noqa: UP017
