"""The pages of meetings through HTTP: preparing, sheets, the run, edits with their preview, reading, taking along."""

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from marketplace.core.access import Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.meetings import operations
from marketplace.meetings.models import MeetingEvent, MeetingSchedule
from marketplace.projects import operations as projects
from marketplace.web.worker import run_until_idle
from tests.factories.accounts import make_person, sign_in
from tests.factories.meetings import facts, make_fair, make_provider, make_public, make_scheduled
from tests.factories.projects import closing, make_desk, make_draft, make_opened
from tests.meetings.test_points import make_run


@pytest.fixture
def build(app):
    """Build an event at this moment; returns plain values, and signs nobody in."""
    def make(maker=make_fair, **changes):
        with app.app_context(), transaction() as session:
            made = maker(session, **changes)
            fair, version = made if isinstance(made, tuple) else (made, None)
            member = make_person(session, role=Role.PROVIDER_MEMBER, organization_id=fair.organizations[0].id)
            session.flush()
            session.expire(fair.event)
            return {"ref": fair.event.ref, "host": fair.host.person_id, "approver": fair.desk.approver.person_id,
                    "member": member.id, "tables": [row.ref for row in fair.event.tables],
                    "visitors": [row.ref for row in fair.event.visitors], "projects": [p.ref for p in fair.projects],
                    "names": [body.name for body in fair.organizations], "codes": [b.credit_code for b in fair.organizations],
                    "version": version.number if version else None, "buyer": fair.desk.unit.name}

    return make


def versions(app):
    with app.app_context():
        return [(one.number, one.state) for one in db.session().scalars(select(MeetingSchedule).order_by(MeetingSchedule.number))]


def publish_notice(app, made, number=0):
    """Send the notice of one of the projects out."""
    from marketplace.accounts.queries import load_actor
    from marketplace.projects.models import Project

    with app.app_context(), transaction() as session:
        project = session.scalars(select(Project).where(Project.ref == made["projects"][number])).one()
        projects.submit_for_review(session, actor=load_actor(session, made["host"]), project=project, now=utc_now())
        projects.publish(session, actor=load_actor(session, made["approver"]), project=project, now=utc_now(),
                         closes_at=closing(session, utc_now()))


def hidden_field(page, name):
    return re.search(rf'name="{name}" value="([^"]*)"', page.text)[1]


EVENT = {"title": "冬季洽谈会", "starts_at": f"{utc_now() + timedelta(days=60):%Y-%m-%d} 09:00", "place": "文化馆", "rounds": "4", "minutes": "20",
         "break_minutes": "5"}


# ---------- preparing ----------

def test_an_event_goes_from_its_form_to_the_own_list_of_a_participant(client, app, build):
    made = build(tables=1, organizations=1)
    sign_in(client, made["host"])
    answer = client.post("/meetings/new", data=EVENT)
    assert answer.status_code == 303
    ref = answer.location.split("/")[2]
    with app.app_context(), transaction() as session:
        event = session.scalars(select(MeetingEvent).where(MeetingEvent.ref == made["ref"])).one()
        draft = make_draft(session, replace_desk(session, event, made)).ref
    assert client.post(f"/meetings/{ref}/tables", data={"project": draft, "least": "1"}).status_code == 303
    page = client.post(f"/meetings/{ref}/organizations", data={"organization": made["codes"][0], "away": "2"}, follow_redirects=True)
    assert made["names"][0] in page.text
    page = client.get(f"/meetings/{ref}")
    assert "1 桌" in page.text
    assert "开始排程" in page.text
    assert client.post(f"/meetings/{ref}/run").status_code == 303
    assert 'hx-trigger="every 1s"' in client.get(f"/meetings/{ref}").text
    run_until_idle_in(app)
    page = client.get(f"/meetings/{ref}")
    assert "hx-trigger" not in page.text
    assert "公布第 1 版" in page.text
    assert "已达上界" in page.text
    assert client.post(f"/meetings/{ref}/publish", data={"version": "1"}).status_code == 303
    sign_in(client, made["member"])
    assert client.get(f"/meetings/{ref}").location == f"/meetings/{ref}/mine"
    page = client.get(f"/meetings/{ref}/mine")
    assert "长者助餐服务" in page.text
    assert "09:00–09:20" in page.text
    assert made["names"][0] not in page.text.split('class="talks"')[1].split("</ol>")[0]       # one reads whom one meets, not oneself


