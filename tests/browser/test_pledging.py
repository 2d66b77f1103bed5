"""The recorder's desk with a broken line, a phone's number pad, and the screen of the hall at both sizes, in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.pledging import operations
from marketplace.pledging.models import Guest, PaddlePledge, PledgingEvent
from marketplace.pledging.queries import hall
from marketplace.pledging.rules import EventFacts, Footing
from marketplace.projects.models import Project

PICTURES = Path(__file__).resolve().parents[2] / "test-results" / "hall"
ROW = "[data-entries] li"


@pytest.fixture
def evening(site):
    """A running event of its own for this test: the world's guests, its host as first recorder."""
    from marketplace.accounts.queries import load_actor
    from marketplace.payments.models import ReceivingAccount

    with site.app.app_context(), transaction() as session:
        host, now = load_actor(session, site.world.people["funder"]), utc_now()
        model = session.scalars(select(PledgingEvent).where(PledgingEvent.ref == site.world.refs["evening"])).one()
        event = operations.create_event(session, actor=host, host=model.host, now=now, facts=EventFacts("夜间认捐会", now),
                                        account=session.get_one(ReceivingAccount, model.account_id))
        operations.choose_footing(session, actor=host, event=event, footing=Footing.GUEST_LIST, now=now)
        for guest in list(model.guests):
            operations.add_guest(session, actor=host, event=event, funder=guest.funder, now=now)
        session.flush()
        operations.go_live(session, actor=host, event=event, now=now)
        for guest in session.scalars(select(Guest).where(Guest.event_id == event.id)).all():
            operations.check_in(session, actor=host, guest=guest, now=now)
        project = session.scalars(select(Project).where(Project.ref == site.world.refs["open"])).one()
        operations.open_round(session, actor=host, event=event, project=project, level=Money.yuan(20_000), now=now)
        return {"ref": event.ref, "key": event.display_key}


def verbal(site, evening):
    """What the hall would show as promised by word."""
    with site.app.app_context():
        found = hall.figures(db.session(), evening["ref"]).verbal
        db.session.remove()
    return found


def key(page, line):
    """Type a line and press Enter."""
    page.fill("#line", line)
    page.press("#line", "Enter")


def test_a_paddle_is_keyed_by_keyboard_and_taken_back_by_one_tap(site, visit, evening):
    page = visit(f"/pledging/{evening['ref']}/record", who="funder", width="desktop")
    key(page, "2, 5万")
    first = page.locator(ROW).first
    expect(first).to_contain_text("50,000.00")
    expect(page.locator("#line")).to_be_focused()
    expect(page.locator("#line")).to_have_value("")
    expect(first.locator("button")).to_have_text(re.compile(r"撤销 \d+"))
    first.locator("button").click()
    expect(page.locator(ROW).first).to_contain_text("-50,000.00")
    expect(page.locator(ROW).nth(1)).to_contain_text("已更正")
    assert verbal(site, evening) == Money(0)


def test_what_cannot_be_read_stays_in_the_box_and_what_is_refused_says_why(site, visit, evening):
    page = visit(f"/pledging/{evening['ref']}/record", who="funder", width="desktop")
    key(page, "abc")
    expect(page.locator("[data-line-error]")).to_contain_text("看不懂")
    expect(page.locator("#line")).to_have_value("abc")
    key(page, "77")
    refused = page.locator(f"{ROW}.refused")
    expect(refused).to_contain_text("名单里没有 77 号牌")
    refused.get_by_text("删去").click()
    expect(page.locator(f"{ROW}.refused")).to_have_count(0)


