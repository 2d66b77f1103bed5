"""Money as people type it: 3万以下, 30-50万, 不超过3万, 5万元左右, 三十万以内. Pure."""

import re
from dataclasses import dataclass
from decimal import Decimal

_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_TENS = {"十": 10, "百": 100, "千": 1000}
_UNITS = {"": 1, "百": 100, "千": 1000, "k": 1000, "万": 10**4, "w": 10**4, "十万": 10**5, "百万": 10**6, "千万": 10**7,
          "亿": 10**8}
_LARGE = {"万", "w", "k", "十万", "百万", "千万", "亿"}
_NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,3}|\d{1,12})(?:\.\d{1,4})?|[零〇一二两三四五六七八九十百千]{1,9}"
_UNIT = r"千万|百万|十万|万|亿|千|百|w|k"
_CURRENCY = r"元人民币|人民币|元钱|块钱|元|块|rmb|cny"
_BELOW, _ABOVE, _ABOUT = "below", "above", "about"
_BEFORE = {_BELOW: r"不超过|不高于|不多于|不大于|少于|低于|小于|最多|至多|上限|<=|<|≤|≦", _ABOVE:
           r"不少于|不低于|不小于|高于|大于|超过|多于|至少|最少|下限|>=|>|≥|≧", _ABOUT: r"大约|大概|约|差不多"}
_AFTER = {_BELOW: r"及以下|以下|以内|之内|内|封顶|之下", _ABOVE: r"及以上|以上|之上|起步|起", _ABOUT: r"左右|上下|上下浮动"}
_COUNTED = "人户名次场个位岁年月天日号平份餐小分家条件只亩册张间套台例对组公千里步字级"
_SHARE = Decimal("0.2")            # "about": a fifth less or more
_MOST_FEN = 10**16


def _group(name: str, words: dict[str, str]) -> str:
    """Return a pattern of words, one named group for each sense."""
    return "|".join(f"(?P<{name}_{sense}>{pattern})" for sense, pattern in words.items())


_AMOUNT = re.compile(
    rf"(?P<name>(?:预算|金额|经费|资金)(?:在|为|是|[:：])?\s?)?(?:{_group('pre', _BEFORE)})?\s?(?<![\d.零〇一二两三四五六七八九十百千])"
    rf"(?:(?P<low>{_NUMBER})(?P<low_unit>{_UNIT})?(?:{_CURRENCY})?\s?(?:-|~|–|—|到|至)\s?)?"
    rf"(?P<high>{_NUMBER})(?P<unit>{_UNIT})?(?P<currency>{_CURRENCY})?(?![\d.])\s?(?:之间)?(?:{_group('post', _AFTER)})?",
    re.ASCII)


@dataclass(frozen=True)
class AmountSpan:
    """An amount at [start, end) of a text: from and to in fen, both included; None: no bound."""

    start: int
    end: int
    low: int | None
    high: int | None


def amounts(text: str) -> list[AmountSpan]:
    """Return the amounts of money in a normal text, in order. Numbers without a unit of money are none."""
    return [span for match in _AMOUNT.finditer(text) if (span := _span(match, text))]


def _span(match: re.Match[str], text: str) -> AmountSpan | None:
    """Return what a match means, or None when it is no money."""
    unit, sense = match["unit"] or "", _sense(match)
    if not match["currency"] and (unit not in _LARGE or _is_counted(match, text)):
        return None
    high = _fen(match["high"], unit)
    low = _fen(match["low"], match["low_unit"] or unit) if match["low"] else None
    if high is None or high > _MOST_FEN or (match["low"] and (low is None or low > high)):
        return None
    if low is None and not sense and not match["currency"] and not match["high"][0].isascii():
        return None                                     # 十万火急
    if low is not None:
        return AmountSpan(match.start(), match.end(), low, high)
    about = int(high * _SHARE)
    bounds = {_BELOW: (None, high), _ABOVE: (high, None)}
    return AmountSpan(match.start(), match.end(), *bounds.get(sense, (high - about, high + about)))


def _sense(match: re.Match[str]) -> str:
    """Return which words stand before or after: below, above, about; empty when none does."""
    return next((name.split("_")[1] for name, value in match.groupdict().items()
                 if value and name.startswith(("pre_", "post_"))), "")


def _is_counted(match: re.Match[str], text: str) -> bool:
    """Say whether what follows a number is people, times, places: 3万人."""
    return text[match.end("unit"):match.end("unit") + 1] in set(_COUNTED) if match["unit"] else False


def _fen(number: str, unit: str) -> int | None:
    """Return a number with its unit in fen."""
    plain = number.replace(",", "")
    value = Decimal(plain) if plain[0].isdigit() and plain[0].isascii() else _chinese(plain)
    return None if value is None else int(value * _UNITS[unit] * 100)


def _chinese(number: str) -> Decimal | None:
    """Return the value of a number in Chinese characters: 三十, 一百二十, 十五, 一千零五十."""
    total = digit = 0
    for character in number:
        if character in _TENS:
            total, digit = total + (digit or 1) * _TENS[character], 0
        else:
            digit = digit * 10 + _DIGITS[character] if digit else _DIGITS[character]
    return Decimal(total + digit) or None


def said_in_wan(fen: int) -> str:
    """Return an amount as people say it: 3万, 1.5万, 8000元."""
    yuan = Decimal(fen) / 100
    large, unit = (yuan / 10**4, "万") if yuan >= 10**4 else (yuan, "元")
    return f"{large.normalize():f}{unit}"


def said(low: int | None, high: int | None) -> str:
    """Return a range of money as a chip shows it."""
    if low is not None and high is not None:
        return f"{said_in_wan(low)}–{said_in_wan(high)}"
    return f"≤ {said_in_wan(high)}" if high is not None else f"≥ {said_in_wan(low or 0)}"