def test_a_table_for_no_project_asks_for_one_and_a_strange_number_is_said_beside_it(client, build):
    made = build()
    sign_in(client, made["host"])
    empty = client.post(f"/meetings/{made['ref']}/tables", data={"least": "1"})
    assert empty.status_code == 422
    assert "请从列表里选一个项目，或填项目编号" in empty.text
    strange = client.post(f"/meetings/{made['ref']}/tables", data={"typed": "LC-9999"})
    assert re.search(r'id="typed-error".*?没有这个项目', strange.text, re.DOTALL)
    assert 'value="LC-9999"' in strange.text


def test_where_the_points_came_from_is_said_by_the_number_of_the_run(client, app, build):
    made = build(maker=make_scheduled)
    sign_in(client, made["host"])
    assert "匹配方案里没有这些项目和组织" in client.get(f"/meetings/{made['ref']}").text
    with app.app_context(), transaction() as session:
        version = session.scalars(select(MeetingSchedule)).one()
        event = session.scalars(select(MeetingEvent).where(MeetingEvent.ref == made["ref"])).one()
        run = make_run(session, event.tables[0].project, {event.visitors[0].organization_id: 900}, number=37)
        version.points_from = f"{run.ref} gone"
        ref = run.ref
    page = client.get(f"/meetings/{made['ref']}").text
    assert "第 37 号匹配方案；" in page
    assert ref not in page


def replace_desk(session, event, made):
    from marketplace.accounts.queries import load_actor
    from tests.factories.projects import Desk

    return Desk(event.host, load_actor(session, made["host"]), load_actor(session, made["approver"]))


def run_until_idle_in(app):
    with app.app_context():
        run_until_idle()


@pytest.mark.parametrize(("change", "words"), [
    ({"title": ""}, "请填洽谈会名称"), ({"rounds": "0"}, "请填 1 到 40"), ({"rounds": "八"}, "不是整数"),
    ({"starts_at": "明天"}, "不是日期|请填时间"), ({"pause_after": "4"}, "请填 0 到 3"),
    ({"pause_after": "2"}, "第 2 轮后的长休要填几分钟"), ({"pause_after": "2", "pause_minutes": "3"}, "不短于轮间休息"),
    ({"pause_minutes": "40"}, "也要填在第几轮以后"),
])
def test_a_wrong_fact_is_said_beside_its_field_and_nothing_typed_is_lost(client, build, change, words):
    made = build()
    sign_in(client, made["host"])
    for path in ("/meetings/new", f"/meetings/{made['ref']}/edit"):
        answer = client.post(path, data={**EVENT, **change})
        assert answer.status_code == 422
        assert re.search(words, answer.text)
        assert "文化馆" in answer.text
    assert client.post(f"/meetings/{made['ref']}/edit", data=EVENT).status_code == 303
    assert "冬季洽谈会" in client.get("/meetings").text


def test_a_project_between_notice_and_award_is_refused_beside_the_field_with_the_law(client, app, build):
    made = build()
    sign_in(client, made["host"])
    with app.app_context(), transaction() as session:
        event = session.scalars(select(MeetingEvent)).one()
        ref = make_opened(session, replace_desk(session, event, made)).ref
    answer = client.post(f"/meetings/{made['ref']}/tables", data={"typed": ref})
    assert answer.status_code == 422
    assert "政府采购法实施条例第二十条第一项" in answer.text
    assert f'value="{ref}"' in answer.text.replace("selected", "")


