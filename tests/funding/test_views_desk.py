"""The funder's desk through HTTP: pools and their rules, promises with two people, releases, checks, lists."""

import csv
import io

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace.core.access import Role
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.funding.models import Commitment, Funder, MatchingPool, MoneyFlag, Pledge, Release
from tests.factories import NOW
from tests.factories.accounts import PASSWORD, make_person, with_password
from tests.funding.scene import Scene, build, enter, pledge, text_of


@pytest.fixture
def scene(app: Flask) -> Scene:
    return build(app)


def rule(**changes: str) -> dict[str, str]:
    return {"ratio": "1:2", "min_donors": "0", "own_percent": "0", "priority": "100", "confirm_days": "0",
            "reserve_days": "30", "step": "save", **changes}


def one(app: Flask, model: type, **by: object):
    with app.app_context():
        return db.session().query(model).filter_by(**by).order_by(model.id.desc()).first()


# ---- pools ----

def test_a_pool_is_built_shown_as_a_draft_opened_paused_and_closed(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "keeper")
    answer = client.post("/fund/pools/new", data=rule(name="为老池", cap="50万", per_project_cap="3.5万", gift1="1000"))
    assert answer.status_code == 303
    pool = one(app, MatchingPool, name="为老池")
    assert (pool.state, pool.cap, pool.rule_version) == ("draft", Money.yuan(500_000), 1)
    for step, state in (("start", "open"), ("pause", "paused"), ("start", "open"), ("close", "closed")):
        assert client.post(f"/fund/pools/{pool.ref}/{step}").status_code == 303
        assert one(app, MatchingPool, name="为老池").state == state
    assert client.post(f"/fund/pools/{pool.ref}/start").status_code == 409


@pytest.mark.parametrize("bad", [
    ("ratio", "0:0", "配比不能是 0:0"), ("ratio", "一比一", "不是配比"), ("cap", "0", "大于"), ("cap", "-5", "不是金额"),
    ("cap", "0.001", "小于一分"), ("cap", "1e30", "不是金额"), ("per_pledge_cap", "abc", "不是金额"),
    ("threshold_percent", "120", "1 到 100"), ("reserve_days", "0", "额度保留的天数"), ("ends_on", "2020-13-01", "没有"),
    ("floor", "1000", "同时填"), ("filed_plan_number", "随便写的", "方案备案编号"),
])
def test_what_cannot_be_meant_comes_back_with_a_sentence_and_the_form_stays_filled(
        app: Flask, client: FlaskClient, scene: Scene, bad: tuple[str, str, str]) -> None:
    field, typed, said = bad
    enter(client, scene, "keeper")
    answer = client.post("/fund/pools/new", data={**rule(name="留住的名称", cap="50万", gift3="1234.56"), field: typed})
    assert answer.status_code == 422
    assert said in text_of(answer.text)
    assert 'value="留住的名称"' in answer.text
    assert 'value="1234.56"' in answer.text
    assert one(app, MatchingPool, name="留住的名称") is None


def test_full_width_and_wan_amounts_are_read(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "keeper")
    client.post("/fund/pools/new", data=rule(name="全角池", cap="１２．５万", min_donors="３"))
    assert one(app, MatchingPool, name="全角池").cap == Money.yuan(125_000)


def test_the_preview_says_the_rule_and_marks_every_estimate(client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "keeper")
    data = rule(cap="10000", per_pledge_cap="300", gift1="500", gift2="1000", gift3="", gift4="", gift5="")
    said = text_of(client.post("/fund/pools/preview", data=data).text)
    assert "每认捐 2 元配 1 元" in said
    assert "认捐 500.00，预计配 250.00" in said
    assert "认捐 1,000.00，预计配 300.00" in said
    assert "不占用额度，也不是承诺" in said
    page = client.post("/fund/pools/new", data={**data, "name": "", "step": "preview"})   # where no script runs
    assert "认捐 1,000.00，预计配 300.00" in text_of(page.text)
    wrong = text_of(client.post("/fund/pools/preview", data={**data, "per_pledge_cap": "三百"}).text)
    assert "不是金额" in wrong
    assert "预计配" not in wrong


