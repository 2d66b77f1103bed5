"""Form fields that read what people type in Chinese offices: amounts, dates, deadlines, clean text."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from flask_babel import gettext
from wtforms import Field, StringField, TextAreaField
from wtforms.validators import ValidationError
from wtforms.widgets import TextInput

from marketplace.core.clock import at_beijing, beijing, beijing_date, utc_now
from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.web.errors import say

MAX_LINE = 200
MAX_TEXT = 20_000
HALF_YEAR_DAYS = 183
MOST_DIGITS = 9
_DATE = re.compile(r"(?:(\d{4})年)?(\d{1,2})月(\d{1,2})[日号]?|(\d{4})([-/.])(\d{1,2})\5(\d{1,2})|(\d{4})(\d{2})(\d{2})")
_TIME = re.compile(r"(\d{1,2})(?::|时|点)(\d{2})?分?(?::00)?")
_CONTROLS = frozenset({"Cc", "Cs", "Co", "Cn"})
_DIRECTIONS = set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_text(typed: str, *, lines: bool = False) -> str:
    """Return typed text in NFC, trimmed, with Unix line ends; raises ValidationError for control characters.

    Zero-width characters that come along from web pages are dropped; characters that turn the direction of
    writing are refused, because they make a name read differently from what it is.
    """
    text = unicodedata.normalize("NFC", typed).replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\u200b", "").replace("\ufeff", "").replace("\u00a0", " ").strip()
    allowed = {"\n", "\t"} if lines else {"\t"}
    for letter in text:
        if letter in _DIRECTIONS or (unicodedata.category(letter) in _CONTROLS and letter not in allowed):
            raise ValidationError(gettext("文字里有看不见的控制字符（U+%(code)s）。请删掉后重新输入", code=f"{ord(letter):04X}"))
    return text if lines else text.replace("\t", " ")


class _Clean:
    """What one-line and many-line text fields share."""

    lines = False
    most = MAX_LINE
    data: str
    errors: Sequence[str]

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the first value only, cleaned; keep what was typed when it is refused."""
        if not valuelist:
            return
        self.data = valuelist[0]
        self.data = clean_text(valuelist[0], lines=self.lines)
        if len(self.data) > self.most:
            raise ValidationError(gettext("最多 %(most)d 个字，现在是 %(now)d 个", most=self.most, now=len(self.data)))


