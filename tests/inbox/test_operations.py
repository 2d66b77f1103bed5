from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.core.access import Actor
from marketplace.core.errors import Denied
from marketplace.core.outbox import Job
from marketplace.inbox import operations, queries
from marketplace.inbox.models import Message
from marketplace.inbox.rules import JOB_MAIL, Group, Kind, Letter
from tests.factories import NOW
from tests.factories.accounts import make_person
from tests.factories.organizations import make_unit


def send(session, person, **changes):
    now = changes.pop("now", NOW)
    words = {"kind": Kind.PROJECT, "subject": "审核项目“{title}”", "facts": {"title": "长者助餐"}, **changes}
    return operations.send(session, person=person, letter=Letter(**words), now=now)


def actor(person, organization_id=None):
    return Actor(person_id=person.id, name=person.name, organization_id=organization_id)


def test_the_same_news_reaches_a_person_once(session):
    person, other = make_person(session), make_person(session)
    assert send(session, person, unique_key="published:abc") is not None
    assert send(session, person, unique_key="published:abc") is None
    assert send(session, other, unique_key="published:abc") is not None


def test_an_open_todo_is_not_sent_again_but_a_finished_one_may_come_back(session):
    person = make_person(session)
    assert send(session, person, verb="审核", url="/x", todo_key="review:abc") is not None
    assert send(session, person, verb="审核", url="/x", todo_key="review:abc") is None
    assert operations.finish(session, todo_key="review:abc", now=NOW) == 1
    assert operations.finish(session, todo_key="review:abc", now=NOW) == 0
    assert send(session, person, verb="审核", url="/x", todo_key="review:abc") is not None


def test_finishing_closes_the_todo_for_everybody_who_held_it(session):
    people = [make_person(session) for _ in range(3)]
    for person in people:
        send(session, person, verb="审核", url="/x", todo_key="review:abc")
    assert operations.finish(session, todo_key="review:abc", now=NOW) == 3
    assert [queries.todo_count(session, actor(person)) for person in people] == [0, 0, 0]


def test_a_copy_by_mail_is_asked_for_only_where_there_is_an_address(session):
    silent, reachable = make_person(session), make_person(session)
    reachable.email = "he@example.invalid"
    send(session, silent)
    made = send(session, reachable)
    jobs = session.scalars(select(Job).where(Job.kind == JOB_MAIL)).all()
    assert [job.payload for job in jobs] == [{"message_ref": made.ref}]


def test_todos_come_by_urgency_and_only_those_of_the_place_acted_for(session):
    unit, other = make_unit(session), make_unit(session, name="白鹭街道办事处")
    person = make_person(session)
    late = send(session, person, verb="办", url="/1", due_at=NOW - timedelta(hours=1), organization_id=unit.id)
    later = send(session, person, verb="办", url="/2", organization_id=unit.id)
    today = send(session, person, verb="办", url="/3", due_at=NOW + timedelta(hours=2))
    send(session, person, verb="办", url="/4", organization_id=other.id)
    found = queries.todos(session, actor(person, unit.id), now=NOW)
    assert found == {Group.LATE: [late], Group.TODAY: [today], Group.LATER: [later]}
    assert queries.todo_count(session, actor(person, unit.id)) == 3
    assert [(e.organization, e.count) for e in queries.elsewhere(session, actor(person, unit.id))] == [(other.name, 1)]


def test_news_come_newest_first_and_count_as_unread_until_read(session):
    person = make_person(session)
    old, new = send(session, person), send(session, person, now=NOW + timedelta(hours=1))
    me = actor(person)
    assert session.scalars(queries.news(me)).all() == [new, old]
    assert queries.unread_count(session, me) == 2
    operations.mark_read(session, actor=me, message=new, now=NOW)
    assert queries.unread_count(session, me) == 1
    operations.mark_all_read(session, actor=me, now=NOW)
    assert queries.unread_count(session, me) == 0


def test_nobody_can_mark_the_message_of_another_and_does_not_learn_that_it_exists(session):
    message = send(session, make_person(session))
    stranger = make_person(session)
    with pytest.raises(Denied) as refused:
        operations.mark_read(session, actor=actor(stranger), message=message, now=NOW)
    assert refused.value.hidden
    assert session.get(Message, message.id).read_at is None


def test_a_todo_without_an_address_is_refused_by_the_database(session):
    from sqlalchemy.exc import IntegrityError

    person = make_person(session)
    with pytest.raises(IntegrityError), session.begin_nested():
        send(session, person, verb="审核", url="")
