"""Limits, drafts and a lost verification on the pages of plans."""

import csv
import io
import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace.core.db import db, transaction
from marketplace.funding import operations as funding
from marketplace.funding.models import Commitment, CostLine, MatchingPool
from marketplace.funding.queries.estimates import terms_of
from marketplace.fundplans import operations
from marketplace.fundplans.models import FundPlan
from marketplace.payments.models import ReceivingAccount
from tests.factories.organizations import make_organization
from tests.factories.payments import make_account
from tests.funding.scene import text_of
from tests.fundplans.scene import NOW, SYSTEM, WISH, YUAN, Site, build, reckon


@pytest.fixture
def site(app: Flask) -> Site:
    """The market with a foundation and an association that can receive, the meal pool for associations only, and the
    foundation's own plan."""
    made = build(app)
    with app.app_context(), transaction() as session:
        for kind, name in (("foundation", "禅城基金会"), ("association", "桐浦协会")):
            body = make_organization(session, kind=kind, name=name, legal_representative="汪海", contact_phone="13800009999")
            session.flush()
            made.refs[kind] = make_account(session, body).ref
        narrow = session.scalars(select(MatchingPool).where(MatchingPool.name == "助餐池")).one()
        funding.change_rule(session, actor=SYSTEM, pool=narrow, now=NOW, terms=_terms(narrow, receiver_kinds=("association",),
                                                                                     per_pledge_cap=YUAN(15_000)))
        made.refs["narrow"] = narrow.ref
        officer = next(one for name, one in _actors(session, made) if name == "officer")
        plan = operations.make_plan(session, actor=officer, wish=WISH, now=NOW, is_own=True)
        reckon(session, plan)
        made.refs["own"] = plan.ref
    return made


def _terms(pool, **changes):
    from dataclasses import replace

    return replace(terms_of(pool.rules[-1]), **changes)


def _actors(session, made):
    from marketplace.accounts.queries import load_actor

    return [(name, load_actor(session, made.people[name])) for name in ("officer", "operator")]


