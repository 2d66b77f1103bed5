"""The pages of bids: writing, conflicts, checking, submitting, receipts, and what strangers get."""

import io
import re
from datetime import timedelta

import pytest

from marketplace.bids import operations, queries
from marketplace.core.access import SYSTEM, Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from tests.factories.accounts import actor_of, make_person, sign_in
from tests.factories.bids import PDF, an_offer, make_bid, make_bidder
from tests.factories.projects import make_desk, make_published

PLAN = {"price": "35.6万", "plan": "中央厨房统一制作", "team": "专职 5 人", "contact_name": "周敏", "contact_phone": "13800005678"}
PROMISED = ["true", "clean_record", "no_conflict"]


@pytest.fixture
def stage(app, client):
    """A project that is open now, a bidder signed in, and the buyer's desk."""
    with app.app_context(), transaction() as session:
        desk = make_desk(session)
        begun = utc_now() - timedelta(days=1)
        project = make_published(session, desk)
        project.published_at, project.closes_at = begun, utc_now() + timedelta(days=2)
        bidder = make_bidder(session)
        stage = {"project": project.ref, "person": bidder.actor.person_id, "buyer": desk.approver.person_id,
                 "organization": bidder.organization.id, "actor": bidder.actor}
    sign_in(client, stage["person"])
    return stage


def write(client, stage, **fields):
    """Save fields part by part, as the pages do."""
    parts = {"price": ("price",), "plan": ("plan", "summary"), "team": ("team",), "contact": ("contact_name", "contact_phone"),
             "budget": ("budget_notes",), "track_record": ("track_record",)}
    for part, names in parts.items():
        if any(name in fields for name in names):
            page = client.get(f"/projects/{stage['project']}/bid/{part}").text
            answer = client.post(f"/projects/{stage['project']}/bid/{part}",
                                 data={n: fields.get(n, "") for n in names} | {"version": version_of(page)})
            assert answer.status_code == 303, answer.text


def version_of(page):
    return re.search(r'name="version" value="(\d+)"', page)[1]


def check_fields(client, stage):
    page = client.get(f"/projects/{stage['project']}/bid/check")
    assert page.status_code == 200
    return {"version": version_of(page.text), "replaces": re.search(r'name="replaces" value="([^"]*)"', page.text)[1],
            "promises": PROMISED}


def submit(client, stage):
    return client.post(f"/projects/{stage['project']}/bid/check", data=check_fields(client, stage))


def test_a_bid_is_written_checked_submitted_and_receipted(client, stage, app):
    page = client.get(f"/projects/{stage['project']}/bid")
    assert "尚未提交" in page.text
    write(client, stage, **PLAN)
    check = client.get(f"/projects/{stage['project']}/bid/check").text
    assert "356,000.00" in check
    assert "叁拾伍万陆仟元整" in check
    assert "尚未提交" in check
    answer = submit(client, stage)
    assert answer.status_code == 303
    receipt = client.get(answer.location)
    assert re.search(r"R-\d{8}-[2-9A-Z]{8}", receipt.text)
    assert "管理员技术上可解密" in receipt.text
    assert "356,000" not in receipt.text, "a receipt lies about in offices: it never shows the price"
    mine = client.get("/bids").text
    assert "已提交·密封" in mine
    own = client.get(answer.location.replace("/receipt", ""))
    assert "356,000.00" in own.text
    assert "中央厨房统一制作" in own.text


def test_an_incomplete_bid_is_not_submitted_and_says_what_is_missing(client, stage):
    write(client, stage, plan="只有方案", summary="")
    answer = submit(client, stage)
    assert answer.status_code == 422
    assert "“报价”还没有写完" in answer.text
    assert "“团队与人员”还没有写完" in answer.text
    assert client.get("/bids").text.count("R-2") == 0


def test_an_unticked_promise_keeps_the_page_and_names_it(client, stage):
    write(client, stage, **PLAN)
    data = check_fields(client, stage) | {"promises": ["true", "no_conflict"]}
    answer = client.post(f"/projects/{stage['project']}/bid/check", data=data)
    assert answer.status_code == 422
    assert "请勾选声明：参加本次活动前三年内，没有重大违法记录" in answer.text
    assert "<title>错误：" in answer.text


def test_a_price_over_the_ceiling_is_shown_on_the_check_page_and_refused(client, stage):
    write(client, stage, **PLAN | {"price": "400000"})
    assert "高 32,000.00 元，不能提交" in client.get(f"/projects/{stage['project']}/bid/check").text
    answer = submit(client, stage)
    assert answer.status_code == 422
    assert "超过最高限价" in answer.text


