"""The operator's pages of runs: who may open them, start and cancel, publish, filters, comparisons, files."""

import csv
import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace.core.access import Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.matching.models import MatchingRun
from marketplace.matching.operations.runs import RunOrder, start_run
from marketplace.organizations.models import Organization
from tests.browser.matching import build_market, build_runs, operator_actor, run_by
from tests.factories.accounts import actor_of, make_person, sign_in

BASE = "/ops/matching"
EVERY = ("", "/market", "/weights", "/weights/1", "/{run}", "/{run}/pairs", "/{run}/unmatched", "/{run}/edits",
         "/{run}/compare", "/{run}/why", "/{run}/why?project={project}")


@pytest.fixture
def world(app: Flask) -> dict[str, str]:
    """A market with a published run and a draft that was edited; the id of an operator."""
    with app.app_context():
        with transaction() as session:
            refs = build_market(session, now=utc_now())
            actor = operator_actor(session)
        refs |= build_runs(actor, refs)
        refs["operator"] = str(actor.person_id)
    return refs


@pytest.fixture
def operator(client: FlaskClient, world: dict[str, str]) -> FlaskClient:
    """A browser in which an operator is signed in."""
    sign_in(client, int(world["operator"]))
    return client


def rows(client: FlaskClient, path: str) -> list[list[str]]:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


def filled(path: str, world: dict[str, str]) -> str:
    return BASE + path.format(run=world["run_draft"], project=world["match_nobody"])


def test_an_operator_opens_every_page(operator, world):
    for path in EVERY:
        page = operator.get(filled(path, world))
        assert page.status_code == 200, path
        assert "<h1>" in page.text


def test_an_auditor_reads_and_changes_nothing(client, app, world):
    with app.app_context(), transaction() as session:
        person = make_person(session, role=Role.AUDITOR).id
    sign_in(client, person)
    for path in EVERY:
        page = client.get(filled(path, world)).text
        assert "<h1>" in page
        assert 'method="post" action="/ops/matching' not in page
    for path in ("/start", "/{run}/publish", "/{run}/cancel", "/weights/preview"):
        assert client.post(filled(path, world)).status_code == 403
    for path in ("/{run}/edit", "/weights/edit"):
        assert client.get(filled(path, world)).status_code == 403


@pytest.mark.parametrize(("role", "place"), [
    (Role.HANDLER, "match_unit"), (Role.APPROVER, "match_unit"), (Role.PROVIDER_ADMIN, "match_warm"),
    (Role.EXPERT, ""), (Role.SECURITY_OFFICER, "")])
def test_others_may_open_none_of_it(client, app, world, role, place):
    with app.app_context(), transaction() as session:
        where = session.scalar(select(Organization.id).where(Organization.ref == world.get(place, "")))
        person = make_person(session, role=role, organization_id=where).id
    sign_in(client, person)
    for path in (*EVERY, "/{run}/edit", "/weights/edit", "/{run}/pairs.csv", "/market/load.xlsx"):
        assert client.get(filled(path, world)).status_code == 403, path


def test_a_visitor_is_sent_to_the_door(client, world):
    for path in EVERY:
        assert "/sign-in" in client.get(filled(path, world)).headers["Location"]


def test_what_does_not_exist_is_not_found(operator, world):
    for path in ("/nothing", "/nothing/pairs", "/{run}/nothing.csv", "/weights/99", "/market/nothing.csv",
                 "/{run}/why?project=nothing", "/{run}/ruled.csv?project=nothing"):
        assert operator.get(filled(path, world)).status_code == 404, path


def test_the_list_shows_state_share_ratio_and_publication(operator, world):
    page = operator.get(BASE).text
    for words in ("十一月第一次", "十一月第二次", "排队中", "已取消", "已生效", "未发布", "1.0000", "正在计算，进度自动更新"):
        assert words in page, words
    assert 'hx-trigger="every 2s"' in page