def test_a_new_version_of_the_rule_leaves_live_pledges_with_theirs(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "keeper")
    path = f"/fund/pools/{scene.refs['pool']}/edit"
    assert "只管以后的认捐" in client.get(path).text
    assert client.post(path, data=rule(ratio="1:1")).status_code == 303
    assert "第 2 版规则已生效，只管以后的认捐" in client.get(path).text
    said = text_of(client.get(f"/pools/{scene.refs['pool']}").text)
    assert "第 1 版规则" in said                      # of the allocations made before
    assert "每认捐 1 元配 1 元" in said
    assert one(app, MatchingPool, ref=scene.refs["pool"]).captured == Money.yuan(10_000)


def test_the_cap_changes_with_the_password_only_and_never_below_what_is_promised(
        app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "keeper")
    path = f"/fund/pools/{scene.refs['pool']}/cap"
    assert client.post(path, data={"cap": "20万", "password": "wrong"}).status_code == 422
    low = client.post(path, data={"cap": "10000", "password": PASSWORD})
    assert low.status_code in (409, 422)
    assert "17,000.00" in text_of(low.text)
    assert one(app, MatchingPool, ref=scene.refs["pool"]).cap == Money.yuan(100_000)
    assert client.post(path, data={"cap": "20万", "password": PASSWORD}).status_code == 303
    assert one(app, MatchingPool, ref=scene.refs["pool"]).cap == Money.yuan(200_000)


def test_another_funders_pool_cannot_be_managed(client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    ref = scene.refs["pool"]
    for path in (f"/fund/pools/{ref}/edit", f"/fund/pools/{ref}/computation", f"/fund/pools/{ref}/computation.csv"):
        assert client.get(path).status_code == 404
    for path in (f"/fund/pools/{ref}/pause", f"/fund/pools/{ref}/cap", f"/fund/pools/{ref}/edit"):
        assert client.post(path, data=rule()).status_code == 404


def test_the_computation_tells_each_line_and_downloads_the_same(client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "keeper")
    said = text_of(client.get(f"/fund/pools/{scene.refs['pool']}/computation").text)
    assert "按 1:2 应配 10,000.00 元，实配 10,000.00 元" in said
    data = client.get(f"/fund/pools/{scene.refs['pool']}/computation.csv").data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(data)))
    assert [row["实配（元）"] for row in rows] == ["10000.00", "4000.00", "3000.00"]
    assert [row["状态"] for row in rows] == ["已确认", "已保留", "已保留"]
    sheet = client.get(f"/fund/pools/{scene.refs['pool']}/computation.xlsx")
    assert sheet.data.startswith(b"PK")


# ---- promises ----

def promise(scene: Scene, **changes: str) -> dict[str, str]:
    return {"amount": "30000", "account": scene.refs["account"], "leftover_rule": "similar", "management_percent": "5",
            "purpose": "周末加餐", "step": "save", **changes}


