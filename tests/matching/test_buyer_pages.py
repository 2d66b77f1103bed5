"""The buyer's pages through HTTP: the list, its files, side by side, telling, invitations; who gets in, what leaks not."""

import csv
import io
import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from marketplace.accounts.models import Person
from marketplace.accounts.queries import load_actor
from marketplace.awards.models import Panel, PanelSeat
from marketplace.core.access import SYSTEM, Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.inbox.models import Message
from marketplace.matching import operations as matching
from marketplace.matching.models import MatchingRun, Pairing, WeightSet
from marketplace.matching.models.outreach import InvitationList, Telling
from marketplace.matching.operations import RunOrder, outreach
from marketplace.matching.queries import market, sides
from marketplace.matching.rules.weights import Weights
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.projects.queries import by_ref
from marketplace.projects.rules import ProjectState
from marketplace.web.services import services
from marketplace.web.worker import run_until_idle
from tests.browser.sides import SAID, make_market
from tests.factories.accounts import PASSWORD, make_person, sign_in, with_password
from tests.factories.awards import make_expert
from tests.factories.conflicts import relate
from tests.factories.projects import make_desk, make_draft, make_published
from tests.projects.test_views import far


@dataclass
class World:
    """People's ids and references, usable outside a session."""

    app: Flask
    client: FlaskClient
    people: dict[str, int]
    refs: dict[str, str]

    def as_(self, who: str) -> FlaskClient:
        return sign_in(self.client, self.people[who])

    def path(self, page: str = "", project: str = "open") -> str:
        return f"/projects/{self.refs[project]}/suggested-providers{page}"


@pytest.fixture
def world(app: Flask, client: FlaskClient) -> World:
    market._kept.clear()
    now = utc_now()
    with app.app_context(), transaction() as session:
        desk, stranger = make_desk(session), make_desk(session)
        project = make_published(session, desk, now=now, closes_at=far())
        draft = make_draft(session, desk, now=now, closes_at=far())
        bodies = make_market(session, now=now)
        people = {"handler": desk.handler.person_id, "approver": desk.approver.person_id, "stranger": stranger.handler.person_id}
        for name, role, place in (("operator", Role.OPERATOR, None), ("auditor", Role.AUDITOR, None), ("unit_admin", Role.UNIT_ADMIN, desk.unit.id),
                                  ("provider", Role.PROVIDER_ADMIN, bodies["near"].id), ("funder", Role.FUNDER, bodies["firm"].id)):
            people[name] = make_person(session, role=role, organization_id=place, now=now).id
        people["expert"] = with_password(session, make_expert(session, now=now), now=now).id
        refs = {"open": project.ref, "draft": draft.ref, **{name: body.ref for name, body in bodies.items()}}
    return World(app, client, people, refs)


def page(answer) -> str:
    assert answer.status_code == 200, answer.status_code
    return answer.get_data(as_text=True)


READERS = {"handler": 200, "approver": 200, "operator": 200, "stranger": 404, "auditor": 403, "unit_admin": 403, "provider": 403,
           "funder": 403, "expert": 403}


@pytest.mark.parametrize(("who", "status"), READERS.items())
@pytest.mark.parametrize("address", ["", ".csv", ".xlsx", "/compare?with={near}&with={tied}"])
def test_the_buyers_staff_and_operators_see_the_list_and_nobody_else(world, who, status, address):
    assert world.as_(who).get(world.path(address.format(**world.refs))).status_code == status


def test_visitors_are_sent_to_sign_in_and_strange_projects_are_not_there(world):
    assert world.client.get(world.path()).status_code == 302
    assert world.as_("handler").get("/projects/nothing/suggested-providers").status_code == 404
    assert world.as_("handler").get(world.path(".pdf")).status_code == 404


def test_a_draft_has_its_list_for_its_own_unit_and_not_for_the_operator(world):
    assert world.as_("handler").get(world.path(project="draft")).status_code == 200
    assert world.as_("operator").get(world.path(project="draft")).status_code == 404