def test_a_small_run_is_computed_at_once(operator, app, world):
    answer = operator.post(f"{BASE}/start", data={"scope": "", "reach": "open", "title": "点一下"})
    assert answer.status_code == 303
    page = operator.get(answer.headers["Location"]).text
    assert "点一下" in page
    assert "已完成" in page
    with app.app_context():
        assert run_by(answer.headers["Location"].rpartition("/")[2]).state == "done"


def test_a_run_without_a_name_gets_the_day_and_whose_projects(operator, app, world):
    answer = operator.post(f"{BASE}/start", data={"scope": "", "reach": "open"})
    with app.app_context():
        assert run_by(answer.headers["Location"].rpartition("/")[2]).title.endswith("全部单位")


@pytest.mark.parametrize("bad", [{"scope": "/999/"}, {"reach": "all of them"}, {"title": "长" * 81}])
def test_a_bad_order_is_said_beside_its_field_and_kept(operator, app, world, bad):
    answer = operator.post(f"{BASE}/start", data={"scope": "", "reach": "open", "title": "留着这几个字", **bad})
    assert answer.status_code == 422
    assert "还有内容要改" in answer.text
    assert bad.get("title", "留着这几个字") in answer.text
    with app.app_context():
        assert db.session().query(MatchingRun).count() == 4


def test_the_same_run_is_not_started_twice(operator, app, world):
    with app.app_context():
        scope = run_by(world["run_waiting"]).scope
    answer = operator.post(f"{BASE}/start", data={"scope": scope, "reach": "open"})
    assert answer.status_code == 409
    assert "正在计算" in answer.text


def test_a_larger_run_is_left_to_the_worker(operator, app, world, monkeypatch):
    monkeypatch.setattr("marketplace.matching.views.runs.AT_ONCE", 2)
    answer = operator.post(f"{BASE}/start", data={"scope": "", "reach": "open", "title": "大的"})
    assert answer.headers["Location"].endswith(BASE)
    with app.app_context():
        run = db.session().query(MatchingRun).filter_by(title="大的").one()
        assert run.state == "queued"
        ref = run.ref
    page = operator.get(f"{BASE}/{ref}").text
    assert "等待开始" in page
    assert "<progress" in page


def test_a_waiting_run_is_cancelled_once(operator, world):
    path = f"{BASE}/{world['run_waiting']}/cancel"
    assert "正在取消" in operator.post(path, follow_redirects=True).text
    assert "不能再取消" in operator.post(path, follow_redirects=True).text


def test_publishing_replaces_the_run_in_force_and_asks_what_was_seen(operator, app, world):
    path = f"{BASE}/{world['run_draft']}/publish"
    assert "刚刚发布或撤回" in operator.post(path, data={"edits": "2", "replaces": ""}, follow_redirects=True).text
    assert "刚刚被别人调整" in operator.post(path, data={"edits": "1", "replaces": world["run_live"]}, follow_redirects=True).text
    page = operator.post(path, data={"edits": "2", "replaces": world["run_live"]}, follow_redirects=True).text
    assert "已发布。单位和组织现在看到这些建议" in page
    with app.app_context():
        assert run_by(world["run_live"]).publication == "superseded"
    assert "只供查对" in operator.get(f"{BASE}/{world['run_live']}").text


def test_taking_a_run_back_needs_a_reason(operator, app, world):
    path = f"{BASE}/{world['run_live']}/unpublish"
    answer = operator.post(path, data={"reason": ""})
    assert answer.status_code == 422
    assert "请写明理由" in answer.text
    assert "已撤回" in operator.post(path, data={"reason": "发现两家组织重名"}, follow_redirects=True).text
    assert operator.post(path, data={"reason": "再撤一次"}).status_code == 422
    with app.app_context():
        assert run_by(world["run_live"]).publication == "unpublished"


def test_pairs_are_narrowed_by_unit_category_words_and_state(operator, world):
    path = f"{BASE}/{world['run_draft']}/pairs"
    every = operator.get(path).text
    assert "白鹭街道困难家庭探访帮扶" in every
    assert "白鹭街道困难家庭探访帮扶" not in operator.get(f"{path}?category=A040203").text
    assert "白鹭街道困难家庭探访帮扶" in operator.get(f"{path}?unit={world['match_unit']}&q=探访帮扶").text
    assert "没有符合条件的配对" in operator.get(f"{path}?unit=nothing").text
    assert "没有符合条件的配对" in operator.get(f"{path}?state=confirmed").text
    assert "没有符合条件的配对" in operator.get(f"{path}?state=pinned").text


