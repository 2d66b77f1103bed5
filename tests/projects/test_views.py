"""Pages of projects through HTTP: list, page, editor, review, questions, addendum, ending."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import parse_qsl

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict

from marketplace.core.clock import at_beijing, beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.projects import operations
from marketplace.projects.forms import filters_from
from marketplace.projects.models import Project
from marketplace.projects.queries import by_ref
from marketplace.projects.rules import Sort
from tests.factories.accounts import make_person, sign_in
from tests.factories.projects import AREA, CATEGORY, Desk, make_desk, make_draft, make_published, make_submitted
from tests.projects.test_operations import make_line


def far(days: int = 30) -> object:
    """A working afternoon well ahead of the wall clock (the site reads the real time)."""
    day = beijing_date(utc_now()) + timedelta(days=days)
    while day.weekday() > 4 or (day.month, day.day) <= (1, 3):
        day += timedelta(days=1)
    return at_beijing(day, 17)


@dataclass
class World:
    """People's ids and references, usable outside a session."""

    app: Flask
    client: FlaskClient
    handler: int
    approver: int
    refs: dict[str, str]

    def as_(self, who: str) -> FlaskClient:
        return sign_in(self.client, getattr(self, who))

    def read(self, name: str, column: str) -> object:
        with self.app.app_context():
            return getattr(by_ref(db.session(), self.refs[name]), column)


@pytest.fixture
def world(app: Flask, client: FlaskClient) -> World:
    now = utc_now()
    with app.app_context(), transaction() as session:
        desk = make_desk(session)
        refs = {"draft": make_draft(session, desk, now=now, closes_at=far()).ref,
                "waiting": make_submitted(session, desk, now=now, closes_at=far()).ref,
                "published": make_published(session, desk, now=now, closes_at=far()).ref}
        return World(app, client, desk.handler.person_id or 0, desk.approver.person_id or 0, refs)


def stranger(world: World) -> FlaskClient:
    """Somebody of another unit, signed in."""
    with world.app.app_context(), transaction() as session:
        person = make_desk(session).handler.person_id or 0
    return sign_in(world.client, person)


def fields(page: str) -> dict[str, str]:
    """The text inputs of a page with their values."""
    found = re.findall(r'<input[^>]*name="([^"]+)"[^>]*?value="([^"]*)"', page)
    return {name: value for name, value in found if name not in ("csrf_token", "q")}


PUBLIC = ("/projects", "/projects?status=open&category=A04&area=440605011&budget=20-50&due=30&sort=closing&page=2",
          "/projects?status=nonsense&due=x&page=-1&sort=?&category='--", "/projects/{published}", "/projects/{published}.ics",
          "/projects.csv", "/projects.xlsx")
HANDLERS = ("/desk/projects", "/desk/projects?status=draft&q=助餐&own=1", "/desk/projects/new", "/projects/{draft}",
            "/desk/projects/{draft}/edit", "/desk/projects/{draft}/preview", "/desk/projects/{waiting}/review",
            "/desk/projects/{published}/questions", "/desk/projects/{published}/addendum", "/desk/projects/{draft}/terminate",
            *(f"/desk/projects/{{draft}}/edit/{part}" for part in ("basics", "requirement", "indicators", "scoring", "payment", "time", "files")))


@pytest.mark.parametrize("path", PUBLIC)
def test_everybody_opens_the_public_pages(world: World, path: str) -> None:
    assert world.client.get(path.format(**world.refs)).status_code == 200


@pytest.mark.parametrize("path", HANDLERS)
def test_the_units_people_open_their_pages_and_visitors_are_sent_to_sign_in(world: World, path: str) -> None:
    path = path.format(**world.refs)
    visitor = world.client.get(path)
    assert visitor.status_code == (404 if path.startswith("/projects/") else 302)
    page = world.as_("handler").get(path)
    assert page.status_code == 200
    assert "<h1>" in page.get_data(as_text=True)


@pytest.mark.parametrize("path", [p for p in HANDLERS if "{draft}" in p or "{waiting}" in p])
def test_another_unit_gets_404_for_what_is_not_published(world: World, path: str) -> None:
    assert stranger(world).get(path.format(**world.refs)).status_code == 404


