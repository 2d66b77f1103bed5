"""The organization's pages through HTTP: projects for us, why not us, follow, decline; nothing of an open project leaks."""

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from marketplace.accounts.models import Person
from marketplace.awards.models import Panel, PanelSeat
from marketplace.awards.operations import enrol_expert
from marketplace.bids import operations as bids
from marketplace.catalogs.queries import work_calendar
from marketplace.core.access import SYSTEM, Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.matching.models import WeightSet
from marketplace.matching.models.outreach import ProjectDecline
from marketplace.matching.queries import market
from marketplace.matching.queries.closed import closed_projects_like
from marketplace.matching.rules.hard import HardRule
from marketplace.matching.rules.weights import Weights
from marketplace.organizations.queries import by_ref as body_by_ref
from marketplace.projects.queries import by_ref
from marketplace.projects.rules import earliest_deadline
from marketplace.web.names import area_names, category_names
from marketplace.web.services import services
from tests.browser.sides import make_market, make_provider
from tests.factories.accounts import actor_of, make_person, sign_in
from tests.factories.bids import Bidding, an_offer
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

    def why(self, project: str = "open") -> str:
        return f"/projects/{self.refs[project]}/why-not-me"


def bid(session, body, project, when, price=350_000):
    """One organization's sealed bid."""
    person = make_person(session, role=Role.PROVIDER_MEMBER, organization_id=body.id, now=when)
    session.flush()
    return bids.submit_bid(session, actor=Bidding(body, actor_of(session, person)).actor, project=project, sealer=services().sealer,
                           offer=an_offer(price=Money.yuan(price)), now=when)


def closed_project(session, desk, bodies, *, number=0):
    """A project whose opening was weeks ago, with one bid of each body."""
    began = utc_now() - timedelta(days=60)
    closes = earliest_deadline(began, 5, work_calendar(session))
    project = make_published(session, desk, now=began, closes_at=closes, title=f"往期助餐服务{number}")
    for place, body in enumerate(bodies):
        bid(session, body, project, began + timedelta(days=1), 340_000 + place)
    bids.open_bids(session, actor=SYSTEM, project=project, sealer=services().sealer, now=closes + timedelta(seconds=61))
    return project


@pytest.fixture
def world(app: Flask, client: FlaskClient) -> World:
    market._kept.clear()
    now = utc_now()
    with app.app_context(), transaction() as session:
        desk = make_desk(session)
        bodies = make_market(session, now=now - timedelta(days=90))
        project = make_published(session, desk, now=now, closes_at=far())
        draft = make_draft(session, desk, now=now, closes_at=far(), title="绝不能外传的草稿")
        blank = make_provider(session, "澜川区空白社会服务中心", now=now, scope="", codes=(), areas=())
        session.flush()
        people = {"handler": desk.handler.person_id}
        for name, body in {**bodies, "blank": blank}.items():
            people[name] = make_person(session, role=Role.PROVIDER_ADMIN, organization_id=body.id, now=now).id
        people["member"] = make_person(session, role=Role.PROVIDER_MEMBER, organization_id=bodies["near"].id, now=now).id
        for name, role in (("operator", Role.OPERATOR), ("expert", Role.EXPERT)):
            people[name] = make_person(session, role=role, now=now).id
        refs = {"open": project.ref, "draft": draft.ref, **{name: body.ref for name, body in bodies.items()}, "blank": blank.ref}
    return World(app, client, people, refs)


def page(answer) -> str:
    assert answer.status_code == 200, answer.status_code
    return answer.get_data(as_text=True)


@pytest.mark.parametrize(("who", "status"), [("near", 200), ("member", 200), ("filed", 200), ("handler", 403), ("operator", 403),
                                             ("expert", 403)])
def test_only_people_of_organizations_open_their_pages(world, who, status):
    assert world.as_(who).get("/org/matches").status_code == status
    assert world.as_(who).get(world.why()).status_code == status


def test_visitors_are_sent_to_sign_in(world):
    assert world.client.get("/org/matches").status_code == 302
    assert world.client.get(world.why()).status_code == 302


def test_a_draft_is_neither_proposed_nor_explained(world):
    assert "绝不能外传" not in page(world.as_("near").get("/org/matches"))
    assert world.as_("near").get(world.why("draft")).status_code == 404
    assert world.as_("near").post(f"/projects/{world.refs['draft']}/follow").status_code == 404
    assert world.as_("near").get("/projects/nothing/why-not-me").status_code == 404


def test_the_list_says_why_with_parts_that_sum(world):
    text = page(world.as_("near").get("/org/matches"))
    assert "1 个项目达到建议线（45 分）" in text
    parts = [round(float(one) * 10) for one in re.findall(r"<b>(\d+\.\d) / \d+\.\d</b>", text)]
    total = round(float(re.search(r'class="score mb-0"><b>(\d+\.\d)</b>', text)[1]) * 10)
    assert len(parts) == 6
    assert sum(parts) == total
    assert "<mark>老年助餐</mark>" in text