def test_the_list_shows_contributions_ties_words_and_who_was_ruled_out(world):
    text = page(world.as_("handler").get(world.path()))
    assert "平台只提出建议和理由，由人决定" in text
    assert "第 1–2 名相差不到 3 分，视为并列" in text
    assert "<mark>老年助餐</mark>" in text
    assert "未知，按中位估计" in text
    assert "类别不同，由文字发现" in text
    assert "新组织加分" in text
    assert "不服务项目所在区域" in text
    assert "政府采购法实施条例第二十条" in text
    assert "澜川区长者膳食服务中心" in text
    assert "白鹭街道助老服务中心" not in text.partition("为何未列入")[0]


def test_the_parts_of_every_row_sum_to_its_total(world):
    rows = list(csv.reader(io.StringIO(world.as_("handler").get(world.path(".csv")).get_data(as_text=True).lstrip("\ufeff"))))
    heads, found = rows[0], rows[1:]
    assert heads[:4] == ["并列组", "组织", "统一社会信用代码", "匹配度"]
    assert len(found) == 5
    for row in found:
        assert round(sum(float(cell.lstrip("'")) for cell in row[4:11]), 1) == float(row[3])
    assert [row[0] for row in found][:2] == ["1", "1"]
    assert {row[12] for row in found} == {"类别", "文字"}


def test_nobody_suitable_is_said_with_the_nearest_and_what_would_change(world):
    with world.app.app_context(), transaction() as session:
        session.add(WeightSet(number=1, plain=Weights(least=99).as_plain(), reason="试算", created_at=utc_now()))
    text = page(world.as_("handler").get(world.path()))
    assert "没有合适的组织" in text
    assert "没有一家达到 99 分" in text
    assert re.search(r"澜川区长者膳食服务中心</b><span class=\"soft\">\d\d\.\d 分，差 \d+\.\d 分。影响最大的是“.+?”，最多可加 \d+\.\d 分", text)


def test_where_rules_remove_everybody_the_page_says_so(world):
    with world.app.app_context(), transaction() as session:
        project = by_ref(session, world.refs["open"])
        project.certified_min, project.qualified_kinds = 400, ["institution"]
    text = page(world.as_("handler").get(world.path()))
    assert "所有组织都被下面的规则排除" in text
    assert "不是公告要求的组织类型" in text
    assert world.as_("handler").post(world.path("/tell"), data={"line": "20", "text": SAID}).status_code == 422


def test_somebody_asks_why_one_organization_is_not_on_the_list(world):
    handler = world.as_("handler")
    text = page(handler.get(world.path("?named=白鹭街道助老服务中心")))
    assert "如果愿意到当地服务" in text
    assert "在符合条件的组织中排第" in page(handler.get(world.path("?named=澜川区银龄乐助服务中心")))
    for strange in ("没有这家", "<script>alert(1)</script>", "桐浦街道邻里食堂互助队"):    # the last is not public
        answer = page(handler.get(world.path(f"?named={strange}")))
        assert "没有找到" in answer
        assert "<script>alert" not in answer


def test_past_contracts_of_this_buyer_are_listed(world, monkeypatch):
    with world.app.app_context():
        body = db.session.scalars(select(Organization).where(Organization.ref == world.refs["near"])).one()
        monkeypatch.setattr(sides, "served_before", lambda _session, _buyer: [sides.Served(body, 2, None, Money.yuan(720_000))])
        text = page(world.as_("handler").get(world.path()))
    assert "与本单位签过 2 份合同" in text
    assert "服务过本单位不加分" in text


# ---- side by side ----

def test_up_to_four_stand_side_by_side_in_the_order_named(world):
    address = "/compare?with={tied},{near}&with={far}&with={firm}&with={thin}".format(**world.refs)
    text = page(world.as_("handler").get(world.path(address)))
    assert "一次最多比较 4 家" in text
    heads = re.findall(r'<th scope="col"><a[^>]*>([^<]+)</a>', text)
    assert 'data-label="澜川区银龄乐助服务中心"' in text
    assert heads == ["澜川区银龄乐助服务中心", "澜川区长者膳食服务中心", "白鹭街道助老服务中心", "恒屿餐饮配送有限公司"]
    assert "不服务项目所在区域" in text