def test_the_list_shows_published_projects_only_and_filters_them(world: World) -> None:
    page = world.client.get("/projects").get_data(as_text=True)
    assert world.refs["published"] in page
    assert world.refs["draft"] not in page
    assert world.refs["waiting"] not in page
    assert world.refs["published"] in world.client.get(f"/projects?category=A04&area={AREA}&status=open").get_data(as_text=True)
    nothing = world.client.get("/projects?status=failed&category=A04").get_data(as_text=True)
    assert "没有符合条件的项目" in nothing
    assert "去掉条件" in nothing


def test_the_address_is_read_with_care() -> None:
    read = filters_from(MultiDict([("status", "open"), ("status", "draft"), ("status", "x"), ("category", "A04"), ("category", "<b>"),
                                   ("budget", "0-20"), ("budget", "9"), ("due", "7"), ("sort", "budget")]))
    assert (read.statuses, read.categories, read.bands, read.due_days) == (("open",), ("A04",), ("0-20",), 7)
    assert read.sort == Sort.BUDGET_UP
    assert filters_from(MultiDict([("sort", "relevance")])).sort == Sort.NEWEST


def test_words_lead_to_the_search_page_with_the_filters_chosen(world: World) -> None:
    response = world.client.get("/projects?q=长者&status=open&area=1&budget=0-20&due=7&sort=-budget&page=3")
    assert response.status_code == 303
    path, _, asked = response.location.partition("?")
    assert path == "/search"
    assert parse_qsl(asked) == [("q", "长者"), ("kind", "project"), ("status", "open"), ("area", "1"), ("budget", "0-20"), ("due", "7"),
                                ("sort", "budget_high")]


def test_the_search_box_of_the_list_keeps_the_filters(world: World) -> None:
    page = world.client.get("/projects?status=open").get_data(as_text=True)
    assert 'action="/search"' in page
    assert '<input type="hidden" name="kind" value="project">' in page
    assert '<input type="hidden" name="status" value="open">' in page


def test_the_project_page_says_what_the_public_must_know(world: World) -> None:
    page = world.client.get(f"/projects/{world.refs['published']}").get_data(as_text=True)
    for text in ("368,000.00 元", "综合评分法", "工作日午餐", "服务方案", "签约后首付", "启封前不显示响应单位和数量", "LC-", "准备响应文件"):
        assert text in page
    assert "本单位办理" not in page


def test_an_ended_project_says_why(world: World) -> None:
    with world.app.app_context(), transaction() as session:
        desk = make_desk(session)
        project = make_published(session, desk, now=utc_now(), closes_at=far())
        operations.terminate(session, actor=desk.approver, project=project, reason="预算取消", now=utc_now())
        ref = project.ref
    page = world.client.get(f"/projects/{ref}").get_data(as_text=True)
    assert "预算取消" in page
    assert "准备响应文件" not in page


def test_the_calendar_entry_is_whole_and_folded(world: World) -> None:
    response = world.client.get(f"/projects/{world.refs['published']}.ics")
    lines = response.get_data().split(b"\r\n")
    assert response.mimetype == "text/calendar"
    assert lines[0] == b"BEGIN:VCALENDAR"
    assert all(len(line) <= 75 for line in lines)
    assert world.client.get(f"/projects/{world.refs['draft']}.ics").status_code == 404


def test_the_export_holds_the_filtered_rows_and_no_formula(world: World) -> None:
    with world.app.app_context(), transaction() as session:
        desk = make_desk(session)
        make_published(session, desk, now=utc_now(), closes_at=far(), title="=cmd|calc 服务", category_code="A0501")
    text = world.client.get("/projects.csv?category=A0501").get_data().decode("utf-8-sig")
    assert len(text.strip().splitlines()) == 2
    assert ",'=cmd|calc 服务," in text
    book = load_workbook(io.BytesIO(world.client.get("/projects.xlsx").get_data()))
    assert book.active.max_row == 3
    assert all(cell.data_type != "f" for row in book.active.iter_rows() for cell in row)
    assert world.client.get("/projects.pdf").status_code == 404


