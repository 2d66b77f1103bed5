"""The sealer among writers: many threads write and seal at once, on both databases; the chain stays whole."""

import threading

import pytest
import sqlalchemy as sa

from marketplace.core import audit
from marketplace.core.access import SYSTEM
from marketplace.core.audit import AuditEvent, record, seal_batch, verify
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction

pytestmark = pytest.mark.race
WRITERS, EVENTS, SEALERS = 6, 25, 3


def run_together(jobs):
    """Run every job in a thread of its own, started together; raise what one of them raised."""
    gate, faults = threading.Barrier(len(jobs)), []

    def run(job):
        gate.wait()
        try:
            job()
        except Exception as fault:  # noqa: BLE001 - handed to the test
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if faults:
        raise faults[0]


def write(app, writer):
    for number in range(EVENTS):
        with app.app_context(), transaction() as session:
            record(session, actor=SYSTEM, action="race.run", subject=("runner", str(writer)), now=utc_now(), number=number)
            if number % 5 == 4:
                session.flush()


def seal_until(app, done):
    while not done.is_set():
        with app.app_context(), transaction() as session:
            seal_batch(session)


def test_sealers_and_writers_at_once_leave_one_whole_chain(fresh_app, monkeypatch):
    monkeypatch.setattr(audit, "SEAL_BATCH", 7)
    done = threading.Event()
    sealers = [threading.Thread(target=seal_until, args=(fresh_app, done)) for _ in range(SEALERS)]
    for sealer in sealers:
        sealer.start()
    try:
        run_together([lambda writer=writer: write(fresh_app, writer) for writer in range(WRITERS)])
    finally:
        done.set()
        for sealer in sealers:
            sealer.join(60)
    with fresh_app.app_context():
        with transaction() as session:
            while seal_batch(session):
                pass
        session = db.session()
        report = verify(session, now=utc_now())
        positions = session.scalars(sa.select(AuditEvent.position).order_by(AuditEvent.position)).all()
    assert report.ok, report
    assert positions == list(range(1, WRITERS * EVENTS + 1))


def test_sealers_alone_seal_every_event_once(fresh_app):
    with fresh_app.app_context(), transaction() as session:
        for number in range(300):
            record(session, actor=SYSTEM, action="race.run", subject=("runner", "0"), now=utc_now(), number=number)

    sealed = []

    def seal():
        with fresh_app.app_context(), transaction() as session:
            sealed.append(seal_batch(session))

    run_together([seal] * 8)
    with fresh_app.app_context():
        report = verify(db.session(), now=utc_now())
    assert sum(sealed) == 300
    assert (report.ok, report.sealed) == (True, 300)