def test_two_that_may_not_share_a_contract_are_marked_side_by_side_and_on_the_list(world):
    compared = world.path("/compare?with={tied},{near}".format(**world.refs))
    barred = "有关联，不能同时承接同一合同"
    with world.app.app_context(), transaction() as session:
        one, other, third = (session.scalars(select(Organization).where(Organization.ref == world.refs[name])).one()
                             for name in ("tied", "near", "firm"))
        one.legal_representative, other.legal_representative, third.legal_representative = "陈甲", "林乙", "何丙"
        names = one.name, other.name
    handler = world.as_("handler")
    assert barred not in page(handler.get(compared)) + page(handler.get(world.path()))
    with world.app.app_context(), transaction() as session:
        one, other = (session.scalars(select(Organization).where(Organization.name == name)).one() for name in names)
        relate(session, other, one, "controls")
        session.flush()
        by_id = [body.name for body in sorted((one, other), key=lambda body: body.id)]
    text = page(handler.get(compared))
    assert f"“{by_id[0]}”与“{by_id[1]}”{barred}：有控股、管理、举办关系" in text
    assert "政府采购法实施条例第十八条第一款" in text
    assert barred not in page(handler.get(world.path("/compare?with={near},{firm}".format(**world.refs))))
    listed = page(handler.get(world.path()))
    assert all(f"与“{name}”{barred}" in listed for name in names)
    assert listed.count(barred) == 2


def test_two_whose_representatives_bear_one_name_are_to_be_looked_at(world):
    with world.app.app_context(), transaction() as session:
        session.execute(update(Organization).values(legal_representative="陈甲"))
    text = page(world.as_("handler").get(world.path("/compare?with={tied},{near},{firm}".format(**world.refs))))
    assert text.count("可能有关联，同时选用前请核对：法定代表人（负责人）同名") == 3
    assert "不能同时承接同一合同" not in text


@pytest.mark.parametrize("address", ["/compare", "/compare?with=", "/compare?with=nobody,nothing", "/compare?with=" + "x," * 500])
def test_nothing_to_compare_leads_back_to_the_list(world, address):
    answer = world.as_("handler").get(world.path(address))
    assert (answer.status_code, answer.headers["Location"]) == (303, world.path())


# ---- telling ----

def test_telling_shows_counts_without_names_and_then_stands_in_public(world):
    handler = world.as_("handler")
    text = page(handler.get(world.path("/tell")))
    assert "45 分以上，共" in text
    assert "澜川区长者膳食服务中心" not in text
    answer = handler.post(world.path("/tell"), data={"line": "45", "text": SAID})
    assert answer.status_code == 303
    world.client.get("/sign-out")
    with world.app.test_client() as visitor:
        public = page(visitor.get(f"/projects/{world.refs['open']}"))
    assert "匹配度 45 分以上，告知 5 家" in public
    assert SAID in public
    assert "澜川区长者膳食服务中心" not in public


def test_the_told_read_it_in_their_inbox_and_in_their_mail(world):
    with world.app.app_context(), transaction() as session:
        session.get(Person, world.people["provider"]).email = "near@example.org"
    world.as_("handler").post(world.path("/tell"), data={"line": "45", "text": SAID})
    with world.app.app_context():
        run_until_idle()
        sent = db.session.scalars(select(Message).where(Message.unique_key.startswith("told:"))).all()
        assert [one.person_id for one in sent] == [world.people["provider"]]
        run_until_idle()
        mails = [one for one in services().mailer.sent if one["to"] == "near@example.org" and "公开征集" in one["subject"]]
        assert len(mails) == 1                       # however often the worker ran
        assert SAID in mails[0]["text"]
    assert SAID in page(world.as_("provider").get("/my"))


@pytest.mark.parametrize(("data", "sentence"), [
    ({"line": "45", "text": " "}, "请写明要告知的内容"), ({"line": "80", "text": SAID}, "等于挑选"), ({"line": "47", "text": SAID}, "从列出的分数线"),
    ({"line": "x", "text": SAID}, "Not a valid|有效|line"), ({"line": "45", "text": "字" * 501}, "500"), ({}, "请写明要告知的内容"),
])
def test_bad_input_comes_back_with_its_sentence(world, data, sentence):
    answer = world.as_("handler").post(world.path("/tell"), data=data)
    assert answer.status_code == 422
    assert re.search(sentence, answer.get_data(as_text=True))
    with world.app.app_context():
        assert db.session.scalars(select(Telling)).all() == []


