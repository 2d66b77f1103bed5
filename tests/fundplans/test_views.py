"""Plans and the shortlist through HTTP, at both desks; the wall; sheets; the worker."""

import csv
import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace.core.db import db, transaction
from marketplace.core.errors import Invalid
from marketplace.core.ports import Program, Solved
from marketplace.funding import operations as funding
from marketplace.funding.models import MatchingPool
from marketplace.fundplans import jobs
from marketplace.fundplans.models import FundFollow, FundPlan, FundPlanLine
from marketplace.fundplans.rules import Phase, PlanState
from marketplace.integrations.programs import HighsPrograms
from marketplace.web.services import services
from marketplace.web.worker import run_until_idle
from tests.funding.scene import text_of
from tests.fundplans.scene import NOW, SYSTEM, Site, build

GAP = "85,000.00"


@pytest.fixture
def site(app: Flask) -> Site:
    return build(app)


def page(client: FlaskClient, path: str, code: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == code
    return text_of(answer.text)


def the_plan(app: Flask, ref: str) -> FundPlan:
    with app.app_context():
        found = db.session().scalars(select(FundPlan).where(FundPlan.ref == ref)).one()
        db.session().expunge(found)
        return found


def newest(app: Flask) -> str:
    with app.app_context():
        return db.session().scalars(select(FundPlan.ref).order_by(FundPlan.id.desc())).first()


def rows_of(client: FlaskClient, path: str) -> list[list[str]]:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


# ---- a plan from the form to its lines ----

@pytest.mark.parametrize(("who", "desk"), [("operator", "/ops/fund-plans"), ("officer", "/fund/plans")])
def test_a_plan_is_made_reckoned_by_the_worker_and_shown(app: Flask, client: FlaskClient, site: Site, who: str, desk: str) -> None:
    site.enter(client, who)
    assert "如果现在算" in page(client, f"{desk}/new")
    answer = client.post(f"{desk}/new", data={"title": "第二轮", "points": "70"})
    assert answer.status_code == 303
    ref = newest(app)
    assert answer.location == f"{desk}/{ref}"
    assert "正在计算" in page(client, f"{desk}/{ref}")
    assert "正在计算" in page(client, desk)
    with app.app_context():
        run_until_idle()
    assert the_plan(app, ref).state == PlanState.SOLVED
    said = page(client, f"{desk}/{ref}")
    assert "每个资金池用了多少" in said
    assert "项目dense" in said
    assert "不动用任何资金" in said
    assert "第二轮" in page(client, desk)


@pytest.mark.parametrize(("data", "said"), [
    ({"title": "", "points": "50"}, "请填方案名称"), ({"title": "好", "points": "0"}, "1 到 100"),
    ({"title": "好", "points": "五十"}, "不是整数"), ({"title": "好", "points": ""}, "1 到 100"),
    ({"title": "长" * 81, "points": "50"}, "80")])
def test_a_form_that_cannot_be_meant_comes_back_with_a_sentence(client: FlaskClient, site: Site, data: dict[str, str], said: str) -> None:
    site.enter(client, "operator")
    answer = client.post("/ops/fund-plans/new", data=data)
    assert answer.status_code == 422
    assert said in text_of(answer.text)


def test_a_plan_of_nothing_is_refused_on_the_form(app: Flask, client: FlaskClient, site: Site) -> None:
    site.enter(client, "other")
    with app.app_context(), transaction() as session:
        pool = session.query(MatchingPool).filter_by(name="白鹭池").one()
        funding.pause_pool(session, actor=SYSTEM, pool=pool, now=NOW)
    assert "没有可用的资金池" in page(client, "/fund/plans/new")
    answer = client.post("/fund/plans/new", data={"title": "空", "points": "50"})
    assert answer.status_code == 422
    assert "没有可用的资金池。资金池要已开放" in text_of(answer.text)


def test_the_page_says_what_first_come_would_lose_and_why_projects_get_nothing(client: FlaskClient, site: Site) -> None:
    site.enter(client, "operator")
    address = f"/ops/fund-plans/{site.refs['plan']}"
    said = page(client, address)
    assert "按先到先得，会少 50.0% 的分值" in said
    assert "项目early" not in said      # it gets no line
    unfunded = page(client, f"{address}?show=unfunded")
    assert "资金已用于得分更高的项目" in unfunded
    assert "先到先得会安排它" in unfunded
    assert "缺口未知" in unfunded
    assert "项目unknown" not in page(client, f"{address}?show=unfunded&outcome=used_up")
    assert "项目lines" in page(client, f"{address}?show=projects")


def test_a_line_leads_to_a_pledge_of_its_own_funder_and_moves_nothing(client: FlaskClient, site: Site) -> None:
    site.enter(client, "operator")
    address = f"/ops/fund-plans/{site.refs['plan']}"
    assert "/fund/pledges/new" not in client.get(address).text
    client.post(f"{address}/share")
    site.enter(client, "officer")
    html = client.get(f"/fund/plans/{site.refs['plan']}").text
    wanted = f"/fund/pledges/new?project={site.refs['dense']}&amp;fund={site.refs['funder']}&amp;amount="
    assert wanted in html
    assert client.get(html[html.index(wanted):].split('"')[0].replace("&amp;", "&")).status_code == 200
    site.enter(client, "other")
    assert wanted not in client.get(f"/fund/plans/{site.refs['plan']}").text


def test_a_plan_is_shared_seen_by_its_funders_and_withdrawn(app: Flask, client: FlaskClient, site: Site) -> None:
    ref = site.refs["plan"]
    site.enter(client, "officer")
    assert client.get(f"/fund/plans/{ref}").status_code == 404
    assert "还没有资金方案" in page(client, "/fund/plans")
    site.enter(client, "operator")
    assert client.post(f"/ops/fund-plans/{ref}/share").status_code == 303
    assert client.post(f"/ops/fund-plans/{ref}/share").status_code == 403
    site.enter(client, "officer")
    said = page(client, f"/fund/plans/{ref}")
    assert "未公开名称的资助方" in said
    assert client.post(f"/fund/plans/{ref}/withdraw", data={"reason": "不要"}).status_code == 403
    site.enter(client, "operator")
    assert client.post(f"/ops/fund-plans/{ref}/withdraw", data={"reason": " "}).status_code == 422
    assert client.post(f"/ops/fund-plans/{ref}/withdraw", data={"reason": "数据有误"}).status_code == 303
    assert "数据有误" in page(client, f"/ops/fund-plans/{ref}")
    assert client.post(f"/ops/fund-plans/{ref}/withdraw", data={"reason": "再撤"}).status_code == 403
    site.enter(client, "officer")
    assert client.get(f"/fund/plans/{ref}").status_code == 404


def test_a_stale_plan_says_what_changed(app: Flask, client: FlaskClient, site: Site) -> None:
    site.enter(client, "operator")
    address = f"/ops/fund-plans/{site.refs['plan']}"
    assert "数据有变化" not in page(client, address)
    site.enter(client, "officer")
    assert client.post(f"/fund/pools/{site.refs['wide']}/pause").status_code == 303
    site.enter(client, "operator")
    said = page(client, address)
    assert "数据有变化" in said
    assert "资金池：银龄池" in said


def test_a_plan_that_waits_can_be_cancelled_and_reckoned_again(app: Flask, client: FlaskClient) -> None:
    site = build(app, solves=False)
    address = f"/ops/fund-plans/{site.refs['plan']}"
    site.enter(client, "operator")
    assert client.get(f"{address}/lines.csv").status_code == 422
    assert client.post(f"{address}/cancel").status_code == 303
    assert "计算已取消" in page(client, address)
    assert "已取消计算" in page(client, "/ops/fund-plans")
    assert client.post(f"{address}/cancel").status_code == 403
    assert client.post(f"{address}/solve").status_code == 303
    with app.app_context():
        run_until_idle()
    assert the_plan(app, site.refs["plan"]).state == PlanState.SOLVED


# ---- the worker ----

class _Programs(HighsPrograms):
    """The real solver; before it begins something happens."""

    def __init__(self, before: Callable[[], None]) -> None:
        self.before = before

    def solve(self, program: Program, *, seconds: float | None = None, gap: float = 0.0) -> Solved:
        self.before()
        return super().solve(program, seconds=seconds, gap=gap)


def test_the_worker_stops_when_it_is_asked_to_and_nothing_is_kept(app: Flask) -> None:
    site = build(app, solves=False)
    ref = site.refs["plan"]

    def cancels() -> None:
        with transaction() as session:
            plan = session.scalars(select(FundPlan).where(FundPlan.ref == ref)).one()
            assert plan.phase == Phase.BOUND, "pages see which phase runs"
            plan.cancel_asked_at = plan.created_at

    with app.app_context():
        services().programs = _Programs(cancels)
        jobs.solve_plan(ref, 1)
    assert (the_plan(app, ref).phase, the_plan(app, ref).value) == (Phase.CANCELLED, None)
    with app.app_context():
        assert db.session().query(FundPlanLine).count() == 0


def test_a_refusal_of_the_solver_is_shown_with_its_reason(app: Flask, client: FlaskClient) -> None:
    site = build(app, solves=False)

    def refuses() -> None:
        raise Invalid("条件互相矛盾，没有可行的方案")

    with app.app_context():
        services().programs = _Programs(refuses)
        jobs.solve_plan(site.refs["plan"], 1)
        jobs.solve_plan(site.refs["plan"], 1)      # a late second run does nothing
    site.enter(client, "operator")
    said = page(client, f"/ops/fund-plans/{site.refs['plan']}")
    assert "没有算成" in said
    assert "条件互相矛盾" in said
    assert "没有算成" in page(client, "/ops/fund-plans")


# ---- sheets ----

@pytest.mark.parametrize(("sheet", "head", "count"), [("lines", "建议认捐（元）", 4), ("projects", "缺口（元）", 5), ("funds", "方案剩余（元）", 4)])
def test_tables_leave_as_sheets(client: FlaskClient, site: Site, sheet: str, head: str, count: int) -> None:
    site.enter(client, "operator")
    address = f"/ops/fund-plans/{site.refs['plan']}/{sheet}"
    rows = rows_of(client, f"{address}.csv")
    assert head in rows[0]
    assert len(rows) == count
    assert {len(row) for row in rows} == {len(rows[0])}
    assert client.get(f"{address}.xlsx").data[:2] == b"PK"
    if sheet == "projects":
        unknown = next(row for row in rows if row[1] == "项目unknown")
        assert unknown[rows[0].index("缺口（元）")] == "", "unknown is an empty cell, never 0"
    if sheet == "lines":
        place = rows[0].index("建议认捐（元）")
        assert sum(float(row[place]) for row in rows[1:]) == 90_000


# ---- the shortlist ----

@pytest.mark.parametrize(("who", "said"), [("no_funder", "还没有登记为资助方"), ("handler", "还没有登记为资助方"), ("unverified", "还没有核验")])
def test_who_is_no_verified_funder_sees_no_gap_and_what_to_do(client: FlaskClient, site: Site, who: str, said: str) -> None:
    site.enter(client, who)
    text = page(client, f"/fund/shortlist?only={site.refs['dense']}")
    assert said in text
    assert "分享的清单" in text
    assert GAP not in text
    assert "8.50" not in text
    assert client.get("/fund/shortlist.csv").status_code == 403
    assert client.post(f"/fund/shortlist/{site.refs['dense']}/follow").status_code == 403
    assert client.get("/fund/plans/new").status_code == 403


def test_the_wall_holds_for_visitors(client: FlaskClient, site: Site) -> None:
    for path in ("/fund/shortlist", f"/fund/shortlist?only={site.refs['dense']}", "/fund/plans", f"/fund/plans/{site.refs['plan']}"):
        assert client.get(path).location.startswith("/sign-in")
    for path in ("/projects", f"/projects/{site.refs['early']}", f"/projects/{site.refs['early']}/money", "/pools"):
        assert "缺口" not in client.get(path).text


def test_the_list_shows_gap_points_and_unknowns(client: FlaskClient, site: Site) -> None:
    site.enter(client, "officer")
    said = page(client, "/fund/shortlist")
    assert "4 个项目" in said
    assert "缺口 8.50 万元" in said
    assert "缺口未知" in said
    assert "未知，按一半计" in said
    assert "520,000.00" not in said
    assert "540,000.00" in said
    narrowed = page(client, "/fund/shortlist?known=y&area=440605121")
    assert "项目early" in narrowed
    assert "共 4 个" in narrowed
    assert "没有符合筛选的项目" in page(client, "/fund/shortlist?q=没有这个")
    assert "4 个项目" in page(client, "/fund/shortlist?category=不是代码&area=x&page=abc&fund=zzz")
    assert "没有符合筛选" in page(client, "/fund/shortlist?only=%27or%201,nothing22222")


def test_following_changes_the_list_its_link_and_keeps_the_filters(app: Flask, client: FlaskClient, site: Site) -> None:
    site.enter(client, "officer")
    assert "告诉别的资助方" not in page(client, "/fund/shortlist")
    answer = client.post(f"/fund/shortlist/{site.refs['dense']}/follow?known=y&_external=1&_scheme=javascript")
    assert (answer.status_code, answer.location) == (303, f"/fund/shortlist?known=y#p-{site.refs['dense']}")
    html = client.get("/fund/shortlist?followed=y&_scheme=javascript&_external=1").text
    assert "javascript:" not in html
    assert f"/fund/shortlist?only={site.refs['dense']}" in html
    assert "项目lines" not in html
    site.enter(client, "other")
    shared = page(client, f"/fund/shortlist?only={site.refs['dense']}")
    assert "项目dense" in shared
    assert "取消关注" not in shared
    site.enter(client, "officer")
    client.post(f"/fund/shortlist/{site.refs['dense']}/unfollow")
    with app.app_context():
        assert [row.is_on for row in db.session().scalars(select(FundFollow).order_by(FundFollow.id))] == [True, False]
    assert client.post("/fund/shortlist/nothing22222/follow").status_code == 404


def test_the_list_leaves_as_a_sheet_whose_parts_add_up(client: FlaskClient, site: Site) -> None:
    site.enter(client, "officer")
    rows = rows_of(client, "/fund/shortlist.csv")
    heads = rows[0]
    first, last = heads.index("用途"), heads.index("合计分")
    assert len(rows) == 5
    for row in rows[1:]:
        assert sum(round(float(cell) * 10) for cell in row[first:last]) == round(float(row[last]) * 10)
    unknown = next(row for row in rows if row[1] == "项目unknown")
    assert unknown[heads.index("缺口（元）")] == ""
    assert "我们可给" in unknown[-1]
    assert client.get("/fund/shortlist.xlsx?known=y").data[:2] == b"PK"


def test_menus_lead_to_both_pages(client: FlaskClient, site: Site) -> None:
    site.enter(client, "officer")
    html = client.get("/fund").text
    assert 'href="/fund/shortlist"' in html
    assert 'href="/fund/plans"' in html
    site.enter(client, "auditor")
    assert 'href="/ops/fund-plans"' in client.get("/ops").text
    assert client.get("/ops/fund-plans").status_code == 200
    assert client.get("/ops/fund-plans/new").status_code == 403
    assert client.get("/fund/plans").status_code == 403
    site.enter(client, "officer")
    assert client.get("/ops/fund-plans").status_code == 403
