"""Receiving accounts: digits of a number, a holder that is the organization, what is shown of a number. Pure."""

import re
import unicodedata

from marketplace.core.errors import Invalid
from marketplace.core.text import N_

SHORTEST, LONGEST = 8, 32
SHOWN = 4
_BRACKETS = str.maketrans("（）【】［］", "()[][]")


def tidy_number(typed: str, *, field: str = "number") -> str:
    """Return the digits of an account number typed with blanks, hyphens or full-width digits; raises Invalid."""
    plain = re.sub(r"[\s\-—–.]", "", unicodedata.normalize("NFKC", typed or ""))
    if not plain.isascii() or not plain.isdigit():
        raise Invalid(N_("“{typed}”不是银行账号。账号只有数字，请对照银行的开户证明重新填写"), field=field, typed=typed)
    if not SHORTEST <= len(plain) <= LONGEST:
        raise Invalid(N_("银行账号应是 {least} 到 {most} 位数字，现在是 {now} 位"), field=field, least=SHORTEST,
                      most=LONGEST, now=len(plain))
    return plain


def plain_name(name: str) -> str:
    """Return a name without what a bank writes differently: width of characters, blanks, kind of brackets."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", name).translate(_BRACKETS))


def check_holder(typed: str, name: str, *, field: str = "holder") -> str:
    """Return the holder as the bank writes it; raises Invalid unless it is the organization's own name."""
    holder = " ".join((typed or name).split())
    if plain_name(holder) != plain_name(name):
        raise Invalid(N_("户名“{holder}”和机构名称“{name}”不一致。只能登记本机构名下的账户，不能用个人或其他单位的账户"),
                      field=field, holder=holder, name=name)
    return holder


def masked(number: str) -> str:
    """Return an account number with only its last four digits: ****1234."""
    return f"****{number[-SHOWN:]}" if len(number) > SHOWN else number
