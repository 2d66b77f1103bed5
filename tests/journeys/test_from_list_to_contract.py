"""One whole story through HTTP, without JavaScript: a clerk's sheet becomes a list, a project, bids, an award, a contract."""

import re
from datetime import datetime, timedelta

import pytest

from marketplace.core import clock
from marketplace.core.access import Role
from marketplace.core.db import transaction
from marketplace.integrations import make
from marketplace.web.worker import run_until_idle
from tests.conftest import make_config
from tests.data import SHEETS
from tests.factories import NOW
from tests.factories.accounts import PASSWORD, make_person, with_password
from tests.factories.awards import make_expert
from tests.factories.organizations import make_organization
from tests.factories.projects import make_places, make_unit
from tests.journeys.visitor import Visitor

SECTIONS = {
    "basics": {"category_code": "A040203", "area_code": "440605011", "place": "六个社区", "ceiling": "15万"},
    "requirement": {"body": "在六个社区提供工作日午餐，堂食与送餐并行。" * 12, "target_group": "60 周岁以上老人", "beneficiaries": "320"},
    "indicators": {"rows-0-name": "工作日午餐", "rows-0-target": "48000", "rows-0-unit": "人次", "rows-0-evidence": "刷卡记录"},
    "scoring": {"scoring_method": "comprehensive", "price_weight": "20", "panel_size": "5",
                "rows-0-name": "实施方案", "rows-0-weight": "50", "rows-0-levels": "40-50 完整\n0-39 其他",
                "rows-1-name": "团队", "rows-1-weight": "30", "rows-1-levels": "20-30 充足\n0-19 其他"},
    "payment": {"rows-0-title": "签约后", "rows-0-percent": "50", "rows-0-condition": "合同签订", "rows-0-days_after": "10",
                "rows-1-title": "验收后", "rows-1-percent": "50", "rows-1-condition": "验收合格", "rows-1-days_after": "30"},
    "time": {"service_from": "2027-01-01", "service_to": "2027-12-31", "contact_name": "何老师", "contact_phone": "0000-86210716"},
}


class MovedClock(datetime):
    """A clock that the story sets."""

    moment = NOW

    @classmethod
    def now(cls, tz=None):
        return cls.moment.astimezone(tz)


@pytest.fixture
def time(monkeypatch):
    """Set the site's clock: `time(moment)`."""
    MovedClock.moment = NOW
    monkeypatch.setattr(clock, "datetime", MovedClock)

    def travel(moment):
        MovedClock.moment = moment

    return travel


@pytest.fixture
def town(fresh_app, tmp_path, time):
    """A street with two officers, four verified agencies, seven experts; the real PDF renderer."""
    app = fresh_app
    app.extensions["marketplace.services"].pdf = make("pdf", make_config(tmp_path, ""))
    people = {}
    with app.app_context(), transaction() as session:
        make_places(session)
        unit = make_unit(session, name="桐浦街道办事处")
        people["clerk"] = make_person(session, name="何静", role=Role.HANDLER, organization_id=unit.id)
        people["chief"] = make_person(session, name="刘建平", role=Role.APPROVER, organization_id=unit.id)
        for n in range(4):
            agency = make_organization(session, name=f"澜川区{'安和善宁'[n]}乐社会工作服务中心", legal_representative=f"代表{n}")
            people[f"agency{n}"] = make_person(session, name=f"周敏{n}", role=Role.PROVIDER_ADMIN,
                                               organization_id=agency.id)
        for who in people.values():
            with_password(session, who)
        for n in range(7):
            people[f"expert{n}"] = with_password(session, make_expert(session, name=f"专家{n}"))
        logins = {name: person.login for name, person in people.items()}

    def enter(name):
        return Visitor(app, name).sign_in(logins[name], PASSWORD)

    yield app, enter
    app.extensions["marketplace.services"].pdf.close()


def work(app):
    with app.app_context():
        run_until_idle()


def as_list_and_draft(app, clerk, chief):
    """The clerk's sheet becomes the published list, one of its lines a draft; returns the draft's reference."""
    clerk.open("/imports/new?target=purchase_list").press(
        "上传", year="2026", file=("town-lists.xlsx", (SHEETS / "town-lists.xlsx").read_bytes()))
    clerk.press("检查").sees("如果导入").press("导入").sees("已导入 24 行")
    clerk.open("/purchase-lists/mine").follow("编辑并提交").press("提交审核").sees("已提交审核")
    work(app)
    chief.open("/my").sees("审核 2026 年度采购清单第 1 版")
    chief.open("/purchase-lists/mine").follow("审核").press("公布").sees("清单已公布")
    clerk.open("/purchase-lists/mine").follow("生成项目")
    line = re.search(r'name="line" value="(\w+)" id="c-\w+" aria-label="选择 “助老饭堂”"', clerk.raw.text)[1]
    clerk.press("生成项目草稿", line=[line])
    return re.search(r"/desk/projects/(\w{12})/edit", clerk.raw.text)[1]


def as_published_project(clerk, chief, draft):
    """The clerk fills the parts, the approver publishes."""
    for section, fields in SECTIONS.items():
        clerk.open(f"/desk/projects/{draft}/edit/{section}")
        more = {"closes_at": clerk_deadline()} if section == "time" else {}
        clerk.press("保存", **fields, **more)
        assert clerk.status == 200, clerk.words()
    clerk.open(f"/desk/projects/{draft}/edit").sees("可以送审了").press("送审")
    chief.open(f"/desk/projects/{draft}/review").press("批准并发布")
    chief.open(f"/projects/{draft}").sees("公开征集", "“助老饭堂”")


