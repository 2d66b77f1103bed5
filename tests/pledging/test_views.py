"""The pages of an evening through HTTP: preparing, door, recorders without a script, the queue of a device, the hall."""

import io
import json
import re
from dataclasses import replace

import pytest
from sqlalchemy import event as sa_event
from sqlalchemy import func, select

from marketplace.accounts.queries import load_actor
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.funding.models import Pledge
from marketplace.inbox.models import Message
from marketplace.pledging import operations
from marketplace.pledging.models import Guest, PaddlePledge, PledgingEvent, PledgingRound
from marketplace.pledging.queries import hall
from marketplace.pledging.views.screen import snapshots
from marketplace.web.worker import run_until_idle
from tests.factories.accounts import sign_in
from tests.factories.funding import make_funder, officer
from tests.factories.pledging import make_event, make_live


@pytest.fixture
def build(app):
    """Build an evening at this moment; returns plain values, and signs nobody in."""
    snapshots.forget()

    def make(maker=make_live, **changes):
        with app.app_context(), transaction() as session:
            evening = maker(session, now=utc_now(), **changes)
            session.flush()
            return {"ref": evening.event.ref, "key": evening.event.display_key, "host": evening.host.person_id,
                    "second": evening.second.person_id, "guests": [guest.ref for guest in evening.guests],
                    "project": evening.world.project.ref, "account": evening.world.account.ref,
                    "code": evening.world.receiver.credit_code, "project_title": evening.world.project.title}

    yield make
    snapshots.forget()


def send(client, made, *items, recorder="first"):
    """What the page of a recorder sends."""
    return client.post(f"/pledging/{made['ref']}/record/queue", data={"recorder": recorder, "entries": json.dumps(items)},
                       headers={"Accept": "application/json"})


def item(line, key, **changes):
    return {"key": key, "line": line, "round": 1, "at": "", "undo": "", "reason": "", **changes}


def verbal(app, made):
    with app.app_context():
        return hall.figures(db.session(), made["ref"]).verbal


# ---------- preparing ----------

def test_an_event_is_prepared_through_its_pages_and_begins(client, app, build):
    made = build(make_event)
    sign_in(client, made["host"])
    answer = client.post("/pledging/new", data={"title": "冬日送暖认捐会", "starts_at": "2027-01-20 19:30", "place": "文化馆",
                                                "account": made["account"], "sign_days": "7", "asks_two_recorders": "y"})
    assert answer.status_code == 303
    ref = answer.location.split("/")[2]
    assert client.post(f"/pledging/{ref}/live").status_code == 403
    assert client.post(f"/pledging/{ref}/footing", data={"footing": "guest_list"}).status_code == 303
    with app.app_context(), transaction() as session:
        funder = make_funder(session).ref
    page = client.post(f"/pledging/{ref}/guests", data={"funder": funder, "paddle": "27", "name": "南岸"}, follow_redirects=True)
    assert "27 号牌" in page.text
    assert client.post(f"/pledging/{ref}/live").status_code == 303
    assert "进行中" in client.get(f"/pledging/{ref}").text
    assert client.get(f"/pledging/{ref}/edit").status_code == 403


def test_a_refused_footing_keeps_what_was_typed(client, build):
    made = build(make_event)
    sign_in(client, made["host"])
    answer = client.post(f"/pledging/{made['ref']}/footing", data={
        "footing": "filed_plan", "plan_number": f"{made['code']}A26001", "plan_filed_on": "2026-01-01"})
    assert answer.status_code == 422
    assert "没有公开募捐资格" in answer.text
    assert f"{made['code']}A26001" in answer.text


def test_a_missing_name_or_account_is_said_beside_its_field(client, build):
    made = build(make_event)
    sign_in(client, made["host"])
    answer = client.post("/pledging/new", data={"title": "", "starts_at": "2027-01-20 19:30", "account": ""})
    assert answer.status_code == 422
    assert "请填认捐会名称" in answer.text