def test_who_has_said_nothing_is_told_what_is_missing_and_that_unknown_is_no_zero(world):
    text = page(world.as_("blank").get("/org/matches"))
    assert "服务类别、业务范围和机构介绍、服务区域、可同时承接的项目数" in text
    assert "不按零分" in text
    assert f"/organizations/{world.refs['blank']}/profile" in text
    why = page(world.as_("blank").get(world.why()))
    assert "未知，按中位估计" in why
    assert "还不知道的资料" in why


@pytest.mark.parametrize(("who", "rule", "remedy", "source"), [
    ("far", "不服务项目所在区域", "补充服务区域", "第二十条"), ("full", "自报的承接能力已满", "更新可同时承接的项目数", "组织自报"),
    ("filed", "没有独立承担民事责任的能力", "须由登记组织承接", "政府采购法第二十二条"),
])
def test_every_failed_rule_is_named_with_its_remedy_and_source(world, who, rule, remedy, source):
    text = page(world.as_(who).get(world.why()))
    assert rule in text
    assert remedy in text
    assert source in text
    assert "未列入推荐" in text


def test_who_falls_short_reads_by_how_much_and_what_would_help_most(world):
    with world.app.app_context(), transaction() as session:
        session.add(WeightSet(number=1, plain=Weights(least=80).as_plain(), reason="试算", created_at=utc_now()))
    text = page(world.as_("thin").get(world.why()))
    short = re.search(r"差 (\d+\.\d) 分到建议线", text)
    assert short
    step = re.search(r"影响最大的是“(.+?)”：得满分可加 (\d+\.\d) 分，合计 (\d+\.\d) 分，(可以达到|仍不到)", text)
    assert step
    assert (float(step[2]) >= float(short[1])) == (step[4] == "可以达到")
    total = float(re.search(r"贵机构 (\d+\.\d) 分", text)[1])
    assert round(total + float(step[2]), 1) == float(step[3])
    assert round(80 - total, 1) == float(short[1])


def test_who_is_suitable_reads_that(world):
    text = page(world.as_("near").get(world.why()))
    assert "会向购买单位推荐" in text
    assert "达到建议线" in text


# ---- closed projects, and nothing of open ones ----

def closed_three(world):
    with world.app.app_context(), transaction() as session:
        desk = make_desk(session)
        rivals = [make_provider(session, f"往期组织{n}号服务中心", now=utc_now() - timedelta(days=90), capacity_projects=capacity)
                  for n, capacity in enumerate((1, 3, 5, None))]
        for number in range(3):
            closed_project(session, desk, rivals[:3 + (number == 2)], number=number)
    return [f"往期组织{n}号服务中心" for n in range(4)]


def test_too_few_closed_projects_give_no_figure(world):
    assert "不到 3 个，不显示" in page(world.as_("near").get(world.why()))


def test_closed_projects_give_counts_and_ranges_and_no_name(world):
    names = closed_three(world)
    text = page(world.as_("near").get(world.why()))
    assert "3 个项目，每个有 3 到 4 家响应，中间的一个 3 家" in text
    assert re.search(r"同时 1 个项目</td><td class=\"num\">3<", text)
    assert re.search(r"未填写承接能力</td><td class=\"num\">1<", text)
    assert not any(name in text for name in names)


def test_bids_of_an_open_project_change_nothing_on_any_page(world):
    """Pages are the same to the letter before and after three bids came in, apart from times and tokens."""
    closed_three(world)

    def all_pages():
        client = world.as_("near")
        texts = [page(client.get(address)) for address in (world.why(), "/org/matches", f"/projects/{world.refs['open']}")]
        handler = world.as_("handler")
        texts += [page(handler.get(f"/projects/{world.refs['open']}/suggested-providers{end}")) for end in ("", "/tell")]
        return [re.sub(r"\d{1,2}:\d\d(:\d\d)?|value=\"[\w.-]{40,}\"|\"X-CSRFToken\": \"[^\"]+\"|剩[^<]*", "", text) for text in texts]

    before = all_pages()
    with world.app.app_context(), transaction() as session:
        project = by_ref(session, world.refs["open"])
        for name in ("tied", "firm", "thin"):
            bid(session, body_by_ref(session, world.refs[name]), project, utc_now())
    assert all_pages() == before


def test_the_project_itself_is_never_among_the_closed_ones_and_sealed_ones_are_not(world):
    closed_three(world)
    with world.app.app_context(), transaction() as session:
        project = by_ref(session, world.refs["open"])
        desk = make_desk(session)
        began = utc_now() - timedelta(days=60)
        closes = earliest_deadline(began, 5, work_calendar(session))
        sealed = make_published(session, desk, now=began, closes_at=closes, title="已截止未启封")
        for number in range(5):
            bid(session, make_provider(session, f"密封{number}号服务中心", now=began), sealed, began + timedelta(days=1))
        found = closed_projects_like(session, project)
        assert (found.projects, found.most) == (3, 4)          # the five of the sealed one are not counted
        own = closed_projects_like(session, session.scalars(select(type(project)).where(type(project).title == "往期助餐服务0")).one())
        assert own is None                                     # two others are too few