def test_a_new_draft_begins_with_its_title(world: World) -> None:
    client = world.as_("handler")
    refused = client.post("/desk/projects/new", data={"title": "", "budget": "一百"})
    assert refused.status_code == 422
    assert "不是金额" in refused.get_data(as_text=True)
    made = client.post("/desk/projects/new", data={"title": "社区普法讲座", "budget": "12.5万"})
    assert made.status_code == 303
    with world.app.app_context():
        project = by_ref(db.session(), made.location.split("/")[-2])
        assert (project.title, project.budget, project.state) == ("社区普法讲座", Money.yuan(125_000), "draft")


def test_every_part_of_the_editor_saves_what_it_shows(world: World) -> None:
    client, base = world.as_("handler"), f"/desk/projects/{world.refs['draft']}/edit"
    basics = {"title": "改名的服务", "summary": "一句话", "category_code": CATEGORY, "area_code": AREA, "place": "甲", "fair_type": "行业发展",
              "budget": "20万", "ceiling": "", "funding_source": "福彩"}
    assert client.post(f"{base}/basics", data=basics).status_code == 303
    assert client.post(f"{base}/requirement", data={"body": "第一段\n第二段", "target_group": "老人", "beneficiaries": "３２０", "special_conditions": ""}).status_code == 303
    assert client.post(f"{base}/indicators", data={"rows-0-name": "午餐", "rows-0-target": "100", "rows-0-unit": "人次", "rows-0-evidence": "", "rows-1-name": "", "rows-1-target": ""}).status_code == 303
    assert client.post(f"{base}/scoring", data={"scoring_method": "fixed_price", "price_weight": "0", "panel_size": "7", "rows-0-name": "方案", "rows-0-weight": "100"}).status_code == 303
    assert client.post(f"{base}/payment", data={"rows-0-title": "一次付清", "rows-0-percent": "100", "rows-0-condition": "验收", "rows-0-days_after": ""}).status_code == 303
    saved = client.post(f"{base}/time", data={"closes_at": "2027-01-08 17:00", "service_from": "2027年1月15日", "service_to": "2027-12-31", "term_reason": "", "contact_name": "何", "contact_phone": "1", "then": "1"})
    assert saved.location.endswith("/edit/files")
    with world.app.app_context():
        project = by_ref(db.session(), world.refs["draft"])
        assert (project.title, project.budget, project.ceiling, project.fair_type) == ("改名的服务", Money.yuan(200_000), None, "行业发展")
        assert (project.beneficiaries, project.body) == (320, "第一段\n第二段")
        assert [(i.name, i.target) for i in project.indicators] == [("午餐", "100")]
        assert (project.scoring_method, project.panel_size, [c.weight for c in project.criteria]) == ("fixed_price", 7, [100])
        assert [(m.percent, m.days_after) for m in project.milestones] == [(100, 30)]
        assert project.closes_at == at_beijing(date(2027, 1, 8), 17)


def test_bad_input_comes_back_with_a_sentence_and_everything_typed(world: World) -> None:
    client, base = world.as_("handler"), f"/desk/projects/{world.refs['draft']}/edit"
    page = client.post(f"{base}/basics", data={"title": "改名的服务", "fair_type": "", "budget": "10万", "ceiling": "20万"})
    assert page.status_code == 422
    text = page.get_data(as_text=True)
    assert "不超过预算" in text
    assert 'value="改名的服务"' in text
    assert 'value="20万"' in text
    page = client.post(f"{base}/scoring", data={"scoring_method": "comprehensive", "price_weight": "x", "panel_size": "5"})
    assert page.status_code == 422
    assert "不是整数" in page.get_data(as_text=True)
    page = client.post(f"{base}/payment", data={"rows-0-title": "首付", "rows-0-percent": "101"})
    assert page.status_code == 422
    assert client.get(f"{base}/nonsense").status_code == 404
    assert world.read("draft", "title") == "桐浦街道长者助餐服务"


def test_more_rows_come_without_saving(world: World) -> None:
    client, base = world.as_("handler"), f"/desk/projects/{world.refs['draft']}/edit/indicators"
    page = client.post(base, data={"rows-0-name": "只写了一半", "more": "1"})
    assert page.status_code == 200
    text = page.get_data(as_text=True)
    assert 'value="只写了一半"' in text
    assert "rows-3-name" in text
    with world.app.app_context():
        assert len(by_ref(db.session(), world.refs["draft"]).indicators) == 2


