"""Whose a bank line is: what is sure enough to be taken, what is only offered to a person. Pure."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from functools import lru_cache

from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.rules.pledges import ALPHABET, CODE_LENGTH, LETTERS, check_character, code_is_valid
from marketplace.organizations.rules import keys_are_close, name_key
from marketplace.payments.rules.accounts import plain_name
from marketplace.payments.rules.lines import MatchedBy

MOST_OFFERS = 8
_SKIPPED = " \t-—–_./·"


class Reason(StrEnum):
    """Why a pledge is offered for a line, the surest first."""

    CODE = "code"                    # the code is right, yet something else stands against taking it
    NEAR_CODE = "near_code"          # one character of the code is wrong
    PAYER_AND_AMOUNT = "payer_and_amount"    # several pledges of this payer fit
    NEAR_PAYER_AND_AMOUNT = "near_payer_and_amount"
    PAYER = "payer"
    NEAR_PAYER = "near_payer"
    AMOUNT = "amount"


REASON_LABELS = {
    Reason.CODE: N_("附言里有它的编号"), Reason.NEAR_CODE: N_("附言里的编号差一个字符"),
    Reason.PAYER_AND_AMOUNT: N_("付款人和金额都相符"), Reason.NEAR_PAYER_AND_AMOUNT: N_("金额相符，付款人名称相近"),
    Reason.PAYER: N_("付款人相符，金额不同"), Reason.NEAR_PAYER: N_("付款人名称相近，金额不同"),
    Reason.AMOUNT: N_("只有金额相符"),
}
_ORDER = list(Reason)


@dataclass(frozen=True)
class Came:
    """What a bank line says: how much is left of it, who paid, from which account, with which words."""

    amount: Money
    name: str
    account: str
    purpose: str


@dataclass(frozen=True)
class Due:
    """A pledge that waits for money. `instalments`: sums that may come alone; `accounts`: its funder's own."""

    ref: str
    code: str
    open: Money
    names: tuple[str, ...]
    accounts: frozenset[str] = frozenset()
    instalments: tuple[Money, ...] = ()
    is_verbal: bool = False
    is_known_payer: bool = False     # its funder's money came from this very account before


@dataclass(frozen=True)
class Taken:
    """A part of a line that surely belongs to a pledge."""

    ref: str
    amount: Money
    matched_by: MatchedBy


@dataclass(frozen=True)
class Offer:
    """A pledge that a person may choose. `name`: the funder's name that looks like the payer's."""

    ref: str
    reason: Reason
    amount: Money
    name: str = ""


@dataclass(frozen=True)
class Verdict:
    """What is taken, or else what is offered."""

    taken: Sequence[Taken] = ()
    offers: Sequence[Offer] = ()


def judge(line: Came, dues: Sequence[Due], codes: Sequence[str], near: Sequence[str]) -> Verdict:
    """Say whose a line is. `codes`: codes that stand in its words; `near`: codes that one wrong character hides.

    Sure are: the code of one pledge that is signed and open (it takes what it can, the rest stays in suspense);
    the codes of several whose open sums are exactly the line; the exact sum from a known payer, when one pledge fits.
    """
    named = [due for due in dues if due.code in codes]
    open_ = [due for due in named if due.open.fen > 0 and not due.is_verbal]
    if len(named) == 1 and open_:
        return Verdict([Taken(open_[0].ref, min(line.amount, open_[0].open), MatchedBy.REFERENCE)])
    if len(named) > 1 and named == open_ and sum(due.open.fen for due in open_) == line.amount.fen:
        return Verdict([Taken(due.ref, due.open, MatchedBy.REFERENCE) for due in open_])
    fitting = [due for due in dues if _sum_fits(line, due) and not due.is_verbal and _pays(line, due)]
    if not named and not near and len(fitting) == 1 and _is_believed(line, fitting[0], dues):
        return Verdict([Taken(fitting[0].ref, line.amount, MatchedBy.AMOUNT_PAYER)])
    offers = [offer for due in dues if due.open.fen > 0 and (offer := _offer(line, due, codes, near)) is not None]
    return Verdict((), sorted(offers, key=lambda offer: _ORDER.index(offer.reason))[:MOST_OFFERS])


def _sum_fits(line: Came, due: Due) -> bool:
    """Say whether a line is exactly what is open, or one instalment of it."""
    return line.amount == due.open or (line.amount in due.instalments and line.amount <= due.open)