def test_a_second_text_on_the_same_day_is_refused_on_the_page(world):
    world.as_("handler").post(world.path("/tell"), data={"line": "45", "text": SAID})
    answer = world.as_("approver").post(world.path("/tell"), data={"line": "40", "text": "另一段"})
    assert answer.status_code == 422
    assert "今天已经告知过" in answer.get_data(as_text=True)
    assert "另一段" in answer.get_data(as_text=True)


def test_who_told_today_is_told_so_before_writing_another_text(world):
    assert "<textarea" in page(world.as_("handler").get(world.path("/tell")))
    world.as_("handler").post(world.path("/tell"), data={"line": "45", "text": SAID})
    text = page(world.as_("approver").get(world.path("/tell")))
    assert "同一个项目一天只能告知一次，明天起可以再告知。" in text
    assert "<textarea" not in text
    assert SAID in text


def test_a_line_that_would_pick_a_few_is_not_offered_and_stays_chosen_where_it_was_refused(world):
    text = page(world.as_("handler").get(world.path("/tell")))
    assert '<option value="45"' in text
    assert '<option value="80"' not in text
    refused = world.as_("handler").post(world.path("/tell"), data={"line": "80", "text": SAID}).get_data(as_text=True)
    assert re.search(r'<option value="80"\s+selected', refused)


@pytest.mark.parametrize(("who", "status"), [("operator", 403), ("stranger", 404), ("provider", 403), ("expert", 403)])
def test_nobody_else_tells(world, who, status):
    assert world.as_(who).post(world.path("/tell"), data={"line": "45", "text": SAID}).status_code == status


# ---- locked away from the panel ----

def closed_procedure(world, procedure="competitive_consultation"):
    with world.app.app_context(), transaction() as session:
        session.execute(update(Project).where(Project.ref == world.refs["open"]).values(procedure=procedure))


def seated(world, person: int) -> None:
    """Give a person a seat on the panel, as after the opening."""
    with world.app.app_context(), transaction() as session:
        project = by_ref(session, world.refs["open"])
        panel = Panel(project_id=project.id, size=3, seed="s", pool=[], drawn_by=world.people["handler"], drawn_at=utc_now())
        session.add(panel)
        session.flush()
        session.add(PanelSeat(panel_id=panel.id, person_id=person, is_expert=True, draw_order=1))


def draw(world) -> None:
    answer = world.as_("approver").post(f"/projects/{world.refs['open']}/invitations/draw", data={"wanted": "3"})
    assert answer.status_code == 303, answer.get_data(as_text=True)[:500]


def test_who_is_invited_is_locked_away_until_the_award_and_public_with_it(world):
    closed_procedure(world)
    draw(world)
    seated(world, world.people["expert"])
    address = f"/projects/{world.refs['open']}/invitations"
    with world.app.test_client() as visitor:
        assert visitor.get(address).status_code == 404
    for who, status in {"expert": 404, "provider": 404, "stranger": 404, "operator": 404, "funder": 404, "handler": 200,
                        "approver": 200, "auditor": 200}.items():
        assert world.as_(who).get(address).status_code == status, who
    with world.app.app_context(), transaction() as session:
        seed, first = session.execute(select(InvitationList.seed, InvitationList.seed_sha256)).one()
        now = utc_now()
        before = page_of(world, "handler", address)
        session.execute(update(Project).where(Project.ref == world.refs["open"]).values(
            state=ProjectState.AWARDED, opened_at=now, awarded_at=now))
    assert seed not in before
    assert first in before
    for who in ("expert", "provider", "stranger"):
        assert seed in page_of(world, who, address)


def page_of(world, who, address):
    return page(world.as_(who).get(address))


def test_a_buyers_own_person_on_the_panel_sees_no_list_either(world):
    closed_procedure(world)
    draw(world)
    seated(world, world.people["handler"])
    handler = world.as_("handler")
    assert handler.get(f"/projects/{world.refs['open']}/invitations").status_code == 404
    assert handler.get(world.path()).status_code == 404
    assert "推荐承接单位" not in page(handler.get(f"/projects/{world.refs['open']}"))


