"""Who hears of meetings: everybody at first, then only those whose own list changed; both sides when one is off."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.accounts.queries import load_actor
from marketplace.core.access import Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.inbox.jobs.meetings import tell_cancelled, tell_moved, tell_participants
from marketplace.inbox.models import Message
from marketplace.meetings import operations
from marketplace.meetings.models import MeetingEvent, MeetingSchedule
from marketplace.meetings.queries import inputs as queries
from marketplace.meetings.rules import moves
from marketplace.meetings.rules.changes import digest
from marketplace.meetings.rules.edits import Edit, EditKind
from marketplace.meetings.rules.inputs import edited
from marketplace.meetings.rules.solving import solve
from marketplace.web.formats import fill, moment
from marketplace.web.worker import run_until_idle
from tests.factories.accounts import make_person
from tests.factories.meetings import FLOWS, make_public


@pytest.fixture
def fair(app):
    """A published event: three tables, four organizations with a member each; the host's ids."""
    with app.app_context():
        with transaction() as session:
            made, version = make_public(session, now=utc_now())
            members = [make_person(session, role=Role.PROVIDER_MEMBER, organization_id=body.id).id for body in made.organizations]
            session.flush()
            ids = {"host": made.host.person_id, "members": members, "version": version.ref, "ref": made.event.ref,
                   "projects": [(p.id, p.ref) for p in made.projects], "bodies": [b.id for b in made.organizations],
                   "approver": made.desk.approver.person_id}
        run_until_idle()
    return ids


def told(app):
    """Every message about meetings: (who, subject)."""
    with app.app_context():
        return [(one.person_id, one.subject) for one in db.session().scalars(select(Message).order_by(Message.id))
                if "洽谈" in one.subject]


def forbid_and_publish(app, fair):
    with app.app_context():
        with transaction() as session:
            host, event = load_actor(session, fair["host"]), session.scalars(select(MeetingEvent)).one()
            edit = Edit(EditKind.FORBID, ((fair["projects"][0][0], fair["bodies"][0]),), reason="有过纠纷")
            inputs = edited(queries.inputs_of(session, event), edit)
            before = queries.seats(session, queries.current(session, event))
            solution = solve(inputs, queries.event_points(session, inputs).matrix, FLOWS, before=before)
            made = operations.commit_edit(session, actor=host, event=event, edit=edit, solution=solution, now=utc_now(),
                                          revision=event.revision, shown=digest(solution.seats))
            operations.publish(session, actor=host, event=event, schedule=made, now=utc_now())
        run_until_idle()


def test_the_first_schedule_is_told_to_both_sides_once_each(app, fair):
    found = told(app)
    assert {person for person, _ in found} == {*fair["members"], fair["host"], fair["approver"]}
    assert len(found) == 6
    assert all("已公布" in subject for _, subject in found)
    with app.app_context():
        tell_participants(fair["version"], 1)       # the worker tries again
    assert told(app) == found


def test_a_later_version_is_told_only_to_those_whose_list_changed(app, fair):
    before = len(told(app))
    forbid_and_publish(app, fair)
    found = told(app)[before:]
    assert all("有变动" in subject for _, subject in found)
    assert {person for person, _ in found} == {fair["members"][0], fair["host"], fair["approver"]}


def test_a_version_that_is_no_longer_in_force_is_not_told(app, fair):
    forbid_and_publish(app, fair)
    before = told(app)
    with app.app_context():
        tell_participants(fair["version"])
        tell_participants("nothing")
        tell_cancelled(fair["version"], fair["projects"][0][1])
    assert told(app) == before