def test_autosave_answers_in_json_and_carries_the_version_on(world: World) -> None:
    client, base = world.as_("handler"), f"/desk/projects/{world.refs['draft']}/edit/requirement"
    version = fields(client.get(base).get_data(as_text=True))["version"]
    data = {"body": "自动保存的文字", "target_group": "老人", "beneficiaries": "5", "version": version}
    saved = client.post(base, data=data, headers={"X-Autosave": "1"})
    assert saved.status_code == 200
    assert re.fullmatch(r"\d\d:\d\d:\d\d", saved.json["saved_at"])
    assert saved.json["version"] > int(version)
    refused = client.post(base, data={**data, "beneficiaries": "很多", "version": saved.json["version"]}, headers={"X-Autosave": "1"})
    assert refused.status_code == 422
    assert "不是整数" in refused.json["errors"]["beneficiaries"][0]
    row = client.post(f"/desk/projects/{world.refs['draft']}/edit/payment", data={"rows-0-title": "首付", "rows-0-percent": "0"}, headers={"X-Autosave": "1"})
    assert row.status_code == 422
    assert row.json["errors"]
    assert world.read("draft", "body") == "自动保存的文字"


def test_of_two_editors_the_second_sees_both_texts_and_decides(world: World) -> None:
    base = f"/desk/projects/{world.refs['draft']}/edit/requirement"
    client = world.as_("handler")
    version = fields(client.get(base).get_data(as_text=True))["version"]
    assert client.post(base, data={"body": "先保存的", "version": version}).status_code == 303
    conflict = client.post(base, data={"body": "后写的", "version": version}, headers={"X-Autosave": "1"})
    assert conflict.status_code == 409
    assert "改动" in conflict.json["conflict"]
    page = client.post(base, data={"body": "后写的", "version": version})
    assert page.status_code == 409
    text = page.get_data(as_text=True)
    assert "先保存的" in text
    assert "后写的" in text
    newer = fields(text)["version"]
    assert client.post(base, data={"body": "后写的", "version": newer}).status_code == 303
    assert world.read("draft", "body") == "后写的"


def pdf() -> bytes:
    """A small real PDF."""
    import pikepdf

    out = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        document.save(out)
    return out.getvalue()


def test_attachments_come_and_go_and_a_lie_about_the_type_is_refused(world: World) -> None:
    client, base = world.as_("handler"), f"/desk/projects/{world.refs['draft']}"
    assert client.post(f"{base}/files", data={}).status_code == 422
    lie = client.post(f"{base}/files", data={"file": (io.BytesIO(b"MZ not a pdf"), "需求书.pdf")}, content_type="multipart/form-data")
    assert lie.status_code == 422
    assert client.post(f"{base}/files", data={"file": (io.BytesIO(pdf()), "需求书.pdf"), "title": "需求书"}, content_type="multipart/form-data").status_code == 303
    with world.app.app_context():
        (attached,) = by_ref(db.session(), world.refs["draft"]).files
        file_ref = attached.file.ref
    assert "需求书" in client.get(f"{base}/edit/files").get_data(as_text=True)
    assert client.post(f"{base}/files/nobody/remove").status_code == 404
    assert client.post(f"{base}/files/{file_ref}/remove").status_code == 303
    assert "需求书" not in client.get(f"{base}/edit/files").get_data(as_text=True)


def test_from_draft_to_the_open_through_two_people(world: World) -> None:
    ref = world.refs["draft"]
    assert world.as_("handler").post(f"/desk/projects/{ref}/submit").status_code == 303
    assert world.as_("handler").post(f"/desk/projects/{ref}/publish", data={"closes_at": "2027-03-01 17:00"}).status_code == 403
    client = world.as_("approver")
    late = client.post(f"/desk/projects/{ref}/publish", data={"closes_at": "2026-11-20 17:00"})
    assert late.status_code == 422
    assert "太早" in late.get_data(as_text=True)
    assert client.post(f"/desk/projects/{ref}/publish", data={"closes_at": ""}).status_code == 422
    deadline = far().astimezone(tz=None).strftime("%Y-%m-%d")  # any day; the site reads Beijing time
    done = client.post(f"/desk/projects/{ref}/publish", data={"closes_at": f"{beijing_date(far())} 17:00"})
    assert deadline
    assert done.status_code == 303
    assert world.read("draft", "state") == "published"
    again = client.post(f"/desk/projects/{ref}/publish", data={"closes_at": f"{beijing_date(far())} 17:00"})
    assert again.status_code in (403, 409)