def test_a_sheet_with_one_bad_row_changes_nothing_and_a_good_one_is_taken(client, app, build):
    made = build(make_event)
    sign_in(client, made["host"])
    with app.app_context(), transaction() as session:
        name = make_funder(session).name
    bad, good = f"单位,牌号\n{name},7\n查无此单位,8\n", f"单位,牌号\n{name},7\n"
    path = f"/pledging/{made['ref']}/guests/import"
    answer = client.post(path, data={"file": (io.BytesIO(bad.encode()), "名单.csv")})
    assert (answer.status_code, "第 3 行" in answer.text) == (422, True)
    assert client.post(path, data={"file": (io.BytesIO(good.encode()), "名单.csv")}).status_code == 303
    assert client.post(path, data={"file": (io.BytesIO(good.encode()), "名单.csv")}).status_code == 303
    assert client.post(path, data={}).status_code == 422
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Guest)) == 1


def test_the_paddles_are_printed_one_a_page_without_any_way_to_pay(client, build):
    made = build()
    sign_in(client, made["host"])
    answer = client.get(f"/pledging/{made['ref']}/paddles.pdf?size=A4")
    assert answer.text.count('class="paddlecard"') == 3
    assert answer.text.count("<svg") == 3
    assert (answer.status_code, answer.mimetype, answer.data[:5]) == (200, "application/pdf", b"%PDF-")
    assert answer.headers["Cache-Control"] == "no-store"


# ---------- the door ----------

def test_the_door_checks_in_and_lets_a_verified_funder_join_by_its_code(client, app, build):
    made = build()
    with app.app_context(), transaction() as session:
        code = make_funder(session).organization.credit_code
    sign_in(client, made["host"])
    page = client.get(f"/pledging/{made['ref']}/door?q={code}")
    funder = re.search(r'name="funder" value="([^"]+)"', page.text)[1]
    answer = client.post(f"/pledging/{made['ref']}/door/add", data={"funder": funder}, follow_redirects=True)
    assert "请领 4 号牌" in answer.text
    guest = made["guests"][0]
    assert "签到已取消" in client.post(f"/pledging/{made['ref']}/door/out/{guest}", follow_redirects=True).text
    assert "请领 1 号牌" in client.post(f"/pledging/{made['ref']}/door/in/{guest}", follow_redirects=True).text
    assert "不能匿名领牌" in client.get(f"/pledging/{made['ref']}/door?q=53100000500009167K").text


def test_a_guest_of_another_event_is_not_found_at_this_door(client, build):
    made, other = build(), build()
    sign_in(client, made["host"])
    assert client.post(f"/pledging/{made['ref']}/door/in/{other['guests'][0]}").status_code == 404


# ---------- recording ----------

def test_a_recorder_without_a_script_keys_lines_and_takes_one_back(client, app, build):
    made = build()
    sign_in(client, made["host"])
    path = f"/pledging/{made['ref']}/record"
    assert "autofocus" in client.get(path).text
    answer = client.post(path, data={"line": "2, 2万", "round": "1", "device_key": "plain-form-0001", "recorder": "first"},
                         follow_redirects=True)
    assert "2 号牌 20,000.00 元，已记录" in answer.text
    client.post(path, data={"line": "2, 2万", "round": "1", "device_key": "plain-form-0001", "recorder": "first"})
    assert verbal(app, made) == Money.yuan(20_000)
    undo = re.search(r'action="(/pledging/[^"]+/undo/[^"]+)"', answer.text)[1]
    page = client.post(undo, data={"reason": "misheard"}, follow_redirects=True)
    assert "已更正" in page.text
    assert verbal(app, made) == Money(0)


@pytest.mark.parametrize(("line", "words"), [("77", "名单里没有 77 号牌"), ("x", "看不懂"), ("1, 0", "大于零"), ("", "请写牌号和金额")])
def test_a_line_that_is_refused_stays_in_its_box(client, build, line, words):
    made = build()
    sign_in(client, made["host"])
    answer = client.post(f"/pledging/{made['ref']}/record", data={"line": line, "round": "1", "recorder": "first"})
    assert (answer.status_code, words in answer.text) == (422, True)
    assert f'name="line" value="{line}"' in answer.text