def test_a_draft_of_another_unit_is_not_found(client, app, build):
    made = build()
    sign_in(client, made["host"])
    with app.app_context(), transaction() as session:
        ref = make_draft(session, make_desk(session)).ref
    for typed in (ref, "nothing"):
        answer = client.post(f"/meetings/{made['ref']}/tables", data={"typed": typed})
        assert answer.status_code == 422
        assert "没有这个项目，或您看不到它" in answer.text


@pytest.mark.parametrize(("typed", "words"), [
    ({"organization": "没有这家"}, "没有找到"), ({"organization": ""}, "请填统一社会信用代码或全称"),
    ({"organization": "{0}"}, "已经在名单里"), ({"organization": "{0}", "away": "7"}, "没有第 7 轮"),
])
def test_an_organization_that_cannot_come_is_refused_beside_its_field(client, build, typed, words):
    made = build()
    sign_in(client, made["host"])
    data = {name: value.format(*made["names"]) for name, value in typed.items()}
    answer = client.post(f"/meetings/{made['ref']}/organizations", data=data)
    assert (answer.status_code, words in answer.text) == (422, True)


def test_parties_are_changed_and_taken_away(client, build):
    made = build()
    sign_in(client, made["host"])
    table, visitor = made["tables"][0], made["visitors"][0]
    base = f"/meetings/{made['ref']}/parties"
    assert client.post(f"{base}/{table}", data={"number": "21", "least": "2", "away": "1"}).status_code == 303
    page = client.get(f"{base}/{table}")
    assert 'value="21"' in page.text
    assert client.post(f"{base}/{visitor}", data={"least": "9"}).status_code == 422
    assert client.post(f"{base}/{visitor}/remove").status_code == 303
    assert client.get(f"{base}/{visitor}").status_code == 404
    assert made["names"][0] not in client.get(f"/meetings/{made['ref']}/organizations").text.split('class="cols"')[1].split("<aside")[0]


# ---------- sheets ----------

def upload(client, made, text, name="名单.csv"):
    data = text if isinstance(text, bytes) else text.encode()
    return client.post(f"/meetings/{made['ref']}/import", data={"file": (io.BytesIO(data), name)})


def test_every_bad_row_of_a_sheet_is_listed_by_row_and_column_and_nothing_is_taken(client, app, build):
    made = build(tables=1, organizations=1)
    with app.app_context(), transaction() as session:
        one, two = make_provider(session), make_provider(session)
        codes = one.credit_code, two.credit_code
    sign_in(client, made["host"])
    sheet = "\n".join([
        "类型,编号,名称,桌号,最少场次,缺席轮次", f"组织,{codes[0]},,,2,1-2", f"组织,{codes[0]},,,,", "组织,,查无此家,,,",
        f"机构,{codes[1]},,,,", f"组织,{codes[1]},,,两,", f"组织,{codes[1]},,,,9", "项目,LC-1999-1,,1,,", ",,,,,", "项目,,,5,,"])
    answer = upload(client, made, sheet)
    assert answer.status_code == 422
    found = re.findall(r"第 (\d+) 行“([^”]+)”：", answer.text)
    assert found == [("3", "编号"), ("4", "编号"), ("5", "类型"), ("6", "最少场次"), ("7", "缺席轮次"), ("8", "编号"), ("10", "编号")]
    assert "与第 2 行重复" in answer.text
    assert codes[0] not in client.get(f"/meetings/{made['ref']}/organizations").text
    assert upload(client, made, f"类型,编号,最少场次\n组织,{codes[0]},2\n组织,{codes[1]},\n").status_code == 303
    answer = upload(client, made, f"类型,编号\n组织,{codes[0]}\n")
    assert "已经在名单里" in answer.text


@pytest.mark.parametrize(("sheet", "words"), [
    (b"", "请选一个不超过"), ("姓名,电话\n张三,1\n", "没有找到表头"), (b"\x00\x01\x02", "没有|不能|不是|打不开|无法"),
])
def test_a_file_that_is_no_list_is_refused(client, build, sheet, words):
    made = build(tables=1, organizations=1)
    sign_in(client, made["host"])
    answer = upload(client, made, sheet, "名单.xlsx" if sheet == b"\x00\x01\x02" else "名单.csv")
    assert answer.status_code == 422
    assert re.search(words, answer.text)


