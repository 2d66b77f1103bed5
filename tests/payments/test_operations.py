"""Accounts, imports, parts of lines, orders and receipts, with their postings."""

import pytest
from sqlalchemy import func, select

from marketplace.core.access import Role
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.money import Money
from marketplace.ledger.models import Journal
from marketplace.ledger.queries import balance
from marketplace.ledger.rules import AccountKind, account
from marketplace.organizations.rules import OrganizationKind
from marketplace.payments import operations, queries
from marketplace.payments.models import BankLine
from marketplace.payments.rules.lines import MatchedBy, SubjectKind
from marketplace.payments.rules.orders import Payment, PaymentKind
from marketplace.payments.rules.receipts import ReceiptFacts, ReceiptKind
from tests.factories import NOW
from tests.factories.organizations import make_organization
from tests.factories.payments import (
    came,
    debit_credit,
    import_lines,
    make_account,
    make_operator,
    make_proof,
    make_treasurer,
    went,
)

DAY = NOW.date()


def add(session, body, actor, **facts):
    return operations.add_account(session, actor=actor, organization=body, now=NOW,
                                  **{"bank_name": "澜川农商银行桐浦支行", "number": "6210 0000 0001", **facts})


def test_an_account_is_added_by_its_own_people_with_digits_only_and_once(session):
    body = make_organization(session)
    actor = make_treasurer(session, body)
    made = add(session, body, actor, number="６２１０ 0000-0001")
    assert (made.number, made.holder, made.verified_at) == ("621000000001", body.name, None)
    with pytest.raises(Invalid, match="已经登记过"):
        add(session, body, actor)
    with pytest.raises(Denied):
        add(session, body, make_treasurer(session, make_organization(session)), number="62100000000099")


@pytest.mark.parametrize(("facts", "words"), [
    ({"number": "62A0000000001"}, "不是银行账号"), ({"number": "12345"}, "8 到 32 位"), ({"holder": "林晓"}, "不一致"),
    ({"bank_name": "  "}, "开户银行"),
])
def test_an_account_that_cannot_be_the_bodys_is_refused(session, facts, words):
    body = make_organization(session)
    with pytest.raises(Invalid, match=words):
        add(session, body, make_treasurer(session, body), **facts)


def test_the_holder_may_differ_in_width_and_brackets_only(session):
    body = make_organization(session, name="澜川（桐浦）社区基金会", kind=OrganizationKind.FOUNDATION)
    made = add(session, body, make_treasurer(session, body), holder="澜川(桐浦)社区基金会 ")
    assert made.holder == "澜川(桐浦)社区基金会"


def test_an_operator_verifies_an_account_with_proof_of_a_verified_body_once(session):
    body = make_organization(session)
    actor, operator = make_treasurer(session, body), make_operator(session)
    made = add(session, body, actor)
    with pytest.raises(Denied, match="开户证明"):
        operations.verify_account(session, actor=operator, account=made, now=NOW)
    operations.attach_proof(session, actor=actor, account=made, proof_file=make_proof(session, body), now=NOW)
    with pytest.raises(Denied, match="平台管理员"):
        operations.verify_account(session, actor=actor, account=made, now=NOW)
    operations.verify_account(session, actor=operator, account=made, now=NOW)
    assert (made.verified_at, made.verified_by) == (NOW, operator.person_id)
    with pytest.raises(Denied, match="已经核验"):
        operations.verify_account(session, actor=operator, account=made, now=NOW)


def test_an_account_of_an_unverified_body_is_not_verified(session):
    body = make_organization(session, is_verified=False)
    made = add(session, body, make_treasurer(session, body), proof_file=make_proof(session, body))
    with pytest.raises(Conflict, match="还没有通过核验"):
        operations.verify_account(session, actor=make_operator(session), account=made, now=NOW)


def codes(made):
    return {kind: account(kind, made.ref) for kind in (AccountKind.CASH_BANK, AccountKind.SUSPENSE, AccountKind.FEE)}


def test_each_line_of_a_statement_is_posted_once_and_waits_in_suspense(session):
    made = make_account(session)
    statement = import_lines(session, made, came("1000.00"), went("200.00", name="某某"))
    assert (statement.lines_new, statement.lines_known, statement.opening, statement.closing) == (
        2, 0, Money.yuan(10_000), Money.yuan(10_800))
    ledger = codes(made)
    assert balance(session, ledger[AccountKind.SUSPENSE]) == Money.yuan(800)
    assert balance(session, ledger[AccountKind.CASH_BANK]) == Money.yuan(-800)
    lines = session.scalars(select(BankLine).order_by(BankLine.id)).all()
    keys = set(session.scalars(select(Journal.idem_key)))
    assert {f"bank-line:{line.ref}" for line in lines} <= keys
    assert [line.state for line in lines] == ["suspense", "suspense"]


