"""The treasurer's pages: accounts, a statement from upload to suspense, lines, orders, receipts."""

import io
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.core.access import Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.models import Pledge
from marketplace.funding.rules.pledges import shown_code
from marketplace.payments.models import BankLine, BankStatement, PaymentOrder, Receipt, ReceivingAccount
from marketplace.payments.rules.orders import PaymentKind
from tests.factories import NOW
from tests.factories.accounts import PASSWORD, actor_of, make_person, sign_in, with_password
from tests.factories.funding import held, keeper, make_funder, make_pledge, make_world
from tests.factories.organizations import make_organization
from tests.factories.payments import PNG, came, import_lines, make_account, make_operator, went

STATEMENTS = Path(__file__).parents[1] / "data" / "statements"


@pytest.fixture
def world(app):
    """A receiver with a verified account, a treasurer, and one pledge; the ids of them, for requests."""
    with app.app_context(), transaction() as session:
        made = make_world(session)
        treasurer = make_person(session, name="方会计", role=Role.PROVIDER_ADMIN, organization_id=made.receiver.id, now=utc_now())
        with_password(session, treasurer, now=utc_now())
        pledge = make_pledge(session, made, funder=make_funder(session))
        return {"account": made.account.ref, "number": made.account.number, "who": treasurer.id, "pledge": pledge.ref,
                "code": pledge.code, "receiver": made.receiver.id}


def file(data, name="对账单.csv"):
    return {"file": (io.BytesIO(data), name), "mapping": "auto"}


def csv(*rows, number=""):
    lines = ["交易日期,流水号,借方发生额,贷方发生额,余额,对方户名,对方账号,摘要"]
    return ("\n".join(([f"账号,{number}"] if number else []) + lines + [",".join(row) for row in rows])).encode()


def upload(client, world, data, name="对账单.csv"):
    return client.post(f"/money/accounts/{world['account']}/statements/new", data=file(data, name))


def read(app, statement):
    with app.app_context():
        return db.session.scalars(statement).all()


def test_an_account_is_added_with_its_proof_and_verified_by_the_operator(app, client):
    with app.app_context(), transaction() as session:
        body = make_organization(session)
        name, who = body.name, make_person(session, role=Role.PROVIDER_ADMIN, organization_id=body.id).id
        operator = make_operator(session).person_id
    sign_in(client, who)
    facts = {"bank_name": "澜川农商银行", "number": "６２１０ 0000 0001", "holder": name}
    refused = client.post("/money/accounts", data={**facts, "holder": "林晓", "proof": (io.BytesIO(PNG), "证明.png")})
    assert refused.status_code == 422
    assert "不一致" in refused.text
    assert 'value="澜川农商银行"' in refused.text
    answer = client.post("/money/accounts", data={**facts, "proof": (io.BytesIO(PNG), "证明.png")})
    assert answer.status_code == 303
    (account,) = read(app, select(ReceivingAccount))
    assert "等待平台核验" in client.get(answer.location).text
    assert client.get(f"/money/accounts/{account.ref}/statements/new").status_code == 403
    sign_in(client, operator)
    assert name in client.get("/ops/accounts").text
    assert client.post(f"/ops/accounts/{account.ref}/verify").status_code == 303
    assert name in client.get("/ops/accounts?state=verified").text
    assert client.post(f"/ops/accounts/{account.ref}/verify").status_code == 403


def test_a_statement_goes_from_upload_over_its_preview_to_a_matched_pledge(app, client, world):
    sign_in(client, world["who"])
    data = csv(["2026-11-20", "S1", "", "10000.00", "10000.00", "某公司", "62201234", f"认捐{shown_code(world['code'])}"],
               ["2026-11-20", "S2", "", "88.00", "10088.00", "路人", "62205678", "捐"])
    preview = upload(client, world, data)
    assert preview.status_code == 303
    shown = client.get(preview.location).text
    assert "导入 2 笔新明细" in shown
    assert not read(app, select(BankLine))
    done = client.post(preview.location, data={})
    assert done.status_code == 303
    desk = client.get(done.location).text
    assert "已导入 2 笔新明细，自动认领 1 笔，还有 1 笔等人认领" in desk
    assert "路人" in desk
    assert "某公司" not in desk
    assert [(line.payer_name, line.state) for line in read(app, select(BankLine).order_by(BankLine.id))] == [
        ("某公司", "matched"), ("路人", "suspense")]
    again = client.post(preview.location, data={})
    assert again.status_code == 409
    assert "已经导入过" in again.text


