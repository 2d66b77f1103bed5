"""Every journal and transfer, read once: hashes, chain, and what moved from which account to which."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from json.encoder import encode_basestring as quoted
from operator import itemgetter
from typing import Any

from marketplace.funding.queries.verifying.reading import Reader
from marketplace.funding.queries.verifying.report import Findings

UNSEALED_MOST = timedelta(seconds=60)
_FIRST = "0" * 64
_FREE, _PROMISE = "pool-available:", "commitment:"
_JOURNALS = """
SELECT j.id, j.ref, j.idem_key, j.kind, j.subject_kind, j.subject_ref, AT[j.at], j.actor_id, j.own_hash, j.reverses_id,
  CASE WHEN j.reverses_id IS NULL THEN NULL ELSE (SELECT r.ref FROM journal r WHERE r.id = j.reverses_id) END
FROM journal j ORDER BY j.id
"""
_TRANSFERS = "SELECT journal_id, line, debit, credit, amount FROM transfer ORDER BY journal_id, line"
_CHAIN = "SELECT position, own_hash, chain_hash FROM journal WHERE position IS NOT NULL ORDER BY position"
_UNSEALED = "SELECT count(*), min(AT[at]) FROM journal WHERE position IS NULL"
_REVERSALS = """
SELECT j.ref, j.reverses_id, t.line, t.debit, t.credit, t.amount, o.debit, o.credit, o.amount
FROM journal j JOIN transfer t ON t.journal_id = j.id
LEFT JOIN transfer o ON o.journal_id = j.reverses_id AND o.line = t.line
WHERE j.reverses_id IS NOT NULL ORDER BY j.id, t.line
"""


class Books:
    """What the ledger says: `flows` holds fen by (debited account, credited account).

    `claims` holds what a pool gave away and got back by (pledge, pool), as the journals of that pledge say.
    """

    def __init__(self) -> None:
        self.journals = 0
        self.entries = 0                                     # one for each side of a transfer
        self.flows: dict[tuple[str, str], int] = {}
        self.claims: dict[tuple[str, str], list[int]] = {}
        self.keys: set[str] = set()


def read_books(reader: Reader, findings: Findings, *, now: datetime) -> Books:
    """Read the whole ledger and check it for itself (I1, I5, I6)."""
    books = Books()
    transfers = groupby(reader.rows(_TRANSFERS), key=itemgetter(0))
    waiting: Any = next(transfers, None)
    for journal in reader.rows(_JOURNALS):
        while waiting is not None and waiting[0] < journal[0]:
            findings.add("I1", "transfers without a journal", f"journal id {waiting[0]}", "a journal", None)
            waiting = next(transfers, None)
        lines = list(waiting[1]) if waiting is not None and waiting[0] == journal[0] else []
        if lines:
            waiting = next(transfers, None)
        _journal(books, findings, journal, lines)
    if waiting is not None:
        findings.add("I1", "transfers without a journal", f"journal id {waiting[0]}", "a journal", None)
    _chain(reader, findings)
    _tail(reader, findings, now)
    _reversals(reader, findings)
    return books


def _journal(books: Books, findings: Findings, journal: tuple[Any, ...], lines: list[tuple[Any, ...]]) -> None:
    """Check one journal for itself and add up what it moved."""
    _, ref, key, kind, subject_kind, subject_ref, at, actor, own_hash, _, reverses = journal
    books.journals += 1
    books.entries += 2 * len(lines)
    flows, text = books.flows, []
    for number, (_, line, debit, credit, amount) in enumerate(lines, 1):
        if amount <= 0 or debit == credit or line != number:
            findings.add("I1", "a transfer that moves nothing, or a gap in its lines", f"journal {ref} line {line}",
                         f"line {number}, more than 0 fen, two accounts", f"{debit} < {credit} {amount}")
        pair = (debit, credit)
        flows[pair] = flows.get(pair, 0) + amount
        text.append(f"[{quoted(debit)},{quoted(credit)},{amount}]")
        if subject_kind == "pledge" and (debit.startswith(_FREE) or credit.startswith(_FREE)):
            _claim(books.claims, subject_ref, pair, amount)
    if not lines:
        findings.add("I1", "a journal that moves nothing", f"journal {ref} ({key})", "transfers", 0)
    made = (f'[{quoted(ref)},{quoted(key)},{quoted(kind)},{quoted(subject_kind)},{quoted(subject_ref)},"{at}",'
            f'{"null" if actor is None else actor},{"null" if reverses is None else quoted(reverses)},'
            f'[{",".join(text)}]]')
    if hashlib.sha256(made.encode()).hexdigest() != own_hash:
        findings.add("I1", "a journal was changed after it was posted", f"journal {ref} ({key})", own_hash,
                     "another hash")
    if key in books.keys:
        findings.add("I5", "a journal posted twice", f"key {key}", 1, 2)
    books.keys.add(key)


def _claim(claims: dict[tuple[str, str], list[int]], pledge: str, pair: tuple[str, str], amount: int) -> None:
    """Count what a pool gave to a pledge, or got back; what a closed pool hands on to its funder is neither."""
    debit, credit = pair
    if debit.startswith(_FREE) and not credit.startswith(_PROMISE):
        claims.setdefault((pledge, debit.removeprefix(_FREE)), [0, 0])[0] += amount
    elif credit.startswith(_FREE):
        claims.setdefault((pledge, credit.removeprefix(_FREE)), [0, 0])[1] += amount


def _chain(reader: Reader, findings: Findings) -> None:
    """Walk the chain; the first link that does not fit is told, what hangs on it is not."""
    head = _FIRST
    for expected, (position, own, stored) in enumerate(reader.rows(_CHAIN), 1):
        head = hashlib.sha256(f"{head}{own}".encode()).hexdigest()
        if position != expected or stored != head:
            findings.add("I1", "the chain of journals is broken", f"position {expected}", head,
                         f"{stored} at {position}")
            return


def _tail(reader: Reader, findings: Findings, now: datetime) -> None:
    """Check that the sealer runs."""
    for count, oldest in reader.rows(_UNSEALED):
        if count and now - datetime.fromisoformat(oldest) > UNSEALED_MOST:
            findings.add("I1", "journals wait for the sealer for more than 60 s", f"since {oldest}", 0, count)


def _reversals(reader: Reader, findings: Findings) -> None:
    """Check that a reversal is the exact opposite of what it reverses, and the only one."""
    reversed_: dict[int, str] = {}
    for ref, target, line, *sides in _opposites(reader):
        if reversed_.setdefault(target, ref) != ref:
            findings.add("I6", "a journal reversed twice", f"journal id {target}", reversed_[target], ref)
        debit, credit, amount, was_debit, was_credit, was_amount = sides
        findings.equal("I6", "a reversal that is not the opposite", f"journal {ref} line {line}",
                       (was_credit, was_debit, was_amount), (debit, credit, amount))


def _opposites(reader: Reader) -> Iterator[tuple[Any, ...]]:
    """Yield the lines of reversals beside what they reverse."""
    return reader.rows(_REVERSALS)