def test_a_fee_in_a_column_of_its_own_is_posted_apart_and_the_gross_sum_counts(session):
    from pathlib import Path

    from marketplace.integrations.workbooks import CalamineReader

    made = make_account(session, number="6210000000")
    data = (Path(__file__).parents[1] / "data" / "statements" / "marked-gbk.csv").read_bytes()
    operations.import_statement(session, actor=make_treasurer(session, made.organization), account=made, name="a.csv",
                                data=data, tables=CalamineReader().read(data, filename="a.csv"), mapping="auto", now=NOW)
    ledger = codes(made)
    assert balance(session, ledger[AccountKind.FEE]) == Money.yuan(-10)
    assert balance(session, ledger[AccountKind.SUSPENSE]) == Money.yuan(11_000 + 8_000 - 1_000)
    assert balance(session, ledger[AccountKind.CASH_BANK]) == Money.yuan(-(27_990 - 10_000))


def test_the_same_file_again_and_a_statement_without_new_lines_change_nothing(session):
    made = make_account(session)
    line = came("1000.00")
    import_lines(session, made, line)
    tables = debit_credit([line])
    for data, words in ((repr((line,)).encode(), "已经导入过"), (b"saved again", "每一笔都已经导入过")):
        with pytest.raises(Conflict, match=words):
            operations.import_statement(session, actor=make_treasurer(session, made.organization), account=made,
                                        name="b.csv", data=data, tables=tables, mapping="auto", now=NOW)
    assert session.scalar(select(func.count()).select_from(BankLine)) == 1


def test_overlapping_statements_take_each_line_once(session):
    made = make_account(session)
    lines = [came("100.00"), came("200.00"), came("300.00")]
    import_lines(session, made, *lines[:2])
    both = operations.import_statement(
        session, actor=make_treasurer(session, made.organization), account=made, name="b.csv", data=b"b",
        tables=debit_credit(lines), mapping="auto", now=NOW)
    assert (both.lines_new, both.lines_known) == (1, 2)
    assert balance(session, codes(made)[AccountKind.SUSPENSE]) == Money.yuan(600)


def test_equal_lines_of_a_layout_without_serials_are_counted_and_taken_once_over_two_files(session):
    from tests.factories.payments import sheet

    made = make_account(session)
    head, line = ["日期", "收支金额", "说明"], ["2026-11-20", "30.00", "捐款"]
    who = make_treasurer(session, made.organization)
    for data, rows, new in ((b"1", [line, line], 2), (b"2", [line, line, ["2026-11-21", "5.00", "捐款"]], 1)):
        found = operations.import_statement(session, actor=who, account=made, name="a.csv", data=data,
                                            tables=sheet([head, *rows]), mapping="signed", now=NOW)
        assert found.lines_new == new
    assert balance(session, codes(made)[AccountKind.SUSPENSE]) == Money(6_500)


def test_the_same_days_in_another_layout_are_not_booked_twice(session):
    from tests.factories.payments import sheet

    made = make_account(session)
    who = make_treasurer(session, made.organization)
    import_lines(session, made, came("30.00", purpose="捐款"), went("5.00"))

    def taken(*rows):
        return operations.import_statement(session, actor=who, account=made, name="a.csv", data=repr(rows).encode(),
                                           tables=sheet([["日期", "收支金额", "说明"], *rows]), mapping="signed", now=NOW)

    with pytest.raises(Conflict, match="另一种版式"):
        taken(["2026-11-20", "30.00", "捐款"], ["2026-11-20", "-5.00", "x"])
    assert taken(["2026-11-21", "30.00", "捐款"]).lines_new == 1
    assert balance(session, codes(made)[AccountKind.SUSPENSE]) == Money(5_500)


def test_a_known_serial_with_another_sum_is_not_taken_silently(session):
    made = make_account(session)
    import_lines(session, made, came("100.00", serial="S1"))
    with pytest.raises(Conflict, match="S1"):
        import_lines(session, made, came("100.01", serial="S1"), came("5.00"))


