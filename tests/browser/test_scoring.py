"""Scoring in a real browser: by keyboard alone, with the sum and the fitting level, saved while typing; and without script."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
SHEET = "/panel/{seat}/score/2"


def test_an_offer_is_scored_by_keyboard_alone_and_saved_while_typing(site, visit):
    page = visit(SHEET, who="expert", width="desktop")
    boxes = page.locator(".crit input")
    first = boxes.first
    first.focus()
    page.keyboard.type("12.5")
    expect(page.locator("[data-score-sum]")).to_have_text(re.compile(r"^\d+\.\d\d$"))
    expect(page.locator(".crit").first).to_have_class(re.compile("now"))
    expect(page.get_by_text(re.compile(r"已保存 \d\d:\d\d:\d\d"))).to_be_visible(timeout=10_000)
    page.keyboard.press("Tab")
    page.keyboard.type("路线写到末户")
    for number in range(1, boxes.count()):
        page.keyboard.press("Tab")
        page.keyboard.type(str(5 + number))
        page.keyboard.press("Tab")
    expected = 12.5 + sum(5 + number for number in range(1, boxes.count()))
    expect(page.locator("[data-score-sum]")).to_have_text(f"{expected:.2f}")
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile("/score/3$|/submit$"))
    page.goto(site.world.path(SHEET))
    expect(page.locator(".crit input").first).to_have_value("12.5")
    expect(page.get_by_text("路线写到末户")).to_be_visible()


def test_too_many_points_are_refused_beside_their_criterion_without_script(site, visit):
    page = visit(SHEET, who="expert", script=False)
    page.locator(".crit input").first.fill("99.5")
    page.get_by_role("button", name=re.compile("保存")).click()
    expect(page.locator(".crit.has-error .field-error")).to_contain_text("的得分应在 0 到")
    expect(page.locator(".crit input").first).to_have_value("99.5")
