"""Two people decide, draw, withdraw or hand in at the same moment: one wins, nothing is half done."""

import threading
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from marketplace.accounts.queries import load_actor
from marketplace.awards import operations, queries
from marketplace.awards.models import Award, Notice, Objection, Panel, PanelSeat
from marketplace.core.access import Role
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, DomainError
from marketplace.projects.models import Project
from marketplace.web.services import services
from tests.factories import awards
from tests.factories.awards import LATER, OPENED
from tests.factories.projects import make_actor

pytestmark = pytest.mark.race


def at_once(app, *steps):
    """Run each step in a thread of its own, in its own transaction, all let go together; return what came of each."""
    barrier = threading.Barrier(len(steps))
    results = [None] * len(steps)

    def run(place, step):
        with app.app_context():
            try:
                barrier.wait(timeout=20)
                with transaction() as session:
                    results[place] = step(session)
            except (DomainError, RuntimeError) as refused:
                results[place] = refused
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(place, step)) for place, step in enumerate(steps)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


def project_of(session, ref):
    return session.scalars(select(Project).where(Project.ref == ref)).one()


@pytest.fixture
def ranked(fresh_app):
    """A ranked project and two approvers, by reference and id."""
    with fresh_app.app_context(), transaction() as session:
        case = awards.make_ranked(session, services().sealer)
        second = make_actor(session, case.desk.unit, Role.APPROVER)
        return case.project.ref, [case.desk.approver.person_id, second.person_id]


def count(app, what, *conditions):
    with app.app_context():
        found = db.session().scalar(select(func.count()).select_from(what).where(*conditions))
        db.session.remove()
        return found


@pytest.mark.parametrize("again", range(3))
def test_of_two_approvers_deciding_at_once_one_wins(fresh_app, ranked, again):
    ref, people = ranked

    def decide(person, place):
        def step(session):
            project = project_of(session, ref)
            bid = queries.ranking_of(session, project)[place].bid
            return operations.award(session, actor=load_actor(session, person), project=project, bid=bid,
                                    reason="理由", now=LATER).ref
        return step

    results = at_once(fresh_app, decide(people[0], 0), decide(people[1], 1))
    assert sum(isinstance(one, str) for one in results) == 1, results
    assert sum(isinstance(one, Conflict) for one in results) == 1, results
    assert count(fresh_app, Award, Award.state == "notified") == 1
    assert count(fresh_app, Notice, Notice.kind == "result") == 1


def test_of_two_draws_at_once_one_panel_remains(fresh_app):
    with fresh_app.app_context(), transaction() as session:
        case = awards.make_case(session, services().sealer)
        ref, people = case.project.ref, (case.desk.handler.person_id, case.desk.approver.person_id)

    def draw(person):
        return lambda session: operations.draw_panel(session, actor=load_actor(session, person),
                                                     project=project_of(session, ref), now=OPENED).seed
    results = at_once(fresh_app, *(draw(person) for person in people))
    assert sum(isinstance(one, Conflict) for one in results) == 1, results
    assert (count(fresh_app, Panel), count(fresh_app, PanelSeat)) == (1, 5)


def test_two_members_who_withdraw_at_once_are_replaced_by_two_different_people(fresh_app):
    with fresh_app.app_context(), transaction() as session:
        panel = awards.draw(session, awards.make_case(session, services().sealer))
        seats = [(seat.ref, seat.person_id) for seat in panel.seats[:2]]

    def withdraw(ref, person):
        def step(session):
            actor = load_actor(session, person)
            seat = queries.seat_by_ref(session, ref, actor=actor)
            return operations.declare(session, actor=actor, seat=seat, has_conflict=True, reason="亲属", now=OPENED).state
        return step

    assert at_once(fresh_app, *(withdraw(*seat) for seat in seats)) == ["recused", "recused"]
    assert count(fresh_app, PanelSeat, PanelSeat.state != "recused") == 5
    assert count(fresh_app, PanelSeat) == 7


def test_a_late_point_never_lands_on_a_sheet_that_was_handed_in(fresh_app):
    with fresh_app.app_context(), transaction() as session:
        panel = awards.draw(session, awards.make_case(session, services().sealer))
        awards.seat_all(session, panel)
        seat = panel.seats[0]
        awards.fill_sheet(session, seat)
        ref, person = seat.ref, seat.person_id

    def hand_in(session):
        actor = load_actor(session, person)
        return operations.submit_sheet(session, actor=actor, seat=queries.seat_by_ref(session, ref, actor=actor), now=OPENED).state

    def change(session):
        actor = load_actor(session, person)
        own = queries.seat_by_ref(session, ref, actor=actor)
        project = own.panel.project
        bid = queries.opened_bids(session, project)[0]
        operations.save_scores(session, actor=actor, seat=own, bid=bid, points={project.criteria[0].id: Decimal(1)},
                               comments={}, now=LATER)
        return "saved"

    handed_in, changed = at_once(fresh_app, hand_in, change)
    assert handed_in == "submitted"
    with fresh_app.app_context():
        actor = load_actor(db.session(), person)
        own = queries.seat_by_ref(db.session(), ref, actor=actor)
        late = [s for s in queries.sheet(db.session(), own, actor=actor).rows if 1 in s.points.values()]
        assert bool(late) == (changed == "saved")
        db.session.remove()


def test_two_people_of_one_organization_object_once(fresh_app, ranked):
    ref, people = ranked
    with fresh_app.app_context(), transaction() as session:
        project = project_of(session, ref)
        first, second = queries.ranking_of(session, project)[:2]
        operations.award(session, actor=load_actor(session, people[0]), project=project, bid=first.bid, reason="", now=LATER)
        organization = second.bid.organization
        bidders = [second.bid.submitted_by, make_actor(session, organization, Role.PROVIDER_ADMIN).person_id]

    def raise_one(person):
        return lambda session: operations.raise_objection(
            session, actor=load_actor(session, person), project=project_of(session, ref), text="评分有误", now=LATER).ref
    results = at_once(fresh_app, *(raise_one(person) for person in bidders))
    assert sum(isinstance(one, Conflict) for one in results) == 1, results
    assert count(fresh_app, Objection) == 1
    assert count(fresh_app, Project, Project.open_objections == 1) == 1
