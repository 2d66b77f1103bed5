"""Alerts when several workers do the same at the same moment: one hit, one message, nothing lost."""

import contextlib
import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from marketplace.accounts.models import Person
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict
from marketplace.core.outbox import Job, JobState
from marketplace.core.publishing import public_changed
from marketplace.inbox.jobs.alerts import tell_alerts
from marketplace.inbox.models import Message
from marketplace.search.jobs import raise_alerts
from marketplace.search.models import SavedSearch, SavedSearchHit
from marketplace.search.operations import saved
from marketplace.search.queries.saved import by_ref
from marketplace.search.rules.saved import JOB_ALERT, Frequency
from marketplace.web.worker import run_due
from tests.factories.accounts import actor_of
from tests.factories.projects import make_desk, make_published
from tests.factories.saved import make_reader, make_search

pytestmark = pytest.mark.race
READERS = 4


def at_once(app, *verbs):
    """Run each verb() in a thread of its own; return what they raised."""
    gate, faults = threading.Barrier(len(verbs)), []

    def run(verb):
        with app.app_context():
            gate.wait()
            try:
                verb()
            except Exception as fault:  # noqa: BLE001 - the test looks at it
                faults.append(fault)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(verb,)) for verb in verbs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return faults


def stage(app, count=1, **search):
    """Readers with searches, then projects; (person refs, project refs)."""
    with app.app_context():
        now = utc_now()
        with transaction() as session:
            people = [make_reader(session, name=f"读者{number}", email=None) for number in range(READERS)]
            for person in people:
                make_search(session, person, now=now - timedelta(hours=1), **search)
            refs = [person.ref for person in people]
        with transaction() as session:
            desk = make_desk(session)
            projects = [make_published(session, desk, title=f"长者助餐服务{number}", now=now - timedelta(minutes=1)).ref
                        for number in range(count)]
        db.session.remove()
    return refs, projects


def counts(app) -> tuple[int, int, int]:
    """Hits, those not told, alerts."""
    with app.app_context():
        session = db.session()
        made = (session.scalar(select(func.count(SavedSearchHit.id))),
                session.scalar(select(func.count(SavedSearchHit.id)).where(SavedSearchHit.told_at.is_(None))),
                session.scalar(select(func.count(Message.id)).where(Message.kind == "alert")))
        db.session.remove()
        return made


def test_one_document_held_against_the_searches_by_four_workers_makes_each_hit_once(fresh_app):
    _, [project] = stage(fresh_app)
    assert at_once(fresh_app, *[lambda: raise_alerts("project", project)] * 4) == []
    assert counts(fresh_app) == (READERS, READERS, 0)
    with fresh_app.app_context():
        waiting = db.session().scalar(select(func.count(Job.id)).where(Job.kind == JOB_ALERT))
        assert waiting == READERS, "one message is asked for each"


def test_digests_of_several_documents_are_asked_for_once_by_workers_at_once(fresh_app):
    _, projects = stage(fresh_app, count=4, frequency=Frequency.DAILY)
    assert at_once(fresh_app, *[lambda ref=ref: raise_alerts("project", ref) for ref in projects]) == []
    assert counts(fresh_app) == (READERS * 4, READERS * 4, 0)
    with fresh_app.app_context():
        assert db.session().scalar(select(func.count(Job.id)).where(Job.kind == JOB_ALERT)) == READERS


def test_the_message_of_one_person_sent_by_four_workers_is_one(fresh_app):
    people, [project] = stage(fresh_app)
    with fresh_app.app_context():
        raise_alerts("project", project)
        db.session.remove()
    assert at_once(fresh_app, *[lambda: tell_alerts(person_ref=people[0])] * 4) == []
    assert counts(fresh_app) == (READERS, READERS - 1, 1)


def test_a_question_saved_in_two_windows_at_once_is_kept_once_and_the_other_hears_why(fresh_app, monkeypatch):
    with fresh_app.app_context(), transaction() as session:
        person_id = make_reader(session).id
    both, count = threading.Barrier(2), saved._count

    def counted(session, person):
        with contextlib.suppress(threading.BrokenBarrierError):     # SQLite lets one writer in at a time
            both.wait(1)
        return count(session, person)

    monkeypatch.setattr(saved, "_count", counted)

    def save():
        with transaction() as session:
            make_search(session, session.get(Person, person_id), now=utc_now())

    [fault] = at_once(fresh_app, save, save)
    assert isinstance(fault, Conflict)
    with fresh_app.app_context():
        assert db.session().scalar(select(func.count(SavedSearch.id))) == 1


def test_switching_off_and_telling_at_once_leaves_nothing_half_done(fresh_app):
    people, [project] = stage(fresh_app)
    with fresh_app.app_context():
        raise_alerts("project", project)
        ref = db.session().scalar(select(SavedSearch.ref).join(Person, Person.id == SavedSearch.person_id)
                                  .where(Person.ref == people[0]))
        db.session.remove()

    def off():
        with transaction() as session:
            search = by_ref(session, ref)
            saved.pause_search(session, actor=actor_of(session, session.get(Person, search.person_id)), search=search,
                               now=utc_now())

    assert at_once(fresh_app, off, lambda: tell_alerts(person_ref=people[0])) == []
    hits, waiting, messages = counts(fresh_app)
    assert (hits, messages) in {(READERS, 1), (READERS - 1, 0)}, "told, or let go"
    assert waiting == READERS - 1


def test_four_workers_tell_everything_once_while_changes_come_in(fresh_app):
    _, projects = stage(fresh_app, count=6)
    stop = threading.Event()

    def worker():
        while not stop.is_set():
            run_due(limit=3)

    def change():
        for ref in projects * 3:
            with transaction() as session:
                public_changed(session, kind="project", ref=ref, now=utc_now())
        stop.wait(6)
        stop.set()

    faults = at_once(fresh_app, change, worker, worker, worker)
    assert faults == []
    with fresh_app.app_context():
        with transaction() as session:               # nobody waits a minute for the last gathered messages here
            for job in session.scalars(select(Job).where(Job.kind == JOB_ALERT, Job.state == JobState.WAITING)):
                job.due_at, job.lease_until = utc_now(), None
            session.query(SavedSearchHit).filter(SavedSearchHit.told_at.is_not(None)).update(
                {"told_at": utc_now() - timedelta(minutes=5)})
        while run_due(limit=50):
            pass
        db.session.remove()
    hits, waiting, _ = counts(fresh_app)
    assert (hits, waiting) == (READERS * len(projects), 0)
    with fresh_app.app_context():
        lists = db.session().scalars(select(Message.facts).where(Message.kind == "alert")).all()
        told = [(group["ref"], item["ref"]) for facts in lists for group in facts["groups"] for item in group["items"]]
        assert len(told) == len(set(told)) == READERS * len(projects)