def test_bad_cells_are_listed_by_row_and_column_and_stop_the_import(app, client, world):
    sign_in(client, world["who"])
    preview = upload(client, world, csv(["2026-11-20", "S1", "", "1.2万", "1.00", "", "", ""],
                                        ["昨天", "S2", "", "1.00", "2.00", "", "", "=1+1"]))
    shown = client.get(preview.location).text
    assert "第 2 行 D 列" in shown
    assert "第 3 行 H 列" in shown
    assert "笔新明细</button>" not in shown
    refused = client.post(preview.location, data={})
    assert refused.status_code == 422
    assert not read(app, select(BankStatement))


def test_a_missing_row_must_be_confirmed(app, client, world):
    sign_in(client, world["who"])
    preview = upload(client, world, csv(["2026-11-20", "S1", "", "1.00", "1.00", "", "", ""],
                                        ["2026-11-20", "S3", "", "1.00", "5.00", "", "", ""]))
    assert "第 3 行：按上一行推算" in client.get(preview.location).text
    assert client.post(preview.location, data={}).status_code == 422
    assert client.post(preview.location, data={"gaps_known": "y"}).status_code == 303
    assert [one.has_gaps for one in read(app, select(BankStatement))] == [True]


@pytest.mark.parametrize(("name", "data", "words"), [
    ("a.csv", b"a,b\n1,2\n", "没有认出"), ("a.exe", b"MZ123", "这不是表格文件"), ("a.xlsx", b"PK\x03\x04", "打不开"),
    ("a.csv", csv(["2026-11-20", "S1", "", "1.00", "1.00", "", "", ""], number="99998888777"), "请选对账户")])
def test_a_file_that_is_no_statement_of_this_account_is_refused_at_the_door(client, world, name, data, words):
    sign_in(client, world["who"])
    refused = upload(client, world, data, name)
    assert refused.status_code == 422
    assert words in refused.text


def test_the_workbook_fixture_is_imported_through_the_page(app, client, world):
    sign_in(client, world["who"])
    data = (STATEMENTS / "marked-gbk.csv").read_bytes().replace(b"6210000000", world["number"].encode())
    preview = upload(client, world, data)
    assert client.post(preview.location, data={}).status_code == 303
    assert len(read(app, select(BankLine))) == 3


def line_in(app, world, amount="10000.00", **facts):
    with app.app_context(), transaction() as session:
        account = session.scalars(select(ReceivingAccount).where(ReceivingAccount.ref == world["account"])).one()
        statement = import_lines(session, account, came(amount, **facts))
        return session.scalars(select(BankLine.ref).where(BankLine.statement_id == statement.id)).one()


def pledge_of(app, world):
    return read(app, select(Pledge).where(Pledge.ref == world["pledge"]))[0]


def test_a_line_is_identified_by_an_offer_and_taken_back_with_a_reason(app, client, world):
    ref = line_in(app, world)
    sign_in(client, world["who"])
    shown = client.get(f"/money/lines/{ref}").text
    assert "只有金额相符" in shown
    assert client.post(f"/money/lines/{ref}/identify", data={"pledge": world["pledge"]}).status_code == 303
    assert pledge_of(app, world).paid == Money.yuan(10_000)
    shown = client.get(f"/money/lines/{ref}").text
    assert "人工认领" in shown
    assert "方会计" in shown
    part = read(app, select(BankLine).where(BankLine.ref == ref))[0]
    with app.app_context():
        part = db.session.scalars(select(BankLine).where(BankLine.ref == ref)).one().parts[0].ref
    assert client.post(f"/money/lines/{ref}/undo/{part}", data={"reason": ""}).status_code == 422
    assert client.post(f"/money/lines/{ref}/undo/{part}", data={"reason": "认错了"}).status_code == 303
    assert pledge_of(app, world).paid == Money(0)
    assert "认错了" in client.get(f"/money/lines/{ref}").text


@pytest.mark.parametrize(("amount", "words"), [
    ("0", "大于零"), ("-5", "不是金额"), ("0.001", "小于一分"), ("1e30", "不是金额"), ("2万", "到账")])
def test_an_amount_that_cannot_be_is_refused_and_the_form_stays_filled(app, client, world, amount, words):
    ref = line_in(app, world, "30000.00")
    sign_in(client, world["who"])
    refused = client.post(f"/money/lines/{ref}/code", data={"code": shown_code(world["code"]), "amount": amount})
    assert refused.status_code in (409, 422)
    assert words in refused.text
    assert f'value="{amount}"' in refused.text


