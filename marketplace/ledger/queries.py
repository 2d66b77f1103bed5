"""Reads of the ledger: balances, journals of a thing, whether the chain is whole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, func, literal, select, union_all
from sqlalchemy.orm import Session, selectinload

from marketplace.core import chain
from marketplace.core.clock import at_beijing, beijing_date
from marketplace.core.db import Model
from marketplace.core.money import Money
from marketplace.ledger import rules
from marketplace.ledger.models import Journal, Transfer
from marketplace.ledger.rules import Heading
from marketplace.ledger.rules.plain_text import Entry

PAGE = 1_000


def balance(session: Session, code: str) -> Money:
    """Return what stands on an account: credit minus debit; negative on debit accounts (cash, commitments, fees)."""
    credit = select(func.sum(Transfer.amount)).where(Transfer.credit == code).scalar_subquery()
    debit = select(func.sum(Transfer.amount)).where(Transfer.debit == code).scalar_subquery()
    found = session.execute(select(credit, debit)).one()
    return Money(_fen(found[0]) - _fen(found[1]))


def balances(session: Session, prefix: str) -> dict[str, Money]:
    """Return the accounts whose code begins with `prefix` and what stands on each, by code; also those at zero."""
    sums: dict[str, int] = {}
    for code, sign, amount in session.execute(_sums(prefix)):
        sums[code] = sums.get(code, 0) + sign * _fen(amount)
    return {code: Money(sums[code]) for code in sorted(sums)}


def _sums(prefix: str) -> Select[str, int, Money]:
    """Return the sums of both sides: code, +1 or -1, fen."""
    sides = [
        select(side.label("code"), literal(sign).label("sign"), func.sum(Transfer.amount).label("amount"))
        .where(side.startswith(prefix, autoescape=True)).group_by(side)
        for side, sign in ((Transfer.credit, 1), (Transfer.debit, -1))
    ]
    both = union_all(*sides).subquery()
    return select(both.c.code, both.c.sign, both.c.amount)


def _fen(amount: Money | None) -> int:
    """Return a sum of the database in fen; of nothing it is nothing."""
    return amount.fen if amount else 0


def journals_of(session: Session, subject: tuple[str, str]) -> list[Journal]:
    """Return the journals of one thing with their transfers, oldest first."""
    return list(session.scalars(
        select(Journal).where(Journal.subject_kind == subject[0], Journal.subject_ref == subject[1])
        .options(selectinload(Journal.transfers)).order_by(Journal.id)))


def entries(session: Session, *, since: date | None = None) -> Iterator[Entry]:
    """Yield the journals in the order in which they were posted, from a day (in Beijing) on, a page at a time."""
    last = 0
    wanted = select(Journal).order_by(Journal.id)
    if since is not None:
        wanted = wanted.where(Journal.at >= at_beijing(since))
    while page := _page(session, wanted.where(Journal.id > last)):
        for one in page:
            yield Entry(beijing_date(one.at), one.ref, one.idem_key, one.kind, f"{one.subject_kind}:{one.subject_ref}",
                        [(t.debit, t.credit, t.amount.fen) for t in one.transfers])
        last = page[-1].id
        session.expunge_all()


def standing_before(session: Session, day: date | None) -> dict[str, int]:
    """Return debit minus credit of every account before a day (in Beijing), in fen; nothing for no day."""
    if day is None:
        return {}
    sums: dict[str, int] = {}
    for side, sign in ((Transfer.debit, 1), (Transfer.credit, -1)):
        rows = session.execute(select(side, func.sum(Transfer.amount)).join(Journal)
                               .where(Journal.at < at_beijing(day)).group_by(side))
        for code, amount in rows:
            sums[code] = sums.get(code, 0) + sign * _fen(amount)
    return {code: fen for code, fen in sorted(sums.items()) if fen}


@dataclass(frozen=True)
class ChainReport:
    """What a walk over the chain found. `first_bad` is the position (or ref) of the first journal that does not fit."""

    ok: bool
    journals: int
    sealed: int
    unsealed: int
    head: str
    first_bad: str | None
    is_stale: bool


def verify_chain(session: Session, *, now: datetime, heads: Mapping[int, str] | None = None) -> ChainReport:
    """Recompute every hash and the chain of the ledger; `heads` (position -> hash, kept outside) reveal a cut tail."""
    known = dict(heads or {})
    position, head, bad = 0, chain.GENESIS, None
    for journal in _in_chain_order(session):
        position, head = position + 1, chain.link(head, journal.own_hash)
        fits = (journal.position, journal.chain_hash) == (position, head) and _own_hash(journal) == journal.own_hash
        if not fits or known.pop(position, head) != head:
            bad = str(position)
            break
    if bad is None and known:
        bad = str(min(known))
    waiting = session.execute(select(func.count(), func.min(Journal.at)).where(Journal.position.is_(None))).one()
    if bad is None:
        bad = next((j.ref for j in _unsealed(session) if _own_hash(j) != j.own_hash), None)
    stale = waiting[1] is not None and now - waiting[1] > chain.UNSEALED_LIMIT
    count = session.scalar(select(func.count()).select_from(Journal)) or 0
    return ChainReport(bad is None and not stale, count, position, waiting[0], head, bad, stale)


def heads(session: Session) -> list[tuple[int, str]]:
    """Return the heads of the chain to keep outside: every thousandth journal and the newest, oldest first."""
    return chain.heads(session, Model.metadata.tables[Journal.__tablename__])


def _own_hash(journal: Journal) -> str:
    """Return the hash that a stored journal should have."""
    heading = Heading(journal.ref, journal.idem_key, journal.kind, journal.subject_kind, journal.subject_ref,
                      rules.written(journal.at), journal.actor_id, journal.reverses.ref if journal.reverses else None)
    return rules.journal_hash(heading, [(t.debit, t.credit, t.amount.fen) for t in journal.transfers])


def _in_chain_order(session: Session) -> Iterator[Journal]:
    """Yield the sealed journals in the order of the chain, a page at a time."""
    last = 0
    while page := _page(session, select(Journal).where(Journal.position > last).order_by(Journal.position)):
        yield from page
        last = page[-1].position or 0


def _unsealed(session: Session) -> Iterator[Journal]:
    """Yield the journals that wait for the sealer."""
    last = 0
    wait = select(Journal).where(Journal.position.is_(None)).order_by(Journal.id)
    while page := _page(session, wait.where(Journal.id > last)):
        yield from page
        last = page[-1].id


def _page(session: Session, wanted: Select[Journal]) -> Sequence[Journal]:
    """Return the next journals with their transfers."""
    whole = wanted.options(selectinload(Journal.transfers), selectinload(Journal.reverses)).limit(PAGE)
    # sealed by bare statements: what is loaded may be older
    return session.scalars(whole.execution_options(populate_existing=True)).all()
