"""When a charity must publish how a programme goes, and the columns of such a report. Pure.

Source: rulebook 4.3 (慈善法第七十九条): programmes of more than six months at least every three months; in full within
three months after the end. The columns follow the project forms of 慈善中国; their exact layout is for the site to check.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from marketplace.core.text import N_

LONG_MONTHS, EVERY_MONTHS, FINAL_MONTHS = 6, 3, 3
SOURCE = N_("慈善法第七十九条")

COLUMNS: tuple[tuple[str, str], ...] = (
    ("title", N_("项目名称")), ("number", N_("项目编号")), ("field", N_("服务领域")), ("area", N_("实施地区")),
    ("target_group", N_("受益对象")), ("beneficiaries", N_("受益人数")), ("starts", N_("开始日期")), ("ends", N_("结束日期")),
    ("provider", N_("接收单位")), ("promised", N_("承诺金额（元）")), ("income", N_("本年收入（元）")),
    ("spending", N_("本年支出（元）")), ("paid", N_("累计收入（元）")), ("disbursed", N_("累计支出（元）")),
    ("balance", N_("结余（元）")),
)


@dataclass(frozen=True)
class ReportDue:
    """One report: interim or final, and the last day for it."""

    is_final: bool
    due_on: date


def add_months(day: date, months: int) -> date:
    """Return the same day some months later, or the month's last day where there is none."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError  # every month has 28 days


def reports(starts: date, ends: date) -> Iterator[ReportDue]:
    """Yield every report of a programme in order of its day."""
    if add_months(starts, LONG_MONTHS) < ends:
        number = 1
        while (due := add_months(starts, EVERY_MONTHS * number)) < ends:
            yield ReportDue(is_final=False, due_on=due)
            number += 1
    yield ReportDue(is_final=True, due_on=add_months(ends, FINAL_MONTHS))


def next_report(starts: date | None, ends: date | None, *, today: date) -> ReportDue | None:
    """Return the next report of a programme, or None when its time is not fixed or all days have passed."""
    if starts is None or ends is None or ends < starts:
        return None
    return next((one for one in reports(starts, ends) if one.due_on >= today), None)