def test_an_hour_without_a_line_loses_nothing_and_doubles_nothing(site, visit, evening):
    page = visit(f"/pledging/{evening['ref']}/record", who="funder", width="desktop")
    expect(page.locator("[data-level]")).to_have_text("20,000 元")
    page.context.set_offline(True)
    for line in ("1", "2, 500", "3", "3", "1"):
        key(page, line)
    expect(page.locator(f"{ROW}[data-state=waiting], {ROW}[data-state=sending]")).to_have_count(5)
    expect(page.locator("[data-status]")).to_contain_text("没有网络")
    expect(page.locator("[data-status]")).to_contain_text("还有 5 条没有送出")
    assert verbal(site, evening) == Money(0)
    waiting = page.locator(f"{ROW}[data-state=waiting]").last      # the oldest: taken back before it ever left
    waiting.locator("button", has_text="撤销").click()
    expect(page.locator("[data-status]")).to_contain_text("还有 4 条没有送出")
    page.context.set_offline(False)
    expect(page.locator("[data-status]")).to_contain_text("都已送出", timeout=20_000)
    assert verbal(site, evening) == Money.yuan(40_500)
    with site.app.app_context():
        entries = db.session.scalar(select(func.count()).select_from(PaddlePledge).join(
            PledgingEvent, PledgingEvent.id == PaddlePledge.event_id).where(PledgingEvent.ref == evening["ref"]))
        db.session.remove()
    assert entries == 3      # paddle 3 was tapped twice: one pledge
    page.evaluate("localStorage.clear()")
    visit.complaints[:] = [line for line in visit.complaints if "ERR_INTERNET_DISCONNECTED" not in line]


def test_what_is_taken_back_after_a_lost_answer_is_taken_back_at_the_server(site, visit, evening):
    page = visit(f"/pledging/{evening['ref']}/record", who="funder", width="desktop")
    page.route("**/record/queue", lambda route: (route.fetch(), route.abort())[1], times=1)     # the server has it, the device not
    with page.expect_event("requestfailed"):
        key(page, "1")
    assert verbal(site, evening) == Money.yuan(20_000)
    page.locator(f"{ROW}[data-state=waiting]").first.locator("button", has_text="撤销").click()
    expect(page.locator("[data-status]")).to_contain_text("都已送出", timeout=20_000)
    assert verbal(site, evening) == Money(0)
    page.evaluate("localStorage.clear()")
    visit.complaints[:] = [line for line in visit.complaints if "ERR_FAILED" not in line]


def test_what_two_windows_keep_stays_when_one_of_them_is_closed(site, visit, evening):
    path = f"/pledging/{evening['ref']}/record"
    page = visit(path, who="funder", width="desktop")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("[data-level]")).to_have_text("20,000 元")
    page.context.set_offline(True)
    key(page, "1")
    key(other, "2")
    kept = "Object.keys(localStorage).flatMap((name) => name.startsWith('pledging:') ? JSON.parse(localStorage[name]) : []).map((item) => item.line)"
    assert sorted(page.evaluate(kept)) == ["1", "2"]
    other.close(run_before_unload=False)
    page.evaluate("localStorage.clear()")
    page.context.set_offline(False)
    visit.complaints[:] = [line for line in visit.complaints if "ERR_INTERNET_DISCONNECTED" not in line]


def test_an_answer_that_got_lost_and_a_page_that_was_closed_do_not_count_twice(site, visit, evening):
    path = f"/pledging/{evening['ref']}/record"
    page = visit(path, who="funder", width="desktop")
    page.route("**/record/queue", lambda route: (route.fetch(), route.abort())[1])     # the server has it, the device does not know
    with page.expect_event("requestfailed"):
        key(page, "1")
    expect(page.locator("[data-status]")).to_contain_text("还有 1 条没有送出")
    assert verbal(site, evening) == Money.yuan(20_000)
    page.unroute("**/record/queue")
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(site.url + path)      # the page begins anew; what it kept goes out again
    expect(page.locator("[data-status]")).to_contain_text("都已送出", timeout=20_000)
    assert verbal(site, evening) == Money.yuan(20_000)
    visit.complaints[:] = [line for line in visit.complaints if "ERR_FAILED" not in line]