def test_a_full_width_amount_and_a_code_in_any_writing_are_taken(app, client, world):
    ref = line_in(app, world)
    sign_in(client, world["who"])
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in world["code"].lower())
    assert client.post(f"/money/lines/{ref}/code", data={"code": wide, "amount": "１，０００"}).status_code == 303
    assert pledge_of(app, world).paid == Money.yuan(1_000)
    refused = client.post(f"/money/lines/{ref}/code", data={"code": "ABC-DEF-GHH", "amount": ""})
    assert refused.status_code == 422
    assert "抄错了一个字符" in refused.text


def test_a_name_that_is_almost_right_is_shown_with_its_difference_marked(app, client, world):
    with app.app_context():
        name = db.session.scalars(select(Pledge).where(Pledge.ref == world["pledge"])).one().funder.organization.name
    ref = line_in(app, world, name=name.replace("晨光", "晨兄"))
    sign_in(client, world["who"])
    shown = client.get(f"/money/lines/{ref}").text
    assert "金额相符，付款人名称相近" in shown
    assert "<mark>兄</mark>" in shown


def test_a_line_is_split_by_the_sums_typed(app, client, world):
    with app.app_context(), transaction() as session:
        one = session.scalars(select(Pledge).where(Pledge.ref == world["pledge"])).one()
        other = operations.promise(session, actor=operator_of_system(), funder=one.funder, project=one.project,
                                   receiver=one.receiver, amount=Money.yuan(500), client_key="second", now=NOW).ref
    ref = line_in(app, world, "1000.00")
    sign_in(client, world["who"])
    assert f"amount-{other}" in client.get(f"/money/lines/{ref}").text
    both = {f"amount-{world['pledge']}": "600", f"amount-{other}": "401"}
    refused = client.post(f"/money/lines/{ref}/split", data=both)
    assert refused.status_code == 422
    assert "合计超过" in refused.text
    assert 'value="401"' in refused.text
    assert client.post(f"/money/lines/{ref}/split", data={**both, f"amount-{other}": "400"}).status_code == 303
    assert pledge_of(app, world).paid == Money.yuan(600)


def operator_of_system():
    from marketplace.core.access import SYSTEM

    return SYSTEM


def test_an_order_is_prepared_approved_with_the_password_and_handed_out_without_formulas(app, client, world):
    ref = line_in(app, world, "66.00", name="+cmd|calc", account="6222000000001111")
    with app.app_context(), transaction() as session:
        second = make_person(session, name="复核人", role=Role.PROVIDER_MEMBER, organization_id=world["receiver"], now=utc_now())
        with_password(session, second, now=utc_now())
        second = second.id
    sign_in(client, world["who"])
    assert "+cmd" in client.get(f"/money/orders/new?account={world['account']}").text
    empty = client.post(f"/money/orders/new?account={world['account']}", data={})
    assert empty.status_code == 422
    made = client.post(f"/money/orders/new?account={world['account']}", data={"pay": f"return:{ref}"})
    assert made.status_code == 303
    assert client.get(f"{made.location}/file.csv").status_code == 403
    assert client.post(f"{made.location}/approve", data={"password": PASSWORD}).status_code == 403
    sign_in(client, second)
    wrong = client.post(f"{made.location}/approve", data={"password": "not the password"})
    assert wrong.status_code == 422
    assert "密码不对" in wrong.text
    assert client.post(f"{made.location}/approve", data={"password": PASSWORD}).status_code == 303
    text = client.get(f"{made.location}/file.csv").data.decode("utf-8-sig")
    assert ",'+cmd|calc," in text
    assert "合计,,,,66.00," in text
    assert client.get(f"{made.location}/file.xlsx").data[:2] == b"PK"
    (order,) = read(app, select(PaymentOrder))
    assert (order.state, order.approved_by) == ("approved", second)
    assert client.get("/money/orders").text.count(order.number) == 1
    listed = client.get("/money/orders/export.csv").data.decode("utf-8-sig")
    assert f"{order.number},已复核,1,'+cmd|calc" in listed


