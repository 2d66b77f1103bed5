"""People at the same moment around one project: two approvers, one list line, a moved deadline against the opening."""

import threading
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from marketplace.accounts.queries import load_actor
from marketplace.catalogs.models import PurchaseListItem
from marketplace.core.access import Role
from marketplace.core.clock import at_beijing
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, DomainError
from marketplace.core.outbox import Job
from marketplace.projects import operations, rules
from marketplace.projects.models import Addendum, Enquiry, Project
from marketplace.projects.queries import by_ref, enquiry_by_ref
from tests.factories import NOW
from tests.factories.projects import CLOSES, make_actor, make_desk, make_published, make_submitted
from tests.projects.test_operations import make_line

pytestmark = pytest.mark.race
LATER = at_beijing(date(2026, 12, 14), 17)


def at_once(app, *verbs):
    """Run each verb(session) in a thread and transaction of its own; return results or refusals in that order."""
    gate, got = threading.Barrier(len(verbs)), {}

    def run(number, verb):
        with app.app_context():
            gate.wait()
            try:
                with transaction() as session:
                    got[number] = verb(session)
            except DomainError as refused:
                got[number] = refused
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(verbs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(got) == len(verbs)
    return [got[number] for number in sorted(got)]


def refused(got):
    return [one for one in got if isinstance(one, DomainError)]


def staged(app, make):
    """Make something in a transaction and return its plain facts."""
    with app.app_context(), transaction() as session:
        return make(session)


def test_of_two_approvers_publishing_at_once_one_wins_and_one_number_is_given(fresh_app):
    def make(session):
        desk = make_desk(session)
        other = make_actor(session, desk.unit, Role.APPROVER, "第二审核人")
        return make_submitted(session, desk).ref, desk.approver, other

    ref, *approvers = staged(fresh_app, make)
    got = at_once(fresh_app, *(
        lambda s, who=who: operations.publish(s, actor=who, project=by_ref(s, ref), closes_at=CLOSES, now=NOW) and None
        for who in approvers))
    assert len(refused(got)) == 1
    with fresh_app.app_context():
        assert by_ref(db.session(), ref).number == "LC-2026-0001"
        openings = db.session().scalar(select(func.count()).select_from(Job).where(
            Job.kind == rules.JOB_OPENING_DUE, Job.handler == "projects.refresh_public_face"))
        assert openings == 1


def test_projects_published_at_once_get_numbers_without_gap_or_double(fresh_app):
    def make(session):
        desk = make_desk(session)
        return desk.approver, [make_submitted(session, desk).ref for _ in range(6)]

    approver, refs = staged(fresh_app, make)
    got = at_once(fresh_app, *(
        lambda s, ref=ref: operations.publish(s, actor=approver, project=by_ref(s, ref), closes_at=CLOSES, now=NOW).number
        for ref in refs))
    assert sorted(got) == [f"LC-2026-{n:04}" for n in range(1, 7)]


def test_one_list_line_drafted_four_times_at_once_is_one_project(fresh_app):
    def make(session):
        desk = make_desk(session)
        return desk.handler, make_line(session, desk).id

    handler, item_id = staged(fresh_app, make)

    def draft(session):
        item = session.get(PurchaseListItem, item_id)
        return operations.draft_from_line(session, actor=handler, line=item.line, item=item, now=NOW).ref

    got = at_once(fresh_app, *[draft] * 4)
    assert not refused(got)
    assert len(set(got)) == 1
    with fresh_app.app_context():
        assert db.session().scalar(select(func.count()).select_from(Project)) == 1


def test_an_addendum_and_the_opening_at_once_never_both_happen_on_the_old_deadline(fresh_app):
    def make(session):
        desk = make_desk(session)
        return desk.handler, make_published(session, desk).ref

    handler, ref = staged(fresh_app, make)
    moment = CLOSES - timedelta(milliseconds=1)
    got = at_once(
        fresh_app,
        lambda s: operations.publish_addendum(s, actor=handler, project=by_ref(s, ref), text="推后", closes_at=LATER,
                                              now=moment).number,
        lambda s: operations.mark_opened(s, project=by_ref(s, ref), now=CLOSES))
    with fresh_app.app_context():
        project = by_ref(db.session(), ref)
        addenda = db.session().scalar(select(func.count()).select_from(Addendum))
        assert len(refused(got)) == 1
        assert (project.state, addenda) in {("published", 1), ("opened", 0)}
        assert project.closes_at == (LATER if addenda else CLOSES)


def test_two_addenda_at_once_have_two_numbers_or_one_is_told_to_look_again(fresh_app):
    def make(session):
        desk = make_desk(session)
        return desk.handler, make_published(session, desk).ref

    handler, ref = staged(fresh_app, make)
    got = at_once(fresh_app, *[lambda s: operations.publish_addendum(
        s, actor=handler, project=by_ref(s, ref), text="澄清", now=NOW).number] * 2)
    numbers = sorted(one for one in got if isinstance(one, int))
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(isinstance(one, Conflict) for one in refused(got))
    with fresh_app.app_context():
        assert db.session().scalar(select(func.count()).select_from(Addendum)) == len(numbers) >= 1


def test_of_two_answers_at_once_the_first_stands(fresh_app):
    def make(session):
        desk, asker = make_desk(session), make_desk(session)
        enquiry = operations.ask(session, actor=asker.handler, project=make_published(session, desk), question="?", now=NOW)
        return load_actor(session, desk.handler.person_id), enquiry.ref

    handler, ref = staged(fresh_app, make)
    got = at_once(fresh_app, *(
        lambda s, text=text: operations.answer(s, actor=handler, enquiry=enquiry_by_ref(s, ref), answer=text, now=NOW).answer
        for text in ("送", "不送")))
    assert len(refused(got)) == 1
    with fresh_app.app_context():
        (stands,) = [one for one in got if isinstance(one, str)]
        assert db.session().scalar(select(Enquiry.answer)) == stands
