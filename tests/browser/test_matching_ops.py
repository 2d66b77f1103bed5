"""The operator's matching pages in a real Chromium: weights while they are typed, a preview, both without script too."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_weights_say_their_sum_and_their_effect_while_they_are_typed(visit):
    page = visit("/ops/matching/weights/edit", who="operator", width="desktop")
    expect(page.locator("#sum")).to_contain_text("正好")
    page.fill("#text", "10")
    expect(page.locator("#sum")).to_contain_text("还要加 10 分才到 100")
    expect(page.locator("#preview")).not_to_contain_text("按新权重")
    page.fill("#capacity", "25")
    expect(page.locator("#sum")).to_contain_text("100 分，正好")
    expect(page.locator("#preview")).to_contain_text("按新权重")


def test_weights_are_looked_at_by_a_button_without_script(visit):
    page = visit("/ops/matching/weights/edit", who="operator", script=False)
    page.fill("#text", "10")
    page.get_by_role("button", name="看会改变什么").click()
    expect(page.locator("#sum")).to_contain_text("还要加 10 分才到 100")
    expect(page.locator("#text")).to_have_value("10")


def test_an_edit_is_previewed_on_a_phone_and_the_change_stands_first(visit):
    page = visit("/ops/matching/{run_draft}/pairs", who="operator")
    page.get_by_role("link", name=re.compile("^调整 ")).first.click()
    expect(page.get_by_label("排除")).to_be_checked()
    page.get_by_role("button", name="先看会改变什么").click()
    expect(page.get_by_role("heading", name="如果这样调整")).to_be_in_viewport()
    expect(page.get_by_role("button", name="确认调整")).to_be_attached()
