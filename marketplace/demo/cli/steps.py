"""What commands share: a line of progress, a step in a transaction with its time, the outbox's jobs about one thing."""

import time
from collections.abc import Callable
from typing import TypeVar

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.outbox import LEASE, Claim, Job, JobState
from marketplace.web import worker

WAIT_SECONDS = 30.0
T = TypeVar("T")


def say(sentence: str) -> None:
    """Print a line of progress where it does not disturb --json."""
    click.echo(sentence, err=True)


def step(words: str, work: Callable[[Session], T]) -> T:
    """Do one step in one transaction and say how long it took; return what it made."""
    began, worked = time.perf_counter(), time.process_time()
    with transaction() as session:
        made = work(session)
    db.session.expunge_all()
    say(f"{words}：{time.perf_counter() - began:.1f} 秒（CPU {time.process_time() - worked:.1f}）")
    return made


def run_jobs(kind: str, *, key: str, value: str, done: Callable[[], bool]) -> None:
    """Run the outbox jobs of one kind about one thing, or wait while the site's own worker does."""
    until = time.perf_counter() + WAIT_SECONDS
    while True:
        for claim in _claims(kind, key, value):
            worker.run_claim(claim)
        db.session.rollback()
        if done():
            return
        if time.perf_counter() > until:
            msg = f"{kind} was not done in {WAIT_SECONDS:.0f} s"
            raise RuntimeError(msg)
        time.sleep(0.2)


def _claims(kind: str, key: str, value: str) -> list[Claim]:
    """Lease the waiting jobs of one kind about one thing that nobody else holds."""
    now = utc_now()
    with transaction() as session:
        jobs = [job for job in session.scalars(
            select(Job).where(Job.kind == kind, Job.state == JobState.WAITING, Job.due_at <= now,
                              (Job.lease_until.is_(None)) | (Job.lease_until <= now))
            .order_by(Job.id).with_for_update(skip_locked=True)) if job.payload.get(key) == value]
        for job in jobs:
            job.lease_until = now + LEASE
            job.attempts += 1
        return [Claim(job.id, job.kind, job.handler, dict(job.payload), job.attempts) for job in jobs]
