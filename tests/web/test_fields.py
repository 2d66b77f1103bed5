"""What people type into amounts, dates and deadlines, and what becomes of it (SEC-18)."""

from datetime import UTC, date, datetime

import pytest
from flask import Flask
from flask_babel import Babel
from werkzeug.datastructures import MultiDict
from wtforms import Form
from wtforms.validators import DataRequired

from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.web.fields import (
    ChineseDateField,
    DeadlineField,
    LongTextField,
    MoneyField,
    TextField,
    read_date,
    read_time,
)


class Sheet(Form):
    title = TextField("标题", most=20)
    body = LongTextField("正文")
    price = MoneyField("金额")
    wan = MoneyField("万元", unit="万元")
    day = ChineseDateField("日期")
    closes = DeadlineField("截止")


@pytest.fixture(autouse=True)
def _babel():
    app = Flask(__name__)
    Babel(app, default_locale="zh_Hans_CN")
    with app.test_request_context():
        yield


def filled(**typed) -> Sheet:
    data = MultiDict()
    for name, value in typed.items():
        for each in value if isinstance(value, list) else [value]:
            data.add(name, each)
    return Sheet(data)


def error(form: Sheet, name: str) -> str:
    form.validate()
    return "".join(form[name].errors)


@pytest.mark.parametrize(("typed", "fen"), [
    ("368000", 36_800_000), ("36.8万", 36_800_000), ("３６８，０００．００元", 36_800_000), ("¥368,000.00", 36_800_000),
    ("0", 0), ("0.01", 1), ("1亿", 10_000_000_000),
])
def test_sec_18_an_amount_is_read_as_offices_write_it(typed, fen):
    assert filled(price=typed).price.data == Money(fen)


@pytest.mark.parametrize("typed", ["-5", "1e308", "NaN", "Infinity", "10.001", "九万", "1,2,3x", "9" * 309, "0x10", "\x00"])
def test_sec_18_what_is_no_amount_is_refused_in_words_and_stays_in_the_box(typed):
    form = filled(price=typed)
    assert error(form, "price")
    assert form.price.data is None
    assert form.price._value() == typed


def test_an_amount_in_a_box_headed_wan_is_wan():
    form = filled(wan="36.8")
    assert form.wan.data == Money.yuan(368_000)
    assert Sheet(data={"wan": Money.yuan(368_000)}).wan._value() == "36.8"
    assert Sheet(data={"price": Money.yuan(368_000)}).price._value() == "368,000.00"


@pytest.mark.parametrize("typed", ["2026-11-22", "2026/11/22", "2026.11.22", "20261122", "2026年11月22日", "２０２６年１１月２２日", "2026年 11 月 22 号"])
def test_a_day_is_read_in_every_usual_form(typed):
    assert filled(day=typed).day.data == date(2026, 11, 22)


def test_a_day_without_a_year_is_the_next_one_to_come():
    assert read_date("11月22日", today=date(2026, 9, 1)) == date(2026, 11, 22)
    assert read_date("1月5日", today=date(2026, 12, 1)) == date(2027, 1, 5)
    assert read_date("11月20日", today=date(2026, 11, 22)) == date(2026, 11, 20)


@pytest.mark.parametrize("typed", ["2026-02-29", "2026-13-01", "0000-00-00", "明天", "22/11/2026", "2026-11/22"])
def test_sec_18_a_day_that_does_not_exist_is_refused(typed):
    form = filled(day=typed)
    assert error(form, "day")
    assert form.day.data is None


def test_sec_18_a_leap_day_exists_in_leap_years():
    assert filled(day="2028-02-29").day.data == date(2028, 2, 29)


@pytest.mark.parametrize("typed", [
    ["2026-11-22", "17:00"], ["2026-11-22 17:00"], ["2026年11月22日17:00"], ["2026年11月22日", "17点"], ["20261122", "17：00"],
    ["2026-11-22T17:00"],
])
def test_a_deadline_is_beijing_time(typed):
    assert filled(closes=typed).closes.data == datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(("typed", "says"), [
    (["2026-11-22", "24:00"], "23:59"), (["2026-11-22", "25:00"], "没有"), (["2026-11-22", ""], "时间"), (["", "17:00"], "日期"),
    (["2026-11-22"], "时间"), (["2026-11-22", "五点"], "不是时间"),
])
def test_sec_18_a_deadline_is_never_24_o_clock_nor_half_filled(typed, says):
    form = filled(closes=typed)
    assert says in error(form, "closes")
    assert form.closes.data is None


def test_a_deadline_keeps_what_was_typed_and_writes_its_value_in_beijing_time():
    assert filled(closes=["2026-11-22", "24:00"]).closes._value() == "2026-11-22 24:00"
    assert Sheet(data={"closes": datetime(2026, 11, 22, 9, 0, tzinfo=UTC)}).closes._value() == "2026-11-22 17:00"


def test_text_is_trimmed_and_composed():
    form = filled(title="  cafe\u0301\u200b ", body="一\r\n二\r三  ")
    assert form.title.data == "café"
    assert form.body.data == "一\n二\n三"


@pytest.mark.parametrize("typed", ["a\x00b", "a\x1bb", "公\u202e司", "a\nb"])
def test_sec_18_control_characters_are_refused_in_one_line(typed):
    form = filled(title=typed)
    assert "控制字符" in error(form, "title")


def test_sec_18_a_repeated_field_counts_once():
    assert filled(title=["一", "二"]).title.data == "一"
    assert filled(price=["1", "2"]).price.data == Money.yuan(1)


def test_too_long_text_says_how_long():
    assert "20" in error(filled(title="长" * 21), "title")


def test_read_time_names_the_wrong_time():
    with pytest.raises(Invalid, match="17:00"):
        read_time("99:99")
    assert read_time("9:05") == (9, 5)


def test_required_refuses_an_empty_amount():
    class Must(Form):
        price = MoneyField("金额", [DataRequired("请填金额")])

    form = Must(MultiDict({"price": " "}))
    assert not form.validate()
    assert form.price.errors == ["请填金额"]