# ---------- the run ----------

def test_a_run_can_be_cancelled_and_a_second_one_waits_its_turn(client, app, build):
    made = build()
    sign_in(client, made["host"])
    path = f"/meetings/{made['ref']}/run"
    assert client.post(path).status_code == 303
    answer = client.post(path)
    assert (answer.status_code, "已经有一次排程在进行" in answer.text) == (422, True)
    assert client.post(f"{path}/cancel").status_code == 303
    run_until_idle_in(app)
    assert versions(app) == [(1, "cancelled")]
    assert client.post(f"{path}/cancel").status_code == 422
    assert client.post(path).status_code == 303
    run_until_idle_in(app)
    assert versions(app) == [(1, "cancelled"), (2, "ready")]


def test_the_job_of_a_version_that_is_done_does_nothing(app, build):
    from marketplace.meetings.jobs import make_schedule

    build(make_scheduled)
    with app.app_context():
        ref = db.session().scalars(select(MeetingSchedule.ref)).one()
        make_schedule(ref)
    assert versions(app) == [(1, "ready")]


def test_a_job_cancelled_half_way_keeps_nothing(app, build, monkeypatch):
    from marketplace.accounts.queries import load_actor
    from marketplace.meetings import jobs

    made = build()
    with app.app_context():
        with transaction() as session:
            event = session.scalars(select(MeetingEvent)).one()
            ref = operations.start_run(session, actor=load_actor(session, made["host"]), event=event, now=utc_now()).ref
        real = jobs.operations.note_phase

        def note(session, *, schedule_ref, phase):
            if phase == 2:
                event = session.scalars(select(MeetingEvent)).one()
                operations.cancel_run(session, actor=load_actor(session, made["host"]), event=event, now=utc_now())
                session.flush()
                return
            real(session, schedule_ref=schedule_ref, phase=phase)

        monkeypatch.setattr(jobs.operations, "note_phase", note)
        jobs.make_schedule(ref)
    assert versions(app) == [(1, "cancelled")]


def test_least_numbers_that_cannot_be_met_are_explained_with_three_ways_out(client, app, build):
    made = build(tables=3, organizations=2, rounds=1, terms=operations.Terms(least=1))
    sign_in(client, made["host"])
    client.post(f"/meetings/{made['ref']}/run")
    run_until_idle_in(app)
    page = client.get(f"/meetings/{made['ref']}")
    assert versions(app) == [(1, "failed")]
    assert "最少场次合计 3 场，对方在场轮次合计最多能谈 2 场" in page.text
    assert "要 1 场，只能排 0 场：可洽谈对象 2 家，在场 1 轮" in page.text
    assert "增加 1 轮" in page.text
    assert page.text.count("<li>") >= 3


def test_a_run_that_is_refused_says_why(client, app, build):
    made = build(tables=1, organizations=1)
    with app.app_context(), transaction() as session:
        from marketplace.organizations.models import ServiceCategory

        session.scalars(select(ServiceCategory)).first().code = "A0501"
    sign_in(client, made["host"])
    client.post(f"/meetings/{made['ref']}/run")
    run_until_idle_in(app)
    assert "没有一对可以洽谈" in client.get(f"/meetings/{made['ref']}").text


def test_publishing_is_refused_with_a_sentence(client, app, build):
    made = build(make_scheduled)
    sign_in(client, made["host"])
    path = f"/meetings/{made['ref']}/publish"
    assert client.post(path, data={"version": "9"}).status_code == 404
    publish_notice(app, made)
    answer = client.post(path, data={"version": "1"})
    assert (answer.status_code, "第二十条第一项" in answer.text) == (422, True)
    client.post(f"/meetings/{made['ref']}/parties/{made['tables'][0]}/remove")
    answer = client.post(path, data={"version": "1"})
    assert (answer.status_code, "名单或设置又改过" in answer.text) == (422, True)


