"""The operator's matching pages in a real Chromium: weights while they are typed, a preview, both without script too."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from marketplace.accounts.queries import load_actor
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.matching.operations.driving import drive
from marketplace.matching.operations.runs import RunOrder, start_run
from marketplace.matching.rules.runs import Reach
from marketplace.web.services import services

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


def test_a_page_follows_a_run_until_it_ends(site, visit):
    with site.app.app_context(), transaction() as session:
        actor = load_actor(session, site.world.people["operator"])
        ref = start_run(session, actor=actor, order=RunOrder("看着它算", "", Reach.PLANNED), now=utc_now(),
                        due_at=utc_now() + timedelta(days=30)).ref
    page = visit(f"/ops/matching/{ref}", who="operator", width="desktop")
    expect(page.get_by_role("progressbar")).to_be_visible()
    listed = visit("/ops/matching", who="operator", width="desktop")
    expect(listed.get_by_role("progressbar", name=re.compile("进度")).first).to_be_visible()
    with site.app.app_context():
        drive(transaction, run_ref=ref, engines=services(), clock=utc_now)
    expect(page.get_by_role("heading", name="各项指标和它们的意思")).to_be_visible()
    expect(listed.get_by_role("row", name=re.compile("看着它算"))).to_contain_text("已完成")


def test_an_edit_is_previewed_on_a_phone_and_the_change_stands_first(visit):
    page = visit("/ops/matching/{run_draft}/pairs", who="operator")
    page.get_by_role("link", name=re.compile("^调整 ")).first.click()
    expect(page.get_by_label("排除")).to_be_checked()
    page.get_by_role("button", name="先看会改变什么").click()
    expect(page.get_by_role("heading", name="如果这样调整")).to_be_in_viewport()
    expect(page.get_by_role("button", name="确认调整")).to_be_attached()
