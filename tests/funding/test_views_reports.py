"""The portfolio, the year's duty, the board's report and the tables."""

import csv
import io

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace.core.access import SYSTEM
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Funder, Pledge, Release
from marketplace.funding.queries.flows import flows, turnover
from marketplace.funding.queries.portfolio import portfolio
from marketplace.funding.rules.reports import COLUMNS
from marketplace.ledger.rules import AccountKind, account
from marketplace.web.services import services
from tests.factories import NOW
from tests.funding.scene import Scene, build, enter, text_of


@pytest.fixture
def scene(app: Flask) -> Scene:
    return build(app)


def funder_of(scene: Scene, name: str) -> Funder:
    return db.session().scalars(select(Funder).where(Funder.ref == scene.refs[name])).one()


def test_the_portfolio_keeps_promised_paid_held_and_spent_apart(app: Flask, scene: Scene) -> None:
    with app.app_context():
        found = portfolio(db.session(), funder_of(scene, "giver"), today=NOW.date())
    row, = found.rows
    assert (row.promised, row.figures.paid, row.figures.held, row.figures.disbursed) == (
        Money.yuan(34_000), Money.yuan(23_000), Money.yuan(20_000), Money(0))
    assert row.verbal == Money.yuan(4_000)
    assert found.given == Money.yuan(23_000)              # arrived this year
    assert row.co_count == 1
    assert row.co_funders == [scene.refs["funder_name"]]


def test_spending_and_returns_come_from_the_ledger(app: Flask, scene: Scene) -> None:
    with app.app_context():
        with transaction() as session:
            kept = session.query(Pledge).filter_by(ref=scene.refs["kept"]).one()
            release = session.query(Release).filter_by(ref=scene.refs["release"]).one()
            suspense = account(AccountKind.SUSPENSE, scene.refs["account"])
            from marketplace.accounts.queries import load_actor

            operations.confirm_release(session, actor=load_actor(session, scene.people["approver"]), release=release, now=NOW)
            operations.disburse(session, actor=SYSTEM, release=release, from_account=suspense, idem_key="out-1", now=NOW)
            operations.claw_back(session, actor=SYSTEM, pledge=kept, amount=Money.yuan(1_000), from_account=suspense,
                                 idem_key="back-1", now=NOW)
            operations.ask_refund(session, actor=SYSTEM, pledge=kept, amount=Money.yuan(2_000), reason="退回", now=NOW)
            operations.refund_returned(session, actor=SYSTEM, pledge=kept, amount=Money.yuan(2_000), from_account=suspense,
                                       idem_key="refund-1", now=NOW)
        year = turnover(flows(db.session(), [scene.refs["kept"]]))[scene.refs["kept"]]
    assert (year.arrived, year.returned, year.given, year.spent) == (
        Money.yuan(20_000), Money.yuan(2_000), Money.yuan(18_000), Money.yuan(4_000))


def test_the_desk_shows_what_is_due_with_formula_and_source(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        session.query(Funder).filter_by(ref=scene.refs["giver"]).one().net_assets_last_year = Money.yuan(9_000_000)
    enter(client, scene, "giver")
    said = text_of(client.get("/fund").text)
    assert "517,000.00 元" in said
    assert "上年末净资产 9,000,000.00 元 × 6% = 540,000.00 元；减去经平台已付出 23,000.00 元" in said
    assert "民发〔2016〕189号" in said
    more = text_of(client.get("/fund?outside=10万").text)
    assert "预计 加上平台以外的 100,000.00 元，还要支出 417,000.00 元" in more
    assert client.get("/fund?outside=乱写").status_code == 200


def test_the_gauge_on_the_desk_is_of_the_own_pools_only(client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "keeper")
    assert "资金池余量" in client.get("/fund").text
    enter(client, scene, "giver")
    assert "资金池余量" not in client.get("/fund").text


def test_the_yearly_table_has_every_column_and_the_same_sums(client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    rows = list(csv.DictReader(io.StringIO(client.get("/fund/reports/portfolio.csv").data.decode("utf-8-sig"))))
    assert list(rows[0]) == [label for _, label in COLUMNS]
    assert (rows[0]["承诺金额（元）"], rows[0]["本年收入（元）"], rows[0]["结余（元）"]) == ("34000.00", "23000.00", "23000.00")
    assert client.get("/fund/reports/portfolio.xlsx").data.startswith(b"PK")
    assert "结束报告" in client.get("/fund/reports").text or "实施情况" in client.get("/fund/reports").text


def test_the_boards_report_is_a_pdf_with_the_same_sums(app: Flask, client: FlaskClient, scene: Scene) -> None:
    printed: list[str] = []
    with app.app_context():
        real = services().pdf.render
        services().pdf.render = lambda html, **kwargs: printed.append(html) or real(html, **kwargs)   # type: ignore[method-assign]
    enter(client, scene, "giver")
    answer = client.get("/fund/reports/board.pdf")
    assert answer.status_code == 200
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF")
    said = text_of(printed[0])
    for words in (scene.refs["giver_name"], "34000.00", "23,000.00", "接收方持有"):
        assert words in said


def test_named_funds_have_a_desk_each(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        giver = session.query(Funder).filter_by(ref=scene.refs["giver"]).one()
        fund = operations.register_funder(session, actor=SYSTEM, kind="named_fund", organization=giver.organization,
                                          fund_name="晨光专项基金", now=NOW)
        ref = fund.ref
    enter(client, scene, "giver")
    page = client.get("/fund").text
    assert "晨光专项基金" in page
    assert "34,000.00" in page
    other = client.get(f"/fund?fund={ref}").text
    assert "34,000.00" not in other
    assert client.get("/fund?fund=nothing22222").status_code == 200
