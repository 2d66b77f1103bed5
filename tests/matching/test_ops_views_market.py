"""Weights with what they would change, and the whole market: numbers that stand on the page stand in the files."""

import csv
import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.matching.models import Pairing, WeightSet
from marketplace.matching.rules.weights import CRITERIA, DEFAULT_POINTS, LIMITS, Weights
from tests.browser.matching import build_market, build_runs, operator_actor, run_by
from tests.factories.accounts import sign_in

BASE = "/ops/matching"


@pytest.fixture
def operator(app: Flask, client: FlaskClient) -> FlaskClient:
    """A browser in which an operator is signed in; no run yet."""
    with app.app_context(), transaction() as session:
        person = operator_actor(session).person_id
    sign_in(client, person)
    return client


@pytest.fixture
def world(app: Flask) -> dict[str, str]:
    """A market with a published run and a draft that was edited."""
    with app.app_context():
        with transaction() as session:
            refs = build_market(session, now=utc_now())
            actor = operator_actor(session)
        return refs | build_runs(actor, refs)


def typed(**changes: object) -> dict[str, str]:
    plain = {**{str(one): DEFAULT_POINTS[one] for one in CRITERIA},
             **{name: getattr(Weights(), name) for name in LIMITS}, "reason": "区里的意见", "seen": 0, **changes}
    return {name: str(value) for name, value in plain.items()}


def rows(client: FlaskClient, name: str) -> list[list[str]]:
    answer = client.get(f"{BASE}/market/{name}.csv")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


def count(app: Flask) -> int:
    with app.app_context():
        return db.session().query(WeightSet).count()


def test_before_any_run_the_pages_say_what_to_do(operator):
    assert "先开始一次匹配" in operator.get(f"{BASE}/market").text
    assert operator.get(f"{BASE}/market/load.csv").status_code == 404
    assert "产品自带" in operator.get(f"{BASE}/weights").text
    page = operator.get(f"{BASE}/weights/edit").text
    assert "还没有算完的方案" in page
    assert "100 分，正好" in page
    assert "还没有匹配方案" in operator.get(BASE).text


@pytest.mark.parametrize(("changes", "field", "said"), [
    ({"text": 20}, "", "权重合计须为 100，现在是 95"),
    ({"text": 120}, "text", "每项权重须在 0 到 100 之间"),
    ({"text": "很多"}, "text", "“很多”不是整数"),
    ({"text": "-5"}, "text", "“-5”不是整数"),
    ({"area": ""}, "area", "请填一个整数，不给分就填 0"),
    ({"newcomer": 21}, "newcomer", "这一项须在 0 到 20 之间"),
    ({"least": 95}, "least", "这一项须在 0 到 90 之间"),
    ({"reason": ""}, "reason", "请写明为什么改"),
    ({"reason": "长" * 201}, "reason", "最多 200 个字"),
])
def test_weights_that_cannot_be_are_refused_and_stay_typed(operator, app, changes, field, said):
    answer = operator.post(f"{BASE}/weights/edit", data={**typed(**changes), "step": "save"})
    assert answer.status_code == 422
    assert said in answer.text
    name, value = next(iter(changes.items()))
    assert f'name="{name}" value="{value}"' in answer.text
    if field:
        assert f'id="{field}-error"' in answer.text
    assert count(app) == 0


def test_new_weights_are_a_new_version_and_the_old_one_stays(operator, app):
    assert operator.post(f"{BASE}/weights/edit", data=typed(text=20, capacity=15)).status_code == 303
    page = operator.get(f"{BASE}/weights/edit").text
    assert 'name="text" value="20"' in page
    seen = re.search(r'name="seen" value="(\d+)"', page)
    assert seen is not None
    assert seen[1] == "1"
    late = operator.post(f"{BASE}/weights/edit", data=typed(text=30, capacity=5))
    assert late.status_code == 409
    assert "刚刚被别人改过" in late.text
    assert 'name="text" value="30"' in late.text
    assert operator.post(f"{BASE}/weights/edit", data=typed(text=30, capacity=5, seen=1)).status_code == 303
    assert count(app) == 2
    assert "第 1 版的 100 分怎么分" in operator.get(f"{BASE}/weights/1").text


