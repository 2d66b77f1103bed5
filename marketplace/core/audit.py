"""The audit: append-only events, each with its own hash, chained in batches by one sealer (house.md section 5)."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import DDL, JSON, Index, Table, event, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core import chain as chains
from marketplace.core.access import Actor
from marketplace.core.chain import GENESIS, HEAD_EVERY, SEAL_BATCH, UNSEALED_LIMIT
from marketplace.core.chain import link as chain
from marketplace.core.db import Model, db, new_ref

SEALER_LOCK = 0x61756469  # "audi": the advisory lock that keeps sealers in a row on PostgreSQL


class AuditEvent(Model):
    """Who did what to what, when. Rows are never changed except once, by the sealer, which adds order and chain."""

    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    at: Mapped[datetime]
    actor_id: Mapped[int | None]
    actor_name: Mapped[str]
    organization_id: Mapped[int | None]
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject_ref: Mapped[str]
    facts: Mapped[dict[str, object]] = mapped_column(JSON)
    own_hash: Mapped[str]
    position: Mapped[int | None] = mapped_column(unique=True)
    chain_hash: Mapped[str | None]

    __table_args__ = (
        Index("ix_audit_event_subject", "subject_kind", "subject_ref"),
        Index("ix_audit_event_at", "at"),
        Index("ix_audit_event_unsealed", "id", sqlite_where=db.text("position IS NULL"),
              postgresql_where=db.text("position IS NULL")),
    )


_TABLE: Table = Model.metadata.tables[AuditEvent.__tablename__]
_INSERT = insert(_TABLE).inline()   # bare, made once: a mapped insert costs five times as much

_FIXED = (
    "id", "ref", "at", "actor_id", "actor_name", "organization_id", "action", "subject_kind", "subject_ref", "own_hash",
)
_SEALING = "OLD.position IS NULL AND NEW.position IS NOT NULL AND NEW.chain_hash IS NOT NULL"
_UNCHANGED_SQLITE = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in (*_FIXED, "facts"))
_UNCHANGED_POSTGRESQL = " AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in _FIXED)

# The database itself refuses to change or delete an event; only the sealer's one addition passes.
GUARDS: Mapping[str, tuple[str, ...]] = {
    "sqlite": (
        f"""CREATE TRIGGER audit_event_unchanged BEFORE UPDATE ON audit_event
        WHEN NOT ({_SEALING} AND {_UNCHANGED_SQLITE})
        BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); END""",
        """CREATE TRIGGER audit_event_undeleted BEFORE DELETE ON audit_event
        BEGIN SELECT RAISE(ABORT, 'audit events are never deleted'); END""",
    ),
    "postgresql": (
        f"""CREATE FUNCTION audit_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'UPDATE' THEN
            IF {_SEALING} AND {_UNCHANGED_POSTGRESQL} AND NEW.facts::text = OLD.facts::text THEN
              RETURN NEW;
            END IF;
          END IF;
          RAISE EXCEPTION 'audit events are never changed or deleted';
        END $$""",
        """CREATE TRIGGER audit_event_unchanged BEFORE UPDATE OR DELETE ON audit_event
        FOR EACH ROW EXECUTE FUNCTION audit_event_guard()""",
        """CREATE TRIGGER audit_event_untruncated BEFORE TRUNCATE ON audit_event
        FOR EACH STATEMENT EXECUTE FUNCTION audit_event_guard()""",
    ),
}
for _dialect, _statements in GUARDS.items():
    for _statement in _statements:
        event.listen(AuditEvent.__table__, "after_create",
                     DDL(_statement.replace("%", "%%")).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]


def own_hash(row: Mapping[str, object]) -> str:
    """Return the SHA-256 of one event's facts in canonical JSON, without its place in the chain."""
    at = row["at"]
    body = {
        "ref": row["ref"],
        "at": at.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(at, datetime) else at,
        "actor": [row["actor_id"], row["actor_name"], row["organization_id"]],
        "action": row["action"], "subject": [row["subject_kind"], row["subject_ref"]], "facts": row["facts"],
    }
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def record(session: Session, *, actor: Actor, action: str, subject: tuple[str, str], now: datetime,
           **facts: object) -> None:
    """Write one event in the caller's transaction (the fourth beat). Facts never hold a sealed or secret value."""
    clean = json.loads(json.dumps(facts, ensure_ascii=False, default=str))
    row: dict[str, object] = {
        "ref": new_ref(), "at": now, "actor_id": actor.person_id, "actor_name": actor.name,
        "organization_id": actor.organization_id, "action": action,
        "subject_kind": subject[0], "subject_ref": subject[1], "facts": clean,
    }
    session.connection().execute(_INSERT, row | {"own_hash": own_hash(row)})