def test_autosave_answers_with_the_time_and_the_next_version(client, stage):
    url = f"/projects/{stage['project']}/bid/plan"
    first = client.post(url, data={"plan": "甲", "version": "0"}, headers={"X-Autosave": "1"})
    assert re.fullmatch(r"\d\d:\d\d:\d\d", first.json["saved_at"])
    second = client.post(url, data={"plan": "乙", "version": first.json["version"]}, headers={"X-Autosave": "1"})
    assert second.json["version"] > first.json["version"]
    stale = client.post(url, data={"plan": "丙", "version": first.json["version"]}, headers={"X-Autosave": "1"})
    assert stale.status_code == 409
    assert "另一个窗口" in stale.json["conflict"]
    assert "乙" in client.get(url).text


def test_a_conflict_shows_both_texts_and_saving_again_keeps_the_form(client, stage):
    url = f"/projects/{stage['project']}/bid/plan"
    client.post(url, data={"plan": "同事写的", "version": "0"})
    page = client.post(url, data={"plan": "我写的", "version": "0"})
    assert page.status_code == 409
    assert "同事写的" in page.text
    assert "我写的" in page.text
    assert client.post(url, data={"plan": "我写的", "version": version_of(page.text)}).status_code == 303
    assert "我写的" in client.get(url).text


def test_a_price_that_is_no_amount_comes_back_with_a_sentence_and_as_typed(client, stage):
    url = f"/projects/{stage['project']}/bid/price"
    answer = client.post(url, data={"price": "三十五万多", "version": "0"})
    assert answer.status_code == 422
    assert "三十五万多" in answer.text
    assert client.post(url, data={"price": "三十五万多", "version": "0"}, headers={"X-Autosave": "1"}).status_code == 422


def test_what_was_checked_is_what_is_submitted(client, stage):
    write(client, stage, **PLAN)
    data = check_fields(client, stage)
    write(client, stage, team="换了一队人")
    answer = client.post(f"/projects/{stage['project']}/bid/check", data=data)
    assert answer.status_code == 409
    assert submit(client, stage).status_code == 303


def test_a_second_submission_replaces_and_a_double_click_does_not_make_two(client, stage, app):
    write(client, stage, **PLAN)
    data = check_fields(client, stage)
    first = client.post(f"/projects/{stage['project']}/bid/check", data=data)
    again = client.post(f"/projects/{stage['project']}/bid/check", data=data)
    assert (first.status_code, again.status_code) == (303, 409)
    assert "同事刚刚提交" in again.text
    assert submit(client, stage).status_code == 303
    assert "已被新提交替换" in client.get(first.location).text


def test_a_bid_is_withdrawn_through_its_confirmation(client, stage):
    write(client, stage, **PLAN)
    receipt = submit(client, stage).location
    url = receipt.replace("/receipt", "/withdraw")
    assert "确认撤回" in client.get(url).text
    assert client.post(url).status_code == 303
    assert "已撤回" in client.get(receipt).text
    assert submit(client, stage).status_code == 303


def test_files_are_attached_shown_downloaded_and_removed(client, stage):
    url = f"/projects/{stage['project']}/bid/files"
    assert "请先选择文件" in client.post(url, data={}).text
    upload = client.post(url, data={"file": (io.BytesIO(PDF), "方案附图.pdf")})
    assert upload.status_code == 303, upload.text
    page = client.get(url).text
    assert "方案附图.pdf" in page
    link = re.search(rf'href="({url}/[0-9a-f]{{64}})"', page)[1]
    got = client.get(link)
    assert got.data == PDF
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert got.headers["Cache-Control"] == "no-store"
    assert client.post(link + "/remove").status_code == 303
    assert client.get(link).status_code == 404


def test_a_file_of_a_submitted_bid_stays_with_it_and_is_there_for_its_own_people(client, stage):
    write(client, stage, **PLAN)
    url = f"/projects/{stage['project']}/bid/files"
    client.post(url, data={"file": (io.BytesIO(PDF), "a.pdf")})
    own = submit(client, stage).location.replace("/receipt", "")
    sha256 = re.search(r"files/([0-9a-f]{64})", client.get(own).text)[1]
    client.post(f"{url}/{sha256}/remove")
    assert client.get(f"{own}/files/{sha256}").data == PDF
    assert client.get(f"{own}/files/{'0' * 64}").status_code == 404