def test_a_statement_with_a_bad_row_or_a_missing_one_is_not_taken_unless_the_gap_is_confirmed(session):
    made = make_account(session)
    with pytest.raises(Invalid, match="第 4 行 D 列"):
        import_lines(session, made, came("1.2万"))
    gap = (came("100.00"), (*came("50.00"), "10200.00"))
    with pytest.raises(Invalid, match="余额接不上"):
        import_lines(session, made, *gap)
    assert session.scalar(select(func.count()).select_from(BankLine)) == 0
    assert import_lines(session, made, *gap, gaps_known=True).has_gaps


def test_a_statement_that_does_not_follow_the_one_before_must_be_confirmed(session):
    made = make_account(session)
    who = make_treasurer(session, made.organization)
    import_lines(session, made, came("100.00", day="2026-11-18"))
    later = {"account": made, "name": "b.csv", "data": b"b", "mapping": "auto", "now": NOW,
             "tables": debit_credit([came("5.00", day="2026-11-20")], opening="10150.00")}
    with pytest.raises(Invalid, match="余额接不上"):
        operations.import_statement(session, actor=who, **later)
    found = operations.check_statement(session, actor=who, **{k: v for k, v in later.items() if k != "name"})
    assert found.gap.difference == Money.yuan(50)


def test_a_statement_of_another_account_is_refused(session):
    made = make_account(session)
    with pytest.raises(Invalid, match="请选对账户"):
        operations.check_statement(session, actor=make_treasurer(session, made.organization), account=made, data=b"x",
                                   tables=debit_credit([came("1.00")], number="999988887777"), mapping="auto", now=NOW)


def test_nothing_is_imported_into_an_account_that_nobody_verified_or_by_strangers(session):
    made = make_account(session, is_verified=False)
    with pytest.raises(Denied, match="还没有核验"):
        import_lines(session, made, came("1.00"), actor=make_treasurer(session, made.organization))
    other = make_account(session)
    with pytest.raises(Denied) as caught:
        import_lines(session, other, came("1.00"), actor=make_treasurer(session, make_organization(session)))
    assert caught.value.hidden


def one_line(session, *lines):
    made = make_account(session)
    import_lines(session, made, *lines)
    return made, session.scalars(select(BankLine).where(BankLine.account_id == made.id).order_by(BankLine.id)).first()


def settle(session, made, line, fen, ref="p1", **options):
    return operations.settle_line(
        session, actor=make_treasurer(session, made.organization), line=line, amount=Money(fen),
        subject=(SubjectKind.PLEDGE, ref), matched_by=MatchedBy.PERSON, now=NOW, **options)


def test_parts_of_a_line_never_exceed_it(session):
    made, line = one_line(session, came("100.00"))
    settle(session, made, line, 6_000)
    assert (line.state, line.rest, line.subject_kind) == ("suspense", Money(4_000), "")
    with pytest.raises(Conflict, match="剩下的不够"):
        settle(session, made, line, 4_001)
    settle(session, made, line, 4_000, "p2")
    assert (line.state, line.subject_kind, line.rest) == ("matched", "parts", Money(0))
    with pytest.raises(Denied, match="全部认领"):
        settle(session, made, line, 1)


def test_a_part_taken_back_stays_with_its_reason_and_cannot_be_taken_back_twice(session):
    made, line = one_line(session, came("100.00"))
    part = settle(session, made, line, 10_000)
    assert (line.subject_kind, line.subject_ref) == ("pledge", "p1")
    who = make_treasurer(session, made.organization)
    with pytest.raises(Invalid, match="原因"):
        operations.unsettle_part(session, actor=who, part=part, reason="  ", now=NOW)
    operations.unsettle_part(session, actor=who, part=part, reason="记错了", now=NOW)
    assert (line.state, line.settled, line.subject_kind) == ("suspense", Money(0), "")
    assert (part.undone_by, part.undo_reason) == (who.person_id, "记错了")
    with pytest.raises(Conflict, match="撤销过"):
        operations.unsettle_part(session, actor=who, part=part, reason="又来", now=NOW)


def test_a_charge_of_the_bank_moves_from_suspense_to_fees(session):
    made, line = one_line(session, went("15.00", purpose="账户管理费"))
    operations.book_fee(session, actor=make_treasurer(session, made.organization), line=line,
                        matched_by=MatchedBy.PERSON, now=NOW)
    assert (balance(session, codes(made)[AccountKind.FEE]), balance(session, codes(made)[AccountKind.SUSPENSE])) == (
        Money.yuan(-15), Money(0))


def pay(line, **facts):
    return Payment(**{"subject": (PaymentKind.RETURN, line.ref), "payee_name": "王女士", "payee_bank": "",
                      "payee_account": "6240001111", "amount": line.rest, "purpose": "退回", **facts})