def _pays(line: Came, due: Due) -> bool:
    """Say whether the line comes from the funder: from a known account, or under exactly its name."""
    if line.account and (due.is_known_payer or line.account in due.accounts):
        return True
    return _is_named(line, due)


def _is_named(line: Came, due: Due) -> bool:
    """Say whether the line comes under exactly the funder's name."""
    return bool(line.name) and _plain(line.name) in {_plain(name) for name in due.names}


def _is_believed(line: Came, due: Due, dues: Sequence[Due]) -> bool:
    """Say whether a line is the funder's: an account that it only told us of does not beat another funder's name."""
    return due.is_known_payer or _is_named(line, due) or not any(_is_named(line, other) for other in dues)


_key = lru_cache(maxsize=8_192)(name_key)
_plain = lru_cache(maxsize=8_192)(plain_name)


def near_name(name: str, names: Sequence[str]) -> str:
    """Return the one of `names` that looks like `name`: look-alike characters, one wrong, or one inside the other."""
    key = _key(name)
    if len(key) < 2:  # noqa: PLR2004 - one character looks like too many names
        return ""
    for other in names:
        known = _key(other)
        shorter, longer = sorted((key, known), key=len)
        if keys_are_close(key, known) or (len(shorter) >= 4 and shorter in longer):  # noqa: PLR2004
            return other
    return ""


def _offer(line: Came, due: Due, codes: Sequence[str], near: Sequence[str]) -> Offer | None:
    """Return why a pledge is worth a person's look, if it is."""
    fits, amount = _sum_fits(line, due), min(line.amount, due.open)
    if due.code in codes:
        return Offer(due.ref, Reason.CODE, amount)
    if due.code in near:
        return Offer(due.ref, Reason.NEAR_CODE, amount)
    if _pays(line, due):
        return Offer(due.ref, Reason.PAYER_AND_AMOUNT if fits else Reason.PAYER, amount)
    if other := near_name(line.name, due.names):
        return Offer(due.ref, Reason.NEAR_PAYER_AND_AMOUNT if fits else Reason.NEAR_PAYER, amount, other)
    return Offer(due.ref, Reason.AMOUNT, amount) if fits else None


def near_codes_in(text: str) -> list[str]:
    """Return the valid codes that differ from a piece of the text in exactly one character, once each.

    The check character is a prime modulus: for each place of a wrong piece exactly one character makes it right.
    """
    plain = unicodedata.normalize("NFKC", text or "").upper()
    joined = "".join(letter for letter in plain if letter not in _SKIPPED)
    pieces = (joined[at:at + CODE_LENGTH] for at in range(len(joined) - CODE_LENGTH + 1))
    return list(dict.fromkeys(code for piece in pieces if _may_be_code(piece) for code in _mended(piece)))


def _may_be_code(piece: str) -> bool:
    """Say whether a piece is letters and digits with at most one character that no code has, and is not right."""
    is_plain = piece.isascii() and piece.isalnum()
    return is_plain and sum(letter not in ALPHABET for letter in piece) <= 1 and not code_is_valid(piece)


def _mended(piece: str) -> Iterator[str]:
    """Yield every code that is one replacement away from a piece."""
    strange = [at for at, letter in enumerate(piece) if letter not in ALPHABET]
    for at in strange or range(CODE_LENGTH):
        for letter in LETTERS if at == 0 else ALPHABET:
            code = piece[:at] + letter + piece[at + 1:]
            if code[0] in LETTERS and letter != piece[at] and check_character(code[:-1]) == code[-1]:
                yield code


def marked(written: str, known: str) -> list[tuple[str, bool]]:
    """Return `written` in pieces, each with whether it differs from `known`, so that a page can mark it."""
    pieces: list[tuple[str, bool]] = []
    for how, start, end, *_ in SequenceMatcher(None, written, known, autojunk=False).get_opcodes():
        if end > start:
            pieces.append((written[start:end], how != "equal"))
    return pieces


def spread(amount: Money, opens: Sequence[Money]) -> list[Money]:
    """Return how much of a sum each open promise takes, one after the other, until nothing is left."""
    left, parts = amount.fen, []
    for open_ in opens:
        part = min(left, open_.fen)
        parts.append(Money(part))
        left -= part
    return parts