def test_what_the_bank_refused_is_taken_off_the_order_and_a_waiting_order_is_cancelled(app, client, world):
    ref = line_in(app, world, "66.00", name="路人", account="6222000000001111")
    with app.app_context(), transaction() as session:
        account = session.scalars(select(ReceivingAccount).where(ReceivingAccount.ref == world["account"])).one()
        who = type("World", (), {"receiver": account.organization})
        order = operations.prepare_order(session, actor=keeper(session, who), account=account, now=NOW,
                                         subjects=[(PaymentKind.RETURN, ref)])
        operations.approve_order(session, actor=keeper(session, who), order=order, now=NOW)
        address, payment = f"/money/orders/{order.ref}", order.lines[0].ref
    sign_in(client, world["who"])
    assert client.post(f"{address}/drop/{payment}", data={"reason": ""}).status_code == 422
    assert client.post(f"{address}/drop/{payment}", data={"reason": "银行退票"}).status_code == 303
    again = client.post(f"/money/orders/new?account={world['account']}", data={"pay": f"return:{ref}"})
    assert client.post(f"{again.location}/cancel").status_code == 303
    assert client.post(f"{again.location}/cancel").status_code in (403, 409)


def test_a_receipt_is_recorded_once_for_held_money_and_voided_with_a_reason(app, client, world):
    sign_in(client, world["who"])
    address = f"/money/receipts/new/pledge/{world['pledge']}"
    assert client.get(address).status_code == 404
    with app.app_context(), transaction() as session:
        pledge = session.scalars(select(Pledge).where(Pledge.ref == world["pledge"])).one()
        held(session, type("World", (), {"suspense": f"suspense:{world['account']}"}), pledge)
    facts = {"number": "00012345", "amount": "6000", "issued_on": NOW.date().isoformat(), "code": "4401"}
    over = client.post(address, data={**facts, "amount": "1.1万"})
    assert over.status_code == 422
    assert "最多还能开 10,000.00" in over.text
    for wrong in ("0", "-1", "0.001", "1e30"):
        assert client.post(address, data={**facts, "amount": wrong}).status_code == 422
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("marketplace.funding.views.receipts.utc_now", lambda: NOW)
        assert client.post(address, data=facts).status_code == 303
    (receipt,) = read(app, select(Receipt))
    assert "4,000.00" in client.get("/money/receipts").text
    assert client.post(f"/money/receipts/{receipt.ref}/void", data={"reason": ""}).status_code == 422
    assert client.post(f"/money/receipts/{receipt.ref}/void", data={"reason": "抬头写错"}).status_code == 303
    shown = client.get("/money/receipts").text
    assert "抬头写错" in shown
    assert "00012345" in client.get("/money/receipts/export.csv").data.decode("utf-8-sig")