def ordered(session):
    made, line = one_line(session, came("100.00", name="王女士", account="6240001111"))
    preparer, approver = make_treasurer(session, made.organization), make_treasurer(session, made.organization, name="第二人")
    order = operations.prepare_order(session, actor=preparer, account=made, payments=[pay(line)], now=NOW)
    return made, line, order, preparer, approver


def test_an_order_is_numbered_totalled_and_approved_by_another_person(session):
    _, line, order, preparer, approver = ordered(session)
    assert (order.number, order.total, order.state, line.state) == ("FK-2026-0001", Money.yuan(100), "prepared", "returning")
    assert order.lines[0].purpose == "FK20260001-1 退回"
    with pytest.raises(Denied, match="另一人复核"):
        operations.approve_order(session, actor=preparer, order=order, now=NOW)
    operations.approve_order(session, actor=approver, order=order, now=NOW)
    assert (order.state, order.approved_by) == ("approved", approver.person_id)
    with pytest.raises(Denied, match="已经复核"):
        operations.approve_order(session, actor=approver, order=order, now=NOW)
    with pytest.raises(Denied, match="还没复核"):
        operations.cancel_order(session, actor=approver, order=order, now=NOW)


def test_the_database_refuses_one_person_for_both_steps_and_a_thing_on_two_live_orders(session):
    from sqlalchemy import insert, update
    from sqlalchemy.exc import IntegrityError

    from marketplace.payments.models import PaymentOrder, PaymentOrderLine

    _, line, order, preparer, _ = ordered(session)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(update(PaymentOrder).values(approved_by=preparer.person_id, approved_at=NOW, state="approved"))
    second = {"order_id": order.id, "position": 2, "subject_kind": "return", "subject_ref": line.ref, "payee_name": "王",
              "payee_account": "6240001111", "amount": Money(1), "purpose": ""}
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(insert(PaymentOrderLine), second)


def test_a_cancelled_order_frees_what_stood_on_it(session):
    made, line, order, preparer, _ = ordered(session)
    with pytest.raises(Conflict):
        operations.prepare_order(session, actor=preparer, account=made, payments=[pay(line)], now=NOW)
    operations.cancel_order(session, actor=preparer, order=order, now=NOW)
    assert (order.state, order.lines[0].state, line.state) == ("cancelled", "cancelled", "suspense")
    assert operations.prepare_order(session, actor=preparer, account=made, payments=[pay(line)], now=NOW).number != order.number


def test_a_payment_that_the_bank_refused_is_dropped_with_a_reason(session):
    _, line, order, preparer, approver = ordered(session)
    with pytest.raises(Conflict, match="整张作废"):
        operations.drop_payment(session, actor=preparer, line=order.lines[0], reason="退票", now=NOW)
    operations.approve_order(session, actor=approver, order=order, now=NOW)
    with pytest.raises(Invalid, match="没有付出去"):
        operations.drop_payment(session, actor=preparer, line=order.lines[0], reason=" ", now=NOW)
    operations.drop_payment(session, actor=preparer, line=order.lines[0], reason="账号户名不符，银行退票", now=NOW)
    assert (order.lines[0].state, line.state) == ("cancelled", "suspense")
    with pytest.raises(Conflict, match="已经付出或取消"):
        operations.mark_paid(session, line=order.lines[0], paid_on=DAY)


def test_a_payee_without_account_or_name_is_never_on_an_order(session):
    made, line = one_line(session, came("100.00"))
    who = make_treasurer(session, made.organization)
    for facts, words in (({"payee_account": ""}, "没有收款账号"), ({"payee_name": " "}, "没有收款户名"),
                         ({"payee_account": "abc"}, "不是银行账号")):
        with pytest.raises(Invalid, match=words):
            operations.prepare_order(session, actor=who, account=made, payments=[pay(line, **facts)], now=NOW)
    with pytest.raises(Invalid, match="1 到 500"):
        operations.prepare_order(session, actor=who, account=made, payments=[], now=NOW)


SIXTY, HUNDRED = Money.yuan(60), Money.yuan(100)


def keep(session, body, *, number="00012345", amount=SIXTY, limit=HUNDRED, **facts):
    return operations.keep_receipt(
        session, actor=make_treasurer(session, body), issuer=body, subject=("pledge", facts.get("pledge", "p1")), payer_name="甲公司", limit=limit,
        now=NOW, facts=ReceiptFacts(ReceiptKind.DONATION, number, amount, facts.get("issued_on", DAY), facts.get("code", "")))


