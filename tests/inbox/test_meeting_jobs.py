"""Who hears of meetings: everybody at first, then only those whose own list changed; both sides when one is off."""

import pytest
from sqlalchemy import select

from marketplace.accounts.queries import load_actor
from marketplace.core.access import Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.inbox.jobs.meetings import tell_cancelled, tell_participants
from marketplace.inbox.models import Message
from marketplace.meetings import operations
from marketplace.meetings.models import MeetingEvent, MeetingSchedule
from marketplace.meetings.queries import inputs as queries
from marketplace.meetings.rules.changes import digest
from marketplace.meetings.rules.edits import Edit, EditKind
from marketplace.meetings.rules.inputs import edited
from marketplace.meetings.rules.solving import solve
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
            ids = {"host": made.host.person_id, "members": members, "version": version.ref,
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
        tell_participants(fair["version"])          # the worker tries again
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