def test_an_old_gift_without_a_receipt_is_due_behind_many_with_one(app, client, world):
    with app.app_context(), transaction() as session:
        pledge = session.scalars(select(Pledge).where(Pledge.ref == world["pledge"])).one()
        account = type("World", (), {"suspense": f"suspense:{world['account']}"})
        held(session, account, pledge)
        here = type("World", (), {"project": pledge.project, "receiver": pledge.receiver, "account": pledge.account})
        for number in range(3):
            other = held(session, account, make_pledge(session, here, funder=pledge.funder))
            session.add(Receipt(kind="donation", issuer_id=world["receiver"], number=f"{number}", subject_kind="pledge",
                                subject_ref=other.ref, payer_name="甲", amount=other.amount, issued_on=NOW.date(),
                                recorded_at=NOW))
    sign_in(client, world["who"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("marketplace.funding.views.receipts.MOST_LISTED", 2)
        assert world["pledge"] in client.get("/money/receipts").text
        assert client.get(f"/money/receipts/new/pledge/{world['pledge']}").status_code == 200
        assert client.get(f"/money/receipts/new/release/{world['pledge']}").status_code == 404


def test_lists_are_handed_out_as_spreadsheets(app, client, world):
    line_in(app, world, purpose="+公式")
    sign_in(client, world["who"])
    text = client.get("/money/suspense/export.csv?state=suspense").data.decode("utf-8-sig")
    assert "10000.00" in text
    assert "'+公式" in text
    assert client.get("/money/suspense/export.xlsx").data[:2] == b"PK"


def test_strangers_see_nothing_of_an_account_a_line_or_an_order(app, client, world):
    ref = line_in(app, world)
    with app.app_context(), transaction() as session:
        stranger = make_person(session, role=Role.FUNDER, organization_id=make_account(session).organization_id).id
    sign_in(client, stranger)
    for address in (f"/money/accounts/{world['account']}", f"/money/lines/{ref}", f"/money/accounts/{world['account']}/proof",
                    f"/money/accounts/{world['account']}/statements/new"):
        assert client.get(address).status_code == 404, address
    assert client.post(f"/money/lines/{ref}/identify", data={"pledge": world["pledge"]}).status_code == 404
    assert "10,000.00" not in client.get("/money/suspense").text


def lines_of(app, world, *rows):
    """Import lines and return their references in order."""
    with app.app_context(), transaction() as session:
        account = session.scalars(select(ReceivingAccount).where(ReceivingAccount.ref == world["account"])).one()
        statement = import_lines(session, account, *rows)
        return list(session.scalars(select(BankLine.ref).where(BankLine.statement_id == statement.id).order_by(BankLine.id)))


def test_a_line_that_went_out_is_a_payment_or_a_charge_of_the_bank(app, client, world):
    mine, paid_, charge = lines_of(app, world, came("66.00", name="路人", account="6222000000001111"),
                                   went("66.00", name="路人"), went("15.00", name="某银行"))
    with app.app_context(), transaction() as session:
        account = session.scalars(select(ReceivingAccount).where(ReceivingAccount.ref == world["account"])).one()
        who = type("World", (), {"receiver": account.organization})
        order = operations.prepare_order(session, actor=keeper(session, who), account=account, now=NOW,
                                         subjects=[(PaymentKind.RETURN, mine)])
        operations.approve_order(session, actor=keeper(session, who), order=order, now=NOW)
        payment = order.lines[0].ref
    sign_in(client, world["who"])
    assert payment in client.get(f"/money/lines/{paid_}").text
    assert client.post(f"/money/lines/{charge}/payment", data={"payment": payment}).status_code == 422
    assert client.post(f"/money/lines/{paid_}/payment", data={"payment": payment}).status_code == 303
    assert client.post(f"/money/lines/{charge}/fee").status_code == 303
    assert {line.ref: line.state for line in read(app, select(BankLine))} == {
        mine: "returned", paid_: "matched", charge: "matched"}
    assert client.post(f"/money/lines/{charge}/fee").status_code == 403


def test_money_that_a_provider_returned_is_held_again(app, client, world):
    with app.app_context(), transaction() as session:
        pledge = session.scalars(select(Pledge).where(Pledge.ref == world["pledge"])).one()
        scene = type("World", (), {"suspense": f"suspense:{world['account']}"})
        held(session, scene, pledge)
        made = make_organization(session, legal_representative="邓林", contact_phone="13700007777")
        release = operations.propose_release(
            session, actor=operator_of_system(), pledge=pledge, milestone=1, amount=Money.yuan(4_000), payee=made,
            evidence="首付条件已满足", now=NOW)
        officer_ = make_person(session, role=Role.FUNDER, organization_id=pledge.funder.organization_id)
        operations.confirm_release(session, actor=actor_of(session, officer_), release=release, now=NOW)
        operations.disburse(session, actor=operator_of_system(), release=release, now=NOW, idem_key="d",
                            from_account=scene.suspense)
    (ref,) = lines_of(app, world, came("1500.00", name="承接方"))
    sign_in(client, world["who"])
    code = shown_code(world["code"])
    refused = client.post(f"/money/lines/{ref}/unspent", data={"code": code, "amount": "1600"})
    assert refused.status_code == 422
    assert "只剩 1,500.00" in refused.text
    assert client.post(f"/money/lines/{ref}/unspent", data={"code": code, "amount": ""}).status_code == 303
    pledge = pledge_of(app, world)
    assert (pledge.disbursed, pledge.held) == (Money.yuan(2_500), Money.yuan(7_500))


def test_the_desk_tries_again_to_identify_and_says_what_came_of_it(app, client, world):
    sign_in(client, world["who"])
    assert "没有能自动认领的" in client.post("/money/suspense/match", follow_redirects=True).text
    line_in(app, world, purpose=world["code"])
    assert "自动认领了 1 笔" in client.post("/money/suspense/match", follow_redirects=True).text
    assert pledge_of(app, world).paid == Money.yuan(10_000)


def test_a_proof_is_replaced_while_it_waits_and_an_account_is_closed(app, client, world):
    with app.app_context(), transaction() as session:
        account = session.scalars(select(ReceivingAccount).where(ReceivingAccount.ref == world["account"])).one()
        waiting = make_account(session, account.organization, is_verified=False).ref
    sign_in(client, world["who"])
    address = f"/money/accounts/{waiting}"
    assert client.post(f"{address}/proof", data={}).status_code == 422
    assert client.post(f"{address}/proof", data={"proof": (io.BytesIO(b"MZ"), "a.exe")}).status_code == 422
    assert client.post(f"{address}/proof", data={"proof": (io.BytesIO(PNG), "新证明.png")}).status_code == 303
    assert client.get(f"{address}/proof").status_code == 404       # not checked for viruses yet
    assert client.post(f"{address}/close").status_code == 303
    assert "已停用" in client.get(address).text
    assert client.get("/money").status_code == 302