def test_a_queue_is_answered_entry_by_entry_and_replays_safely(client, app, build):
    made = build()
    sign_in(client, made["host"])
    items = [item("1", "device-000000001"), item("77", "device-000000002"), item("2, 500", "device-000000003"),
             item("1", "device-000000004"), item("nonsense", "device-000000005")]
    first = send(client, made, *items).json
    assert [answer["state"] for answer in first["answers"]] == ["sent", "refused", "sent", "same", "refused"]
    assert "77 号牌" in first["answers"][1]["sentence"]
    again = send(client, made, *items).json
    assert [answer["state"] for answer in again["answers"]] == ["same", "refused", "same", "same", "refused"]
    assert verbal(app, made) == Money.yuan(20_500)
    assert [entry["paddle"] for entry in first["entries"]] == [2, 1]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Pledge)) == 2


def test_a_device_takes_back_what_it_sent_and_what_never_arrived_needs_nothing(client, app, build):
    made = build()
    sign_in(client, made["host"])
    answers = send(client, made, item("1", "device-000000001"), item("", "device-000000002", undo="device-000000001", reason="twice"),
                   item("", "device-000000003", undo="device-000000001"), item("", "device-000000004", undo="device-never-sent")).json["answers"]
    assert [answer["state"] for answer in answers] == ["sent", "sent", "sent", "refused"]
    assert verbal(app, made) == Money(0)
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(PaddlePledge)) == 2


@pytest.mark.parametrize("entries", ["", "{", "{}", "[" + "1," * 60 + "1]"])
def test_what_no_page_of_ours_sends_is_refused_as_a_whole(client, build, entries):
    made = build()
    sign_in(client, made["host"])
    assert client.post(f"/pledging/{made['ref']}/record/queue", data={"entries": entries}).status_code == 422


def test_items_of_a_strange_shape_are_refused_one_by_one(client, build):
    made = build()
    sign_in(client, made["host"])
    answers = send(client, made, 7, {"key": 1}, item("1", "device-000000001", at="yesterday"),
                   item("2", "device-000000002", at="2026-11-22T10:00:00"), item("3", "x")).json["answers"]
    assert [answer["state"] for answer in answers] == ["refused", "refused", "sent", "sent", "refused"]


def test_the_state_tells_a_recorder_what_the_others_did(client, app, build):
    made = build()
    sign_in(client, made["host"])
    send(client, made, item("1", "device-000000001"))
    state = client.get(f"/pledging/{made['ref']}/record/state?recorder=second").json
    assert (state["round"], state["level"], state["project"]) == (1, "20,000", made["project_title"])
    assert (state["entries"], state["differences"], state["live"]) == ([], 1, True)
    assert set(state["names"]) == {"1", "2", "3"}


# ---------- differences, log, what is to be signed ----------

def test_two_records_are_compared_settled_and_the_event_ends_with_reminders(client, app, build):
    made = build()
    sign_in(client, made["host"])
    send(client, made, item("1, 30000", "device-000000001"))
    second = app.test_client()
    sign_in(second, made["second"])
    send(second, made, item("1", "device-000000002"), recorder="second")
    assert client.post(f"/pledging/{made['ref']}/close").status_code == 422
    page = client.get(f"/pledging/{made['ref']}/differences")
    assert "30,000.00 元" in page.text
    settled = client.post(f"/pledging/{made['ref']}/differences", data={"round": "1", "paddle": "1", "right": "second"}, follow_redirects=True)
    assert "两份记录一致" in settled.text
    assert verbal(app, made) == Money.yuan(20_000)
    ended = client.post(f"/pledging/{made['ref']}/close", follow_redirects=True)
    assert "1 笔口头认捐待签" in ended.text
    assert re.search(r"还有 \d+ 天", ended.text)
    log = client.get(f"/pledging/{made['ref']}/log")
    assert "两份记录核对后更正" in log.text
    table = client.get(f"/pledging/{made['ref']}/log.csv").data.decode("utf-8-sig").splitlines()
    assert len(table) == 5
    assert table[-1].endswith("20000.00")


def test_settling_what_is_nowhere_is_not_found(client, build):
    made = build()
    sign_in(client, made["host"])
    for data in ({"round": "1", "paddle": "1", "right": "first"}, {"round": "x", "paddle": "1", "right": "first"},
                 {"round": "1", "paddle": "1", "right": "both"}, {}):
        assert client.post(f"/pledging/{made['ref']}/differences", data=data).status_code == 404