def test_unmatched_projects_say_why_and_which_rule_removed_most(operator, world):
    page = operator.get(f"{BASE}/{world['run_draft']}/unmatched").text
    assert "白鹭街道流浪救助夜间外展" in page
    assert "没有组织通过全部硬性规则" in page
    one = operator.get(f"{BASE}/{world['run_draft']}/why?project={world['match_nobody']}").text
    assert "每条规则排除多少家" in one
    assert "持证社工少于公告要求" in one
    assert "三个办法" in one


def test_edits_say_who_when_and_why(operator, world):
    page = operator.get(f"{BASE}/{world['run_draft']}/edits").text
    for words in ("该组织说明近期人手不足", "孟工", "排除", "改承接能力"):
        assert words in page


def test_two_runs_stand_side_by_side(operator, world):
    path = f"{BASE}/{world['run_draft']}/compare"
    page = operator.get(path).text
    assert "白鹭街道长者助餐服务" in page
    assert "第 1 号" in page
    table = rows(operator, f"{BASE}/{world['run_draft']}/side.csv?with={world['run_live']}")
    assert table[0] == ["指标", "第 1 号", "第 2 号"]
    changes = rows(operator, f"{BASE}/{world['run_draft']}/changes.csv")
    assert any(row[0] == "白鹭街道长者助餐服务" and "暖餐" in row[2] and "暖餐" not in row[3] for row in changes[1:])


def test_files_hold_what_the_pages_show(operator, world):
    ref = world["run_draft"]
    pairs = rows(operator, f"{BASE}/{ref}/pairs.csv")
    total, first = pairs[0].index("匹配度"), pairs[0].index("服务类别", 5)
    for row in pairs[1:]:
        assert round(sum(map(float, (one.lstrip("'") for one in row[first:first + 9]))), 1) == float(row[total])
    only = rows(operator, f"{BASE}/{ref}/pairs.csv?category=A0501")
    assert 1 < len(only) < len(pairs)
    assert [row[4] for row in rows(operator, f"{BASE}/{ref}/short.csv")[1:]].count("没有合适的组织") >= 1
    assert [row[1] for row in rows(operator, f"{BASE}/{ref}/edits.csv")[1:]] == ["改承接能力", "排除"]
    assert ["与最优之比", "1.0000"] in rows(operator, f"{BASE}/{ref}/metrics.csv")
    assert len(rows(operator, f"{BASE}/runs.csv")) == 5
    assert rows(operator, f"{BASE}/weights.csv")[1][:3] == ["2", "25", "20"]
    ruled = rows(operator, f"{BASE}/{ref}/ruled.csv?project={world['match_nobody']}")
    assert ruled[0] == ["规则", "依据", "排除家数"]
    assert operator.get(f"{BASE}/{ref}/pairs.xlsx").data[:2] == b"PK"


def test_the_links_to_files_on_every_page_work(operator, world):
    found = set()
    for path in (*EVERY, "/{run}/pairs?category=A0501"):
        found |= {one.replace("&amp;", "&") for one in re.findall(
            r'href="(/ops/matching[^"]+\.(?:csv|xlsx)[^"]*)"', operator.get(filled(path, world)).text)}
    assert len(found) >= 30
    for address in found:
        assert operator.get(address).status_code == 200, address


def test_a_failed_run_says_why(operator, app, world):
    with app.app_context(), transaction() as session:
        actor = actor_of(session, make_person(session, role=Role.OPERATOR))
        run = start_run(session, actor=actor, order=RunOrder("会出错的"), now=utc_now())
        run.state, run.error, run.started_at, run.finished_at = "failed", "求解器没有回应", utc_now(), utc_now()
        ref = run.ref
    page = operator.get(f"{BASE}/{ref}").text
    assert "求解器没有回应" in page
    assert "没有保存任何配对" in page