def test_an_open_procedure_has_no_invitations(world):
    for who in ("handler", "approver", "provider"):
        assert world.as_(who).get(f"/projects/{world.refs['open']}/invitations").status_code == 404
    answer = world.as_("approver").post(f"/projects/{world.refs['open']}/invitations/draw", data={"wanted": "3"})
    assert answer.status_code == 403


@pytest.mark.parametrize("wanted", ["2", "", "abc", "99", "-3"])
def test_a_draw_of_the_wrong_size_comes_back(world, wanted):
    closed_procedure(world)
    answer = world.as_("approver").post(f"/projects/{world.refs['open']}/invitations/draw", data={"wanted": wanted})
    assert answer.status_code == 422


def test_two_people_sign_on_their_pages(world):
    closed_procedure(world)
    with world.app.app_context(), transaction() as session:
        with_password(session, session.get(Person, world.people["approver"]), now=utc_now())
    address = f"/projects/{world.refs['open']}/invitations/recommend"
    assert "书面推荐" in page_of(world, "approver", address)
    wrong = world.as_("approver").post(address, data={"rows-0-name": "澜川区长者膳食服务中心", "rows-0-opinion": "好", "password": "x"})
    assert wrong.status_code == 422
    strange = world.as_("approver").post(address, data={"rows-0-name": "没有这家", "rows-0-opinion": "好", "password": PASSWORD})
    assert "没有找到“没有这家”" in strange.get_data(as_text=True)
    first = world.as_("approver").post(address, data={"rows-0-name": "澜川区长者膳食服务中心", "rows-0-opinion": "验收合格", "password": PASSWORD})
    assert first.status_code == 303, first.get_data(as_text=True)
    assert "澜川区长者膳食服务中心" in page_of(world, "handler", f"/projects/{world.refs['open']}/invitations")
    expert = world.as_("expert")
    assert "澜川区长者膳食服务中心" not in page(expert.get(address))          # the other side's list stays hidden
    second = expert.post(address, data={"rows-0-name": "澜川区银龄乐助服务中心", "rows-0-opinion": "能力强", "rows-1-name": "恒屿餐饮配送有限公司",
                                        "rows-1-opinion": "配送稳定", "password": PASSWORD})
    assert second.status_code == 303, second.get_data(as_text=True)
    with world.app.app_context():
        assert db.session.scalars(select(InvitationList)).one().complete_at is not None
    assert "评审专家推荐" in page_of(world, "handler", f"/projects/{world.refs['open']}/invitations")


def test_the_buyer_does_not_read_what_the_expert_recommends_before_signing(world):
    closed_procedure(world)
    page_before = f"/projects/{world.refs['open']}/invitations"
    signed = world.as_("expert").post(f"{page_before}/recommend", data={
        "rows-0-name": "澜川区银龄乐助服务中心", "rows-0-opinion": "能力强", "rows-1-name": "恒屿餐饮配送有限公司",
        "rows-1-opinion": "配送稳定", "password": PASSWORD})
    assert signed.status_code == 303, signed.get_data(as_text=True)
    for who in ("handler", "approver"):
        text = page_of(world, who, page_before)
        assert "银龄乐助" not in text
        assert "能力强" not in text
    assert "银龄乐助" in page_of(world, "auditor", page_before)


@pytest.mark.parametrize(("who", "status"), [("handler", 403), ("stranger", 403), ("provider", 403), ("operator", 403)])
def test_nobody_else_recommends(world, who, status):
    closed_procedure(world)
    assert world.as_(who).get(f"/projects/{world.refs['open']}/invitations/recommend").status_code == status


def test_an_expert_with_a_seat_may_not_recommend(world):
    closed_procedure(world)
    seated(world, world.people["expert"])
    assert world.as_("expert").get(f"/projects/{world.refs['open']}/invitations/recommend").status_code == 404