def test_the_funders_people_are_told_to_sign_once_and_see_their_own_page(client, app, build):
    made = build(asks_two_recorders=False)
    with app.app_context(), transaction() as session:
        guest = session.scalars(select(Guest).order_by(Guest.id)).first()
        reader = officer(session, guest.funder).person_id
        stranger = officer(session, make_funder(session)).person_id
    sign_in(client, made["host"])
    send(client, made, item("1", "device-000000001"))
    client.post(f"/pledging/{made['ref']}/close")
    with app.app_context():
        run_until_idle()
        messages = db.session.scalars(select(Message).where(Message.person_id == reader)).all()
        assert [message.subject for message in messages] == ["您在“{title}”口头认捐 {amount} 元，请签署认捐书"]
        pledge = db.session.scalar(select(Pledge.ref))
    answer = client.post(f"/pledging/{made['ref']}/pledges/{pledge}/remind", follow_redirects=True)
    assert "已提醒" in answer.text
    assert client.post(f"/pledging/{made['ref']}/pledges/{pledge}/remind").status_code == 422
    guest_reader = sign_in(app.test_client(), reader)
    own = guest_reader.get(f"/pledging/mine/{made['guests'][0]}")
    assert "20,000.00 元" in own.text
    assert f"/fund/pledges/{pledge}" in own.text
    assert guest_reader.get(f"/pledging/{made['ref']}").status_code == 404
    assert sign_in(app.test_client(), stranger).get(f"/pledging/mine/{made['guests'][0]}").status_code == 404


# ---------- rounds ----------

def test_a_round_is_opened_and_ended_on_the_page(client, app, build):
    made = build()
    sign_in(client, made["host"])
    send(client, made, item("1", "device-000000001"))
    path = f"/pledging/{made['ref']}/rounds"
    high = client.post(path, data={"project": made["project"], "level": "2万"})
    assert (high.status_code, "档位从高到低" in high.text) == (422, True)
    assert client.post(path, data={"project": made["project"], "level": "x"}).status_code == 422
    assert "第 2 轮开始" in client.post(path, data={"project": made["project"], "level": "1万"}, follow_redirects=True).text
    assert "没有开轮" in client.post(f"{path}/close", follow_redirects=True).text
    with app.app_context():
        assert db.session.scalars(select(PledgingRound.level)).all() == [Money.yuan(20_000), Money.yuan(10_000)]


# ---------- the hall ----------

def test_the_screen_opens_only_with_its_key(client, build):
    made = build()
    for path in (f"/live/paddle/{made['ref']}", f"/live/paddle/{made['ref']}/data"):
        assert client.get(path).status_code == 404
        assert client.get(f"{path}?key=wrong").status_code == 404
        assert client.get(f"{path}?key=错").status_code == 404
        assert client.get(f"{path}?key={made['key']}").status_code == 200
    assert client.get(f"/live/paddle/nothing22222?key={made['key']}").status_code == 404


def test_a_new_key_darkens_the_old_address(client, app, build):
    made = build()
    worker = sign_in(app.test_client(), made["host"])
    assert worker.post(f"/pledging/{made['ref']}/key").status_code == 303
    snapshots.forget()      # at most a second later
    assert client.get(f"/live/paddle/{made['ref']}?key={made['key']}").status_code == 404


def test_a_watcher_gets_what_changed_or_304_with_the_time(client, app, build):
    made = build()
    path = f"/live/paddle/{made['ref']}/data?key={made['key']}"
    first = client.get(path)
    assert (first.json["total"], first.json["level"], first.json["gauge"]) == ("0.00", "20,000", [])
    same = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", same.headers["X-Data-Time"])
    send(sign_in(app.test_client(), made["host"]), made, item("1", "device-000000001"))
    snapshots.forget()
    changed = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.json["total"], changed.json["parts"]["verbal"]) == (200, "2.00", "2.00")
    assert changed.json["last"][0] == {"paddle": "01", "name": "1 号牌", "amount": "20,000", "void": False}


def test_a_wrong_entry_is_corrected_by_a_line_that_everybody_sees(client, app, build):
    made = build()
    worker = sign_in(app.test_client(), made["host"])
    send(worker, made, item("1, 50000", "device-000000001"), item("", "device-000000002", undo="device-000000001", reason="misheard"))
    shown = client.get(f"/live/paddle/{made['ref']}/data?key={made['key']}").json
    assert [(line["amount"], line["void"], line["name"]) for line in shown["last"]] == [
        ("−50,000", True, "更正：金额听错"), ("50,000", False, "1 号牌")]
    assert shown["total"] == "0.00"