def test_a_cancelled_table_is_told_to_the_organizations_and_to_the_unit_with_the_reason(app, fair):
    before = len(told(app))
    with app.app_context():
        with transaction() as session:
            host, event = load_actor(session, fair["host"]), session.scalars(select(MeetingEvent)).one()
            operations.cancel_meetings(session, actor=host, event=event, reason="已发公告", now=utc_now(),
                                       project=session.scalars(select(MeetingSchedule)).one().meetings[0].project)
        run_until_idle()
    found = told(app)[before:]
    assert {person for person, _ in found} == {*fair["members"], fair["host"], fair["approver"]}
    with app.app_context():
        facts = {one.facts["reason"] for one in db.session().scalars(select(Message)) if "已取消" in one.subject}
        assert facts == {"已发公告"}


# ---------- what is in force moves ----------

def change(app, fair, **changes):
    """The host changes facts of the event; the news is told. Returns whether meetings moved."""
    with app.app_context():
        with transaction() as session:
            event = event_of(session)
            was = operations.change_event(session, actor=load_actor(session, fair["host"]), event=event, now=utc_now(),
                                          facts=replace(operations.facts_of(event), **changes))
        run_until_idle()
    return was


def event_of(session):
    return session.scalars(select(MeetingEvent)).one()


def read(app, before=0):
    """Messages about meetings as they are read: (who, subject, body)."""
    with app.test_request_context():
        return [(one.person_id, fill(one.subject, one.facts), fill(one.body, one.facts))
                for one in db.session().scalars(select(Message).order_by(Message.id)) if "洽谈" in one.subject][before:]


def everybody(fair):
    return {*fair["members"], fair["host"], fair["approver"]}


def test_a_new_start_time_is_told_to_everybody_with_a_meeting_once_with_old_and_new_time(app, fair):
    before = len(told(app))
    with app.app_context():
        old = event_of(db.session()).starts_at
    assert change(app, fair, starts_at=old + timedelta(hours=2))
    found = read(app, before)
    assert {person for person, _, _ in found} == everybody(fair)
    assert len(found) == 6
    first = next(body for person, _, body in found if person == fair["host"])
    assert f"原为 {moment(old)}–" in first
    assert f"现为 {moment(old + timedelta(hours=2))}–" in first
    with app.app_context():
        event = event_of(db.session())
        facts = operations.facts_of(event)
        tell_moved(event.ref, event.edition, moves.plain(replace(facts, starts_at=old)), moves.plain(facts))     # the worker tries again
    assert read(app, before) == found


def test_each_change_is_told_with_its_own_times_even_when_two_wait(app, fair):
    before = len(told(app))
    with app.app_context():
        old = event_of(db.session()).starts_at
        for hours in (1, 3):
            with transaction() as session:
                event = event_of(session)
                operations.change_event(session, actor=load_actor(session, fair["host"]), event=event, now=utc_now(),
                                        facts=replace(operations.facts_of(event), starts_at=old + timedelta(hours=hours)))
        run_until_idle()
    mine = [body for person, _, body in read(app, before) if person == fair["host"]]
    assert len(mine) == 2
    assert moment(old) in mine[0]
    assert moment(old + timedelta(hours=1)) in mine[0]
    assert moment(old + timedelta(hours=1)) in mine[1]
    assert moment(old + timedelta(hours=3)) in mine[1]


def test_only_those_whose_rounds_move_hear_of_a_longer_break(app, fair):
    with app.app_context():
        session = db.session()
        version = queries.published(session, event_of(session))
        later = {row.organization_id for row in version.meetings if row.round > 1}
        members = {person for person, body in zip(fair["members"], fair["bodies"], strict=True) if body in later}
    before = len(told(app))
    assert change(app, fair, break_minutes=15)
    found = read(app, before)
    assert {person for person, _, _ in found} == {*members, fair["host"], fair["approver"]}
    assert all("改了时间" in subject for _, subject, _ in found)


