"""One evening on the demo world, in a real Chromium: thirty paddles, signed commitments, the bank's statement, matching
money in a donation agreement beside the contract, the public page.
"""

import csv
import io
import re
import threading

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select
from werkzeug.serving import make_server

from marketplace import create_app
from marketplace.agreements.models import DonationAgreement
from marketplace.config import Config
from marketplace.contracts.models import Contract
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db
from marketplace.core.money import Money
from marketplace.demo.operations import PASSWORD
from marketplace.funding.models import Pledge
from marketplace.payments.models import BankLine, ReceivingAccount
from marketplace.pledging.models import Guest, PledgingEvent
from marketplace.projects.models import Project
from marketplace.web import migrate
from marketplace.web.worker import run_until_idle
from tests.browser.conftest import is_complaint
from tests.factories.bids import PDF

pytestmark = pytest.mark.browser
PADDLES, LEVEL = 30, 20_000
RAISED = PADDLES * LEVEL


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo world with its walk played to the contract, served on a port of its own."""
    folder = tmp_path_factory.mktemp("evening")
    app = create_app(Config(instance=folder, secret_key="e" * 40, rate_limits=False, jobs="none"))
    with app.app_context():
        migrate.upgrade(db.engine)
    for words in (["build", "--size", "20", "--no-index"], ["walk"]):
        answer = app.test_cli_runner().invoke(args=["demo", *words, "--json"])
        assert answer.exit_code == 0, answer.output
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield app, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def people(demo, chromium: Browser):
    """Sign people in through the page: `people("funder")`; complaints of the browser fail the story."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def enter(role: str = "", *, width: int = 1280) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": 900}, base_url=demo[1], locale="zh-CN")
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if is_complaint(m) else None)
        page.on("pageerror", lambda e: complaints.append(str(e)))
        if role:
            page.goto("/sign-in")
            page.get_by_label("账号（手机号或邮箱）").fill(f"{role}@demo.example")
            page.get_by_label("密码", exact=True).fill(PASSWORD)
            page.locator("main").get_by_role("button", name="登录").click()
            expect(page.get_by_role("button", name="退出").first).to_be_attached()
        return page

    yield enter
    for context in contexts:
        context.close()
    assert complaints == []


def read(demo, statement):
    """One value from the database."""
    with demo[0].app_context():
        found = db.session.scalar(statement)
        db.session.rollback()
        return found


def work(demo) -> None:
    """Let the outbox do what is due."""
    with demo[0].app_context():
        run_until_idle()


def open_the_evening(demo, first: Page, event: str) -> list[int]:
    """Begin on the guest list, check thirty guests in at the door; return their paddles."""
    first.goto(f"/pledging/{event}")
    first.get_by_role("button", name="开始认捐会").click()
    with demo[0].app_context():
        paddles = list(db.session.scalars(select(Guest.paddle).order_by(Guest.paddle).limit(PADDLES)))
        db.session.rollback()
    assert len(paddles) == PADDLES
    for paddle in paddles:
        first.goto(f"/pledging/{event}/door?q={paddle}")
        first.locator(".doorrow", has=first.locator(".paddleno", has_text=re.compile(f"^{paddle}$"))).get_by_role("button").click()
    expect(first.get_by_text(f"已到 {PADDLES} 位")).to_be_visible()
    return paddles


def raise_paddles(recorder: Page, event: str, which: str, paddles: list[int]) -> None:
    """Key every paddle at the level of the round, by keyboard."""
    recorder.goto(f"/pledging/{event}/record?recorder={which}")
    for paddle in paddles:
        recorder.locator("#line").fill(str(paddle))
        recorder.keyboard.press("Enter")
    expect(recorder.get_by_text("都已送出")).to_be_visible(timeout=20_000)