def test_an_incomplete_draft_is_sent_back_to_the_editor_with_the_sentence(world: World) -> None:
    with world.app.app_context(), transaction() as session:
        desk_ref = by_ref(session, world.refs["draft"])
        desk_ref.body = ""
    client = world.as_("handler")
    assert client.post(f"/desk/projects/{world.refs['draft']}/submit").location.endswith("/edit")
    page = client.get(f"/desk/projects/{world.refs['draft']}/edit").get_data(as_text=True)
    assert "请写明要做什么" in page
    assert "还不能送审" in page


def test_a_returned_draft_shows_its_reason(world: World) -> None:
    client = world.as_("approver")
    assert client.post(f"/desk/projects/{world.refs['waiting']}/return", data={"reason": ""}).status_code == 422
    assert client.post(f"/desk/projects/{world.refs['waiting']}/return", data={"reason": "指标写得太虚"}).status_code == 303
    assert "指标写得太虚" in world.as_("handler").get(f"/desk/projects/{world.refs['waiting']}/edit").get_data(as_text=True)


def test_a_question_is_asked_answered_and_read_without_a_name(world: World) -> None:
    ref = world.refs["published"]
    with world.app.app_context(), transaction() as session:
        asker = make_person(session, name="不愿透露的人").id
    visitor = world.client.post(f"/projects/{ref}/questions", data={"question": "写到一半的问题"})
    assert (visitor.status_code, "写到一半的问题" in visitor.text, "在新窗口登录" in visitor.text) == (401, True, True)
    client = sign_in(world.client, asker)
    assert client.post(f"/projects/{ref}/questions", data={"question": ""}).status_code == 422
    assert client.post(f"/projects/{ref}/questions", data={"question": "周末送餐吗？"}).status_code == 303
    client.get("/sign-out")
    with client.session_transaction() as cookie:
        cookie.clear()
    assert "周末送餐吗？" not in client.get(f"/projects/{ref}").get_data(as_text=True)
    handler = world.as_("handler")
    page = handler.get(f"/desk/projects/{ref}/questions").get_data(as_text=True)
    enquiry = re.search(rf"/desk/projects/{ref}/questions/([a-z0-9]+)", page)[1]
    assert "不愿透露的人" not in page
    assert handler.post(f"/desk/projects/{ref}/questions/{enquiry}", data={"answer": ""}).status_code == 422
    assert handler.post(f"/desk/projects/{world.refs['draft']}/questions/{enquiry}", data={"answer": "不送"}).status_code == 404
    assert handler.post(f"/desk/projects/{ref}/questions/{enquiry}", data={"answer": "只含工作日"}).status_code == 303
    assert handler.post(f"/desk/projects/{ref}/questions/{enquiry}", data={"answer": "又改口"}).status_code == 409
    with client.session_transaction() as cookie:
        cookie.clear()
    page = client.get(f"/projects/{ref}").get_data(as_text=True)
    assert "只含工作日" in page
    assert "不愿透露的人" not in page


def test_an_addendum_is_published_and_moves_the_deadline(world: World) -> None:
    ref, client = world.refs["published"], world.as_("handler")
    assert client.post(f"/desk/projects/{ref}/addendum", data={"text": ""}).status_code == 422
    sooner = client.post(f"/desk/projects/{ref}/addendum", data={"text": "改", "closes_at": f"{beijing_date(utc_now())} 23:00"})
    assert sooner.status_code == 422
    later = beijing_date(far(40))
    assert client.post(f"/desk/projects/{ref}/addendum", data={"text": "送餐范围以本号为准", "affects_offers": "y", "closes_at": f"{later} 17:00"}).status_code == 303
    page = client.get(f"/projects/{ref}").get_data(as_text=True)
    assert "送餐范围以本号为准" in page
    assert f"{later} 17:00" in page
    assert client.get(f"/desk/projects/{world.refs['draft']}/addendum").status_code == 403