def test_a_phone_has_a_number_pad(site, visit, evening):
    page = visit(f"/pledging/{evening['ref']}/record", who="funder")
    for sign in ("2", ",", "5", "00"):
        page.locator(f"[data-key='{sign}']").click()
    expect(page.locator("#line")).to_have_value("2,500")
    page.get_by_role("button", name="记录", exact=True).click()
    expect(page.locator(ROW).first).to_contain_text("500.00")
    assert verbal(site, evening) == Money.yuan(500)


def test_without_a_script_a_line_is_taken_by_the_form(site, visit, evening):
    page = visit(f"/pledging/{evening['ref']}/record", who="funder", script=False)
    page.fill("#line", "3")
    page.get_by_role("button", name="记录", exact=True).click()
    expect(page.locator(ROW).first).to_contain_text("20,000.00")
    assert verbal(site, evening) == Money.yuan(20_000)


@pytest.mark.parametrize("size", [(1920, 1080), (3840, 2160)], ids=str)
@pytest.mark.parametrize("mode", ["", "&test=1"])
def test_the_screen_is_readable_keeps_its_margins_and_does_not_scroll(site, chromium, evening, size, mode):
    width, height = size
    page = chromium.new_page(viewport={"width": width, "height": height})
    try:
        page.goto(f"{site.url}/live/paddle/{evening['ref']}?key={evening['key']}{mode}")
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{width}{mode.replace('&', '-')}.png")
        assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.total')).fontSize)") >= width * 0.12
        for line in (".board h1", ".board h2", ".board .parts dt", ".board .parts dd", ".board ol", ".board footer", ".board .level"):
            assert page.evaluate(f"Math.min(...Array.from(document.querySelectorAll('{line}, {line} *')).filter(e => e.children.length === 0"
                                 " && e.textContent.trim()).map(e => parseFloat(getComputedStyle(e).fontSize)), 9999)") >= height * 0.03 - 0.5, line
        outside = page.evaluate(
            "([w, h]) => Array.from(document.querySelectorAll('main *')).filter(e => e.children.length === 0 && e.textContent.trim())"
            ".map(e => [e.textContent, e.getBoundingClientRect()]).filter(([, r]) => r.width && (r.left < w * .05 - 1 || r.right > w * .95 + 1"
            " || r.top < h * .05 - 1 || r.bottom > h * .95 + 1)).map(([t]) => t)", [width, height])
        assert outside == []
        assert page.evaluate("[document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight]") == [0, 0]
    finally:
        page.close()


def test_the_screen_follows_the_hall_and_says_honestly_when_the_line_is_broken(site, chromium, visit, evening):
    board = chromium.new_page(viewport={"width": 1920, "height": 1080}, reduced_motion="reduce")
    try:
        board.goto(f"{site.url}/live/paddle/{evening['ref']}?key={evening['key']}")
        expect(board.locator("[data-clock]")).to_contain_text("数据时间")
        recorder = visit(f"/pledging/{evening['ref']}/record", who="funder", width="desktop")
        key(recorder, "1")
        expect(board.locator("[data-total]")).to_have_text("2.00", timeout=10_000)
        expect(board.locator("[data-last] li").first).to_contain_text("20,000")
        board.context.set_offline(True)
        expect(board.locator("[data-clock]")).to_contain_text("连接中断，正在重连", timeout=20_000)
        key(recorder, "2, 1万")
        board.context.set_offline(False)
        expect(board.locator("[data-total]")).to_have_text("3.00", timeout=20_000)
        expect(board.locator("[data-clock]")).not_to_contain_text("连接中断")
        recorder.locator(ROW).first.locator("button").click()
        expect(board.locator("[data-last] li.void")).to_contain_text("更正", timeout=10_000)
        expect(board.locator("[data-total]")).to_have_text("2.00", timeout=10_000)
        board.keyboard.press("f")
        board.wait_for_function("document.fullscreenElement !== null")
    finally:
        board.close()