def test_the_sum_is_said_while_it_is_typed(operator, world):
    low = operator.post(f"{BASE}/weights/preview", data=typed(text=20)).text
    assert "还要加 5 分才到 100" in low
    assert 'hx-swap-oob="true"' in low
    assert "按新权重" not in low
    assert "多了 5 分，要减到 100" in operator.post(f"{BASE}/weights/preview", data=typed(text=30)).text
    assert "文字内容：“x”不是整数" in operator.post(f"{BASE}/weights/preview", data=typed(text="x")).text


def test_the_same_weights_change_nothing_and_others_say_who_moves(operator, app, world):
    with app.app_context():
        weights = run_by(world["run_draft"]).weight_set.weights
    same = {str(one): weights.points[one] for one in CRITERIA} | {name: getattr(weights, name) for name in LIMITS}
    page = operator.post(f"{BASE}/weights/preview", data=typed(**same)).text
    assert "没有项目会换组织" in page
    before, after = re.search(r"总分</th><td class=\"num\">([\d.]+)</td><td class=\"num\">([\d.]+)", page).groups()
    assert before == after
    other = operator.post(f"{BASE}/weights/preview", data=typed(**{**same, "least": 90})).text
    assert "没有项目会换组织" not in other
    assert "哪些项目换组织" in other
    assert count(app) == 2


def test_a_button_serves_where_no_script_runs(operator, app, world):
    answer = operator.post(f"{BASE}/weights/edit", data={**typed(least=90, reason=""), "step": "preview"})
    assert answer.status_code == 200
    assert "按新权重" in answer.text
    assert 'class="errors' not in answer.text
    assert count(app) == 2


def test_a_large_run_is_solved_again_only_by_the_button(operator, world, monkeypatch):
    monkeypatch.setattr("marketplace.matching.views.ops.MOST_LIVE", 5)
    page = operator.post(f"{BASE}/weights/preview", data=typed(least=90)).text
    assert "填好后点“看会改变什么”" in page
    assert "按新权重" not in page
    assert "还要加 5 分" in operator.post(f"{BASE}/weights/preview", data=typed(text=20)).text
    assert "填好后点“看会改变什么”" in operator.get(f"{BASE}/weights/edit").text
    assert "按新权重" in operator.post(f"{BASE}/weights/edit", data={**typed(least=90), "step": "preview"}).text
    assert "看三个办法" not in operator.get(f"{BASE}/market").text


def test_the_market_says_the_same_on_the_page_and_in_the_files(operator, app, world):
    page = operator.get(f"{BASE}/market").text
    cells = rows(operator, "coverage")
    assert cells[0][:4] == ["服务类别", "区域", "项目", "候选组织"]
    assert [row[:6] for row in cells[1:]] == [
        ["救助服务", "白鹭街道", "3", "2", "3", "1"], ["老年助餐服务", "白鹭街道", "3", "3", "0", "0"]]
    assert re.search(r'class="t5 none">3 / 2', page)
    loads = rows(operator, "load")
    with app.app_context():
        run = run_by(world["run_live"])
        pairs = db.session().query(Pairing).filter(Pairing.run_id == run.id, Pairing.state != "removed").count()
        gini = run.metrics["gini"]
    assert sum(int(row[0].split()[1]) * int(row[1]) for row in loads[1:]) == pairs
    assert f"基尼系数 {gini:.2f}" in page
    assert sum(int(row[2]) for row in rows(operator, "top")[1:]) == pairs
    past = rows(operator, "past")
    assert [row[0] for row in past[1:]] == ["第 1 号", "第 2 号"]
    assert past[2][-2] == "20.0"
    assert [row[0] for row in rows(operator, "newcomers")[1:]] == ["占候选组织", "占名额", "占得到的项目"]
    assert rows(operator, "reasons")[1][2] == "1"
    assert rows(operator, "acceptance")[1][1:] == ["1", "0", "0.0%"]


def test_every_chart_of_the_market_has_its_files(operator, world):
    page = operator.get(f"{BASE}/market").text
    for name in ("coverage", "reasons", "load", "newcomers", "top", "past", "acceptance"):
        assert f'href="/ops/matching/market/{name}.csv"' in page
        assert operator.get(f"{BASE}/market/{name}.xlsx").data[:2] == b"PK"
    assert 'role="img" aria-label="第 1 号' in page