def test_another_place_is_told_with_the_old_one_and_time_and_place_in_one_message(app, fair):
    before = len(told(app))
    assert change(app, fair, place="文化馆二楼")
    found = read(app, before)
    assert {person for person, _, _ in found} == everybody(fair)
    assert {body for _, _, body in found} == {"地点原为“区社会组织服务中心”，现为“文化馆二楼”。时间没有变。"}
    with app.app_context():
        old = event_of(db.session()).starts_at
    assert change(app, fair, place="", starts_at=old + timedelta(days=1))
    last = read(app, before + len(found))
    assert len(last) == 6
    assert all("地点也改了" in subject and "现为“未定”" in body for _, subject, body in last)
    assert all(moment(old) in body and moment(old + timedelta(days=1)) in body for person, _, body in last if person == fair["host"])


@pytest.mark.parametrize("changes", [{"title": "冬季洽谈会"}, {"rounds": 5}, {}, {"is_open_to_units": True}])
def test_a_change_that_moves_nobody_is_told_to_nobody(app, fair, changes):
    before = told(app)
    assert not change(app, fair, **changes)
    assert told(app) == before


def test_nobody_hears_of_a_draft_that_moves_and_everybody_hears_when_it_is_back(app, fair):
    before = len(told(app))
    with app.app_context():
        with transaction() as session:
            operations.withdraw(session, actor=load_actor(session, fair["host"]), event=event_of(session), now=utc_now())
        old = event_of(db.session()).starts_at
    assert not change(app, fair, starts_at=old + timedelta(hours=1))
    assert len(told(app)) == before
    with app.app_context():
        with transaction() as session:
            event = event_of(session)
            operations.publish(session, actor=load_actor(session, fair["host"]), event=event, now=utc_now(),
                               schedule=queries.current(session, event))
        run_until_idle()
    found = read(app, before)
    assert {person for person, _, _ in found} == everybody(fair)
    assert all("已重新公布" in subject for _, subject, _ in found)


def test_a_move_that_was_withdrawn_before_it_was_told_is_told_by_the_next_publishing_alone(app, fair):
    before = len(told(app))
    with app.app_context():
        with transaction() as session:
            host, event = load_actor(session, fair["host"]), event_of(session)
            operations.change_event(session, actor=host, event=event, now=utc_now(), facts=replace(
                operations.facts_of(event), starts_at=event.starts_at + timedelta(hours=1)))
            operations.withdraw(session, actor=host, event=event, now=utc_now())
        run_until_idle()
    assert len(told(app)) == before


def test_cancelled_meetings_do_not_move(app, fair):
    with app.app_context():
        with transaction() as session:
            event = event_of(session)
            version = queries.published(session, event)
            for project in {row.project for row in version.meetings}:
                operations.cancel_meetings(session, actor=load_actor(session, fair["host"]), event=event, project=project,
                                           reason="停办", now=utc_now())
        run_until_idle()
        old = event_of(db.session()).starts_at
    before = len(told(app))
    assert not change(app, fair, starts_at=old + timedelta(hours=1))
    assert len(told(app)) == before


def test_another_table_is_told_to_both_sides_when_the_version_with_it_is_published(app, fair):
    before = len(told(app))
    with app.app_context():
        with transaction() as session:
            host, event = load_actor(session, fair["host"]), event_of(session)
            table = event.tables[0]
            version = queries.published(session, event)
            met = {row.organization_id for row in version.meetings if row.project_id == table.project_id}
            operations.change_party(session, actor=host, party=table, terms=operations.Terms(number=21), now=utc_now())
            operations.start_run(session, actor=host, event=event, now=utc_now(), keeps_before=True)
        run_until_idle()
        with transaction() as session:
            event = event_of(session)
            operations.publish(session, actor=load_actor(session, fair["host"]), event=event, now=utc_now(),
                               schedule=queries.current(session, event))
        run_until_idle()
    members = {person for person, body in zip(fair["members"], fair["bodies"], strict=True) if body in met}
    found = read(app, before)
    assert {person for person, _, _ in found} == {*members, fair["host"], fair["approver"]}
    assert all("有变动" in subject for _, subject, _ in found)