def test_a_project_or_part_that_does_not_exist_is_not_found(client, stage):
    for url in ("/projects/aaaaaaaaaaaa/bid", "/projects/aaaaaaaaaaaa/opening", f"/projects/{stage['project']}/bid/nonsense"):
        assert client.get(url).status_code == 404


def test_a_file_that_lies_about_its_type_gets_a_clear_sentence(client, stage):
    answer = client.post(f"/projects/{stage['project']}/bid/files", data={"file": (io.BytesIO(b"MZ\x90\x00 not a pdf"), "方案.pdf")})
    assert answer.status_code == 422
    assert "内容不是 PDF 文件" in answer.text


def test_strangers_get_404_for_another_organizations_bid_and_403_for_the_editor(client, stage, app):
    write(client, stage, **PLAN)
    receipt = submit(client, stage).location
    with app.app_context(), transaction() as session:
        other = make_bidder(session).actor.person_id
        expert = make_person(session, role=Role.EXPERT)
        operator = make_person(session, role=Role.OPERATOR)
        session.flush()
        ids = (expert.id, operator.id)
    for person in (other, stage["buyer"], *ids):
        sign_in(client, person)
        for url in (receipt, receipt.replace("/receipt", ""), receipt.replace("/receipt", "/withdraw")):
            assert client.get(url).status_code == (404 if person == other else 403)
    sign_in(client, stage["buyer"])
    assert client.get(f"/projects/{stage['project']}/bid").status_code == 403
    client.delete_cookie("session")


def test_after_the_deadline_the_editor_says_so_and_the_check_page_submits_nothing(client, stage, app):
    write(client, stage, **PLAN)
    data = check_fields(client, stage)
    with app.app_context(), transaction() as session:
        from marketplace.projects.queries import by_ref
        by_ref(session, stage["project"]).closes_at = utc_now()
    late = client.post(f"/projects/{stage['project']}/bid/check", data=data)
    assert late.status_code == 403
    assert "已过截止时间" in late.text
    assert "草稿，尚未提交" in client.get("/bids").text


def test_before_the_opening_its_page_tells_when_and_nothing_else(client, stage, app):
    write(client, stage, **PLAN)
    submit(client, stage)
    page = client.get(f"/projects/{stage['project']}/opening").text
    assert "尚未启封" in page
    assert not re.search(r"R-\d{8}", page)


def test_the_opening_record_shows_prices_to_bidders_and_the_buyer_and_only_seals_to_the_public(client, stage, app):
    with app.app_context(), transaction() as session:
        from marketplace.projects.queries import by_ref
        project = by_ref(session, stage["project"])
        sealer = app.extensions["marketplace.services"].sealer
        now = utc_now()
        from marketplace.organizations.models import Organization
        from tests.factories.bids import Bidding
        mine = Bidding(session.get(Organization, stage["organization"]), stage["actor"])
        make_bid(session, project, sealer, mine, offer=an_offer(price=Money(35_432_100)), now=now)
        for _ in range(2):
            make_bid(session, project, sealer, now=now)
        project.closes_at = now - timedelta(minutes=2)
        assert operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=now).bids == 3
        name = mine.organization.name
    url = f"/projects/{stage['project']}/opening"
    for person in (stage["person"], stage["buyer"]):
        sign_in(client, person)
        page = client.get(url).text
        assert "354,321.00" in page
        assert name in page
        assert page.count("摘要一致") == 3
    client.delete_cookie("session")
    page = client.get(url).text
    assert page.count("摘要一致") == 3
    assert "354,321" not in page
    assert name not in page
    assert "随结果公告公开" in page


def test_without_the_key_file_the_editor_says_where_it_was_expected(client, stage, app):
    write(client, stage, plan="甲")
    path = app.extensions["marketplace.config"].seal_key_path
    path.rename(path.with_suffix(".away"))
    page = client.get(f"/projects/{stage['project']}/bid")
    assert page.status_code == 503
    assert "密封钥匙文件不在" in page.text
    path.with_suffix(".away").rename(path)
    assert client.get(f"/projects/{stage['project']}/bid").status_code == 200


def test_actor_and_queries_agree(app, stage):
    with app.app_context():
        person = db.session().get(__import__("marketplace.accounts.models", fromlist=["Person"]).Person, stage["person"])
        assert queries.own_projects(db.session(), actor_of(db.session(), person)) == []