def test_hundreds_of_watchers_cost_one_look_at_the_database(client, app, build):
    made = build()
    path = f"/live/paddle/{made['ref']}/data?key={made['key']}"
    before = snapshots.made
    with app.app_context():
        bind = db.session.get_bind()
    statements = []
    listen = lambda *args: statements.append(args[2])  # noqa: E731
    client.get(path)
    sa_event.listen(bind, "before_cursor_execute", listen)
    [(place, kept)] = snapshots._kept.items()
    snapshots._kept[place] = replace(kept, made=kept.made + 3600)     # the second does not pass while the fifty ask
    assert {client.get(path).status_code for _ in range(50)} == {200}
    sa_event.remove(bind, "before_cursor_execute", listen)
    assert snapshots.made == before + 1
    assert statements == []


def test_limits_do_not_stop_a_hall_behind_one_address(app, build):
    made = build()
    config = app.extensions["marketplace.config"]
    app.extensions["marketplace.config"] = replace(config, rate_limits=True)
    client = app.test_client()
    path = f"/live/paddle/{made['ref']}/data?key={made['key']}"
    assert {client.get(path).status_code for _ in range(200)} == {200}
    app.extensions["marketplace.config"] = config


def test_the_plans_number_stands_on_the_screen_and_brings_the_gauge(client, app, build):
    made = build(make_event)
    with app.app_context(), transaction() as session:
        event = session.scalars(select(PledgingEvent)).one()
        event.receiver.is_charity = event.receiver.may_fundraise = True
        event.footing, event.plan_number, event.plan_filed_on = "filed_plan", f"{made['code']}A26001", event.starts_at.date()
        event.target = Money.yuan(1_600_000)
    page = client.get(f"/live/paddle/{made['ref']}?key={made['key']}")
    assert f"{made['code']}A26001" in page.text
    assert "目标 160.00 万元" in page.text
    shown = client.get(f"/live/paddle/{made['ref']}/data?key={made['key']}").json
    assert [bar["width"] for bar in shown["gauge"]] == [0, 0, 0, 0]


def test_the_test_card_shows_no_money_of_the_evening(client, app, build):
    made = build()
    send(sign_in(app.test_client(), made["host"]), made, item("1", "device-000000001"))
    page = client.get(f"/live/paddle/{made['ref']}?key={made['key']}&test=1")
    assert "测试卡" in page.text
    assert "14,095" in page.text
    assert "pledging-hall.js" not in page.text


def test_the_list_shows_only_the_own_events(client, app, build):
    made, other = build(make_event, title="甲的认捐会"), build(make_event, title="乙的认捐会")
    sign_in(client, made["host"])
    page = client.get("/pledging").text
    assert ("甲的认捐会" in page, "乙的认捐会" in page) == (True, False)
    assert client.get(f"/pledging/{other['ref']}").status_code == 404


def test_a_second_person_checks_a_name_on_the_list(client, app, build):
    made = build(make_event)
    with app.app_context(), transaction() as session:
        event = session.scalars(select(PledgingEvent)).one()
        guest = operations.add_guest(session, actor=load_actor(session, made["host"]), event=event, funder=make_funder(session), now=utc_now()).ref
    sign_in(client, made["host"])
    assert client.post(f"/pledging/{made['ref']}/guests/{guest}/check").status_code == 403
    second = sign_in(app.test_client(), made["second"])
    assert "大屏名称已核对" in second.post(f"/pledging/{made['ref']}/guests/{guest}/check", follow_redirects=True).text
    page = second.post(f"/pledging/{made['ref']}/guests/{guest}", data={"paddle": "9", "name": "别名", "is_withheld": "y"}, follow_redirects=True)
    assert "不具名" in page.text
    assert client.post(f"/pledging/{made['ref']}/guests/{guest}", data={"paddle": "0"}).status_code == 422
    assert client.post(f"/pledging/{made['ref']}/guests/{guest}/remove").status_code == 303