def test_an_expert_finds_the_way_to_recommend_on_the_page_of_the_project(world):
    way = f'href="/projects/{world.refs["open"]}/invitations/recommend"'
    assert way not in page_of(world, "expert", f"/projects/{world.refs['open']}")      # an open procedure knows none
    closed_procedure(world)
    assert way in page_of(world, "expert", f"/projects/{world.refs['open']}")
    for who in ("handler", "stranger", "provider"):
        assert way not in page_of(world, who, f"/projects/{world.refs['open']}")
    seated(world, world.people["expert"])
    assert way not in page_of(world, "expert", f"/projects/{world.refs['open']}")


def test_the_race_of_two_identical_clicks_leaves_one_telling(world):
    for _ in range(2):
        assert world.as_("handler").post(world.path("/tell"), data={"line": "45", "text": SAID}).status_code == 303
    with world.app.app_context():
        assert len(db.session.scalars(select(Telling)).all()) == 1


def test_a_telling_after_the_deadline_is_refused(world):
    with world.app.app_context(), transaction() as session:
        project = by_ref(session, world.refs["open"])
        project.closes_at = utc_now() - timedelta(minutes=1)
        project.published_at = utc_now() - timedelta(days=9)
    assert world.as_("handler").get(world.path("/tell")).status_code == 403
    with pytest.raises(Exception, match="公开征集期间"), world.app.app_context(), transaction() as session:
        outreach.tell_providers(session, actor=load(session, world.people["handler"]), project=by_ref(session, world.refs["open"]),
                                line=45, text=SAID, tools=services(), now=utc_now())


def load(session, person):
    return load_actor(session, person)


def test_the_pairing_in_force_stands_on_the_page_and_a_draft_one_does_not(world):
    with world.app.app_context():
        with transaction() as session:
            ref = matching.start_run(session, actor=SYSTEM, order=RunOrder("十一月"), now=utc_now()).ref
        matching.drive(transaction, run_ref=ref, engines=services(), clock=utc_now)
        name = db.session.scalars(select(Pairing)).one().provider.name
        db.session.remove()
    sentence = f"第 1 号匹配方案建议与“{name}”配对"
    assert sentence not in page(world.as_("handler").get(world.path()))
    with world.app.app_context(), transaction() as session:
        matching.publish(session, actor=SYSTEM, run=session.scalars(select(MatchingRun)).one(), edits=0, replaces=None, now=utc_now())
    text = page(world.as_("handler").get(world.path()))
    assert sentence in text
    row = next(one for one in text.split("</tr>") if 'class="pick"' in one and f">{name}</a>" in one)
    assert "第 1 号匹配方案建议" in row                  # marked in its own row too
    assert text.count('class="pick"') > 1
    assert text.count("第 1 号匹配方案建议") == 2         # the banner and that row, no other


def test_a_long_list_is_folded_after_its_leading_groups(world, monkeypatch):
    monkeypatch.setattr(sides, "FIRST", 0)
    shown = page(world.as_("handler").get(world.path()))
    assert "家达到建议线的组织</summary>" in shown
    monkeypatch.setattr(sides, "FIRST", 50)
    assert "家达到建议线的组织</summary>" not in page(world.as_("handler").get(world.path()))


def test_a_list_that_was_cut_does_not_claim_to_have_counted_everybody(world, monkeypatch):
    shown = page(world.as_("handler").get(world.path()))
    assert re.search(r"<h2 id=\"h-list\">\d+ 家达到 45 分", shown)
    suitable = int(re.search(r"<h2 id=\"h-list\">(\d+) 家", shown)[1])
    real = sides.market.rank_project
    monkeypatch.setattr(sides, "SHOWN", suitable)
    monkeypatch.setattr(sides.market, "rank_project", lambda *args, **kept: real(*args, **{**kept, "most": suitable}))
    assert f"前 {suitable} 家都达到 45 分" in page(world.as_("handler").get(world.path()))


def test_in_english_the_law_behind_telling_is_english_too(world):
    handler = world.as_("handler")
    handler.get("/?lang=en")
    for text in (page(handler.get(world.path())), page(handler.get(world.path("/tell")))):
        assert "internal rules (after Government Procurement Law Regulations, art. 20(1))" in text
        assert "采购人内控规则" not in text