def test_receipts_stay_within_what_was_received(session):
    body = make_organization(session)
    keep(session, body)
    with pytest.raises(Invalid, match=r"最多还能开 40\.00 元"):
        keep(session, body, number="00012346", amount=Money(4_001))
    keep(session, body, number="00012346", amount=Money.yuan(40))
    with pytest.raises(Invalid, match="大于零"):
        keep(session, body, number="00012347", amount=Money(0))
    with pytest.raises(Invalid, match=r"0\.00 元"):
        keep(session, make_organization(session), limit=Money(0))


def test_a_number_is_kept_once_an_issuer_even_when_void_and_a_void_one_frees_its_sum(session):
    body = make_organization(session)
    first = keep(session, body, number="０００１-2345")
    assert first.number == "00012345"
    with pytest.raises(Conflict, match="登记过"):
        keep(session, body, amount=Money.yuan(1))
    who = make_treasurer(session, body)
    with pytest.raises(Invalid, match="作废原因"):
        operations.void_receipt(session, actor=who, receipt=first, reason="", now=NOW)
    operations.void_receipt(session, actor=who, receipt=first, reason="抬头写错", now=NOW)
    with pytest.raises(Conflict, match="已经作废"):
        operations.void_receipt(session, actor=who, receipt=first, reason="抬头写错", now=NOW)
    with pytest.raises(Conflict, match="登记过"):
        keep(session, body, amount=Money.yuan(1))
    assert keep(session, body, number="00012346", amount=Money.yuan(100)).amount == Money.yuan(100)
    assert keep(session, make_organization(session), pledge="p2").number == "00012345"


@pytest.mark.parametrize(("facts", "words"), [
    ({"number": ""}, "票据号码"), ({"number": "号123"}, "不是票据"), ({"number": "1" * 31}, "不是票据"),
    ({"issued_on": DAY.replace(day=24)}, "晚于今天")])
def test_a_receipt_with_a_number_or_day_that_is_none_is_refused(session, facts, words):
    with pytest.raises(Invalid, match=words):
        keep(session, make_organization(session), **facts)


def test_others_neither_keep_receipts_nor_see_lines(session):
    body = make_organization(session)
    stranger = make_treasurer(session, make_organization(session))
    with pytest.raises(Denied):
        operations.keep_receipt(session, actor=stranger, issuer=body, subject=("pledge", "p"), payer_name="", now=NOW,
                                limit=Money(1), facts=ReceiptFacts(ReceiptKind.DONATION, "1", Money(1), DAY))
    _, line = one_line(session, came("100.00"))
    for who in (stranger, make_treasurer(session, line.account.organization, role=Role.FUNDER)):
        if who is stranger:
            with pytest.raises(Denied):
                queries.line_by_ref(session, line.ref, actor=who)
        else:
            assert queries.line_by_ref(session, line.ref, actor=who) is line


def test_an_account_that_is_closed_receives_pays_and_is_verified_no_more(session):
    made = make_account(session)
    who = make_treasurer(session, made.organization)
    operations.close_account(session, actor=who, account=made, now=NOW)
    with pytest.raises(Denied, match="停用"):
        import_lines(session, made, came("1.00"), actor=who)
    with pytest.raises(Denied, match="停用"):
        operations.verify_account(session, actor=make_operator(session), account=made, now=NOW)
    with pytest.raises(Conflict, match="停用"):
        operations.close_account(session, actor=who, account=made, now=NOW)
    with pytest.raises(Conflict, match="不能再换"):
        operations.attach_proof(session, actor=who, account=made, proof_file=make_proof(session, made.organization), now=NOW)


def test_only_what_went_out_is_a_charge_and_a_line_on_its_way_back_is_not_taken_apart(session):
    made, line = one_line(session, came("100.00", name="王女士", account="6240001111"))
    who = make_treasurer(session, made.organization)
    with pytest.raises(Invalid, match="只有支出"):
        operations.book_fee(session, actor=who, line=line, matched_by=MatchedBy.PERSON, now=NOW)
    with pytest.raises(Invalid, match="大于零"):
        settle(session, made, line, 0)
    part = settle(session, made, line, 1_000)
    operations.prepare_order(session, actor=who, account=made, payments=[pay(line)], now=NOW)
    with pytest.raises(Conflict, match="正在退回"), session.begin_nested():
        operations.unsettle_part(session, actor=who, part=part, reason="记错", now=NOW)
