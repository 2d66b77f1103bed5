"""What a promise is made of: its reference code, how long it lives, its instalments. Pure: no table, no clock."""

import secrets
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.rules.buckets import Bucket

# 31 characters, a prime: with weights that differ, one wrong character or two swapped ones never pass the check.
# No 0 O 1 I L: people copy the code from paper into the remark of a bank transfer.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LETTERS = ALPHABET[8:]        # the first one is a letter: a sheet then never takes the code for a number (12E34567)
CODE_LENGTH = 9               # eight random ones and the check character: 23 x 31^7 codes
SHOWN_GROUP = 3

VERBAL_LIFE = timedelta(days=30)          # a raised paddle that nobody signs for
REMIND_AFTER_DAYS = (3, 7)                # of a verbal promise
EXPIRY_NEAR = timedelta(days=7)
PAY_GRACE = timedelta(days=90)            # after the last instalment's day
PAY_WITHIN = timedelta(days=60)           # of a promise without instalments
MOST_INSTALMENTS = 24
MAX_PURPOSE, MAX_REASON, MAX_NAMING = 500, 500, 60
MOST_MANAGEMENT = 30                      # per cent; CL 61 lets the agreement fix the share

LEFTOVER_LABELS: Mapping[str, str] = {    # CL 58: as agreed, else the same or a similar purpose, published
    "similar": N_("用于相同或相近的公益目的，并公布"), "return": N_("退回捐赠人"), "project": N_("留在本项目继续使用"),
}


@dataclass(frozen=True)
class Part:
    """One instalment: the day and the sum."""

    due_on: date
    amount: Money


def new_code() -> str:
    """Return a random reference code, its check character last."""
    body = secrets.choice(LETTERS) + "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH - 2))
    return body + check_character(body)


def check_character(body: str) -> str:
    """Return the character that makes the weighted sum of a code a multiple of 31."""
    weighted = sum(weight * ALPHABET.index(letter) for weight, letter in enumerate(body, 2))
    return ALPHABET[-weighted % len(ALPHABET)]


def code_is_valid(code: str) -> bool:
    """Say whether a code can have been given out: length, characters, check character."""
    return (len(code) == CODE_LENGTH and code[0] in LETTERS and all(letter in ALPHABET for letter in code)
            and code[-1] == check_character(code[:-1]))


def tidy_code(typed: str) -> str:
    """Return a code as it is stored, however it was typed: half-width, upper case, without gaps and hyphens."""
    plain = unicodedata.normalize("NFKC", typed or "").upper()
    return "".join(letter for letter in plain if letter.isalnum())


def shown_code(code: str) -> str:
    """Return a code as people read it: ABC-DEF-GHJ."""
    return "-".join(code[at:at + SHOWN_GROUP] for at in range(0, len(code), SHOWN_GROUP))


def codes_in(text: str) -> list[str]:
    """Return every valid code that stands in a remark, in order, once each: banks drop hyphens and add words.

    A run of letters and digits is read at every place: 捐款KX3-9P2-MTR and 备注KX39P2MTR认捐 both give KX39P2MTR. One
    place in thirty-one passes by chance, so the caller looks the codes up.
    """
    return list(dict.fromkeys(_windows(text)))


def _windows(text: str) -> Iterator[str]:
    """Yield each valid window of the runs of code characters in a text."""
    plain = unicodedata.normalize("NFKC", text or "").upper()
    joined = "".join(letter for letter in plain if letter not in " \t-—–_./·")
    for at in range(len(joined) - CODE_LENGTH + 1):
        window = joined[at:at + CODE_LENGTH]
        if code_is_valid(window):
            yield window


def check_amount(amount: Money) -> Money:
    """Return the sum of a promise or step, or raise Invalid unless it is more than nothing."""
    if amount.fen <= 0:
        raise Invalid(N_("金额要大于零"), field="amount")
    return amount


def check_instalments(parts: Sequence[Part], amount: Money, *, today: date) -> tuple[Part, ...]:
    """Return the instalments, or raise Invalid unless they add up, come in order and none lies in the past."""
    if len(parts) > MOST_INSTALMENTS:
        raise Invalid(N_("分期最多 {most} 期"), field="instalments", most=MOST_INSTALMENTS)
    if any(part.amount.fen <= 0 for part in parts):
        raise Invalid(N_("每一期的金额都要大于零"), field="instalments")
    days = [part.due_on for part in parts]
    if days != sorted(set(days)):
        raise Invalid(N_("分期的日期要从早到晚，不能重复"), field="instalments")
    if days and days[0] < today:
        raise Invalid(N_("第一期的日期已经过去。请改为今天或以后"), field="instalments")
    total = Money(sum(part.amount.fen for part in parts))
    if parts and total != amount:
        raise Invalid(N_("分期合计 {total} 元，与认捐金额 {amount} 元不相等"), field="instalments",
                      total=total.grouped(), amount=amount.grouped())
    return tuple(parts)


def expires_at(*, is_verbal: bool, parts: Sequence[Part], now: datetime) -> datetime:
    """Return when a promise lapses: unsigned after 30 days, signed 90 days after the last day to pay."""
    if is_verbal:
        return now + VERBAL_LIFE
    if not parts:
        return now + PAY_WITHIN + PAY_GRACE
    last = max(part.due_on for part in parts)
    days = (last - now.date()).days
    return now + timedelta(days=days) + PAY_GRACE


def is_live(fen: Mapping[Bucket, int]) -> bool:
    """Say whether anything of a pledge still counts: promised, there, or spent; not merely returned or dropped."""
    gone = (Bucket.REFUNDED, Bucket.DROPPED)
    return any(amount for bucket, amount in fen.items() if bucket not in gone)


def needs_council(amount: Money, line: Money | None) -> bool:
    """Say whether a sum needs a resolution of the funder's council: at and above its own line."""
    return line is not None and amount >= line


def check_terms(*, management_percent: int, leftover_rule: str, purpose: str, naming: str) -> None:
    """Raise Invalid for terms of a gift that no paper may carry."""
    if not 0 <= management_percent <= MOST_MANAGEMENT:
        raise Invalid(N_("管理费比例要在 0 到 {most} 之间（慈善法第六十一条，由协议约定）"), field="management_percent",
                      most=MOST_MANAGEMENT)
    if leftover_rule not in LEFTOVER_LABELS:
        raise Invalid(N_("请选择剩余财产怎样处理"), field="leftover_rule")
    if len(purpose) > MAX_PURPOSE:
        raise Invalid(N_("用途最多 {most} 个字"), field="purpose", most=MAX_PURPOSE)
    if len(naming) > MAX_NAMING:
        raise Invalid(N_("冠名最多 {most} 个字"), field="naming", most=MAX_NAMING)


def check_reason(reason: str) -> str:
    """Return a reason, trimmed, or raise Invalid: a step that takes money out of a promise is explained."""
    plain = " ".join((reason or "").split())
    if not plain:
        raise Invalid(N_("请写明原因，记录会一直保留"), field="reason")
    if len(plain) > MAX_REASON:
        raise Invalid(N_("原因最多 {most} 个字"), field="reason", most=MAX_REASON)
    return plain
