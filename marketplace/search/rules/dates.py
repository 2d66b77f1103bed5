"""Dates as people type them: 11月底前截止, 本周截止, 三天内截止, 近一个月发布, 2026年. Pure."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from marketplace.core.clock import at_beijing, beijing_date

DEADLINE, PUBLISHED, YEAR = "deadline", "published", "year"
_NUMERALS = {"半": 0.5, "一": 1, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}
_CLOSING = r"报名截止|投标截止|申报截止|截止|到期|截标|结束|关闭"
_APPEARING = r"发布的|发布|公布的|公布|公告|发出|上线|新发"
_N = r"\d{1,3}|[半一两二三四五六七八九十]"
_UNIT = r"个?工作日|天|日(?=内|之内|以内)|周|个?星期|个月|年"
_DAY = (r"(?:(?P<year>20\d\d)\s?[年/.-]\s?)?(?P<month>1[0-2]|0?[1-9])\s?(?:月份?|[/.-])\s?"
        r"(?:(?P<day>3[01]|[12]\d|0?[1-9])\s?[日号]?|(?P<end>底|末))?")
_NAMED = r"今天|今日|明天|明日|后天|本周末|本周|这周|这个?星期|下周|下个?星期|本月底|月底|本月|这个?月|下个?月|年底|今年|明年"
_DATED = re.compile(rf"(?<!\d){_DAY}(?P<until>前|之前|以前)?\s?(?P<closing>{_CLOSING})?(?:的)?", re.ASCII)
_WORDED = re.compile(
    rf"(?<!\d)(?P<name>{_NAMED})(?P<until>前|之前|以前|内|之内)?\s?"
    rf"(?:(?P<closing>{_CLOSING})|(?P<out>{_APPEARING}))(?:的)?", re.ASCII)
_WITHIN = re.compile(
    rf"(?<![\d第月年.])(?P<n>{_N})\s?(?P<unit>{_UNIT})(?:内|之内|以内)?\s?(?P<closing>{_CLOSING})(?:的)?", re.ASCII)
_RECENT = re.compile(
    rf"(?P<near>最近|近|过去)\s?(?P<n>{_N})\s?(?P<unit>{_UNIT})(?:内|之内|以内|来)?\s?(?:{_APPEARING})?(?:的)?", re.ASCII)
_YEAR = re.compile(r"(?<!\d)(?P<year>(?:19|20)\d\d)\s?年(?:度)?(?!\s?\d)", re.ASCII)
_FAR_DAYS = 3660


@dataclass(frozen=True)
class DateSpan:
    """A date at [start, end) of a text: what it narrows, and the half-open range; a year: `year`."""

    start: int
    end: int
    what: str
    since: datetime | None = None
    until: datetime | None = None
    year: int = 0


def dates(text: str, now: datetime) -> list[DateSpan]:
    """Return the dates in a normal text, none over another; years last."""
    today = beijing_date(now)
    found: list[DateSpan] = []
    for pattern, reader in ((_WITHIN, _within), (_RECENT, _recent), (_WORDED, _worded), (_DATED, _dated),
                            (_YEAR, _year)):
        for match in pattern.finditer(text):
            if any(match.start() < one.end and one.start < match.end() for one in found):
                continue
            if (span := reader(match, today, now)) is not None:
                found.append(span)
    return found


def _length(match: re.Match[str]) -> timedelta:
    """Return how long 三天, 2周, 一个月, 半年 are."""
    number, unit = match["n"], match["unit"].removeprefix("个")
    count = float(number) if number.isascii() else _NUMERALS[number]
    days = {"工作日": 1.5, "天": 1, "日": 1, "周": 7, "星期": 7, "月": 30, "年": 365}[unit]
    return timedelta(days=min(max(round(count * days), 1), _FAR_DAYS))


def _within(match: re.Match[str], today: date, now: datetime) -> DateSpan:
    """Read 三天内截止."""
    return DateSpan(*match.span(), DEADLINE, now, at_beijing(today + _length(match) + timedelta(days=1)))


def _recent(match: re.Match[str], today: date, _now: datetime) -> DateSpan:
    """Read 近一个月发布."""
    return DateSpan(*match.span(), PUBLISHED, at_beijing(today - _length(match)), None)


def _worded(match: re.Match[str], today: date, now: datetime) -> DateSpan | None:
    """Read 本周截止, 下月发布."""
    first, after = _named(match["name"], today)
    if match["out"]:
        return DateSpan(*match.span(), PUBLISHED, at_beijing(first), at_beijing(after))
    if match["until"] and "内" not in match["until"]:
        return DateSpan(*match.span(), DEADLINE, now, at_beijing(after if "底" in match["name"] else first))
    return DateSpan(*match.span(), DEADLINE, max(now, at_beijing(first)), at_beijing(after))


def _named(name: str, today: date) -> tuple[date, date]:
    """Return the days of 今天, 下周, 本月底 as [first, after)."""
    day, monday = timedelta(days=1), today - timedelta(days=today.weekday())
    month, following = today.replace(day=1), _next_month(today)
    if name in {"今天", "今日"}:
        return today, today + day
    if name in {"明天", "明日"}:
        return today + day, today + 2 * day
    if name == "后天":
        return today + 2 * day, today + 3 * day
    if name.startswith("下") and not name.endswith("月"):
        return monday + 7 * day, monday + 14 * day
    if name.endswith(("周", "周末", "星期")):
        return monday, monday + 7 * day
    if name.startswith("下"):
        return following, _next_month(following)
    if name.endswith(("年", "年底")):
        year = today.year + name.startswith("明")
        return date(year, 1, 1), date(year + 1, 1, 1)
    return month, following


def _next_month(day: date) -> date:
    """Return the first of the month after that of `day`."""
    return day.replace(day=1) + timedelta(days=monthrange(day.year, day.month)[1])


def _dated(match: re.Match[str], today: date, now: datetime) -> DateSpan | None:
    """Read 11月底前截止, 2026年12月31日前; without 前 or 截止 it is no bound."""
    if not match["until"] and not match["closing"]:
        return None
    month, day = int(match["month"]), match["day"]
    year = int(match["year"]) if match["year"] else today.year + (month < today.month)
    last = monthrange(year, month)[1]
    first = date(year, month, min(int(day), last) if day else (last if match["end"] else 1))
    after = first + timedelta(days=1) if day or match["end"] else _next_month(first)
    if match["until"]:                      # 12月前: before it begins; 11月30日前, 11月底前: with that day
        return DateSpan(*match.span(), DEADLINE, now, at_beijing(after if day or match["end"] else first))
    return DateSpan(*match.span(), DEADLINE, at_beijing(first), at_beijing(after))


def _year(match: re.Match[str], _today: date, _now: datetime) -> DateSpan:
    """Read 2026年."""
    return DateSpan(*match.span(), YEAR, year=int(match["year"]))