def test_ending_a_project_asks_for_the_reason_that_everybody_reads(world: World) -> None:
    ref, client = world.refs["published"], world.as_("approver")
    assert client.post(f"/desk/projects/{ref}/terminate", data={"reason": ""}).status_code == 422
    assert client.post(f"/desk/projects/{ref}/terminate", data={"reason": "预算调整"}).status_code == 303
    assert "预算调整" in client.get(f"/projects/{ref}").get_data(as_text=True)
    assert world.as_("handler").post(f"/desk/projects/{world.refs['draft']}/terminate", data={"reason": "重复"}).location.endswith("/desk/projects")


def test_a_copy_begins_a_new_draft(world: World) -> None:
    made = world.as_("handler").post(f"/desk/projects/{world.refs['published']}/copy")
    assert made.status_code == 303
    assert made.location.endswith("/edit")
    assert world.refs["published"] not in made.location


def lines(world: World, count: int) -> list[str]:
    """Lines of the unit's published purchase list."""
    with world.app.app_context(), transaction() as session:
        buyer = by_ref(session, world.refs["draft"]).buyer
        first = make_line(session, Desk(buyer, None, None))  # type: ignore[arg-type]
        refs = [first.line.ref]
        for number in range(2, count + 1):
            line = type(first.line)(purchase_list=first.line.purchase_list)
            session.add(type(first)(version=first.version, line=line, position=number, title=f"第 {number} 项服务"))
            session.flush()
            refs.append(line.ref)
        return refs


def count_projects(world: World) -> int:
    with world.app.app_context():
        return db.session().scalar(select(func.count()).select_from(Project)) or 0


def test_lines_of_the_purchase_list_become_drafts_once(world: World) -> None:
    refs, before, client = lines(world, 3), count_projects(world), world.as_("handler")
    post: Callable[[list[str]], object] = lambda wanted: client.post("/projects/drafts-from-lines", data={"line": wanted})  # noqa: E731
    assert post(refs[:2] + refs[:1]).status_code == 303
    assert count_projects(world) == before + 2
    assert post(refs).status_code == 303
    assert count_projects(world) == before + 3
    assert post([refs[0]]).location.endswith("/edit")
    assert post([]).status_code == 303
    assert post(["nobody"]).status_code == 404
    assert count_projects(world) == before + 3
    assert stranger(world).post("/projects/drafts-from-lines", data={"line": refs}).status_code == 403


def test_a_parent_unit_reads_what_was_submitted_but_does_not_decide(world: World) -> None:
    with world.app.app_context(), transaction() as session:
        parent = make_desk(session)
        child = make_desk(session, parent=parent.unit)
        ref, draft_ref = make_submitted(session, child, now=utc_now(), closes_at=far()).ref, make_draft(session, child).ref
        boss = parent.approver.person_id or 0
    client = sign_in(world.client, boss)
    assert client.get(f"/projects/{ref}").status_code == 200
    assert ref in client.get("/desk/projects").get_data(as_text=True)
    assert client.get(f"/projects/{draft_ref}").status_code == 404
    assert client.post(f"/desk/projects/{ref}/publish", data={"closes_at": f"{beijing_date(far())} 17:00"}).status_code == 403
    assert client.post(f"/desk/projects/{ref}/return", data={"reason": "x"}).status_code == 403


def test_whether_matching_money_may_come_is_asked_in_the_editor_and_told_in_the_notice(world: World) -> None:
    client, ref = world.as_("handler"), world.refs["draft"]
    words = "另可接受社会配套资金"
    assert words not in client.get(f"/desk/projects/{ref}/preview").get_data(as_text=True)
    client.post(f"/desk/projects/{ref}/edit/basics", data={"title": "改名的服务", "fair_type": "", "takes_matching": "y"})
    assert words in client.get(f"/desk/projects/{ref}/preview").get_data(as_text=True)
    client.post(f"/desk/projects/{ref}/edit/basics", data={"title": "又改名的服务", "fair_type": ""})
    assert words in client.get(f"/desk/projects/{ref}/preview").get_data(as_text=True)     # not sent: not changed
    client.post(f"/desk/projects/{ref}/edit/basics", data={"title": "又改名的服务", "fair_type": "", "takes_matching": ""})
    assert words not in client.get(f"/desk/projects/{ref}/preview").get_data(as_text=True)
