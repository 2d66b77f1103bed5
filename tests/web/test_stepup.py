"""The password asked again: right, wrong, locked; what was typed stays, and nothing happens without it."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace.accounts.rules import LOCK_AFTER
from marketplace.core.audit import AuditEvent
from marketplace.core.db import db
from tests.factories.accounts import PASSWORD
from tests.funding.scene import Scene, build, enter, pledge, text_of


@pytest.fixture
def scene(app: Flask) -> Scene:
    return build(app)


def confirm(client: FlaskClient, scene: Scene, password: str, amount: str = "3000"):
    return client.post(f"/fund/pledges/{scene.refs['coming']}/confirm",
                       data={"confirm-amount": amount, "confirm-password": password})


def actions(app: Flask) -> list[str]:
    with app.app_context():
        return [event.action for event in db.session().scalars(select(AuditEvent).order_by(AuditEvent.id))
                if event.action.startswith("step_up")]


def test_the_right_password_lets_the_step_happen_and_the_audit_says_so(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "receiver")
    assert confirm(client, scene, PASSWORD).status_code == 303
    assert pledge(app, scene.refs["coming"]).held.fen == 300_000
    assert actions(app) == ["step_up.succeeded"]


def test_a_wrong_password_is_an_error_of_its_field_and_nothing_else_is_lost(
        app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "receiver")
    answer = confirm(client, scene, "wrong", "2,500.50")
    assert answer.status_code == 422
    assert "密码不对，这一步没有执行" in text_of(answer.text)
    assert 'value="2,500.50"' in answer.text
    assert "wrong" not in answer.text                       # the password is never written back
    assert pledge(app, scene.refs["coming"]).held.fen == 0
    assert actions(app) == ["step_up.failed"]


def test_an_empty_password_is_asked_for_and_not_counted(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "receiver")
    answer = confirm(client, scene, "")
    assert answer.status_code == 422
    assert "请再输入一次登录密码" in text_of(answer.text)
    assert actions(app) == []


def test_wrong_passwords_lock_the_account_from_here_as_they_do_at_the_door(
        app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "receiver")
    for _ in range(LOCK_AFTER):
        assert confirm(client, scene, "wrong").status_code == 422
    answer = confirm(client, scene, PASSWORD)
    assert answer.status_code == 422
    assert "以前不能执行这一步" in text_of(answer.text)
    assert pledge(app, scene.refs["coming"]).held.fen == 0


def test_the_right_password_forgets_the_wrong_ones_before_it(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "receiver")
    for _ in range(LOCK_AFTER - 1):
        confirm(client, scene, "wrong")
    assert confirm(client, scene, PASSWORD, "1000").status_code == 303
    for _ in range(LOCK_AFTER - 1):
        confirm(client, scene, "wrong", "500")
    assert confirm(client, scene, PASSWORD, "500").status_code == 303
    assert pledge(app, scene.refs["coming"]).held.fen == 150_000


def test_another_persons_password_is_a_wrong_one(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context():
        from marketplace.accounts.models import Person
        from marketplace.core.db import transaction
        from tests.factories.accounts import with_password

        with transaction() as session:
            with_password(session, session.get_one(Person, scene.people["giver"]), "quite another phrase")
    enter(client, scene, "receiver")
    assert confirm(client, scene, "quite another phrase").status_code == 422
    assert pledge(app, scene.refs["coming"]).held.fen == 0
