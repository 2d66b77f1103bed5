"""People at the same moment: the last guess, two grants, one slip twice, one account name twice."""

import threading
from datetime import timedelta

import pytest

from marketplace.accounts import operations, queries, rules
from marketplace.accounts.models import Person, SignInFailure
from marketplace.core.access import SYSTEM, Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError
from tests.factories.accounts import make_person, with_password

pytestmark = pytest.mark.race


def outcomes(app, verb, times):
    """Run verb(session) in `times` threads, each in its own transaction; return what each got or the refusal."""
    gate, got = threading.Barrier(times), []

    def run():
        with app.app_context():
            gate.wait()
            try:
                with transaction() as session:
                    result = verb(session)
                got.append(result)
            except DomainError as refused:
                got.append(refused)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(got) == times
    return got


def refusals(got):
    return [each for each in got if isinstance(each, DomainError)]


def test_every_failure_is_counted_and_the_pair_is_locked(fresh_app):
    now = utc_now()
    got = outcomes(fresh_app, lambda s: operations.note_failure(s, login="13800000001", address="a", now=now), 12)
    assert not refusals(got)
    with fresh_app.app_context():
        row = db.session().query(SignInFailure).one()
        assert (row.failures, row.locked_until) == (12, now + rules.LOCK_FOR)
    assert got.count(None) == 4


def test_of_many_guesses_at_once_the_right_one_after_the_fifth_stays_out(fresh_app):
    now = utc_now()
    with fresh_app.app_context(), transaction() as session:
        with_password(session, make_person(session, login="13800000001", now=now), now=now)
    with fresh_app.app_context():
        stored = queries.door(db.session(), login="13800000001", address="a", now=now).password_hash

    def guess(session, right):
        return operations.sign_in(session, login="13800000001", address="a", device="-", is_right=right, tried_hash=stored, now=now)

    outcomes(fresh_app, lambda s: guess(s, right=False), 8)
    assert outcomes(fresh_app, lambda s: guess(s, right=True), 4) == [None] * 4


def test_two_separated_roles_granted_at_the_same_moment_leave_one(fresh_app):
    now = utc_now()
    with fresh_app.app_context(), transaction() as session:
        ref = make_person(session, now=now).ref
    roles = iter([Role.OPERATOR, Role.AUDITOR, Role.SECURITY_OFFICER, Role.OPERATOR, Role.AUDITOR, Role.SECURITY_OFFICER])
    lock = threading.Lock()

    def grant(session):
        with lock:
            role = next(roles)
        return operations.grant(session, actor=SYSTEM, person=queries.by_ref(session, ref), organization_id=None, role=role, now=now).role

    got = outcomes(fresh_app, grant, 6)
    granted = {each for each in got if not isinstance(each, DomainError)}
    assert len(granted) == 1
    assert len(refusals(got)) == 4
    with fresh_app.app_context():
        session = db.session()
        assert {m.role for m in queries.live_mandates(session, queries.by_ref(session, ref).id)} == granted


def test_one_slip_used_twice_at_once_works_once(fresh_app):
    now = utc_now()
    with fresh_app.app_context(), transaction() as session:
        code = operations.issue_slip(session, actor=SYSTEM, person=make_person(session, login="13800000001", now=now), now=now)
    got = outcomes(fresh_app, lambda s: operations.activate(s, login="13800000001", code=code, password="three plain words",
                                                            now=now + timedelta(minutes=1)).ref, 4)
    assert len(refusals(got)) == 3


def test_one_account_name_opened_twice_at_once_is_one_account(fresh_app):
    now = utc_now()
    got = outcomes(fresh_app, lambda s: operations.open_account(s, actor=SYSTEM, login="13800000001", name="周敏", now=now).ref, 4)
    assert len(refusals(got)) == 3
    with fresh_app.app_context():
        assert db.session().query(Person).count() == 1
