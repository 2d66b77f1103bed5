"""Money: integer fen (CNY 0.01). No float ever touches an amount."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from marketplace.core.errors import Invalid
from marketplace.core.text import N_

FEN_PER_YUAN = 100
FEN_PER_WAN = 1_000_000
MAX_FEN = 10**15  # ten trillion yuan: far above any budget, far below a 64-bit integer

_AMOUNT = re.compile(r"^(\d{1,16})(?:\.(\d{1,8}))?(亿|万|千)?(元)?整?$")
_STRAY_COMMA = re.compile(r"^,|,(?!\d{3,4}(?!\d))|\..*,")     # groups of three, or of four as 万 counts
_SCALE = {None: 1, "千": 1_000, "万": 10_000, "亿": 100_000_000}
_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_UNITS = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")


@dataclass(frozen=True, order=True, slots=True)
class Money:
    """An amount of Chinese yuan in whole fen. May be negative only where a ledger says so."""

    fen: int

    def __post_init__(self) -> None:
        if type(self.fen) is not int:
            msg = f"Money takes whole fen, not {type(self.fen).__name__}"
            raise TypeError(msg)

    @classmethod
    def yuan(cls, yuan: int) -> "Money":
        """Return an amount of whole yuan."""
        return cls(yuan * FEN_PER_YUAN)

    @classmethod
    def parse(cls, text: str, *, unit: str = "元", field: str | None = None) -> "Money":
        """Read an amount as people type it: 36.8万, 368,000.00, ３６８０００元, ￥1,200.

        `unit` (元, 千元, 万元, 亿元) applies where the text names none itself. Raises Invalid for anything
        else, for a comma that parts no thousands (3,5万 may mean 3.5), for less than a fen, and above ten trillion yuan.
        """
        typed = unicodedata.normalize("NFKC", text or "")
        plain = re.sub(r"[\s¥￥]|人民币|CNY|RMB", "", typed, flags=re.IGNORECASE)
        if _STRAY_COMMA.search(plain) and _AMOUNT.match(plain.replace(",", "")):
            raise Invalid(N_("“{typed}”里的逗号不在千分位上。小数请用点，例如 3.5万"), field=field, typed=text)
        found = _AMOUNT.match(plain.replace(",", ""))
        if not found:
            raise Invalid(N_("“{typed}”不是金额。请填数字，例如 368000.00 或 36.8万"), field=field, typed=text)
        whole, fraction, scale, named = found.groups()
        if not scale and not named:
            scale = unit.removesuffix("元") or None
        factor = _SCALE[scale] * FEN_PER_YUAN
        fraction = fraction or ""
        scaled = int(whole + fraction) * factor
        fen, rest = divmod(scaled, 10 ** len(fraction))
        if rest:
            raise Invalid(N_("“{typed}”小于一分。金额最多到分"), field=field, typed=text)
        if fen > MAX_FEN:
            raise Invalid(N_("“{typed}”太大。请检查单位是元还是万元"), field=field, typed=text)
        return cls(fen)

    def split(self, weights: Sequence[int]) -> list["Money"]:
        """Divide by weights, to the fen, so that the parts always add up (largest remainder, first wins ties)."""
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            msg = "weights must be non-negative and not all zero"
            raise ValueError(msg)
        floors = [self.fen * weight // total for weight in weights]
        order = sorted(range(len(weights)), key=lambda i: (-(self.fen * weights[i] % total), i))
        for i in order[: self.fen - sum(floors)]:
            floors[i] += 1
        return [Money(part) for part in floors]

    def plain(self) -> str:
        """Return yuan with two decimals and no grouping: 368000.00."""
        sign, fen = ("-", -self.fen) if self.fen < 0 else ("", self.fen)
        return f"{sign}{fen // 100}.{fen % 100:02d}"

    def grouped(self) -> str:
        """Return yuan with two decimals and thousands commas: 368,000.00."""
        sign, fen = ("-", -self.fen) if self.fen < 0 else ("", self.fen)
        return f"{sign}{fen // 100:,}.{fen % 100:02d}"

    def wan(self, places: int = 2) -> str:
        """Return 万元 with `places` decimals, rounded half up: 36.80."""
        unit = FEN_PER_WAN // 10**places
        sign, fen = ("-", -self.fen) if self.fen < 0 else ("", self.fen)
        rounded = (fen + unit // 2) // unit
        return f"{sign}{rounded // 10**places:,}.{rounded % 10**places:0{places}d}"

    def capitals(self) -> str:
        """Return the amount in Chinese capitals as contracts and cheques write it (rulebook 6.4).

        整 follows 元 and 角, never 分; inner zeros collapse to one 零.
        """
        if self.fen < 0:
            return "负" + Money(-self.fen).capitals()
        yuan, cents = divmod(self.fen, 100)
        jiao, fen = divmod(cents, 10)
        words = _whole_capitals(yuan) + "元" if yuan else ""
        if not cents:
            return (words or "零元") + "整"
        if jiao:
            words += ("零" if yuan and yuan % 10 == 0 else "") + _DIGITS[jiao] + "角"
        elif yuan:
            words += "零"
        return words + (_DIGITS[fen] + "分" if fen else "")

    def __add__(self, other: "Money") -> "Money":
        return Money(self.fen + other.fen)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.fen - other.fen)

    def __mul__(self, times: int) -> "Money":
        return Money(self.fen * times)

    def __str__(self) -> str:
        return self.grouped()


def _whole_capitals(number: int) -> str:
    """Return a positive whole number in capitals, in groups of four digits."""
    words, gap = "", False
    groups = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    for power in range(len(groups) - 1, -1, -1):
        group = groups[power]
        if not group:
            gap = True
            continue
        if words and (gap or group < 1_000):  # noqa: PLR2004 - a missing thousands digit reads as one zero
            words += "零"
        words += _group_capitals(group) + _GROUPS[power]
        gap = False
    return words


def _group_capitals(group: int) -> str:
    """Return 1 to 9999 in capitals, inner zeros collapsed."""
    words, zero = "", False
    for place in range(3, -1, -1):
        digit = group // 10**place % 10
        if digit:
            words += ("零" if zero and words else "") + _DIGITS[digit] + _UNITS[place]
            zero = False
        else:
            zero = True
    return words


def total(amounts: Sequence[Money]) -> Money:
    """Return the sum; of nothing, zero."""
    return Money(sum(amount.fen for amount in amounts))