def clerk_deadline():
    """Ten working days ahead, in the words of the form."""
    return "2026-12-07 17:00"


def as_bid(agency, project, price):
    """One agency writes its offer part by part and seals it; returns the receipt's words."""
    base = f"/projects/{project}/bid"
    parts = {"price": {"price": price}, "plan": {"summary": "堂食与送餐", "plan": "由中央厨房统一制作，十一点前送到。" * 5},
             "team": {"team": "专职 5 人，持证社工 3 人"}, "contact": {"contact_name": "周敏", "contact_phone": "13800001234"}}
    for part, fields in parts.items():
        agency.open(f"{base}/{part}").press("保存", **fields)
    agency.open(f"{base}/check").sees("尚未提交")
    promises = re.findall(r'name="promises"[^>]*value="(\w+)"', agency.raw.text) or re.findall(
        r'value="(\w+)"[^>]*name="promises"', agency.raw.text)
    agency.press("密封并提交", promises=promises)
    assert agency.path.endswith("/receipt"), agency.words()
    return agency.words()


def as_award(clerk, chief, experts, project):
    """The panel is drawn, one member recused, all score; the approver awards."""
    clerk.open(f"/desk/projects/{project}/panel").press("抽取评审小组").sees("已抽取评审小组 5 人")
    recused = False
    for _round in range(2):
        for expert in experts:
            expert.open("/panel")
            for seat in sorted(set(re.findall(r"/panel/(\w{12})", expert.raw.text))):
                expert.open(f"/panel/{seat}")
                if not any("提交声明" in words for f in expert.page.forms for words, _, _ in f.buttons):
                    continue
                if recused:
                    expert.press("提交声明", has_conflict="no")
                else:
                    expert.press("提交声明", has_conflict="yes", reason="曾任其中一家的理事").sees("回避")
                    recused = True
    assert recused
    sheets = 0
    for number, expert in enumerate(experts):
        expert.open("/panel")
        for seat in sorted(set(re.findall(r"/panel/(\w{12})", expert.raw.text))):
            expert.open(f"/panel/{seat}/score/1")
            if expert.status == 403:
                expert.sees("您已回避这个项目，不能查看响应文件")
                continue
            for n in range(1, 5):
                expert.open(f"/panel/{seat}/score/{n}").press(
                    "保存", points_0=str(40 + n + number % 2), points_1=str(20 + n), comment_0="方案清楚")
            expert.open(f"/panel/{seat}/submit").press("提交评分表", confirm="y")
            sheets += 1
    assert sheets == 5
    clerk.open(f"/desk/projects/{project}/award").press("汇总")
    chief.open(f"/desk/projects/{project}/award")
    number = re.search(r"[A-Z]{2}-2026-\d{4}", chief.words())[0]
    first = re.findall(r'name="bid"[^>]*value="(\w+)"|value="(\w+)"[^>]*name="bid"', chief.raw.text)
    bids = [a or b for a, b in first]
    for bid in dict.fromkeys(bids):
        chief.press("公布中选结果", bid=bid, confirm=number, reason="")
        if "结果已公布" in chief.words():
            break
        chief.open(f"/desk/projects/{project}/award")
    chief.open(f"/projects/{project}/result").sees("结果公告")


@pytest.mark.on_sqlite("the clock is moved by weeks")
def test_from_a_clerks_sheet_to_a_contract_that_verifies(town, time):
    app, enter = town
    clerk, chief = enter("clerk"), enter("chief")
    project = as_list_and_draft(app, clerk, chief)
    as_published_project(clerk, chief, project)
    work(app)

    agencies = [enter(f"agency{n}") for n in range(4)]
    prices = ("15万", "14.2万", "14.8万", "13.9万")
    for agency, price in zip(agencies, prices, strict=True):
        receipt = as_bid(agency, project, price)
        assert "回执" in receipt
        assert price not in receipt
    clerk.open(f"/projects/{project}")
    assert "142,000" not in clerk.words()
    assert "安乐社会工作" not in clerk.words()

    time(MovedClock.moment + timedelta(days=14, hours=8))
    work(app)
    clerk, chief, *experts = [enter(name) for name in ("clerk", "chief", *(f"expert{n}" for n in range(7)))]
    clerk.open(f"/projects/{project}/opening").sees("142,000.00")
    as_award(clerk, chief, experts, project)
    work(app)
    told = [enter(f"agency{n}").open("/my").words() for n in range(4)]      # offers are scored in an order without names
    assert sorted("本机构中选" in words for words in told) == [False, False, False, True]
    assert sorted("本机构未中选" in words for words in told) == [False, True, True, True]

    time(MovedClock.moment + timedelta(days=7))
    work(app)
    clerk = enter("clerk")
    clerk.open("/contracts")
    contract = re.search(r"/contracts/(\w{12})", clerk.raw.text)[1]
    clerk.open(f"/contracts/{contract}").sees("待签署")
    paper = clerk.client.get(f"/contracts/{contract}/paper")
    assert paper.data.startswith(b"%PDF-")
    code = re.search(r"/v/([\w-]+)", clerk.raw.text)[1]
    Visitor(app, "anybody").open(f"/v/{code}").sees("有效")
    assert enter("agency1").open(f"/contracts/{contract}").status in {200, 404}
    assert Visitor(app, "anybody").open(f"/contracts/{contract}").path == "/sign-in"
    Visitor(app, "anybody").open("/purchase-lists").sees("2026")