def test_a_notice_after_publishing_warns_stops_and_is_cancelled_by_a_person(client, app, build):
    made = build(make_public)
    publish_notice(app, made)
    sign_in(client, made["member"])
    assert "公告期间，暂停单独洽谈" in client.get(f"/meetings/{made['ref']}/mine").text
    sign_in(client, made["host"])
    assert "请正式取消" in client.get(f"/meetings/{made['ref']}").text
    path = f"/meetings/{made['ref']}/cancel/{made['projects'][0]}"
    assert client.post(path, data={"reason": ""}).status_code == 422
    long = client.post(path, data={"reason": "写得很长" * 60})
    assert (long.status_code, "写得很长" * 60 in long.text) == (422, True)
    assert "场已取消" not in long.text
    held = int(re.search(r">(\d+) 场<", long.text)[1])
    assert client.post(path, data={"reason": "已发公告"}).status_code == 303
    page = client.get(f"/meetings/{made['ref']}").text
    gone = int(re.search(r"另有 (\d+) 场已取消", page)[1])
    assert gone > 0
    assert int(re.search(r">(\d+) 场<", page)[1]) == held - gone
    assert client.post(path, data={"reason": "已发公告"}).status_code == 422
    assert "请正式取消" not in client.get(f"/meetings/{made['ref']}").text
    sign_in(client, made["member"])
    assert "已取消：已发公告" in client.get(f"/meetings/{made['ref']}/mine").text


def test_a_schedule_is_withdrawn_and_an_event_ends(client, app, build):
    made = build(make_public)
    with app.app_context(), transaction() as session:
        session.scalars(select(MeetingEvent)).one().starts_at = utc_now() + timedelta(days=6)
    sign_in(client, made["host"])
    assert client.post(f"/meetings/{made['ref']}/close").status_code == 422
    assert client.post(f"/meetings/{made['ref']}/withdraw").status_code == 303
    sign_in(client, made["member"])
    assert client.get(f"/meetings/{made['ref']}/mine").status_code == 404
    sign_in(client, made["host"])
    assert client.post(f"/meetings/{made['ref']}/publish", data={"version": "1"}).status_code == 303
    with app.app_context(), transaction() as session:
        event = session.scalars(select(MeetingEvent)).one()
        event.starts_at = facts().starts_at.replace(year=2020)
    assert client.post(f"/meetings/{made['ref']}/close").status_code == 303
    assert "已结束" in client.get(f"/meetings/{made['ref']}").text


# ---------- edits ----------

def test_an_edit_is_previewed_and_only_then_kept(client, app, build):
    made = build(make_public)
    sign_in(client, made["host"])
    asked = {"kind": "pin", "table": made["tables"][0], "visitor": made["visitors"][0], "round": "4", "reason": "上次约好的"}
    page = client.get(f"/meetings/{made['ref']}/preview", query_string=asked)
    assert page.status_code == 200
    assert "确认修改" in page.text
    assert versions(app) == [(1, "published")]
    kept = {**asked, "revision": hidden_field(page, "revision"), "shown": hidden_field(page, "shown")}
    answer = client.post(f"/meetings/{made['ref']}/edits", data=kept)
    assert answer.location == f"/meetings/{made['ref']}/changes?version=2"
    assert versions(app) == [(1, "published"), (2, "ready")]
    page = client.get(answer.location)
    assert "第 2 版比第 1 版" in page.text
    answer = client.post(f"/meetings/{made['ref']}/edits", data=kept)      # sent again: the event moved on
    assert (answer.status_code, "请重新预览" in answer.text) == (422, True)
    page = client.get(f"/meetings/{made['ref']}/edits")
    assert "上次约好的" in page.text


