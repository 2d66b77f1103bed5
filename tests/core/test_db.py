"""Transactions and columns, on both engines."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from marketplace.core import audit, outbox
from marketplace.core.access import SYSTEM
from marketplace.core.clock import BEIJING
from marketplace.core.db import db, new_ref, transaction
from marketplace.core.outbox import Job
from marketplace.web import migrate
from tests.factories import NOW


def note(session, **facts):
    audit.record(session, actor=SYSTEM, action="test.noted", subject=("thing", "x"), now=NOW, **facts)


def count(session):
    return session.scalar(sa.select(sa.func.count()).select_from(audit.AuditEvent))


def test_a_write_outside_a_transaction_is_refused(ctx):
    db.session.add(Job(kind="x", handler="x", payload={}, due_at=NOW, created_at=NOW))
    with pytest.raises(RuntimeError, match="outside"):
        db.session.flush()
    db.session.rollback()


def test_a_transaction_commits_and_an_error_rolls_all_of_it_back(ctx):
    with transaction() as session:
        note(session)
    with pytest.raises(ZeroDivisionError), transaction() as session:  # noqa: PT012 - all of it is the story
        note(session)
        session.add(Job(kind="x", handler="x", payload={}, due_at=NOW, created_at=NOW))
        1 / 0  # noqa: B018
    assert count(db.session) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Job)) == 0


def test_transactions_do_not_nest(ctx):
    with transaction(), pytest.raises(RuntimeError, match="open already"), transaction():
        pass


def test_moments_come_back_aware_in_utc_and_naive_ones_are_refused(session):
    outbox.enqueue(session, "x", now=NOW, due_at=datetime(2026, 11, 23, 17, 0, tzinfo=BEIJING))
    session.flush()
    session.expire_all()
    due = session.scalar(sa.select(Job.due_at))
    assert due == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    assert due.tzinfo is UTC
    with pytest.raises((ValueError, sa.exc.StatementError)):
        session.execute(sa.select(Job).where(Job.due_at > datetime(2026, 1, 1)))


def test_references_are_random_and_readable():
    refs = {new_ref() for _ in range(1000)}
    assert len(refs) == 1000
    assert not set("".join(refs)) & set("01loi")


def test_the_audit_chain_finds_an_edit_a_gap_and_a_stale_tail(session):
    for number in range(5):
        note(session, number=number)
    assert audit.seal_batch(session) == 5
    assert audit.verify(session, now=NOW).ok
    head = audit.verify(session, now=NOW).head
    note(session, number=6)
    later = NOW + timedelta(minutes=2)
    assert not audit.verify(session, now=later).ok
    audit.seal_batch(session)
    assert audit.verify(session, now=later, heads={5: head}).ok
    assert audit.verify(session, now=later, heads={5: "0" * 64}).first_bad == "5"
    assert audit.verify(session, now=later, heads={9: head}).first_bad == "9"


def test_a_job_is_leased_once_retried_later_and_parked_at_last(session):
    outbox.enqueue(session, "x", now=NOW, unique_key="a", number=1)
    session.flush()
    outbox.enqueue(session, "x", now=NOW, unique_key="a", number=2)
    session.flush()
    now = NOW
    (claim,) = outbox.claim_due(session, now=now)
    assert claim.payload == {"number": 1}
    session.flush()
    assert outbox.claim_due(session, now=now) == []
    for attempt in range(1, outbox.MAX_ATTEMPTS + 1):
        outbox.mark_failed(session, claim, error="no", now=now)
        session.expire_all()
        assert outbox.claim_due(session, now=now) == []
        now += timedelta(days=1)
        claims = outbox.claim_due(session, now=now)
        session.flush()
        if attempt == outbox.MAX_ATTEMPTS:
            assert claims == []
        else:
            (claim,) = claims
    assert session.scalar(sa.select(Job.state)) == outbox.JobState.PARKED


def test_a_worker_whose_lease_ran_out_cannot_close_the_job(session):
    outbox.enqueue(session, "x", now=NOW)
    session.flush()
    (slow,) = outbox.claim_due(session, now=NOW)
    session.flush()
    (quick,) = outbox.claim_due(session, now=NOW + outbox.LEASE)
    session.flush()
    assert not outbox.mark_done(session, slow, now=NOW + outbox.LEASE)
    assert outbox.mark_done(session, quick, now=NOW + outbox.LEASE)


def test_a_database_in_a_folder_that_is_not_there_yet_is_made_with_its_folder(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'new' / 'deep' / 'site.sqlite3'}")
    assert migrate.upgrade(engine)
    assert sa.inspect(engine).has_table("job")
    engine.dispose()
