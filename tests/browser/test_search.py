"""The search page in a real Chromium: typing, suggestions by keyboard, filters with and without script, a phone."""

import re

import pytest
from playwright.sync_api import expect

from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.search import operations
from marketplace.web.services import public_sources, services

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def _index(site) -> None:
    """An index of everything that stands in the world."""
    with site.app.app_context():
        operations.rebuild(db.session(), services=services(), sources=public_sources(), now=utc_now())


def arrived(page, pattern: str) -> None:
    """Wait for a page of this address with all its styles: asking for elements earlier would draw it half dressed."""
    expect(page).to_have_url(re.compile(pattern))
    page.wait_for_load_state("load")


def test_a_suggestion_is_chosen_by_keyboard(site, visit):
    page = visit("/search", width="desktop")
    page.keyboard.press("/")
    box = page.locator("#q[role=combobox]")
    expect(box).to_be_focused()
    page.keyboard.type("tongpu")
    lines = page.get_by_role("listbox").get_by_role("option")
    expect(lines.first).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(lines.nth(1)).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", lines.nth(1).get_attribute("id"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(box).to_have_value("tongpu")
    box.fill("")
    page.keyboard.type("桐浦街道残疾人居家")
    title = page.get_by_role("option", name=re.compile("桐浦街道残疾人居家助浴服务.*项目"))
    expect(title).to_be_visible()
    for _ in range(9):
        page.keyboard.press("ArrowDown")
        if title.get_attribute("aria-selected") == "true":
            break
    page.keyboard.press("Enter")
    arrived(page, "/projects/[a-z0-9]+$")
    expect(page.get_by_role("heading", level=1)).to_have_text("桐浦街道残疾人居家助浴服务")


def test_a_filter_swaps_the_rows_and_the_back_button_takes_it_off(site, visit):
    page = visit("/search?kind=project", width="desktop")
    page.evaluate("window.stayed = true")
    before = page.locator("#h-res").inner_text()
    page.get_by_role("checkbox", name=re.compile("公开征集")).check()
    expect(page).to_have_url(re.compile("status=open"))
    expect(page.locator("#chips")).to_contain_text("公开征集")
    expect(page.locator("#h-res")).not_to_have_text(before)
    expect(page.locator("#told")).to_have_text(page.locator("#h-res").inner_text())
    assert page.evaluate("window.stayed") is True, "the page was not loaded again"
    for status in page.locator("#results .status").all():
        expect(status).to_have_text("公开征集")
    page.go_back()
    expect(page.locator("#h-res")).to_have_text(before)
    expect(page.get_by_role("checkbox", name=re.compile("公开征集"))).not_to_be_checked()
    box = page.locator("#q[role=combobox]")
    box.fill("助")
    expect(page.get_by_role("listbox")).to_have_count(1)


def test_the_search_box_keeps_the_filters_that_were_swapped_in(site, visit):
    page = visit("/search?kind=project", width="desktop")
    page.get_by_role("checkbox", name=re.compile("公开征集")).check()
    expect(page).to_have_url(re.compile("status=open"))
    page.locator("#q[role=combobox]").fill("服务")
    page.get_by_role("search").get_by_role("button", name="搜索").click()
    arrived(page, "q=.*status=open")


def test_on_a_phone_without_script_filters_open_apply_and_fold_away(site, visit):
    page = visit("/search?q=服务&kind=project", script=False)
    expect(page.locator("#facets")).to_be_hidden()
    page.get_by_role("link", name=re.compile("^筛选")).click()
    expect(page.locator("#facets")).to_be_visible()
    page.get_by_role("checkbox", name=re.compile("公开征集")).check()
    page.get_by_role("button", name="应用筛选").click()
    arrived(page, "status=open")
    expect(page.locator("#chips")).to_contain_text("公开征集")
    for view, pattern in (("卡片", "view=cards"), ("镇街图", "view=map"), ("列表", "status=open(?!.*view=)")):
        page.get_by_role("link", name=view, exact=True).click()
        arrived(page, pattern)
        assert page.evaluate("document.documentElement.scrollWidth <= 390"), view
    page.get_by_role("link", name=re.compile("去掉条件 状态 公开征集")).click()
    expect(page).not_to_have_url(re.compile("status=open"))
    page.wait_for_load_state("load")


def test_the_boxes_of_the_front_page_and_the_list_lead_to_the_search_page(site, visit):
    page = visit("/")
    page.locator("#q[role=combobox]").fill("助浴")
    page.get_by_role("button", name="搜索").click()
    arrived(page, "/search\\?q=")
    expect(page.locator("mark").first).to_be_visible()
    page.goto("/projects?status=open")
    page.locator("#q[role=combobox]").fill("助浴")
    page.get_by_role("button", name="搜索").click()
    arrived(page, "/search\\?q=.*kind=project&status=open")


def test_on_paper_stand_the_question_and_the_time_and_no_controls(site, visit):
    page = visit("/search?q=服务", width="desktop")
    page.emulate_media(media="print")
    expect(page.locator(".paper-only")).to_be_visible()
    expect(page.locator(".paper-only")).to_contain_text("服务")
    for hidden in (".searchbox", "#facets", ".toolbar", "#tabs"):
        expect(page.locator(hidden)).to_be_hidden()
