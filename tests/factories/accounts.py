"""People with accounts, mandates and sessions."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from flask import current_app, has_app_context
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from marketplace.accounts import operations
from marketplace.accounts.models import Person
from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from tests.factories import NOW

PASSWORD = "correct horse battery"
_numbers = count(13_800_000_001)


def make_person(session: Session, *, name: str = "周敏", role: Role | None = None, organization_id: int | None = None,
                login: str | None = None, now: object = NOW) -> Person:
    """An account opened by the system, with one mandate when `role` is given; without a password."""
    person = operations.open_account(session, actor=SYSTEM, login=login or str(next(_numbers)), name=name, now=now)
    if role is not None:
        operations.grant(session, actor=SYSTEM, person=person, organization_id=organization_id, role=role, now=now)
    return person


def with_password(session: Session, person: Person, password: str = PASSWORD, now: object = NOW) -> Person:
    """The person activates the account with a slip."""
    code = operations.issue_slip(session, actor=SYSTEM, person=person, now=now)
    return operations.activate(session, login=person.login, code=code, password=password, now=now)


def actor_of(session: Session, person: Person) -> Actor:
    """The actor that a request of this person would act as."""
    from marketplace.accounts import queries

    session.flush()
    return queries.load_actor(session, person.id)


@contextmanager
def _writing() -> Iterator[Session]:
    """The open write session of the test, or a transaction of its own."""
    session = db.session()
    if session.info.get("writing"):
        yield session
        session.flush()
    else:
        with transaction() as session:
            yield session


def _start(person_id: int) -> str:
    """Begin a session for a person and return its token."""
    with _writing() as session:
        person = session.get(Person, person_id)
        assert person is not None
        return operations.start_session(session, person=person, address="127.0.0.1", device="test", now=utc_now())


def sign_in(client: FlaskClient, person: Person | int) -> FlaskClient:
    """Sign a person in without the form: begin a session and put its token into the client's cookie.

    `person` is an id, or a Person whose id is loaded. Works inside and outside an app context.
    """
    app = client.application
    if has_app_context() and current_app._get_current_object() is app:
        token = _start(person if isinstance(person, int) else person.id)
    else:
        with app.app_context():
            token = _start(person if isinstance(person, int) else person.__dict__["id"])
    started = int(utc_now().timestamp())
    with client.session_transaction() as cookie:
        cookie.clear()
        cookie.update({"_user_id": token, "_fresh": True, "seen": started})
    return client


