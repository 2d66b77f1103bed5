"""Two people tell, draw or decline at the same moment: one telling a day, one list, one standing word of an organization."""

import pytest
from sqlalchemy import func, select, update

from marketplace.accounts.queries import load_actor
from marketplace.core.access import Role
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict
from marketplace.core.outbox import Job
from marketplace.matching.models.outreach import InvitationList, ProjectDecline, Telling, ToldProvider
from marketplace.matching.operations import outreach
from marketplace.projects.models import Project
from marketplace.projects.queries import by_ref
from marketplace.web.services import services
from tests.browser.sides import SAID, make_market
from tests.factories import NOW
from tests.factories.accounts import make_person
from tests.factories.projects import make_actor, make_desk, make_published
from tests.races.test_award_races import at_once

pytestmark = pytest.mark.race


@pytest.fixture
def case(fresh_app):
    """A project, two of the buyer's people, two approvers, two people of one organization; by reference and id."""
    with fresh_app.app_context(), transaction() as session:
        desk = make_desk(session)
        project = make_published(session, desk)
        bodies = make_market(session, now=NOW)
        second = make_actor(session, desk.unit, Role.APPROVER)
        members = [make_person(session, role=Role.PROVIDER_MEMBER, organization_id=bodies["near"].id).id for _ in range(2)]
        return project.ref, (desk.handler.person_id, desk.approver.person_id), (desk.approver.person_id, second.person_id), members


def count(app, what):
    with app.app_context():
        found = db.session().scalar(select(func.count()).select_from(what))
        db.session.remove()
        return found


@pytest.mark.parametrize("again", range(3))
def test_of_two_different_texts_at_once_one_goes_out(fresh_app, case, again):
    ref, people, _, _ = case

    def tell(person, said):
        return lambda session: outreach.tell_providers(
            session, actor=load_actor(session, person), project=by_ref(session, ref), line=30, text=said, tools=services(), now=NOW).text

    results = at_once(fresh_app, tell(people[0], SAID), tell(people[1], "另一段话"))
    assert sum(isinstance(one, str) for one in results) == 1, results
    assert sum(isinstance(one, Conflict) for one in results) == 1, results
    assert count(fresh_app, Telling) == 1
    with fresh_app.app_context():
        session = db.session()
        told = session.scalars(select(Telling)).one()
        assert session.scalar(select(func.count()).select_from(ToldProvider)) == told.told
        assert len(session.scalars(select(Job).where(Job.unique_key == f"told:{told.ref}")).all()) == 1
        db.session.remove()


def test_the_same_text_clicked_twice_at_once_is_one_telling_for_both(fresh_app, case):
    ref, people, _, _ = case

    def tell(person):
        return lambda session: outreach.tell_providers(
            session, actor=load_actor(session, person), project=by_ref(session, ref), line=30, text=SAID, tools=services(), now=NOW).ref

    first, second = at_once(fresh_app, tell(people[0]), tell(people[0]))
    assert isinstance(first, str)
    assert first == second
    assert count(fresh_app, Telling) == 1


def test_of_two_draws_at_once_one_list_remains(fresh_app, case):
    ref, _, approvers, _ = case
    with fresh_app.app_context(), transaction() as session:
        session.execute(update(Project).where(Project.ref == ref).values(procedure="invited_tender"))

    def draw(person):
        return lambda session: outreach.draw_invitations(
            session, actor=load_actor(session, person), project=by_ref(session, ref), wanted=3, tools=services(), now=NOW).ref

    results = at_once(fresh_app, *(draw(person) for person in approvers))
    assert sum(isinstance(one, str) for one in results) == 1, results
    assert sum(isinstance(one, Conflict) for one in results) == 1, results
    assert count(fresh_app, InvitationList) == 1


def test_two_colleagues_who_decline_at_once_leave_one_word(fresh_app, case):
    ref, _, _, members = case

    def decline(person, why):
        return lambda session: outreach.decline(session, actor=load_actor(session, person), project=by_ref(session, ref), reason=why,
                                                now=NOW).id

    first, second = at_once(fresh_app, decline(members[0], "人手不够"), decline(members[1], "时间冲突"))
    assert isinstance(first, int)
    assert first == second
    assert count(fresh_app, ProjectDecline) == 1
