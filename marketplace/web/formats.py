"""How amounts, dates and deadlines are written on pages (ux.md 5.4). Templates use these filters and nothing else."""

from collections.abc import Mapping
from datetime import date, datetime

from flask import Flask
from flask_babel import format_date as babel_date
from flask_babel import get_locale, gettext, ngettext

from marketplace.core.clock import beijing, utc_now
from marketplace.core.money import FEN_PER_WAN, Money
from marketplace.core.text import N_
from marketplace.web.actor import current_actor
from marketplace.web.services import config

WEEKDAYS = (N_("星期一"), N_("星期二"), N_("星期三"), N_("星期四"), N_("星期五"), N_("星期六"), N_("星期日"))
SOON_SECONDS = 3 * 86_400


def is_english() -> bool:
    """Say whether this page is read in English."""
    return str(get_locale()).startswith("en")


def yuan(amount: Money | None) -> str:
    """Return 368,000.00 元 (English: CNY 368,000.00), or a dash for unknown."""
    if amount is None:
        return "—"
    return f"CNY {amount.grouped()}" if is_english() else f"{amount.grouped()} 元"


def wan(amount: Money | None) -> str:
    """Return the number for a column headed 万元: 36.80, or a dash for unknown."""
    return "—" if amount is None else amount.wan()


def yuan_wan(amount: Money | None) -> str:
    """Return 123,456.00 元（12.35 万元）for a detail line."""
    if amount is None:
        return gettext("未填写")
    if is_english() or amount.fen < FEN_PER_WAN:
        return yuan(amount)
    return f"{yuan(amount)}（{amount.wan()} 万元）"


def day(value: date | datetime | None) -> str:
    """Return 2026-11-22 in Beijing time."""
    if value is None:
        return "—"
    return (beijing(value).date() if isinstance(value, datetime) else value).isoformat()


def day_long(value: date | datetime | None) -> str:
    """Return 2026年11月22日（星期日）; English: Sunday, 22 November 2026."""
    if value is None:
        return gettext("未填写")
    day_ = beijing(value).date() if isinstance(value, datetime) else value
    if is_english():
        return str(babel_date(day_, "EEEE, d MMMM yyyy"))
    return f"{day_.year}年{day_.month}月{day_.day}日（{gettext(WEEKDAYS[day_.weekday()])}）"


def moment(value: datetime | None) -> str:
    """Return 2026-11-22 17:00 in Beijing time."""
    return "—" if value is None else beijing(value).strftime("%Y-%m-%d %H:%M")


def moment_short(value: datetime | None) -> str:
    """Return 11-22 17:00 in Beijing time."""
    return "—" if value is None else beijing(value).strftime("%m-%d %H:%M")


def moment_exact(value: datetime | None) -> str:
    """Return 2026-11-22 17:00:03 with the zone, for receipts and records."""
    return "—" if value is None else beijing(value).strftime("%Y-%m-%d %H:%M:%S") + " (UTC+8)"


def deadline(value: datetime | None) -> str:
    """Return 2026年11月22日（星期日）17:00 for a deadline's own line."""
    if value is None:
        return gettext("未填写")
    clock = beijing(value).strftime("%H:%M")
    return f"{day_long(value)} {clock}" if is_english() else f"{day_long(value)}{clock}"


def remaining(value: datetime | None, now: datetime | None = None) -> str:
    """Return 剩 2 天 3 小时, 剩 40 分钟, or 已过 1 天; empty for no deadline."""
    if value is None:
        return ""
    seconds = int((value - (now or utc_now())).total_seconds())
    span = _span(abs(seconds))
    return gettext("剩 %(span)s", span=span) if seconds > 0 else gettext("已过 %(span)s", span=span)


def _span(seconds: int) -> str:
    """Return a length of time in its two largest units."""
    days, rest = divmod(seconds, 86_400)
    hours, minutes = rest // 3600, rest % 3600 // 60
    if days:
        words = ngettext("%(num)d 天", "%(num)d 天", days)
        return words + (" " + ngettext("%(num)d 小时", "%(num)d 小时", hours) if hours else "")
    if hours:
        words = ngettext("%(num)d 小时", "%(num)d 小时", hours)
        return words + (" " + ngettext("%(num)d 分钟", "%(num)d 分钟", minutes) if minutes else "")
    return ngettext("%(num)d 分钟", "%(num)d 分钟", max(minutes, 1))


def urgency(value: datetime | None, now: datetime | None = None) -> str:
    """Return the class of a deadline: late, soon (under three days), or nothing."""
    if value is None:
        return ""
    seconds = (value - (now or utc_now())).total_seconds()
    return "late" if seconds <= 0 else "soon" if seconds < SOON_SECONDS else ""


def file_size(size: int) -> str:
    """Return 86 KB or 1.2 MB."""
    kilo = 1024
    return f"{size / kilo / kilo:.1f} MB" if size >= kilo * kilo else f"{max(size // kilo, 1)} KB"


def masked_phone(phone: str | None) -> str:
    """Return 138****5678: the middle is shown to nobody who does not need it."""
    if not phone:
        return "—"
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 11 else phone  # noqa: PLR2004 - a mobile number


def fill(sentence: str, facts: Mapping[str, object] | None = None) -> str:
    """Return a stored sentence (a message id with {named} places) in the reader's language."""
    words = gettext(sentence) if sentence else ""
    if not facts:
        return words
    return words.format(**{name: gettext(value) if isinstance(value, str) and value else value
                           for name, value in facts.items()})


def init_formats(app: Flask) -> None:
    """Give templates the filters and the few globals they may use."""
    for filter_ in (yuan, wan, yuan_wan, day, day_long, moment, moment_short, moment_exact, deadline, remaining,
                    urgency, file_size, masked_phone, fill):
        app.jinja_env.filters[filter_.__name__] = filter_
    app.jinja_env.globals.update(utc_now=utc_now, N_=N_)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.context_processor
    def everywhere() -> dict[str, object]:
        return {"actor": current_actor(), "site": config()}