def test_a_tie_to_the_panel_is_not_told(world):
    def seen():
        texts = page(world.as_("near").get(world.why())), page(world.as_("near").get("/org/matches"))
        return [re.sub(r"value=\"[\w.-]{40,}\"|\"X-CSRFToken\": \"[^\"]+\"|剩[^<]*", "", text) for text in texts]

    before = seen()
    with world.app.app_context(), transaction() as session:
        project, body = by_ref(session, world.refs["open"]), body_by_ref(session, world.refs["near"])
        panel = Panel(project_id=project.id, size=3, seed="s", pool=[], drawn_by=world.people["handler"], drawn_at=utc_now())
        session.add(panel)
        session.flush()
        session.add(PanelSeat(panel_id=panel.id, person_id=world.people["expert"], is_expert=True, draw_order=1))
        enrol_expert(session, actor=SYSTEM, person=session.get(Person, world.people["expert"]), employer_organization=body,
                     now=utc_now())
        assert market.explain_pair(session, project, body, tools=services(), now=utc_now()).bits & HardRule.CONFLICT
    assert seen() == before


# ---- following and declining ----

def test_the_page_of_reasons_sets_the_project_beside_the_organization(world):
    text = page(world.as_("near").get(world.why()))
    table = text.split('class="data cards both-sides"')[1].split("</table>")[0]
    with world.app.app_context():
        project, body = by_ref(db.session(), world.refs["open"]), body_by_ref(db.session(), world.refs["near"])
        names = [area_names()[one.area_code] for one in body.areas]
        assert names
        assert project.title in text.split('class="meta"')[1].split("</p>")[0]
        for word in (*names, area_names()[project.area_code], category_names()[project.category_code]):
            assert word in table
    blank = page(world.as_("blank").get(world.why())).split('class="data cards both-sides"')[1].split("</table>")[0]
    assert blank.count("未填写") == 3   # no category, no area, no number of projects


def test_a_followed_project_stands_on_the_desk_until_it_is_let_go(world):
    client = world.as_("near")
    answer = client.post(f"/projects/{world.refs['open']}/follow", data={"back": "list"})
    assert answer.headers["Location"] == f"/org/matches#p-{world.refs['open']}"   # back where the button stood
    assert "关注的项目" in page(client.get("/org"))
    assert world.refs["open"] in page(client.get("/org")).partition("关注的项目")[2]
    assert world.refs["open"] not in page(world.as_("tied").get("/org")).partition("关注的项目")[2]
    client = world.as_("member")                                # a colleague sees and ends it
    assert client.post(f"/projects/{world.refs['open']}/unfollow").headers["Location"] == world.why()
    assert "还没有关注项目" in page(client.get("/org/matches"))


def test_who_declines_leaves_the_list_and_comes_back(world):
    client = world.as_("near")
    answer = client.post(f"/projects/{world.refs['open']}/decline", data={"reason": "人手不够"})
    assert answer.status_code == 303
    text = page(client.get("/org/matches"))
    assert "0 个项目达到" in text
    assert "人手不够" in text
    assert "组织表示不承接这个项目" in page(client.get(world.why()))
    listed = page(world.as_("handler").get(f"/projects/{world.refs['open']}/suggested-providers"))
    assert "澜川区长者膳食服务中心" not in listed
    assert "人手不够" not in listed                              # the reason is the organization's own
    client = world.as_("near")
    assert client.post(f"/projects/{world.refs['open']}/decline/withdraw", data={"back": "list"}).status_code == 303
    assert "1 个项目达到" in page(client.get("/org/matches"))


@pytest.mark.parametrize("reason", ["", "   ", "字" * 301])
def test_a_decline_without_a_usable_reason_comes_back(world, reason):
    answer = world.as_("near").post(f"/projects/{world.refs['open']}/decline", data={"reason": reason})
    assert answer.status_code == 422
    with world.app.app_context():
        assert db.session.scalar(select(func.count()).select_from(ProjectDecline)) == 0


def test_the_page_of_a_project_says_that_the_own_organization_declined_it(world):
    client, where, said = world.as_("near"), f"/projects/{world.refs['open']}", "本机构已表示不承接"
    assert said not in page(client.get(where))
    assert client.post(f"{where}/decline", data={"reason": "人手不够"}).status_code == 303
    assert said in page(client.get(where))
    assert said not in page(world.as_("tied").get(where))
    world.as_("near").post(f"{where}/decline/withdraw")
    assert said not in page(client.get(where))


@pytest.mark.parametrize("step", ["follow", "unfollow", "decline", "decline/withdraw"])
@pytest.mark.parametrize("who", ["handler", "operator", "expert"])
def test_nobody_else_takes_these_steps(world, who, step):
    assert world.as_(who).post(f"/projects/{world.refs['open']}/{step}", data={"reason": "x"}).status_code == 403


def test_the_projects_page_leads_to_the_reasons(world):
    assert "和我们有多匹配" in page(world.as_("near").get(f"/projects/{world.refs['open']}"))
    with world.app.test_client() as visitor:
        assert "和我们有多匹配" not in page(visitor.get(f"/projects/{world.refs['open']}"))
