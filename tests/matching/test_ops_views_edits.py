"""Overruling a run on its page: what is asked, what is refused and why, what would change, the commit."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.matching.models import Pairing, RunEdit
from marketplace.matching.operations.publishing import publish
from marketplace.matching.operations.runs import RunOrder, start_run
from marketplace.organizations.models import Organization
from tests.browser.matching import build_market, operator_actor, run_by, run_now
from tests.factories.accounts import sign_in

BASE = "/ops/matching"
MEALS, VISITS, NOBODY = "白鹭街道长者助餐服务", "白鹭街道困难家庭探访帮扶", "白鹭街道流浪救助夜间外展"
WARM, FRESH, HARBOR, FULL = "白鹭街道暖餐社会服务中心", "澜川区新禾为老服务中心", "澜川区港湾社会工作服务中心", "澜川区满堂公益服务中心"


@pytest.fixture
def world(app: Flask) -> dict[str, str]:
    """A market with a run that nobody has edited."""
    with app.app_context():
        with transaction() as session:
            refs = build_market(session, now=utc_now())
            actor = operator_actor(session)
        refs |= {"run": run_now(actor, "第一次"), "operator": str(actor.person_id)}
    return refs


@pytest.fixture
def operator(client: FlaskClient, world: dict[str, str]) -> FlaskClient:
    """A browser in which an operator is signed in."""
    sign_in(client, int(world["operator"]))
    return client


def ask(client: FlaskClient, world: dict[str, str], **fields: str) -> TestResponse:
    """Send the form of an edit; a preview unless told otherwise."""
    return client.post(f"{BASE}/{world['run']}/edit", data={"step": "preview", "seen": "0", **fields})


def sentence(answer: TestResponse) -> str:
    """The first sentence beside a field, or the whole summary."""
    found = re.search(r'class="errors.*?<ul>(.*?)</ul>', answer.text, re.DOTALL)
    return re.sub(r"<[^>]+>|\s+", "", found[1]) if found else ""


def winner(app: Flask, world: dict[str, str], project: str) -> list[str]:
    with app.app_context():
        run = run_by(world["run"])
        return [one.provider.name for one in db.session().scalars(select(Pairing).where(
            Pairing.run_id == run.id, Pairing.state != "removed")) if one.project.title == project]


def test_the_form_opens_with_what_the_address_names(operator, world):
    page = operator.get(f"{BASE}/{world['run']}/edit?kind=forbid&project={MEALS}&provider={WARM}").text
    assert re.search(r'value="forbid" checked', page)
    assert f'value="{MEALS}"' in page
    assert f'<option value="{WARM}">' in page
    assert re.search(r'value="pin" checked', operator.get(f"{BASE}/{world['run']}/edit?kind=strange").text)


@pytest.mark.parametrize(("fields", "said"), [
    ({"kind": "pin", "project": MEALS}, "请填组织的名称"),
    ({"kind": "pin", "provider": WARM}, "请填项目的编号或名称"),
    ({"kind": "pin", "project": "没有这个项目", "provider": WARM}, "方案里没有项目叫“没有这个项目”"),
    ({"kind": "pin", "project": MEALS, "provider": "没有这个组织"}, "没有组织叫“没有这个组织”"),
    ({"kind": "pin", "project": "白鹭街道", "provider": WARM}, "有几个都含“白鹭街道”"),
    ({"kind": "pin", "project": MEALS, "provider": "澜川区"}, "有几个都含“澜川区”"),
    ({"kind": "pin", "project": NOBODY, "provider": HARBOR}, "持证社工少于公告要求"),
    ({"kind": "pin", "project": VISITS, "provider": FULL}, "自报的承接能力已满"),
    ({"kind": "pin", "project": MEALS, "provider": HARBOR}, "服务类别"),
    ({"kind": "withdraw", "project": MEALS, "provider": WARM}, "项目和组织只填一个"),
    ({"kind": "add", "project": MEALS}, "它没有撤出"),
    ({"kind": "capacity", "provider": WARM}, "请填一个整数"),
    ({"kind": "capacity", "provider": WARM, "value": "很多"}, "不是整数"),
    ({"kind": "capacity", "provider": WARM, "value": "1001"}, "0到1000的整数"),
    ({"kind": "wanted", "project": MEALS, "value": "0"}, "1到20的整数"),
    ({"kind": "forbid", "project": MEALS, "provider": HARBOR}, "本来就不是这个项目的候选"),
    ({"kind": "release", "project": MEALS, "provider": WARM}, "不用解除"),
    ({"kind": "strange", "project": MEALS, "provider": WARM}, ""),
    ({"kind": "pin", "project": MEALS, "provider": WARM, "reason": "长" * 201}, "最多200个字"),
])
def test_a_bad_edit_is_refused_in_a_sentence_and_the_form_stays_filled(operator, app, world, fields, said):
    answer = ask(operator, world, **{"reason": "这句话要留着", **fields})
    assert answer.status_code == 422
    assert said in sentence(answer)
    for name in ("project", "provider", "value"):
        if name in fields:
            assert f'name="{name}" value="{fields[name]}"' in answer.text, name
    assert fields.get("reason", "这句话要留着") in answer.text
    assert "确认调整" not in answer.text
    with app.app_context():
        assert db.session().query(RunEdit).count() == 0


def test_a_preview_saves_nothing_and_shows_before_and_after(operator, app, world):
    before = winner(app, world, MEALS)
    answer = ask(operator, world, kind="forbid", project=MEALS, provider=before[0])
    assert answer.status_code == 200
    for words in ("还没有保存", "会换组织的项目", "确认调整", before[0]):
        assert words in answer.text
    assert winner(app, world, MEALS) == before
    with app.app_context():
        assert db.session().query(RunEdit).count() == 0


def test_a_commit_needs_a_reason_and_is_kept_with_it(operator, app, world):
    before = winner(app, world, MEALS)
    fields = {"kind": "forbid", "project": MEALS, "provider": before[0], "step": "commit"}
    answer = ask(operator, world, **fields)
    assert answer.status_code == 422
    assert "请写明理由" in sentence(answer)
    assert ask(operator, world, **fields, reason="该组织来电说明").status_code == 303
    assert before[0] not in winner(app, world, MEALS)
    log = operator.get(f"{BASE}/{world['run']}/edits").text
    assert "该组织来电说明" in log
    assert "孟工" in log


def test_somebody_elses_edit_in_between_is_said(operator, app, world):
    first = {"kind": "capacity", "provider": WARM, "value": "3", "reason": "来电说明", "step": "commit"}
    assert ask(operator, world, **first).status_code == 303
    answer = ask(operator, world, **{**first, "value": "2"})
    assert answer.status_code == 409
    assert "别人刚刚调整" in sentence(answer)
    assert 'value="2"' in answer.text
    assert ask(operator, world, **{**first, "value": "2", "seen": "1"}).status_code == 303
    assert ask(operator, world, **{**first, "seen": "abc"}).status_code == 409


def test_pins_beyond_the_places_say_demand_supply_and_three_fixes(operator, world):
    pin = {"kind": "pin", "provider": WARM, "reason": "就近服务", "step": "commit"}
    assert ask(operator, world, **pin, project="白鹭街道长者食堂营养指导").status_code == 303
    answer = ask(operator, world, **{**pin, "step": "preview", "seen": "1"}, project=MEALS)
    assert answer.status_code == 422
    assert "要用2个名额，这个组织只有1个" in sentence(answer)
    for words in ("三个办法", "更新可同时承接的项目数", f'value="{MEALS}"'):
        assert words in answer.text
    assert operator.get(f"{BASE}/{world['run']}/pairs?state=pinned").text.count("人工指定</span>") == 1


def test_pins_of_the_run_in_force_are_taken_over_unless_the_box_is_cleared(operator, app, world):
    assert re.search(r'name="carries" value="y" checked', operator.get(BASE).text)
    assert ask(operator, world, kind="pin", provider=WARM, project="白鹭街道长者食堂营养指导", reason="就近服务",
               step="commit").status_code == 303
    page = operator.get(f"{BASE}/{world['run']}").text
    operator.post(f"{BASE}/{world['run']}/publish", data={
        "edits": "1", "replaces": re.search(r'name="replaces" value="([^"]*)"', page).group(1)})
    with app.app_context():
        live = run_by(world["run"])
        assert live.publication == "published"
        number, scope = live.number, live.scope
    order = {"scope": scope, "reach": "open"}
    for box, said in (({"carries": "y"}, f"沿用了第 {number} 号方案的 1 条指定和排除"),
                      ({}, f"第 {number} 号方案的 1 条指定和排除没有沿用")):
        made = operator.post(f"{BASE}/start", data={**order, **box}).headers["Location"]
        assert said in operator.get(made).text
        edits = operator.get(f"{made}/edits").text
        assert (f"沿用第 {number} 号方案：就近服务" in edits) == bool(box)
    bad = operator.post(f"{BASE}/start", data={**order, "title": "长" * 81})
    assert not re.search(r'name="carries" value="y" checked', bad.text)          # as it was sent


def test_a_provider_that_was_given_no_places_cannot_be_pinned(operator, world):
    assert ask(operator, world, kind="capacity", provider=WARM, value="0", reason="停业整顿", step="commit").status_code == 303
    answer = ask(operator, world, kind="pin", project=MEALS, provider=WARM, seen="1")
    assert answer.status_code == 422
    assert "没有承接能力（0个名额）" in sentence(answer)


def test_a_confirmation_freezes_a_pair_of_a_published_run(operator, app, world):
    pair = {"kind": "confirm", "project": VISITS, "provider": HARBOR, "reason": "双方已签意向", "step": "commit"}
    draft = ask(operator, world, **pair)
    assert draft.status_code == 403
    assert "方案发布以后" in sentence(draft)
    operator.post(f"{BASE}/{world['run']}/publish", data={"edits": "0", "replaces": ""})
    assert ask(operator, world, **pair).status_code == 303
    assert "已确认" in operator.get(f"{BASE}/{world['run']}/pairs?state=confirmed").text
    answer = ask(operator, world, kind="forbid", project=VISITS, provider=HARBOR, seen="1")
    assert "请先解除确认" in sentence(answer)


def test_a_replaced_run_is_history(operator, app, world):
    operator.post(f"{BASE}/{world['run']}/publish", data={"edits": "0", "replaces": ""})
    with app.app_context():
        with transaction() as session:
            actor = operator_actor(session)
        second = run_now(actor, "第二次")
        with transaction() as session:
            publish(session, actor=actor, run=run_by(second), edits=0, replaces=world["run"], now=utc_now())
    answer = ask(operator, world, kind="pin", project=MEALS, provider=WARM, reason="留着")
    assert answer.status_code == 409
    assert "已被新方案取代" in sentence(answer)
    assert f'value="{MEALS}"' in answer.text
    assert operator.get(f"{BASE}/{world['run']}/edit").status_code == 403


def test_a_run_that_is_not_computed_is_not_edited(operator, app, world):
    with app.app_context(), transaction() as session:
        ref = start_run(session, actor=operator_actor(session), order=RunOrder("还没算"), now=utc_now()).ref
    answer = operator.post(f"{BASE}/{ref}/edit", data={"kind": "pin", "project": MEALS, "provider": WARM, "step": "preview"})
    assert answer.status_code == 409
    assert "算好后再调整" in sentence(answer)


def test_a_project_is_found_by_number_and_a_provider_by_its_code(operator, app, world):
    with app.app_context():
        number = run_by(world["run"]).pairings[0].project.number
        code = db.session().scalars(select(Organization.credit_code).where(Organization.name == WARM)).one()
    answer = ask(operator, world, kind="wanted", project=number, value="2")
    assert answer.status_code == 200
    assert ask(operator, world, kind="capacity", provider=code, value="2").status_code == 200


def test_withdrawn_takes_no_part_and_comes_back(operator, app, world):
    out = {"kind": "withdraw", "project": MEALS, "reason": "项目暂停", "step": "commit"}
    assert ask(operator, world, **out).status_code == 303
    assert winner(app, world, MEALS) == []
    assert "已撤出" in operator.get(f"{BASE}/{world['run']}/unmatched?state=withdrawn").text
    assert ask(operator, world, **{**out, "kind": "add", "seen": "1", "reason": "恢复"}).status_code == 303
    assert len(winner(app, world, MEALS)) == 1