def test_lifting_a_decision_is_previewed_too(client, app, build):
    made = build(make_scheduled)
    sign_in(client, made["host"])
    asked = {"kind": "forbid", "table": made["tables"][0], "visitor": made["visitors"][0], "reason": "有过纠纷"}
    page = client.get(f"/meetings/{made['ref']}/preview", query_string=asked)
    client.post(f"/meetings/{made['ref']}/edits", data={
        **asked, "revision": hidden_field(page, "revision"), "shown": hidden_field(page, "shown")})
    path = re.search(r'href="(/meetings/[^"]+/lift)"', client.get(f"/meetings/{made['ref']}/edits").text)[1]
    page = client.get(path)
    assert "新增" in page.text
    assert client.post(path, data={"reason": ""}).status_code == 422
    answer = client.post(path, data={"reason": "已和解", "revision": hidden_field(page, "revision"), "shown": "x"})
    assert (answer.status_code, "请重新预览" in answer.text) == (422, True)
    page = client.get(path)
    assert client.post(path, data={"reason": "已和解", "revision": hidden_field(page, "revision"),
                                   "shown": hidden_field(page, "shown")}).status_code == 303
    assert "已撤回" in client.get(f"/meetings/{made['ref']}/edits").text
    assert client.get(f"/meetings/{made['ref']}/decisions/nothing/lift").status_code == 404


def test_before_the_first_schedule_an_edit_is_only_written_down(client, app, build):
    made = build()
    sign_in(client, made["host"])
    asked = {"kind": "pin", "table": made["tables"][0], "visitor": made["visitors"][0], "reason": "约好的"}
    assert client.post(f"/meetings/{made['ref']}/edits", data=asked).status_code == 303
    path = re.search(r'href="(/meetings/[^"]+/lift)"', client.get(f"/meetings/{made['ref']}/edits").text)[1]
    assert client.post(path, data={"reason": "不约了"}).status_code == 303
    assert versions(app) == []


@pytest.mark.parametrize(("asked", "words"), [
    ({"kind": "pin", "visitor": "V", "reason": "x"}, "请选项目"), ({"kind": "pin", "table": "T", "reason": "x"}, "请选组织"),
    ({"kind": "pin", "table": "T", "visitor": "V", "round": "9", "reason": "x"}, "没有第 9 轮"),
    ({"kind": "pin", "table": "T", "visitor": "V"}, "请写明理由"), ({"kind": "x", "reason": "x"}, "还有内容要改"),
    ({"kind": "swap", "table": "T", "reason": "x"}, "请选另一张桌子"), ({"kind": "swap", "table": "T", "other": "U", "reason": "x"}, "第几轮互换"),
    ({"kind": "away", "table": "T", "visitor": "V", "away": "1", "reason": "x"}, "只选一方"),
    ({"kind": "away", "visitor": "V", "away": "9", "reason": "x"}, "没有第 9 轮"),
])
def test_an_edit_that_is_not_complete_is_said_beside_its_field(client, build, asked, words):
    made = build(make_scheduled)
    sign_in(client, made["host"])
    names = {"T": made["tables"][0], "U": made["tables"][1], "V": made["visitors"][0]}
    answer = client.get(f"/meetings/{made['ref']}/preview", query_string={k: names.get(v, v) for k, v in asked.items()})
    assert answer.status_code == 422
    assert re.search(words, answer.text)


def test_two_meetings_of_one_round_are_exchanged(client, app, build):
    made = build(make_scheduled, organizations=3)
    sign_in(client, made["host"])
    asked = {"kind": "swap", "table": made["tables"][0], "other": made["tables"][1], "round": "1", "reason": "坐错了"}
    page = client.get(f"/meetings/{made['ref']}/preview", query_string=asked)
    assert page.status_code == 200
    before = by_round(app, 1)
    assert client.post(f"/meetings/{made['ref']}/edits", data={
        **asked, "revision": hidden_field(page, "revision"), "shown": hidden_field(page, "shown")}).status_code == 303
    after = by_round(app, 2)
    assert (after[1, 1], after[1, 2]) == (before[1, 2], before[1, 1])


def by_round(app, number):
    with app.app_context():
        version = db.session().scalars(select(MeetingSchedule).where(MeetingSchedule.number == number)).one()
        return {(one.round, one.table_number): one.organization_id for one in version.meetings}


