"""Amounts as clerks type them: 约 4.5万元, １１．７, 三十万元, 待定. Always to the fen, never a float."""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal

from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.core.sheets.text import means_nothing
from marketplace.core.text import N_

UNITS = ("元", "千元", "万元", "百万元", "亿元")
_UNIT = r"(百万元|万元|千元|亿元|元)"
_STATED = re.compile(rf"单位(?:为|是)?[:：=]?(?:人民币)?[(/、]?{_UNIT}")
_IN_BRACKETS = re.compile(r"[(\[【{]\s*(?:人民币|单位)?[:：]?(?:人民币)?(百万元?|万元?|千元?|亿元?|元)(?:人民币|整)?\s*[)\]】}]")
_AT_END = re.compile(rf"(?:[/／:：_\-—,，]|金额|预算|资金|经费|额度|总额|投入|规模|价|数){_UNIT}$|^{_UNIT}$")
_FACTOR = {"元": 1, "千元": 1_000, "万元": 10_000, "百万元": 1_000_000, "亿元": 100_000_000}
_LEADING = re.compile(r"^(?:大约|约为|约|不超过|不高于|最高限价|最高|上限|限额|预计|暂定|拟|共计|共|计|总计|合计|小计|≤|<=|<|≈|~)[:：]?")
_TRAILING = re.compile(r"(?:左右|以内|之内|以下|整|/年|/项|每年|一年)$")
_ASIDE = re.compile(r"[(\[【〔].*$")
_NUMBER = re.compile(r"^(\d{1,16})(?:\.(\d{1,12}))?(亿|百万|万|千)?元?整?$")
_RANGE = re.compile(r"\d[\d.]*(?:亿|万|千)?元?[-~—–至到]+\d")
_HAN_NUMBER = re.compile(r"^([零〇一二两三四五六七八九十百千壹贰叁肆伍陆柒捌玖拾佰仟]*)(亿|万)?([零〇一二两三四五六七八九十百千壹贰叁肆伍陆柒捌玖拾佰仟]*)元?整?$")
_DIGITS = dict(zip("零〇一二两三四五六七八九壹贰叁肆伍陆柒捌玖", (0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9),
                   strict=True))
_PLACES = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1_000, "仟": 1_000}
LONGEST = 60           # no amount is longer, and no pattern here meets a longer text
UNREADABLE = N_("“{value}”不是金额。请填数字，例如 36.8 或 368000 元；还没定的请留空")


def _fold(text: str) -> str:
    """Return `text` folded, without blanks, currency signs and digit commas."""
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).lstrip("'")
    return re.sub(r"[¥￥$]|人民币|cny|rmb", "", re.sub(r"(?<=\d),(?=\d)", "", plain), flags=re.IGNORECASE)


def amount_unit(text: str, *, is_heading: bool = False) -> str | None:
    """Return the unit of money that a heading, or a line above the table, states: 元, 千元, 万元, 百万元, 亿元.

    A line above must say 单位：万元 or (万元); a heading may also end with it: 预算金额/万元.
    """
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))
    if found := _STATED.search(plain):
        return found.group(1)
    if found := _IN_BRACKETS.search(plain):
        return found.group(1).removesuffix("元") + "元"
    if is_heading and (found := _AT_END.search(plain)):
        return found.group(1) or found.group(2)
    return None


def read_amount(text: str, *, unit: str | None, is_number: bool = False) -> Money | None:
    """Read one cell; None when it says nothing. `unit` applies where the cell names none (None: not stated, 元).

    A numeric cell may carry the noise of a formula and is rounded to the fen; a typed text must be exact.
    Raises Invalid for a range, a negative, words (待定), and for less than a fen.
    """
    if len(text) > LONGEST:
        raise Invalid(UNREADABLE, value=text[:LONGEST] + "…")
    plain = _fold(text)
    if means_nothing(plain):
        return None
    if is_number:
        return _from_number(plain, text, unit)
    if _RANGE.search(plain):
        raise Invalid(N_("“{value}”是一个范围。请填一个数，范围可以写在备注里"), value=text)
    if plain.startswith(("-", "(")) and re.search(r"\d", plain):
        raise Invalid(N_("“{value}”是负数。预算不能小于零"), value=text)
    core = _ASIDE.sub("", _LEADING.sub("", plain))
    core = _TRAILING.sub("", core)
    if found := _NUMBER.match(core):
        return _scaled(found, unit, text)
    return _from_words(core, text)


def _from_number(plain: str, text: str, unit: str | None) -> Money:
    """Return a numeric cell's amount, rounded half up to the fen."""
    value = Decimal(plain) * _FACTOR[unit or "元"] * 100
    if value < 0:
        raise Invalid(N_("“{value}”是负数。预算不能小于零"), value=text)
    return _bounded(int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP)), text)


def _scaled(found: re.Match[str], unit: str | None, text: str) -> Money:
    """Return the amount of a typed number; its own 万 or 元 goes before the heading's unit."""
    whole, fraction, scale = found.group(1), found.group(2) or "", found.group(3)
    own = f"{scale}元" if scale else "元" if "元" in found.group(0) else None
    scaled = int(whole + fraction) * _FACTOR[own or unit or "元"] * 100
    fen, rest = divmod(scaled, 10 ** len(fraction))
    if rest:
        raise Invalid(N_("“{value}”小于一分。金额最多到分"), value=text)
    return _bounded(fen, text)


def _bounded(fen: int, text: str) -> Money:
    """Return the amount; raises Invalid for more than any budget."""
    if fen > 10**15:
        raise Invalid(N_("“{value}”太大。请检查单位是元还是万元"), value=text)
    return Money(fen)


def _from_words(core: str, text: str) -> Money:
    """Return an amount written in Chinese numerals that says 元 or 万; raises Invalid for anything else."""
    found = _HAN_NUMBER.match(core)
    if not found or not (found.group(2) or core.rstrip("整").endswith("元")) or not (found.group(1) or found.group(3)):
        raise Invalid(UNREADABLE, value=text)
    scale = {"亿": 100_000_000, "万": 10_000, None: 1}[found.group(2)]
    high, low = found.group(1), found.group(3)
    return _bounded((_whole(high) * scale + _whole(low)) * 100, text)


def _whole(words: str) -> int:
    """Return the value of Chinese numerals below ten thousand: 三百二十 is 320."""
    total, digit = 0, 0
    for sign in words:
        if sign in _PLACES:
            total += (digit or 1) * _PLACES[sign]
            digit = 0
        else:
            digit = _DIGITS[sign]
    return total + digit
