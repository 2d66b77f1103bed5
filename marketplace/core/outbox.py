"""The outbox: work that must happen after a commit, written in the same transaction as the change that asks for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, Index, Table, UniqueConstraint, func, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core.db import Model, new_ref

LEASE = timedelta(minutes=5)
MAX_ATTEMPTS = 8
FIRST_BACKOFF = timedelta(seconds=5)


class JobState(StrEnum):
    """Where a job stands. `parked`: failed too often; a person must look."""

    WAITING = "waiting"
    DONE = "done"
    PARKED = "parked"


NOT_DONE = (JobState.WAITING, JobState.PARKED)     # asked for so, an index serves; "not done" would read every job


class Job(Model):
    """One piece of work for one handler."""

    __tablename__ = "job"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    kind: Mapped[str]
    handler: Mapped[str]
    payload: Mapped[dict[str, object]] = mapped_column(JSON)
    unique_key: Mapped[str | None]
    state: Mapped[str] = mapped_column(default=JobState.WAITING)
    due_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="done_has_time"),
        UniqueConstraint("handler", "unique_key"),
        Index("ix_job_state_due_at", "state", "due_at"),
    )


_TABLE: Table = Model.metadata.tables[Job.__tablename__]
_INSERT = insert(_TABLE).inline()   # bare, made once: it runs in most operations


@dataclass(frozen=True)
class Claim:
    """A job that this worker holds until its lease ends."""

    id: int
    kind: str
    handler: str
    payload: Mapping[str, object]
    attempts: int


Handler = Callable[..., None]
_LISTENERS: dict[str, list[str]] = {}


def declare_listeners(listeners: Mapping[str, list[str]]) -> None:
    """Tell the outbox who handles what (kind -> handler names); create_app calls this once."""
    _LISTENERS.clear()
    _LISTENERS.update({kind: list(names) for kind, names in listeners.items()})


def enqueue(session: Session, kind: str, *, now: datetime, due_at: datetime | None = None,
            unique_key: str | None = None, **payload: object) -> None:
    """Ask for work in the caller's transaction (the fifth beat): one row per handler, so each retries alone.

    With `unique_key` a second request for the same handler is ignored while the key exists.
    """
    for name in _LISTENERS.get(kind, [kind]):
        if unique_key is not None and session.scalar(
            select(Job.id).where(Job.handler == name, Job.unique_key == unique_key)
        ):
            continue
        session.connection().execute(_INSERT, {
            "ref": new_ref(), "kind": kind, "handler": name, "payload": payload, "unique_key": unique_key,
            "state": JobState.WAITING, "due_at": due_at or now, "attempts": 0, "created_at": now})


def claim_due(session: Session, *, now: datetime, limit: int = 10) -> list[Claim]:
    """Lease the jobs that are due, oldest first. Two workers never hold the same job."""
    due = (
        select(Job).where(Job.state == JobState.WAITING, Job.due_at <= now,
                          (Job.lease_until.is_(None)) | (Job.lease_until <= now))
        .order_by(Job.due_at, Job.id).limit(limit).with_for_update(skip_locked=True)
    )
    jobs = session.scalars(due).all()
    for job in jobs:
        job.lease_until = now + LEASE
        job.attempts += 1
    return [Claim(job.id, job.kind, job.handler, dict(job.payload), job.attempts) for job in jobs]


def mark_done(session: Session, claim: Claim, *, now: datetime) -> bool:
    """Close a job; False when another worker took it over after the lease ran out."""
    done = session.execute(
        update(Job).where(Job.id == claim.id, Job.state == JobState.WAITING, Job.attempts == claim.attempts)
        .values(state=JobState.DONE, done_at=now, lease_until=None, last_error=None)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


def mark_failed(session: Session, claim: Claim, *, error: str, now: datetime) -> None:
    """Note the error and try again later, twice as late each time; park after MAX_ATTEMPTS."""
    parked = claim.attempts >= MAX_ATTEMPTS
    session.execute(
        update(Job).where(Job.id == claim.id, Job.state == JobState.WAITING, Job.attempts == claim.attempts)
        .values(state=JobState.PARKED if parked else JobState.WAITING, lease_until=None, last_error=error[:2000],
                due_at=now + FIRST_BACKOFF * 2 ** (claim.attempts - 1))
    )


def put_back(session: Session, *, ref: str, now: datetime) -> bool:
    """Give a parked job all its attempts again, due now; False when it is not parked."""
    done = session.execute(
        update(Job).where(Job.ref == ref, Job.state == JobState.PARKED)
        .values(state=JobState.WAITING, attempts=0, lease_until=None, due_at=now)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


def waiting(session: Session, *, now: datetime) -> tuple[int, datetime | None]:
    """Return how many jobs are overdue and since when."""
    row = session.execute(
        select(func.count(), func.min(Job.due_at)).where(Job.state == JobState.WAITING, Job.due_at <= now)
    ).one()
    return row[0], row[1]