def test_thirty_paddles_end_in_a_donation_agreement_and_on_the_public_page(demo, people) -> None:
    event = read(demo, select(PledgingEvent.ref))
    project = read(demo, select(Project.ref).where(Project.title.startswith("桐浦街道长者助餐服务（演示")))
    title = read(demo, select(Project.title).where(Project.ref == project))
    price = read(demo, select(Contract.amount).join(Project, Project.id == Contract.project_id).where(Project.ref == project))
    first, second, hall = people("funder"), people("funder-2"), people(width=1920)

    paddles = open_the_evening(demo, first, event)
    first.goto(f"/pledging/{event}")
    first.get_by_label("项目").select_option(first.locator("#project option", has_text=title).get_attribute("value"))
    first.get_by_label("档位").fill("2万")
    first.get_by_role("button", name="开始这一轮").click()
    expect(first.get_by_role("heading", name="第 1 轮")).to_be_visible()
    raise_paddles(first, event, "first", paddles)
    raise_paddles(second, event, "second", paddles)

    hall.goto(f"/live/paddle/{event}?key={read(demo, select(PledgingEvent.display_key))}")
    expect(hall.locator("[data-part=verbal]")).to_have_text(f"{RAISED / 10_000:.2f}")
    first.goto(f"/pledging/{event}/differences")
    first.goto(f"/pledging/{event}")
    first.get_by_role("button", name="结束认捐会").click()

    first.goto(f"/pledging/{event}/papers")
    first.get_by_role("button", name="准备认捐书").click()
    expect(first.get_by_text(f"已准备 {PADDLES} 份认捐书")).to_be_visible()
    work(demo)
    second.goto(f"/pledging/{event}/papers")
    for box in second.get_by_role("checkbox").all():
        box.check()
    second.get_by_label("签字日期").fill(beijing_date(utc_now()).isoformat())
    second.get_by_label("签字盖章后的扫描件").set_input_files({"name": "认捐书.pdf", "mimeType": "application/pdf", "buffer": PDF})
    second.get_by_role("button", name="登记签字").click()
    expect(second.get_by_text(f"已登记 {PADDLES} 份已签认捐书")).to_be_visible()
    hall.reload()
    expect(hall.locator("[data-part=signed]")).to_have_text(f"{RAISED / 10_000:.2f}")
    expect(hall.locator("[data-part=verbal]")).to_have_text("0.00")

    import_the_statement(demo, first)
    second.goto("/money/arrived")
    second.get_by_role("button", name="确认已到账").click()
    expect(second.get_by_text("已确认", exact=False).first).to_be_visible()
    work(demo)
    first.goto("/agreements")
    first.get_by_role("button", name=f"起草协议：{title}").click()
    expect(first.get_by_role("heading", level=1)).to_contain_text("捐赠协议")
    work(demo)
    first.reload()
    with first.expect_download() as paper:
        first.get_by_role("link", name="下载协议 PDF").click()
    assert paper.value.path().read_bytes().startswith(b"%PDF")

    matched = read(demo, select(Pledge.amount).join(Project, Project.id == Pledge.project_id)
                   .where(Pledge.kind == "matched", Project.ref == project))
    agreed = read(demo, select(DonationAgreement.amount).join(Project, Project.id == DonationAgreement.project_id)
                  .where(Project.ref == project))
    assert matched == Money.yuan(60_000)                      # the pool's cap for one project
    assert agreed == Money.yuan(RAISED) + matched
    assert price == read(demo, select(Contract.amount).join(Project, Project.id == Contract.project_id).where(Project.ref == project))
    anybody = people(width=390)
    anybody.goto(f"/projects/{project}/money")
    expect(anybody.get_by_role("main")).to_contain_text(f"{RAISED:,}")
    expect(anybody.get_by_role("main")).to_contain_text("60,000")
    assert "还差" not in anybody.get_by_role("main").inner_text()
    check = demo[0].test_cli_runner().invoke(args=["funding", "verify", "--json"])
    assert check.exit_code == 0, check.output


def import_the_statement(demo, treasurer: Page) -> None:
    """The bank's statement of the next morning: one line for each signed pledge, with its code in the remark."""
    with demo[0].app_context():
        account = db.session.scalars(select(ReceivingAccount)).one()
        pledges = db.session.scalars(select(Pledge).where(Pledge.kind == "own", Pledge.round_ref != "", ~Pledge.is_verbal,
                                                          Pledge.open > Money(0)).order_by(Pledge.id)).all()
        balance = db.session.scalar(select(BankLine.balance).order_by(BankLine.id.desc()).limit(1)) or Money(0)
        heads = ["交易日期", "流水号", "借方发生额", "贷方发生额", "余额", "对方户名", "对方账号", "摘要"]
        rows, day = [["期初余额", balance.plain()], heads], beijing_date(utc_now()).isoformat()
        for number, pledge in enumerate(pledges, 1):
            balance += pledge.open
            rows.append([day, f"E{number:06d}", "", pledge.open.plain(), balance.plain(), pledge.funder.name, "", f"认捐 {pledge.code}"])
        ref = account.ref
        db.session.rollback()
    assert len(rows) - 2 == PADDLES
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    treasurer.goto(f"/money/accounts/{ref}/statements/new")
    treasurer.locator("input[type=file]").set_input_files(
        {"name": "对账单.csv", "mimeType": "text/csv", "buffer": text.getvalue().encode("gb18030")})
    treasurer.get_by_role("button", name="上传并核对").click()
    treasurer.get_by_role("button", name=f"导入 {PADDLES} 笔新明细").click()
    treasurer.goto("/money/arrived")
    expect(treasurer.get_by_role("checkbox", name="的来款").nth(PADDLES - 1)).to_be_attached()
