"""Whole stories in a real Chromium, on a phone: with JavaScript, and without."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.factories.accounts import PASSWORD

pytestmark = pytest.mark.browser
PARTS = {
    "plan": {"实施方案": "由中央厨房统一制作，十一点前送到各社区助餐点。每周公布菜单，每月收集意见。"},
    "team": {"团队与人员": "专职 5 人，持证社工 3 人，志愿者 40 人"},
    "contact": {"联系人": "周敏", "联系电话": "13800005678"},
}


def login_of(site, who: str) -> str:
    from marketplace.accounts.models import Person
    from marketplace.core.db import db

    with site.app.app_context():
        return db.session.get_one(Person, site.world.people[who]).login


def submit_a_bid(page: Page, site, *, price: str, saves_itself: bool) -> None:
    """Fill every part that is needed, check, submit; ends on the receipt."""
    base = site.world.path("/projects/{soon}/bid")
    page.goto(f"{base}/price")
    page.get_by_label("总价", exact=True).fill(price)
    if saves_itself:
        expect(page.get_by_text(re.compile(r"已保存 \d\d:\d\d:\d\d"))).to_be_visible(timeout=10_000)
        expect(page.get_by_text("即 33.8 万元").or_(page.get_by_text("即 33.80 万元"))).to_be_visible()
    page.get_by_role("button", name="保存并继续").click()
    for part, fields in PARTS.items():
        page.goto(f"{base}/{part}")
        for label, words in fields.items():
            page.get_by_role("textbox", name=label, exact=True).fill(words)
        page.get_by_role("button", name="保存并继续").click()
    page.goto(f"{base}/check")
    expect(page.get_by_text("尚未提交").first).to_be_visible()
    expect(page.get_by_text("338,000.00 元")).to_be_visible()
    page.get_by_role("button", name="密封并提交").click()
    expect(page.get_by_role("alert")).to_contain_text("还有内容要改")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="密封并提交").click()
    expect(page).to_have_url(re.compile("/bids/[a-z0-9]{12}/receipt"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("密封提交")


def test_a_bidder_finds_a_project_writes_a_bid_and_keeps_the_receipt_on_a_phone(site, visit):
    page = visit("/projects")
    page.get_by_role("link", name="桐浦街道残疾人居家助浴服务").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("桐浦街道残疾人居家助浴服务")
    page.get_by_text("菜单", exact=True).first.click()
    page.get_by_role("navigation", name="菜单").get_by_role("link", name="登录").click()
    page.get_by_label("账号（手机号或邮箱）").fill(login_of(site, "provider_admin"))
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.locator("main").get_by_role("button", name="登录").click()
    expect(page).not_to_have_url(re.compile("sign-in"))
    submit_a_bid(page, site, price="33.8万", saves_itself=True)
    page.goto("/my")
    expect(page.get_by_text("的响应文件已密封提交").first).to_be_visible(timeout=15_000)


def test_the_same_without_javascript(site, visit):
    site.world.people["rival"] = site.world.bidders[1].actor.person_id
    page = visit("/projects/{soon}", who="rival", script=False)
    page.get_by_role("link", name="准备响应文件").click()
    submit_a_bid(page, site, price="338000", saves_itself=False)


def test_what_was_typed_is_kept_when_the_network_goes_away_and_comes_back(site, visit):
    page = visit("/projects/{open}/bid/plan", who="provider_member")
    area = page.get_by_role("textbox", name="实施方案", exact=True)
    page.context.set_offline(True)
    area.fill("断网时写下的方案")
    expect(page.get_by_text("未保存，网络恢复后自动保存")).to_be_visible(timeout=10_000)
    page.context.set_offline(False)
    expect(page.get_by_text(re.compile(r"已保存 \d\d:\d\d:\d\d"))).to_be_visible(timeout=25_000)
    page.reload()
    expect(page.get_by_role("textbox", name="实施方案", exact=True)).to_have_value("断网时写下的方案")
    visit.complaints[:] = [c for c in visit.complaints if "ERR_INTERNET_DISCONNECTED" not in c]


def test_two_tabs_do_not_overwrite_each_other(site, visit):
    one = visit("/projects/{open}/bid/team", who="provider_member")
    other = visit("/projects/{open}/bid/team", who="provider_admin")
    one.get_by_role("textbox", name="团队与人员", exact=True).fill("第一个窗口写的团队")
    expect(one.get_by_text(re.compile(r"已保存 \d\d:\d\d:\d\d"))).to_be_visible(timeout=10_000)
    other.get_by_role("textbox", name="团队与人员", exact=True).fill("第二个窗口写的团队")
    expect(other.locator("[data-autosave-line].bad")).to_be_visible(timeout=10_000)
    expect(other.get_by_role("textbox", name="团队与人员", exact=True)).to_have_value("第二个窗口写的团队")


def test_the_slash_key_goes_to_the_search_box_unless_it_is_switched_off(visit):
    page = visit("/projects", width="desktop")
    page.keyboard.press("/")
    expect(page.locator("input[name=q]")).to_be_focused()
    page.goto("/accessibility")
    page.get_by_role("button", name="单键快捷键").click()
    page.goto("/projects")
    page.keyboard.press("/")
    expect(page.locator("input[name=q]")).not_to_be_focused()


def test_the_first_tab_stop_leads_to_the_content(visit):
    page = visit("/projects", width="desktop")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")


def test_a_file_is_checked_in_the_browser_without_being_sent(site, visit, tmp_path):
    from marketplace.contracts.models import Contract
    from marketplace.core.db import db
    from marketplace.web.services import services

    with site.app.app_context():
        contract = db.session.query(Contract).one()
        data = services().files.get(contract.document.sha256)
    same, other = tmp_path / "same.pdf", tmp_path / "other.pdf"
    same.write_bytes(data)
    other.write_bytes(data + b" ")
    page = visit("/v/{code}", width="desktop")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method != "GET" else None)
    page.set_input_files("#hash-file", same)
    expect(page.get_by_text("一致：您手里的文件与平台存档的文件完全相同")).to_be_visible()
    page.set_input_files("#hash-file", other)
    expect(page.get_by_text("不一致：")).to_be_visible()
    assert sent == []


def test_an_error_is_said_on_top_and_in_the_title_and_has_the_focus(visit):
    page = visit("/sign-in")
    page.locator("main").get_by_role("button", name="登录").click()
    expect(page).to_have_title(re.compile("^错误："))
    expect(page.locator("[data-focus]")).to_be_focused()


def test_nothing_scrolls_sideways_at_320_pixels_in_large_type(visit):
    page = visit("/projects/{open}?size=large")
    page.set_viewport_size({"width": 320, "height": 700})
    for path in ("/projects", "/", "/help", "/sign-in"):
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url
        page.goto(path)