def page(client: FlaskClient, path: str, code: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == code
    return text_of(answer.text)


def links(client: FlaskClient, path: str) -> list[str]:
    """The links that draft a pledge from a line."""
    return [unescape(one) for one in re.findall(r'href="(/fund/pledges/new\?[^"]+)"', client.get(path).text)]


def draft(client: FlaskClient, link: str, account: str) -> int:
    """Send the form that a link opens, as it stands there."""
    html = client.get(link).text
    amount = re.search(r'name="amount"[^>]*value="([^"]+)"', html) or re.search(r'value="([^"]+)"[^>]*name="amount"', html)
    cost = re.search(r'value="(\w{12})" selected', html.split('name="cost_line"')[1]) if 'name="cost_line"' in html else None
    return client.post(link, data={"amount": amount[1], "account": account, "cost_line": cost[1] if cost else "",
                                   "leftover_rule": "similar", "management_percent": "0", "step": "save"}).status_code


def test_a_draft_from_a_line_is_shown_on_it_taken_off_the_next_plan_and_free_again_when_returned(
        app: Flask, client: FlaskClient, site: Site) -> None:
    address = f"/fund/plans/{site.refs['own']}"
    site.enter(client, "officer")
    found = links(client, address)
    wanted = next(one for one in found if site.refs["wide"] in one)
    assert draft(client, wanted, site.refs["foundation"]) == 303
    with app.app_context():
        paper = db.session().scalars(select(Commitment)).one()
        ref, amount = paper.ref, paper.amount
        assert paper.origin == f"{site.refs['own']}.{site.refs['wide']}"
    said = page(client, address)
    assert f"已起草待签 ¥{amount.grouped()}" in said
    assert wanted not in links(client, address)
    assert "数据有变化" not in said
    fresh = page(client, "/fund/plans/new")
    assert f"已起草待签 ¥{amount.grouped()}" in fresh
    assert f"已起草待签 ¥{amount.grouped()}，已从可用里扣除" in fresh
    site.enter(client, "operator")
    assert f"已起草待签 ¥{amount.grouped()}" in page(client, "/ops/fund-plans/new")
    with app.app_context(), transaction() as session:
        funding.return_commitment(session, actor=SYSTEM, commitment=session.scalars(select(Commitment)).one(), reason="重做", now=NOW)
    assert "已起草待签" not in page(client, "/ops/fund-plans/new")
    site.enter(client, "officer")
    assert wanted in links(client, address)
    assert ref not in client.get(address).text


def test_a_line_of_named_costs_leads_to_a_form_with_its_cost_and_only_receivers_of_the_pools_rule(
        app: Flask, client: FlaskClient, site: Site) -> None:
    site.enter(client, "officer")
    with app.app_context():
        cost = db.session().scalars(select(CostLine)).one().ref
        names = {one.ref: one.holder for one in db.session().scalars(select(ReceivingAccount))}
    meal = next(one for one in links(client, f"/fund/plans/{site.refs['own']}") if site.refs["narrow"] in one and "cost_line" in one)
    assert f"cost_line={cost}" in meal
    html = client.get(meal).text
    assert f'value="{cost}" selected' in html
    assert names[site.refs["association"]] in html
    assert names[site.refs["foundation"]] not in html
    assert draft(client, meal, site.refs["association"]) == 303
    with app.app_context():
        assert db.session().scalars(select(Commitment)).one().facts["cost_line"] == cost
    free = meal.split("&origin=")[0].split("origin=")[0]
    assert names[site.refs["foundation"]] in client.get(free).text


@pytest.mark.parametrize("origin", ["x", "../../etc", "a" * 25, "planplanplan.pool poolpoo"])
def test_an_origin_that_is_no_reference_is_left_out(app: Flask, client: FlaskClient, site: Site, origin: str) -> None:
    site.enter(client, "officer")
    link = f"/fund/pledges/new?project={site.refs['dense']}&fund={site.refs['funder']}&amount=100&origin={origin}"
    assert draft(client, link, site.refs["foundation"]) == 303
    with app.app_context():
        assert db.session().scalars(select(Commitment)).one().origin == ""


def test_other_funders_do_not_see_what_was_drafted(app: Flask, client: FlaskClient, site: Site) -> None:
    site.enter(client, "operator")
    client.post(f"/ops/fund-plans/{site.refs['plan']}/share")
    site.enter(client, "officer")
    address = f"/fund/plans/{site.refs['plan']}"
    wanted = next(one for one in links(client, address) if site.refs["wide"] in one)
    assert draft(client, wanted, site.refs["foundation"]) == 303
    assert "已起草待签" in page(client, address)
    assert "已起草待签" in page(client, "/fund/plans/new")
    site.enter(client, "other")
    assert "已起草待签" not in page(client, address)
    site.enter(client, "operator")
    assert "已起草待签" in page(client, f"/ops/fund-plans/{site.refs['plan']}")
    with app.app_context(), transaction() as session:
        operator = next(one for name, one in _actors(session, site) if name == "operator")
        later = operations.make_plan(session, actor=operator, wish=WISH, now=NOW, is_own=False)
        reckon(session, later)
        operations.share_plan(session, actor=operator, plan=later, now=NOW)
        ref = later.ref
    for who, sees in (("officer", True), ("other", False)):
        site.enter(client, who)
        assert ("已起草待签" in page(client, f"/fund/plans/{ref}")) == sees, "a frozen sum is its funder's own too"
        heads, *rows = csv.reader(io.StringIO(client.get(f"/fund/plans/{ref}/funds.csv").data.decode("utf-8-sig")))
        told = {row[heads.index("资金池")]: row[heads.index("已起草待签（元）")] for row in rows}
        assert (told["银龄池"] not in ("", "0.00")) == sees


def test_limits_stand_beside_each_pool_and_reasons_beside_each_project_without_money(client: FlaskClient, site: Site) -> None:
    site.enter(client, "officer")
    address = f"/fund/plans/{site.refs['own']}"
    said = page(client, address)
    assert "每笔不超过 1.50 万元" in said
    assert "只给：社会团体" in said
    unfunded = page(client, f"{address}?show=unfunded")
    assert "各资金池最多能给多少" in unfunded
    assert "银龄池 最多 72,000.00 元（余额）" in unfunded
    assert "类别不在用途里：1 个资金池" in unfunded
    rows = list(csv.reader(io.StringIO(client.get(f"{address}/projects.csv").data.decode("utf-8-sig"))))
    cell = next(row for row in rows if row[1] == "项目early")[rows[0].index("各资金池最多能给多少")]
    assert cell == "银龄池 72000.00（余额）；类别不在用途里：1 个资金池"


def test_where_nobody_whom_a_rule_names_can_receive_the_page_says_so(app: Flask, client: FlaskClient, site: Site) -> None:
    with app.app_context(), transaction() as session:
        for name in ("银龄池", "助餐池"):
            pool = session.scalars(select(MatchingPool).where(MatchingPool.name == name)).one()
            funding.change_rule(session, actor=SYSTEM, pool=pool, now=NOW, terms=_terms(pool, receiver_kinds=("enterprise",)))
        officer = next(one for name, one in _actors(session, site) if name == "officer")
        plan = operations.make_plan(session, actor=officer, wish=WISH, now=NOW, is_own=True)
        reckon(session, plan)
        ref = plan.ref
    site.enter(client, "officer")
    assert "现在没有这类接收方，给不出去" in page(client, "/fund/plans/new")
    said = page(client, f"/fund/plans/{ref}?show=unfunded")
    assert "现在没有这类接收方，给不出去" in said
    assert "没有它的规则允许的接收方。请资助方放宽接收方类型" in said


def test_a_funder_that_lost_its_verification_reads_its_plan_and_nothing_more(app: Flask, client: FlaskClient, site: Site) -> None:
    address = f"/fund/plans/{site.refs['own']}"
    site.enter(client, "officer")
    link = links(client, address)[0]
    with app.app_context(), transaction() as session:
        officer = next(one for name, one in _actors(session, site) if name == "officer")
        stopped = operations.make_plan(session, actor=officer, wish=WISH, now=NOW, is_own=True)
        operations.cancel_plan(session, actor=officer, plan=stopped, now=NOW)
        ref = stopped.ref
        plan = session.scalars(select(FundPlan).where(FundPlan.ref == site.refs["own"])).one()
        funding.unverify_funder(session, actor=SYSTEM, funder=plan.funds[0].pool.funder, note="证书过期", now=NOW)
    said = page(client, address)
    assert "项目dense" in said
    assert "不能另建方案，也不能据此起草认捐" in said
    assert links(client, address) == []
    assert client.get(f"{address}/lines.csv").status_code == 200
    assert "再算一次" not in page(client, f"/fund/plans/{ref}")
    assert client.post(f"/fund/plans/{ref}/solve").status_code == 403
    assert client.get("/fund/plans/new").status_code == 403
    assert client.post("/fund/plans/new", data={"title": "新", "points": "50"}).status_code == 403
    assert client.get(link).status_code == 403
    assert client.post(link, data={"amount": "100", "account": site.refs["foundation"], "step": "save"}).status_code == 403
    with app.app_context():
        assert db.session().scalars(select(Commitment)).all() == []
