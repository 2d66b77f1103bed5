"""A chain of hashes over rows that are only ever added: each row its own hash, one sealer that gives order and chain.

Writers take no lock: a chain head inside each transaction cost two thirds of the rate when measured. The sealer comes
after them in batches. Any table with id, own_hash, position and chain_hash can be sealed so.
"""

import hashlib
from datetime import timedelta

from sqlalchemy import Table, bindparam, func, select, text, update
from sqlalchemy.orm import Session

GENESIS = "0" * 64
SEAL_BATCH = 1_000
UNSEALED_LIMIT = timedelta(seconds=60)   # an unsealed tail older than this: the sealer does not run
HEAD_EVERY = 1_000                       # every so many rows a head is published for outsiders to keep


def link(previous: str, own: str) -> str:
    """Return the chain hash of a row from the chain hash of the one before it and its own hash."""
    return hashlib.sha256(f"{previous}{own}".encode()).hexdigest()


def seal(session: Session, table: Table, *, lock: int, limit: int = SEAL_BATCH) -> int:
    """Give order and chain hash to unsealed rows, oldest first; return how many. One sealer at a time.

    SQLite has one writer anyway; on PostgreSQL a second sealer finds the advisory lock `lock` taken and leaves.
    """
    if session.get_bind().dialect.name == "postgresql" and not session.scalar(
            text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": lock}):
        return 0
    row = table.c
    last = session.execute(
        select(row.position, row.chain_hash).where(row.position.is_not(None)).order_by(row.position.desc()).limit(1)
    ).first()
    position, head = (last[0], last[1]) if last else (0, GENESIS)
    changes = []
    for row_id, own in session.execute(
            select(row.id, row.own_hash).where(row.position.is_(None)).order_by(row.id).limit(limit)).all():
        position, head = position + 1, link(head, own)
        changes.append({"row_id": row_id, "place": position, "head": head})
    if changes:
        session.connection().execute(
            update(table).where(row.id == bindparam("row_id"))
            .values(position=bindparam("place"), chain_hash=bindparam("head")), changes)
    return len(changes)


def heads(session: Session, table: Table, *, every: int = HEAD_EVERY) -> list[tuple[int, str]]:
    """Return the heads to publish (position, chain hash): every thousandth row and the newest, oldest first."""
    row = table.c
    newest = select(func.max(row.position)).scalar_subquery()
    found = session.execute(
        select(row.position, row.chain_hash)
        .where(row.position.is_not(None), (row.position % every == 0) | (row.position == newest))
        .order_by(row.position))
    return [(position, head) for position, head in found]
