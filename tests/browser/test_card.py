"""Paying a signed pledge by card in a real Chromium, through a Checkout page of the fake, and what the site then says."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_signer_pays_by_card_and_the_page_waits_until_stripe_told(site, visit, script):
    amount = "4000" if script else "5000"
    site.stripe.deliveries.set(held=True)
    page = visit("/fund/pledges/{pledge_card}/card", who="funder", width="phone" if script else "desktop", script=script)
    page.get_by_label("这次付款").fill(amount)
    page.get_by_role("button", name="打开 Stripe 付款页").click()
    expect(page).to_have_url(re.compile(re.escape(site.stripe.url) + "/pay/cs_test_"))      # the policy let it through
    expect(page.locator("#sum")).to_have_text(f"{amount}.00 CNY")
    page.get_by_role("button", name="Pay with a card that is declined").click()
    expect(page.get_by_role("status")).to_have_text("Your card was declined.")
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_text("等待 Stripe 确认。")).to_be_visible()
    settled = page.get_by_text(f"{int(amount):,}.00 元。 已记到这份认捐。")
    expect(settled).to_have_count(0)
    site.stripe.deliveries.set(held=False, times=2, mixed=True)
    assert site.stripe.deliveries.settled()
    site.stripe.deliveries.set(times=1, mixed=False)
    expect(page.get_by_text("等待 Stripe 确认。")).to_be_visible()
    for _ in range(50):
        page.goto(site.world.path("/fund/pledges/{pledge_card}/card"))
        if settled.count():
            break
        page.wait_for_timeout(200)
    expect(settled).to_have_count(1)


def test_who_goes_back_may_go_on_or_close(site, visit):
    page = visit("/fund/pledges/{pledge_signed}/card", who="funder")
    page.get_by_role("button", name="打开 Stripe 付款页").click()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("heading", name="付款页开着")).to_be_visible()
    page.get_by_role("link", name="继续付款").click()
    expect(page).to_have_url(re.compile("/pay/cs_test_"))
    page.go_back()
    page.get_by_role("button", name="关闭这次付款").click()
    expect(page.get_by_text("已请 Stripe 关闭付款页")).to_be_visible()
    assert site.stripe.deliveries.settled()
    page.goto(site.world.path("/fund/pledges/{pledge_signed}/card"))
    expect(page.get_by_text("付款页已关闭").first).to_be_visible()
    expect(page.get_by_role("button", name="打开 Stripe 付款页")).to_be_visible()


def test_the_operator_sees_what_differs(site, visit):
    page = visit("/money/reconciliation", who="operator", width="desktop")
    expect(page.get_by_text("Stripe 有这一笔，本站没有")).to_be_visible()
    expect(page.get_by_role("link", name=site.world.refs["charge"])).to_be_visible()


def test_no_public_page_leads_to_a_payment(site, visit):
    for path in ("/", "/projects/{open}", "/projects/{open}/money", "/pools", "/pools/{pool}"):
        page = visit(path)
        assert "/card" not in page.content()
        assert "checkout" not in page.content().lower()
