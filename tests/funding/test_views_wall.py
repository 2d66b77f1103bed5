"""The wall of rulebook 4.2 on rendered pages: confirmed money and the rule for everybody, gaps for verified funders."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from marketplace.core.access import SYSTEM
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Funder, MatchingPool
from tests.factories import NOW
from tests.factories.organizations import credit_code
from tests.funding.scene import Scene, build, enter, text_of

# of the scene: 10,000 captured beside 20,000; reserved 4,000 + 3,000 beside 8,000 and 6,000; cap 100,000; left 83,000
SECRET = re.compile(r"83,000|8\.30|60,000\.00 元；剩|可用|余量|还差|缺口|目标金额|还需筹")
TEMPTING = re.compile(r"立即捐|我要捐|捐款按钮|去捐赠|扫码支付|扫码捐|在线捐")


@pytest.fixture
def scene(app: Flask) -> Scene:
    return build(app)


def pages(scene: Scene) -> tuple[str, ...]:
    return ("/pools", f"/pools/{scene.refs['pool']}", f"/projects/{scene.refs['project']}/money",
            f"/projects/{scene.refs['project']}", "/projects", "/")


@pytest.mark.parametrize("who", ["", "clerk", "approver", "receiver", "operator", "auditor"])
def test_who_is_no_verified_funder_sees_no_gap_no_remaining_sum_and_no_donate_button(
        app: Flask, client: FlaskClient, scene: Scene, who: str) -> None:
    enter(client, scene, who)
    for path in pages(scene):
        answer = client.get(path)
        assert answer.status_code == 200, path
        said = text_of(answer.text)
        assert not SECRET.search(said), (path, SECRET.search(said))
        assert not TEMPTING.search(answer.text), path


def test_the_public_page_shows_confirmed_paid_held_and_disbursed_apart(client: FlaskClient, scene: Scene) -> None:
    pool = text_of(client.get(f"/pools/{scene.refs['pool']}").text)
    assert "已确认 10,000.00" in pool
    money = text_of(client.get(f"/projects/{scene.refs['project']}/money").text)
    own = money[money.index("认捐 34,000.00"):]
    assert own.startswith("认捐 34,000.00 23,000.00 20,000.00 0.00")     # the verbal 4,000 is not confirmed money
    assert "配套资金 10,000.00 0.00 0.00 0.00" in money


@pytest.mark.parametrize("who", ["keeper", "giver"])
def test_people_of_a_verified_funder_see_what_is_left_of_the_pool(client: FlaskClient, scene: Scene, who: str) -> None:
    enter(client, scene, who)
    said = text_of(client.get(f"/pools/{scene.refs['pool']}").text)
    assert "可用 8.30" in said
    assert "余量只给已核验的资助方看" in said


def test_a_funder_that_is_not_verified_any_more_sees_no_gap(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        giver = session.query(Funder).filter_by(ref=scene.refs["giver"]).one()
        operations.unverify_funder(session, actor=SYSTEM, funder=giver, note="材料过期", now=NOW)
    enter(client, scene, "giver")
    assert not SECRET.search(text_of(client.get(f"/pools/{scene.refs['pool']}").text))


def test_behind_a_filed_plan_the_rest_is_shown_to_anybody_with_the_plans_number(
        app: Flask, client: FlaskClient, scene: Scene) -> None:
    number = f"{credit_code()}A26001"
    with app.app_context(), transaction() as session:
        session.query(MatchingPool).filter_by(ref=scene.refs["pool"]).one().filed_plan_number = number
    said = text_of(client.get(f"/pools/{scene.refs['pool']}").text)
    assert "可用 8.30" in said
    assert number in said


def test_a_draft_pool_does_not_exist_for_others(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        session.query(MatchingPool).filter_by(ref=scene.refs["pool"]).one()
        funder = session.query(Funder).filter_by(ref=scene.refs["funder"]).one()
        from tests.factories.funding import make_pool

        draft = make_pool(session, funder=funder, name="未公布的池", is_open=False).ref
    assert client.get(f"/pools/{draft}").status_code == 404
    assert "未公布的池" not in client.get("/pools").text
    enter(client, scene, "giver")
    assert client.get(f"/pools/{draft}").status_code == 404
    enter(client, scene, "keeper")
    assert client.get(f"/pools/{draft}").status_code == 200


def test_names_are_withheld_where_asked(app: Flask, client: FlaskClient, scene: Scene) -> None:
    path = f"/pools/{scene.refs['pool']}"
    assert scene.refs["giver_name"] in client.get(path).text
    with app.app_context(), transaction() as session:
        session.query(Funder).filter_by(ref=scene.refs["giver"]).one().is_name_withheld = True
    page = client.get(path).text
    assert scene.refs["giver_name"] not in page
    assert "未公开姓名" in page


def test_the_stored_reason_that_names_what_was_left_stays_inside(app: Flask, client: FlaskClient, scene: Scene) -> None:
    """An allocation cut by the pool says in its reason how much the pool had: only funders read that."""
    with app.app_context(), transaction() as session:
        from tests.factories.funding import held, make_pledge, make_pool, make_world

        funder = session.query(Funder).filter_by(ref=scene.refs["funder"]).one()
        world = make_world(session)
        tight = make_pool(session, funder=funder, name="小池", cap=Money.yuan(1_234), priority=1)
        held(session, world, make_pledge(session, world, amount=Money.yuan(50_000)))
        ref = tight.ref
    said = text_of(client.get(f"/pools/{ref}").text)
    assert "受限于：资金池总额" in said
    assert "还剩 1,234" not in said
    enter(client, scene, "keeper")
    assert "还剩 1,234" in client.get(f"/fund/pools/{ref}/computation").text


def test_pages_of_money_of_a_project_that_is_not_published_do_not_exist(app: Flask, client: FlaskClient) -> None:
    from tests.factories.projects import make_desk, make_draft

    with app.app_context(), transaction() as session:
        ref = make_draft(session, make_desk(session)).ref
    assert client.get(f"/projects/{ref}/money").status_code == 404
    assert client.get("/projects/nothing22222/money").status_code == 404
    assert client.get("/pools/nothing22222").status_code == 404


def test_a_pool_page_costs_as_many_queries_for_many_allocations_as_for_one(
        app: Flask, client: FlaskClient, scene: Scene) -> None:
    from sqlalchemy import event

    path, counted = f"/pools/{scene.refs['pool']}", []
    with app.app_context():
        engine = db.engine

    def note(*_args: object) -> None:
        counted.append(1)

    client.get(path)
    event.listen(engine, "before_cursor_execute", note)
    try:
        client.get(path)
        few = len(counted)
        counted.clear()
        with app.app_context(), transaction() as session:
            from tests.factories.funding import held, make_pledge, make_world

            world = make_world(session)
            for _ in range(6):
                held(session, world, make_pledge(session, world, amount=Money.yuan(100)))
        counted.clear()
        client.get(path)
        assert len(counted) == few
    finally:
        event.remove(engine, "before_cursor_execute", note)