def test_an_edit_that_leaves_somebody_short_is_refused_before_and_after_the_preview(client, app, build):
    made = build(make_scheduled, tables=1, organizations=2, rounds=2, terms=operations.Terms(least=2))
    sign_in(client, made["host"])
    asked = {"kind": "forbid", "table": made["tables"][0], "visitor": made["visitors"][0], "reason": "x"}
    answer = client.get(f"/meetings/{made['ref']}/preview", query_string=asked)
    assert (answer.status_code, "只有 1 场，少于最少 2 场" in answer.text) == (422, True)
    answer = client.post(f"/meetings/{made['ref']}/edits", data=asked)
    assert (answer.status_code, "少于最少 2 场" in answer.text) == (422, True)
    assert client.post(f"/meetings/{made['ref']}/edits", data={"kind": "forbid"}).status_code == 422
    assert versions(app) == [(1, "ready")]


def test_lifting_a_pin_that_somebody_needs_is_refused_with_the_sentence(client, app, build):
    made = build(tables=1, organizations=1, rounds=1, terms=operations.Terms(least=1))
    sign_in(client, made["host"])
    client.post(f"/meetings/{made['ref']}/edits", data={
        "kind": "pin", "table": made["tables"][0], "visitor": made["visitors"][0], "reason": "约好的"})
    client.post(f"/meetings/{made['ref']}/run")
    run_until_idle_in(app)
    with app.app_context(), transaction() as session:
        from marketplace.organizations.models import ServiceCategory

        session.scalars(select(ServiceCategory)).one().code = "A0501"       # now only the pin makes them a pair
    path = re.search(r'href="(/meetings/[^"]+/lift)"', client.get(f"/meetings/{made['ref']}/edits").text)[1]
    answer = client.get(path)
    assert (answer.status_code, "没有一对可以洽谈" in answer.text) == (422, True)


@pytest.mark.parametrize(("away", "words"), [("1", "第 1 轮不在场"), ("", "全部在场")])
def test_the_preview_of_an_absence_says_whom_it_is_about(client, build, away, words):
    made = build(make_scheduled)
    sign_in(client, made["host"])
    for side in ({"table": made["tables"][0]}, {"visitor": made["visitors"][0]}):
        page = client.get(f"/meetings/{made['ref']}/preview", query_string={"kind": "away", "away": away, "reason": "x", **side})
        assert (page.status_code, words in page.text) == (200, True)


def test_two_tables_without_meetings_in_a_round_cannot_exchange(client, build):
    made = build(make_scheduled, tables=2, organizations=1)
    sign_in(client, made["host"])
    answer = client.get(f"/meetings/{made['ref']}/preview", query_string={
        "kind": "swap", "table": made["tables"][0], "other": made["tables"][1], "round": "1", "reason": "x"})
    assert (answer.status_code, "没有都排上洽谈" in answer.text) == (422, True)


# ---------- reading ----------

def test_a_schedule_is_read_by_round_by_table_by_organization_and_by_version(client, build):
    made = build(make_public)
    sign_in(client, made["host"])
    base = f"/meetings/{made['ref']}/schedule"
    for tail in ("", "?by=round&round=4", "?by=round&round=99", "?by=table", "?by=table&all=1", "?by=organization", "?version=1"):
        page = client.get(base + tail)
        assert page.status_code == 200
        assert made["names"][1] in page.text or "round=" in tail
    assert client.get(f"{base}?version=7").status_code == 404
    assert "是第一版" in client.get(f"/meetings/{made['ref']}/changes").text


def test_without_a_schedule_the_grid_leads_back(client, build):
    made = build()
    sign_in(client, made["host"])
    for part in ("schedule", "changes"):
        assert client.get(f"/meetings/{made['ref']}/{part}").location == f"/meetings/{made['ref']}"
    assert client.get(f"/meetings/{made['ref']}/schedule.csv").status_code == 404
    assert client.get(f"/meetings/{made['ref']}/parties/{made['tables'][0]}.ics").status_code == 404


