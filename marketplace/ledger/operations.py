"""Posts journals, reverses them, seals them. Every change of money elsewhere calls `post` in the same transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from marketplace.core import chain
from marketplace.core.access import Actor
from marketplace.core.db import Model, new_ref
from marketplace.ledger import rules
from marketplace.ledger.models import Journal, Transfer
from marketplace.ledger.rules import Heading, Posting

JOURNAL: Table = Model.metadata.tables[Journal.__tablename__]
# bare tables, made once: a mapped insert costs five times as much, and these run while a hot row is locked
_INSERT_JOURNAL = insert(JOURNAL).returning(JOURNAL.c.id)
_INSERT_TRANSFERS = insert(Model.metadata.tables[Transfer.__tablename__]).inline()
SEALER_LOCK = 0x6C656467  # "ledg": the advisory lock that keeps sealers in a row on PostgreSQL


def post(session: Session, *, actor: Actor, idem_key: str, kind: str, subject: tuple[str, str],
         postings: Sequence[Posting], now: datetime, reverses: Journal | None = None) -> int:
    """Write one journal and return its id. The unique `idem_key` is the proof that it happens once.

    A second journal of the same key fails in the database (IntegrityError): callers guard the step itself by a
    conditional UPDATE first, so that a repetition never comes this far.
    """
    if not postings:
        msg = f"a journal moves something: {kind} {idem_key}"
        raise ValueError(msg)
    heading = Heading(new_ref(), idem_key, kind, *subject, rules.written(now), actor.person_id,
                      reverses.ref if reverses else None)
    lines = [(posting.debit, posting.credit, posting.amount.fen) for posting in postings]
    connection = session.connection()
    journal_id: int = connection.execute(_INSERT_JOURNAL, {
        "ref": heading.ref, "idem_key": idem_key, "kind": kind, "subject_kind": subject[0], "subject_ref": subject[1],
        "at": now, "actor_id": actor.person_id, "reverses_id": reverses.id if reverses else None,
        "own_hash": rules.journal_hash(heading, lines)}).scalar_one()
    connection.execute(_INSERT_TRANSFERS, [
        {"journal_id": journal_id, "line": line, "debit": posting.debit, "credit": posting.credit,
         "amount": posting.amount} for line, posting in enumerate(postings, 1)])
    return journal_id


def reverse(session: Session, *, actor: Actor, journal: Journal, idem_key: str, kind: str, now: datetime) -> int:
    """Post the opposite of a journal. A journal is reversed at most once (UNIQUE reverses_id)."""
    rows = session.execute(select(Transfer.debit, Transfer.credit, Transfer.amount)
                           .where(Transfer.journal_id == journal.id).order_by(Transfer.line)).all()
    return post(session, actor=actor, idem_key=idem_key, kind=kind, subject=(journal.subject_kind, journal.subject_ref),
                postings=[Posting(row.credit, row.debit, row.amount) for row in rows], now=now, reverses=journal)


def seal_batch(session: Session) -> int:
    """Give order and chain hash to unsealed journals, oldest first; return how many (see core.chain)."""
    return chain.seal(session, JOURNAL, lock=SEALER_LOCK)