def test_a_link_may_suggest_an_amount_and_nonsense_in_it_is_left_out(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    path = f"/fund/pledges/new?project={scene.refs['project']}"
    assert "52,500.00" in client.get(path + "&amount=52500.00").text.replace("52500.00", "52,500.00")
    for nonsense in ("abc", "-5", "1e9", ""):
        assert client.get(path + f"&amount={nonsense}").status_code == 200


def test_a_promise_takes_two_people_and_the_password(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    path = f"/fund/pledges/new?project={scene.refs['project']}"
    assert client.get("/fund/pledges/new").status_code == 200
    made = client.post(path, data=promise(scene))
    assert made.status_code == 303
    paper = one(app, Commitment)
    before = len(_pledges(app))
    own = text_of(client.get(f"/fund/commitments/{paper.ref}").text)
    assert "经办和批准不能是同一个人" in own
    assert client.post(f"/fund/commitments/{paper.ref}/approve", data={"password": PASSWORD}).status_code == 403
    enter(client, scene, "second")
    assert client.post(f"/fund/commitments/{paper.ref}/approve", data={"password": "no"}).status_code == 422
    assert len(_pledges(app)) == before
    approved = client.post(f"/fund/commitments/{paper.ref}/approve", data={"password": PASSWORD})
    assert approved.status_code == 303
    page = text_of(client.get(approved.location).text)
    assert "已签认捐书" in page
    assert "30,000.00" in page
    assert len(_pledges(app)) == before + 1
    again = client.post(f"/fund/commitments/{paper.ref}/approve", data={"password": PASSWORD})
    assert again.status_code in (403, 409)
    assert len(_pledges(app)) == before + 1


def _pledges(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session().scalars(select(Pledge.ref).where(Pledge.kind == "own")))


def test_a_paper_can_be_sent_back_with_a_reason(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    client.post(f"/fund/pledges/new?project={scene.refs['project']}", data=promise(scene))
    paper = one(app, Commitment)
    enter(client, scene, "second")
    assert client.post(f"/fund/commitments/{paper.ref}/return", data={"reason": ""}).status_code == 422
    assert client.post(f"/fund/commitments/{paper.ref}/return", data={"reason": "用途写错"}).status_code == 303
    assert one(app, Commitment).state == "returned"
    assert "用途写错" in client.get(f"/fund/commitments/{paper.ref}").text


@pytest.mark.parametrize("bad", [
    ("amount", "0", "大于零"), ("amount", "-3", "不是金额"), ("amount", "三万", "不是金额"), ("amount", "0.001", "小于一分"),
    ("account", "", "请选择接收单位"), ("account", "nothing22222", "选择"), ("management_percent", "31", "0 到 30"),
    ("instalments-0-amount", "100", "同时填日期和金额"),
])
def test_a_bad_promise_comes_back_filled(
        app: Flask, client: FlaskClient, scene: Scene, bad: tuple[str, str, str]) -> None:
    field, typed, said = bad
    enter(client, scene, "giver")
    answer = client.post(f"/fund/pledges/new?project={scene.refs['project']}", data={**promise(scene), field: typed})
    assert answer.status_code == 422
    assert said in text_of(answer.text)
    assert "周末加餐" in answer.text
    assert one(app, Commitment) is None


def test_instalments_must_add_up(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    parts = {"instalments-0-due_on": "2030-01-05", "instalments-0-amount": "10000",
             "instalments-1-due_on": "2030-03-05", "instalments-1-amount": "19999"}
    path = f"/fund/pledges/new?project={scene.refs['project']}"
    answer = client.post(path, data=promise(scene, **parts))
    assert answer.status_code == 422
    assert "分期合计 29,999.00 元" in text_of(answer.text)
    assert client.post(path, data=promise(scene, **parts | {"instalments-1-amount": "20000"})).status_code == 303


def test_at_the_councils_line_a_resolution_is_asked_for(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        session.query(Funder).filter_by(ref=scene.refs["giver"]).one().council_above = Money.yuan(30_000)
    enter(client, scene, "giver")
    path = f"/fund/pledges/new?project={scene.refs['project']}"
    answer = client.post(path, data=promise(scene))
    assert answer.status_code == 422
    assert "理事会决议" in text_of(answer.text)
    assert client.post(path, data=promise(scene, council_resolution="2026年第3号")).status_code == 303
    assert one(app, Commitment).council_resolution == "2026年第3号"


def test_the_estimate_is_marked_and_reserves_nothing(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    before = one(app, MatchingPool, ref=scene.refs["pool"]).reserved
    answer = client.post(f"/fund/pledges/new?project={scene.refs['project']}", data=promise(scene, step="estimate"))
    said = text_of(answer.text)
    assert answer.status_code == 200
    assert "预计 15,000.00 元" in said
    assert "不占用额度" in said
    assert one(app, MatchingPool, ref=scene.refs["pool"]).reserved == before
    assert one(app, Commitment) is None


def test_money_is_promised_for_listed_projects_only(app: Flask, client: FlaskClient, scene: Scene) -> None:
    from tests.factories.projects import make_desk, make_draft

    with app.app_context(), transaction() as session:
        ref = make_draft(session, make_desk(session)).ref
    enter(client, scene, "giver")
    assert client.get(f"/fund/pledges/new?project={ref}").status_code == 404
    assert client.post(f"/fund/pledges/new?project={ref}", data=promise(scene)).status_code == 404


def test_a_project_whose_notice_says_nothing_of_gifts_takes_none(app: Flask, client: FlaskClient, scene: Scene) -> None:
    from tests.factories.projects import make_desk, make_published

    with app.app_context(), transaction() as session:
        ref = make_published(session, make_desk(session)).ref
    enter(client, scene, "giver")
    assert "没有写明接受捐赠" in text_of(client.get(f"/fund/pledges/new?project={ref}").text)
    client.post(f"/fund/pledges/new?project={ref}", data=promise(scene))
    assert one(app, Commitment) is None


def test_a_verbal_promise_is_signed_for_on_its_own_paper(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    page = client.get(f"/fund/pledges/{scene.refs['spoken']}").text
    assert f"/fund/pledges/new?project={scene.refs['project']}" in page
    path = f"/fund/pledges/new?project={scene.refs['project']}&pledge={scene.refs['spoken']}"
    assert 'value="4,000.00"' in client.get(path).text
    assert client.post(path, data=promise(scene, amount="4000")).status_code == 303
    paper = one(app, Commitment)
    enter(client, scene, "second")
    client.post(f"/fund/commitments/{paper.ref}/approve", data={"password": PASSWORD})
    assert pledge(app, scene.refs["spoken"]).is_verbal is False


def test_a_pledge_of_others_does_not_exist(client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "keeper")
    assert client.get(f"/fund/pledges/{scene.refs['kept']}").status_code == 404
    assert client.post(f"/fund/pledges/{scene.refs['kept']}/refund", data={}).status_code == 404
    enter(client, scene, "operator")
    assert client.get(f"/fund/pledges/{scene.refs['kept']}").status_code == 200


def test_the_pledge_page_tells_where_each_fen_is_and_how_to_pay(client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    said = text_of(client.get(f"/fund/pledges/{scene.refs['coming']}").text)
    for words in ("已承诺未到账 5,000.00", "已到账待确认 3,000.00", "作出认捐", "到账", "转账时在附言里写这个码"):
        assert words in said
    assert "用银行卡支付" not in said                     # no Stripe account is configured here
    assert "已签的认捐要由接收方同意解除" in said


def test_the_list_filters_and_downloads(client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    assert "20,000.00" in client.get("/fund/pledges").text
    narrowed = client.get("/fund/pledges?state=verbal").text
    assert scene.refs["spoken"] in narrowed
    assert scene.refs["kept"] not in narrowed
    data = client.get("/fund/pledges/export.csv?state=verbal").data.decode("utf-8-sig")
    assert [row["金额（元）"] for row in csv.DictReader(io.StringIO(data))] == ["4000.00"]
    enter(client, scene, "receiver")
    assert scene.refs["coming"] in client.get("/fund/pledges").text


def test_the_receiver_lets_a_signed_promise_go_and_the_match_returns(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    assert client.post(f"/fund/pledges/{scene.refs['signed']}/cancel", data={"cancel-reason": "缺钱"}).status_code == 403
    enter(client, scene, "receiver")
    assert client.post(f"/fund/pledges/{scene.refs['signed']}/cancel", data={"cancel-reason": ""}).status_code == 422
    reserved = one(app, MatchingPool, ref=scene.refs["pool"]).reserved
    assert client.post(f"/fund/pledges/{scene.refs['signed']}/cancel",
                       data={"cancel-reason": "捐赠人经济困难"}).status_code == 303
    assert pledge(app, scene.refs["signed"]).state == "cancelled"
    assert one(app, MatchingPool, ref=scene.refs["pool"]).reserved == reserved - Money.yuan(3_000)


def test_more_than_there_is_cannot_be_refunded_or_confirmed(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "receiver")
    over = client.post(f"/fund/pledges/{scene.refs['kept']}/refund",
                       data={"refund-amount": "20000.01", "refund-reason": "多付", "refund-password": PASSWORD})
    assert over.status_code in (409, 422)
    assert pledge(app, scene.refs["kept"]).refunding.fen == 0
    over = client.post(f"/fund/pledges/{scene.refs['coming']}/confirm",
                       data={"confirm-amount": "3000.01", "confirm-password": PASSWORD})
    assert over.status_code in (409, 422)
    assert pledge(app, scene.refs["coming"]).held.fen == 0


def test_the_same_sending_of_a_form_is_one_step(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "receiver")
    data = {"refund-amount": "100", "refund-reason": "多付", "refund-password": PASSWORD, "sending": "one-key"}
    for _ in range(2):
        client.post(f"/fund/pledges/{scene.refs['kept']}/refund", data=data)
    assert pledge(app, scene.refs["kept"]).refunding == Money.yuan(100)


# ---- releases ----

def test_a_release_is_proposed_with_evidence_and_confirmed_by_another_with_the_password(
        app: Flask, client: FlaskClient, scene: Scene) -> None:
    from marketplace.organizations.models import Organization

    payee = one(app, Organization, is_provider=True, verification="verified")
    enter(client, scene, "clerk")
    path = f"/fund/pledges/{scene.refs['kept']}/release"
    assert client.get(path).status_code == 200
    data = {"milestone": "1", "amount": "2000", "payee": payee.ref if payee else "", "evidence": "验收单 12 号"}
    assert client.post(path, data={**data, "evidence": ""}).status_code == 422
    assert client.post(path, data={**data, "amount": "999999"}).status_code in (409, 422)
    assert client.post(path, data=data).status_code == 303
    release = one(app, Release)
    assert client.post(f"/fund/payouts/{release.ref}/confirm", data={"password": PASSWORD}).status_code == 403
    enter(client, scene, "approver")
    assert client.post(f"/fund/payouts/{release.ref}/confirm", data={"password": ""}).status_code == 422
    assert client.post(f"/fund/payouts/{release.ref}/confirm", data={"password": PASSWORD}).status_code == 303
    assert pledge(app, scene.refs["kept"]).released == Money.yuan(2_000)
    assert client.post(f"/fund/payouts/{release.ref}/confirm", data={"password": PASSWORD}).status_code in (403, 409)
    assert pledge(app, scene.refs["kept"]).released == Money.yuan(2_000)


def test_a_release_is_refused_with_a_reason(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    assert "去确认" in client.get("/fund/payouts").text
    ref = scene.refs["release"]
    assert client.post(f"/fund/payouts/{ref}/refuse", data={"reason": "依据不足"}).status_code == 303
    assert one(app, Release, ref=ref).state == "refused"
    assert "依据不足" in client.get(f"/fund/payouts/{ref}").text
    assert pledge(app, scene.refs["kept"]).held == Money.yuan(20_000)


# ---- funders and flags ----

def test_an_organization_registers_as_a_funder_and_the_operator_verifies_it(
        app: Flask, client: FlaskClient, scene: Scene) -> None:
    from marketplace.organizations.rules import OrganizationKind
    from tests.factories.organizations import make_organization

    with app.app_context(), transaction() as session:
        firm = make_organization(session, name="澜川纸业有限公司", kind=OrganizationKind.ENTERPRISE)
        session.flush()
        scene.people["firm"] = with_password(session, make_person(
            session, name="纸业", role=Role.PROVIDER_ADMIN, organization_id=firm.id)).id
    enter(client, scene, "firm")
    assert "还没有登记为资助方" in text_of(client.get("/fund").text)
    assert client.get("/fund/pools").status_code == 403
    assert client.post("/fund/profile", data={"kind": ""}).status_code == 422
    assert client.post("/fund/profile", data={"kind": "firm", "is_state_owned": "y"}).status_code == 303
    funder = one(app, Funder)
    assert "国有企业要上传对外捐赠的批准文件" in text_of(client.get("/fund/profile").text)
    enter(client, scene, "operator")
    assert "澜川纸业有限公司" in client.get("/ops/funders").text
    refused = client.post(f"/ops/funders/{funder.ref}/verify", data={"note": "看过执照"})
    assert refused.status_code == 422
    assert "批准文件" in text_of(refused.text)
    with app.app_context(), transaction() as session:
        session.query(Funder).filter_by(ref=funder.ref).one().is_state_owned = False
    assert client.post(f"/ops/funders/{funder.ref}/verify", data={"note": ""}).status_code == 422
    assert client.post(f"/ops/funders/{funder.ref}/verify", data={"note": "看过执照"}).status_code == 303
    assert one(app, Funder, ref=funder.ref).verified_at is not None
    assert client.post(f"/ops/funders/{funder.ref}/unverify", data={"note": "注销"}).status_code == 303
    assert one(app, Funder, ref=funder.ref).verified_at is None


def test_the_operator_enters_a_named_person_and_nobody_anonymous(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "operator")
    assert client.post("/ops/funders", data={"person_name": ""}).status_code == 422
    assert client.post("/ops/funders", data={"person_name": "王秀兰"}).status_code == 303
    assert one(app, Funder).person_name == "王秀兰"


def test_a_flag_is_cleared_or_upheld_with_a_note(app: Flask, client: FlaskClient, scene: Scene) -> None:
    from marketplace.funding.operations import raise_flag
    from marketplace.funding.rules.gaming import FlagKind

    with app.app_context(), transaction() as session:
        found = session.query(Pledge).filter_by(ref=scene.refs["signed"]).one()
        raise_flag(session, pledge=found, kind=FlagKind.SAME_PAYER, facts={"payer": "同一账户"}, now=NOW)
    flag = one(app, MoneyFlag)
    enter(client, scene, "auditor")
    assert "同一付款人" in client.get("/ops/money-flags").text
    assert client.post(f"/ops/money-flags/{flag.ref}/clear", data={}).status_code == 403
    enter(client, scene, "operator")
    empty = client.post(f"/ops/money-flags/{flag.ref}/uphold", data={f"flag-{flag.ref}-note": ""})
    assert empty.status_code == 422
    assert client.post(f"/ops/money-flags/{flag.ref}/uphold", data={f"flag-{flag.ref}-note": "退款属实"}).status_code == 303
    assert one(app, MoneyFlag).state == "upheld"
    assert one(app, MatchingPool, ref=scene.refs["pool"]).reserved == Money.yuan(4_000)
    enter(client, scene, "giver")
    assert client.get("/ops/money-flags").status_code == 403


def test_the_profile_changes_and_a_weighty_change_asks_for_a_new_check(app: Flask, client: FlaskClient, scene: Scene) -> None:
    enter(client, scene, "giver")
    assert client.post("/fund/profile", data={"income_last_year": "320万", "net_assets_last_year": "900万",
                                              "payer_accounts": "6222 0001 ABC"}).status_code == 303
    giver = one(app, Funder, ref=scene.refs["giver"])
    assert (giver.income_last_year, giver.payer_accounts) == (Money.yuan(3_200_000), "62220001")
    assert giver.verified_at is not None
    client.post("/fund/profile", data={"is_state_owned": "y"})
    assert one(app, Funder, ref=scene.refs["giver"]).verified_at is None