def test_a_schedule_is_taken_along_as_csv_and_as_a_workbook(client, build):
    made = build(make_public)
    sign_in(client, made["host"])
    answer = client.get(f"/meetings/{made['ref']}/schedule.csv")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows[0][:7] == ["轮次", "开始", "结束", "桌号", "项目", "购买主体", "组织"]
    assert len(rows) == 13
    assert rows[1][7] == "80.0"
    book = load_workbook(io.BytesIO(client.get(f"/meetings/{made['ref']}/schedule.xlsx").data))
    assert book.sheetnames == ["洽谈表", "按桌", "按组织"]
    assert book["按桌"].max_row == 4
    assert book["按组织"].max_column == 6
    assert client.get(f"/meetings/{made['ref']}/schedule.pdf").status_code == 404


def test_the_own_meetings_go_into_a_calendar_without_those_that_are_off(client, app, build):
    made = build(make_public)
    sign_in(client, made["member"])
    text = client.get(f"/meetings/{made['ref']}/mine.ics").data.decode()
    assert text.count("BEGIN:VEVENT") == 3
    start, end = re.search(r"DTSTART:(\w+)", text)[1], re.search(r"DTEND:(\w+)", text)[1]
    assert start != end
    assert "LOCATION:区社会组织服务中心" in text
    publish_notice(app, made)
    assert client.get(f"/meetings/{made['ref']}/mine.ics").data.count(b"BEGIN:VEVENT") == 2
    sign_in(client, made["host"])
    unfolded = client.get(f"/meetings/{made['ref']}/mine.ics").data.decode().replace("\r\n ", "")
    assert made["names"][0] in unfolded                    # the unit reads who comes to its tables
    for party in (made["tables"][1], made["visitors"][0]):
        assert client.get(f"/meetings/{made['ref']}/parties/{party}.ics").data.count(b"BEGIN:VEVENT") in (2, 4)


def test_a_participant_sees_nothing_but_its_own(client, app, build):
    made = build(make_public)
    sign_in(client, made["member"])
    for part in ("schedule", "changes", "edits", "organizations", "tables", "schedule.csv"):
        assert client.get(f"/meetings/{made['ref']}/{part}").status_code == 403
    assert client.post(f"/meetings/{made['ref']}/run").status_code == 403
    with app.app_context(), transaction() as session:
        outsider = make_person(session, role=Role.PROVIDER_MEMBER, organization_id=make_provider(session).id).id
        other = make_desk(session).handler.person_id
    for person in (outsider, other):
        sign_in(client, person)
        assert client.get(f"/meetings/{made['ref']}/mine").status_code == 404
        assert "还没有" in client.get("/meetings").text


def test_another_unit_brings_its_own_project_to_an_open_event(client, app, build):
    made = build(is_open_to_units=True)
    with app.app_context(), transaction() as session:
        desk = make_desk(session)
        draft, person = make_draft(session, desk, title="白鹭街道青年夜校").ref, desk.handler.person_id
    sign_in(client, person)
    assert "报我单位的项目" in client.get(f"/meetings/{made['ref']}/mine").text
    assert client.post(f"/meetings/{made['ref']}/tables", data={"project": draft}).status_code == 303
    page = client.get(f"/meetings/{made['ref']}/tables")
    assert "白鹭街道青年夜校" in page.text
    assert "桐浦街道第1期" not in page.text
    row = re.search(r"/parties/(\w+)\"", page.text)[1]
    assert client.post(f"/meetings/{made['ref']}/parties/{row}", data={"number": "4", "least": "1"}).status_code == 303
    assert client.post(f"/meetings/{made['ref']}/parties/{made['tables'][0]}/remove").status_code == 403


def test_the_facts_of_an_event_survive_a_round_trip(app, build):
    build(pause_after=2, pause_minutes=40)
    with app.app_context():
        event = db.session().scalars(select(MeetingEvent)).one()
        kept = operations.facts_of(event)
        assert kept == replace(facts(pause_after=2, pause_minutes=40), starts_at=event.starts_at)