def seal_batch(session: Session) -> int:
    """Give order and chain hash to the unsealed events, oldest first; return how many (see core.chain)."""
    return chains.seal(session, _TABLE, lock=SEALER_LOCK, limit=SEAL_BATCH)


def heads(session: Session) -> list[tuple[int, str]]:
    """Return the heads to publish (position, chain hash): every thousandth event and the newest, oldest first."""
    return chains.heads(session, _TABLE, every=HEAD_EVERY)


@dataclass(frozen=True)
class AuditReport:
    """What verification found. `first_bad` is the position (or ref) of the first event that does not fit."""

    ok: bool
    events: int
    sealed: int
    unsealed: int
    head: str
    first_bad: str | None
    note: str = ""


def verify(session: Session, *, now: datetime, heads: Mapping[int, str] | None = None) -> AuditReport:
    """Recompute every hash and the chain. `heads` (position -> chain hash, published earlier) reveal a cut tail.

    Without `heads` only an edit, a gap or a swap can be found: somebody who may write the table can cut its end.
    """
    heads = dict(heads or {})
    position, head, bad = 0, GENESIS, None
    for row in _sealed(session):
        position += 1
        head = chain(head, row.own_hash)
        if row.position != position or row.chain_hash != head or own_hash(_as_row(row)) != row.own_hash:
            bad = str(position)
            break
        if position in heads and heads.pop(position) != head:
            bad = str(position)
            break
    if bad is None and heads:
        bad = str(min(heads))
    unsealed = session.scalar(select(func.count()).select_from(AuditEvent).where(AuditEvent.position.is_(None))) or 0
    oldest = session.scalar(select(func.min(AuditEvent.at)).where(AuditEvent.position.is_(None)))
    stale = oldest is not None and now - oldest > UNSEALED_LIMIT
    note = "unsealed tail is older than 60 s: is the sealer running?" if stale else ""
    if bad is None:
        bad = next((e.ref for e in _unsealed(session) if own_hash(_as_row(e)) != e.own_hash), None)
    count = session.scalar(select(func.count()).select_from(AuditEvent)) or 0
    return AuditReport(bad is None and not stale, count, position, unsealed, head, bad, note)


def _sealed(session: Session) -> Iterator[AuditEvent]:
    """Yield the sealed events in chain order, a page at a time."""
    last = 0
    while page := session.scalars(
        select(AuditEvent).where(AuditEvent.position > last).order_by(AuditEvent.position).limit(SEAL_BATCH)
    ).all():
        yield from page
        last = page[-1].position or 0


def _unsealed(session: Session) -> Iterator[AuditEvent]:
    """Yield the events that wait for the sealer."""
    yield from session.scalars(select(AuditEvent).where(AuditEvent.position.is_(None)).order_by(AuditEvent.id))


def _as_row(event: AuditEvent) -> dict[str, object]:
    """Return the hashed columns of a stored event."""
    names = ("ref", "at", "actor_id", "actor_name", "organization_id", "action", "subject_kind", "subject_ref", "facts")
    return {name: getattr(event, name) for name in names}
