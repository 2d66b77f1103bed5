"""Two who start a run at once, two versions published at once, a run cancelled while it is kept: one of them counts."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from marketplace.accounts.queries import load_actor
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, DomainError
from marketplace.meetings import operations
from marketplace.meetings.models import Meeting, MeetingEvent, MeetingSchedule, MeetingTable
from marketplace.meetings.queries import inputs as queries
from marketplace.meetings.rules.solving import solve
from marketplace.projects.models import Project
from tests.factories.meetings import FLOWS, make_scheduled
from tests.factories.projects import Desk, make_draft

AT_ONCE = 4
pytestmark = pytest.mark.race


@pytest.fixture
def fair(fresh_app):
    """An event with a version that is ready."""
    with fresh_app.app_context():
        with transaction() as session:
            made, _ = make_scheduled(session)
            ids = {"event": made.event.id, "host": made.host.person_id, "approver": made.desk.approver.person_id}
        db.session.remove()
    return ids


def at_once(app, works):
    """Run every work in a thread of its own, all starting together; return what each gave or raised."""
    together = Barrier(len(works))

    def one(work):
        with app.app_context():
            together.wait()
            try:
                with transaction() as session:
                    return work(session)
            except DomainError as refused:
                return refused
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


def host_and_event(session, ids):
    return load_actor(session, ids["host"]), session.get_one(MeetingEvent, ids["event"])


def start(ids):
    def work(session):
        host, event = host_and_event(session, ids)
        return operations.start_run(session, actor=host, event=event, now=utc_now()).number
    return work


def publish(ids, number):
    def work(session):
        host, event = host_and_event(session, ids)
        version = session.scalars(select(MeetingSchedule).where(MeetingSchedule.number == number)).one()
        operations.publish(session, actor=host, event=event, schedule=version, now=utc_now())
        return number
    return work


def test_a_run_started_several_times_at_once_starts_once(fresh_app, fair):
    answers = at_once(fresh_app, [start(fair)] * AT_ONCE)
    assert sorted(str(type(one)) for one in answers).count(str(Conflict)) == AT_ONCE - 1
    assert 2 in answers


def test_one_version_is_published_however_many_press_the_button(fresh_app, fair):
    answers = at_once(fresh_app, [publish(fair, 1)] * AT_ONCE)
    assert answers.count(1) == 1
    with fresh_app.app_context():
        assert db.session().scalar(select(func.count()).where(MeetingSchedule.state == "published")) == 1


def test_a_list_that_changes_while_a_version_is_published_stops_one_of_both(fresh_app, fair):
    """Either the version was out before the change, or it is refused as too old."""
    def change(session):
        host, event = host_and_event(session, fair)
        operations.remove_party(session, actor=host, party=event.visitors[0], now=utc_now())
        return "changed"

    answers = at_once(fresh_app, [publish(fair, 1), change])
    with fresh_app.app_context():
        event = db.session().get_one(MeetingEvent, fair["event"])
        version = db.session().scalars(select(MeetingSchedule)).one()
        assert answers[1] == "changed"
        assert (answers[0] == 1) == (version.state == "published")
        assert event.revision == version.revision + 1


def test_a_run_that_is_cancelled_while_it_is_kept_is_one_or_the_other(fresh_app, fair):
    with fresh_app.app_context():
        with transaction() as session:
            host, event = host_and_event(session, fair)
            ref = operations.start_run(session, actor=host, event=event, now=utc_now()).ref
            operations.begin_run(session, schedule_ref=ref)
            inputs = queries.inputs_of(session, event)
            solution = solve(inputs, queries.event_points(session, inputs).matrix, FLOWS)
        db.session.remove()

    def keep(session):
        host, _ = host_and_event(session, fair)
        return operations.keep_run(session, actor=host, schedule_ref=ref, solution=solution, points_from="",
                                   now=utc_now()).state

    def cancel(session):
        host, event = host_and_event(session, fair)
        operations.cancel_run(session, actor=host, event=event, now=utc_now())
        return "cancelled"

    answers = at_once(fresh_app, [keep, cancel])
    with fresh_app.app_context():
        version = db.session().scalars(select(MeetingSchedule).where(MeetingSchedule.ref == ref)).one()
        count = db.session().scalar(select(func.count()).where(Meeting.schedule_id == version.id))
        assert (version.state, count) in {("ready", 12), ("cancelled", 0)}
        assert answers.count(version.state) == 1
        assert sum(isinstance(one, Conflict) for one in answers) == 1


def test_a_project_added_by_two_at_once_has_one_table(fresh_app, fair):
    with fresh_app.app_context():
        with transaction() as session:
            host, event = host_and_event(session, fair)
            desk = Desk(event.host, host, load_actor(session, fair["approver"]))
            project_id = make_draft(session, desk, now=utc_now(), title="同时加入的项目").id
        db.session.remove()

    def add(session):
        host, event = host_and_event(session, fair)
        return operations.add_table(session, actor=host, event=event, project=session.get_one(Project, project_id),
                                    now=utc_now()).number

    answers = at_once(fresh_app, [add] * AT_ONCE)
    assert sum(isinstance(one, int) for one in answers) == 1
    with fresh_app.app_context():
        assert db.session().scalar(select(func.count()).where(MeetingTable.project_id == project_id)) == 1