class TextField(_Clean, StringField):
    """One line of text, NFC and trimmed."""

    def __init__(self, label: Any = None, validators: Any = None, *, most: int = MAX_LINE, **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.most = most


class LongTextField(_Clean, TextAreaField):
    """Several lines of text, NFC and trimmed."""

    lines = True

    def __init__(self, label: Any = None, validators: Any = None, *, most: int = MAX_TEXT, **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.most = most


class _Typed(Field):
    """A field whose data is a value and whose page text is what was typed, until it is right."""

    widget = TextInput()
    data: Any
    raw_data: list[str] | None

    def _value(self) -> str:
        """Return what stands in the box: what was typed, or the value written out."""
        if self.raw_data:
            return self.raw_data[0]
        return "" if self.data is None else self.written(self.data)

    def written(self, value: Any) -> str:
        """Return a value as it stands in the box before anybody typed."""
        return str(value)

    def read(self, typed: str) -> Any:
        """Return the value of a non-empty text (here the text itself); raises Invalid."""
        return typed

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the first value; empty is None, so that DataRequired and Optional work."""
        self.data = None
        typed = unicodedata.normalize("NFKC", valuelist[0]).strip() if valuelist else ""
        if not typed:
            return
        try:
            self.data = self.read(typed)
        except Invalid as refused:
            raise ValidationError(say(refused)) from None


class MoneyField(_Typed):
    """An amount: 368,000.00, 36.8万, ３６８０００元. `unit` applies where the text names none. Data: Money or None."""

    def __init__(self, label: str | None = None, validators: Any = None, *, unit: str = "元",
                 least: Money | None = None, **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.unit, self.least = unit, least

    def written(self, value: Money) -> str:
        """Return yuan with commas, or the number in 万元 where the box is headed so."""
        if self.unit == "元":
            return value.grouped()
        exact = f"{value.fen // 1_000_000}.{value.fen % 1_000_000:06d}"
        return exact.rstrip("0").rstrip(".") if self.unit == "万元" else f"{value.plain()}元"

    def read(self, typed: str) -> Money:
        """Return the amount."""
        amount = Money.parse(typed, unit=self.unit)
        if self.least is not None and amount < self.least:
            raise Invalid(N_("金额不能少于 {least} 元"), least=self.least.grouped())
        return amount


class WholeField(_Typed):
    """A whole number, full-width digits and commas too. Data: int or None."""

    def read(self, typed: str) -> int:
        """Return the number."""
        plain = typed.replace(",", "").replace(" ", "")
        if not plain.isascii() or not plain.isdigit() or len(plain) > MOST_DIGITS:
            raise Invalid(N_("“{typed}”不是整数。请用阿拉伯数字填写"), typed=typed)
        return int(plain)


def read_date(typed: str, *, today: date) -> date:
    """Return the day a text names: 2026/11/22, 20261122, 2026年11月22日, 11月22日 (the nearest such day to come)."""
    found = _DATE.fullmatch(re.sub(r"\s", "", unicodedata.normalize("NFKC", typed)))
    if not found:
        raise Invalid(N_("“{typed}”不是日期。请写成 2026-11-22 或 2026年11月22日"), typed=typed)
    parts = [int(part) for part in found.groups() if part and part.isdigit()]
    year, month, day = parts if len(parts) == 3 else (today.year, *parts)  # noqa: PLR2004 - year, month, day
    try:
        value = date(year, month, day)
        if len(parts) < 3 and (today - value).days > HALF_YEAR_DAYS:  # noqa: PLR2004
            value = date(year + 1, month, day)
    except ValueError:
        raise Invalid(N_("没有“{typed}”这一天。请检查月份和日期"), typed=typed) from None
    return value


def read_time(typed: str) -> tuple[int, int]:
    """Return hour and minute of 17:00, 17：00, 9点30分. 24:00 is refused: people read it as two different days."""
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", typed))
    found = _TIME.fullmatch(plain)
    if not found:
        raise Invalid(N_("“{typed}”不是时间。请写成 17:00"), typed=typed)
    hour, minute = int(found[1]), int(found[2] or 0)
    if hour == 24:  # noqa: PLR2004
        raise Invalid(N_("不用 24:00，容易看成两天。请写当天 23:59 或次日 00:00"))
    if hour > 23 or minute > 59:  # noqa: PLR2004
        raise Invalid(N_("没有“{typed}”这个时间。请写成 17:00"), typed=typed)
    return hour, minute


class ChineseDateField(_Typed):
    """A day as people write it. Data: date or None."""

    def written(self, value: date) -> str:
        """Return 2026-11-22."""
        return value.isoformat()

    def read(self, typed: str) -> date:
        """Return the day."""
        return read_date(typed, today=beijing_date(utc_now()))


class DeadlineField(_Typed):
    """A deadline: a day and a time to the minute, Beijing time, never 24:00. Data: an aware datetime in UTC, or None.

    Sent as one text "2026-11-22 17:00", or as two values (day, time) under one name.
    """

    def _value(self) -> str:
        """Return what was typed, or the deadline written out in Beijing time."""
        if self.raw_data:
            return " ".join(part for part in self.raw_data[:2] if part)
        return "" if self.data is None else self.written(self.data)

    def written(self, value: datetime) -> str:
        """Return 2026-11-22 17:00."""
        return beijing(value).strftime("%Y-%m-%d %H:%M")

    @staticmethod
    def _split(values: Sequence[str]) -> tuple[str, str]:
        """Return day and time as typed, whether they came as two values or as one."""
        if len(values) > 1:
            return values[0].strip(), values[1].strip()
        text = unicodedata.normalize("NFKC", values[0]).strip()
        found = re.fullmatch(r"(.*?[日号\d])[\sT]*?(?:[\sT]|(?<=[日号]))(\d{1,2}(?::|时|点).*)", text)
        return (found[1].strip(), found[2].strip()) if found else (text, "")

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read day and time together; one without the other is refused."""
        self.data = None
        day, clock = self._split(valuelist) if valuelist else ("", "")
        if not day and not clock:
            return
        try:
            self.data = self._moment(day, clock)
        except Invalid as refused:
            raise ValidationError(say(refused)) from None

    @staticmethod
    def _moment(day: str, clock: str) -> datetime:
        """Return the moment of day and time."""
        if not day:
            raise Invalid(N_("请填日期，例如 2026-11-22"))
        if not clock:
            raise Invalid(N_("请填时间，例如 17:00"))
        return at_beijing(read_date(day, today=beijing_date(utc_now())), *read_time(clock))
