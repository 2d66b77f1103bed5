"""Confirming what arrived, many at once, through the page."""

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from marketplace.core.access import Role
from marketplace.core.db import db, transaction
from marketplace.funding.models import Pledge
from tests.factories.accounts import make_person, sign_in
from tests.factories.funding import keeper, make_pledge, make_world, paid


def test_ticked_sums_are_held_afterwards_and_the_others_wait(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        world = make_world(session)
        pledges = [paid(session, world, make_pledge(session, world)) for _ in range(3)]
        refs = [pledge.ref for pledge in pledges]
        member = make_person(session, role=Role.PROVIDER_MEMBER, organization_id=world.receiver.id).id
        boss = keeper(session, world).person_id or 0
        stranger = keeper(session, make_world(session), name="外人").person_id or 0
    sign_in(client, stranger)
    assert refs[0] not in client.get("/money/arrived").text
    client.post("/money/arrived", data={"pledge": refs})                     # names of another body's money do nothing
    sign_in(client, member)
    assert "由本单位的管理员或项目官员确认" in client.get("/money/arrived").text
    assert client.post("/money/arrived", data={"pledge": refs}).status_code == 403
    sign_in(client, boss)
    assert client.post("/money/arrived").status_code == 422
    assert client.post("/money/arrived", data={"pledge": refs[:2]}).status_code == 303
    client.post("/money/arrived", data={"pledge": refs[:2]})                 # a second click finds nothing to do
    with app.app_context():
        states = dict(db.session.execute(sa.select(Pledge.ref, Pledge.state)).all())
    assert [states[ref] for ref in refs] == ["held", "held", "paid"]
