"""Whose bank lines are: by code, by sum and payer, what is only offered, and what a person decides."""

import pytest
from sqlalchemy import select

from marketplace.core.access import SYSTEM
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.funding import operations
from marketplace.funding.rules.lines import (
    Came,
    Due,
    Reason,
    judge,
    marked,
    near_codes_in,
    near_name,
    spread,
)
from marketplace.funding.rules.pledges import ALPHABET, codes_in, new_code, shown_code
from marketplace.ledger.queries import balance
from marketplace.payments import operations as payments
from marketplace.payments.models import BankLine
from marketplace.payments.rules.lines import MatchedBy
from marketplace.payments.rules.orders import PaymentKind
from marketplace.payments.rules.receipts import ReceiptFacts, ReceiptKind
from tests.factories import NOW
from tests.factories.funding import held, keeper, make_funder, make_pledge, make_world, released
from tests.factories.organizations import make_organization
from tests.factories.payments import came, import_lines, make_account, went

CODE = "KX39P2MT4"


def a_code():
    return new_code()


def due(code, open_=100_00, *names, **facts):
    return Due(facts.pop("ref", code), code, Money(open_), names or ("桐浦实业有限公司",), **facts)


def line(fen=100_00, name="", account="", purpose=""):
    return Came(Money(fen), name, account, purpose)


def decide(came_, *dues):
    return judge(came_, dues, codes_in(came_.purpose), near_codes_in(came_.purpose))


@pytest.mark.parametrize("write", [
    str, str.lower, shown_code, " ".join, lambda c: "认捐" + c + "谢谢",
    lambda c: "".join(chr(ord(x) + 0xFEE0) for x in c), lambda c: f"捐款 {c[:3]} {c[3:]}（一期）"])
def test_a_code_is_found_however_it_is_written(write):
    code = a_code()
    assert [t.ref for t in decide(line(purpose=write(code)), due(code)).taken] == [code]


def test_one_wrong_character_is_offered_and_never_taken():
    code = a_code()
    for at in range(len(code)):
        wrong = code[:at] + ("0" if at % 2 else ALPHABET[(ALPHABET.index(code[at]) + 7) % 31]) + code[at + 1:]
        verdict = decide(line(999, purpose=f"认捐{wrong}"), due(code))
        assert not verdict.taken
        assert [(o.ref, o.reason) for o in verdict.offers] == [(code, Reason.NEAR_CODE)], wrong


def test_a_near_code_stops_the_match_by_sum_and_payer():
    code, other = a_code(), a_code()
    wrong = ("2" if code[-1] != "2" else "3").join([code[:-1], ""])
    verdict = decide(line(name="甲公司", purpose=wrong), due(code, 100_00, "乙公司"), due(other, 100_00, "甲公司"))
    assert not verdict.taken
    assert {o.ref: o.reason for o in verdict.offers} == {code: Reason.NEAR_CODE, other: Reason.PAYER_AND_AMOUNT}


@pytest.mark.parametrize(("fen", "taken"), [(50_00, 50_00), (100_00, 100_00), (150_00, 100_00)])
def test_a_named_promise_takes_what_it_can(fen, taken):
    code = a_code()
    (part,) = decide(line(fen, purpose=code), due(code)).taken
    assert (part.amount, part.matched_by) == (Money(taken), MatchedBy.REFERENCE)


def test_two_codes_are_taken_only_when_their_sums_make_the_line():
    one, two = a_code(), a_code()
    dues = due(one, 60_00), due(two, 40_00)
    assert {(t.ref, t.amount.fen) for t in decide(line(purpose=f"{one}，{two}"), *dues).taken} == {(one, 6000), (two, 4000)}
    verdict = decide(line(90_00, purpose=f"{one}，{two}"), *dues)
    assert (verdict.taken, {o.reason for o in verdict.offers}) == ((), {Reason.CODE})


def test_a_verbal_or_paid_promise_named_by_its_code_is_not_taken():
    code = a_code()
    assert [o.reason for o in decide(line(purpose=code), due(code, is_verbal=True)).offers] == [Reason.CODE]
    verdict = decide(line(purpose=code), due(code, 0))
    assert (verdict.taken, list(verdict.offers)) == ((), [])


@pytest.mark.parametrize("facts", [
    {"name": "桐浦实业有限公司"}, {"name": "桐浦实业 有限公司"}, {"name": "某某", "account": "6222"}])
def test_the_exact_sum_of_a_known_payer_is_taken_when_one_promise_fits(facts):
    verdict = decide(line(**facts), due(a_code(), accounts=frozenset({"6222"})), due(a_code(), 99_00))
    assert [t.matched_by for t in verdict.taken] == [MatchedBy.AMOUNT_PAYER]
    two = decide(line(**facts), due(a_code(), accounts=frozenset({"6222"})), due(a_code(), accounts=frozenset({"6222"})))
    assert (two.taken, {o.reason for o in two.offers}) == ((), {Reason.PAYER_AND_AMOUNT})


def test_an_account_that_a_funder_only_tells_of_does_not_take_the_money_of_another():
    claims = due(a_code(), 100_00, "甲基金会", accounts=frozenset({"6222"}))
    payer = due(a_code(), 900_00, "乙公司")
    verdict = decide(line(name="乙公司", account="6222"), claims, payer)
    assert (verdict.taken, {offer.ref for offer in verdict.offers}) == ((), {claims.ref, payer.ref})
    assert decide(line(name="甲会财务专户", account="6222"), claims, payer).taken[0].ref == claims.ref


def test_an_instalment_counts_as_the_exact_sum():
    verdict = decide(line(30_00, name="桐浦实业有限公司"), due(a_code(), 100_00, instalments=(Money(3000), Money(7000))))
    assert [t.amount for t in verdict.taken] == [Money(3000)]


@pytest.mark.parametrize(("name", "fen", "reason"), [
    ("桐浦实业有限公司", 99_00, Reason.PAYER), ("桐埔实业有限公司", 100_00, Reason.NEAR_PAYER_AND_AMOUNT),
    ("桐浦实业有限公司桐浦分公司", 100_00, Reason.NEAR_PAYER_AND_AMOUNT), ("桐浦实业有限公", 99_00, Reason.NEAR_PAYER),
    ("无关的人", 100_00, Reason.AMOUNT)])
def test_what_is_almost_right_is_offered_with_its_reason(name, fen, reason):
    verdict = decide(line(fen, name=name), due(a_code()))
    assert not verdict.taken
    assert [o.reason for o in verdict.offers] == [reason]


def test_what_fits_in_nothing_is_not_offered():
    assert not decide(line(99_00, name="无关的人"), due(a_code())).offers


def test_a_name_is_compared_with_its_difference_marked():
    assert near_name("桐埔实业有限公司", ["别的公司", "桐浦实业有限公司"]) == "桐浦实业有限公司"
    assert near_name("林", ["林氏"]) == ""
    assert marked("桐埔实业", "桐浦实业") == [("桐", False), ("埔", True), ("实业", False)]


def test_a_sum_is_spread_over_promises_in_their_order():
    assert spread(Money(150), [Money(100), Money(30), Money(50)]) == [Money(100), Money(30), Money(20)]
    assert spread(Money(500), [Money(100)]) == [Money(100)]


# ---- in the books ----

def lines(session, world):
    return session.scalars(select(BankLine).where(BankLine.account_id == world.account.id).order_by(BankLine.id)).all()


def run(session, world, *rows, **facts):
    import_lines(session, world.account, *rows)
    return operations.match_lines(session, actor=keeper(session, world), account=world.account, now=NOW, **facts)


def test_a_line_with_the_code_pays_its_pledge_and_leaves_suspense(session):
    world = make_world(session)
    pledge = make_pledge(session, world)
    result = run(session, world, came("10000.00", purpose=f"认捐 {shown_code(pledge.code)}"))
    (one,) = lines(session, world)
    assert result.taken == [(one.ref, pledge.ref, Money.yuan(10_000))]
    assert (result.left, one.state, one.matched_by, one.subject_ref) == (0, "matched", "reference", pledge.ref)
    assert (pledge.open, pledge.paid) == (Money(0), Money.yuan(10_000))
    assert balance(session, world.suspense) == Money(0)
    assert balance(session, f"paid:{pledge.ref}") == Money.yuan(10_000)


def test_matching_again_does_nothing_more(session):
    world = make_world(session)
    pledge = make_pledge(session, world)
    run(session, world, came("4000.00", purpose=pledge.code), came("99.00"))
    again = operations.match_lines(session, actor=SYSTEM, account=world.account, now=NOW)
    assert (again.taken, again.left) == ([], 1)
    assert pledge.paid == Money.yuan(4_000)


def test_two_payments_and_more_than_promised_leave_the_rest_in_suspense(session):
    world = make_world(session)
    pledge = make_pledge(session, world)
    run(session, world, came("4000.00", purpose=pledge.code), came("7000.00", purpose=pledge.code))
    first, second = lines(session, world)
    assert (first.state, second.state, second.rest) == ("matched", "suspense", Money.yuan(1_000))
    assert (pledge.open, pledge.paid) == (Money(0), Money.yuan(10_000))
    assert balance(session, world.suspense) == Money.yuan(1_000)


def test_the_exact_sum_from_the_funders_own_name_is_taken(session):
    world = make_world(session)
    funder = make_funder(session)
    pledge = make_pledge(session, world, funder=funder)
    run(session, world, came("10000.00", name=funder.organization.name))
    assert (pledge.paid, lines(session, world)[0].matched_by) == (Money.yuan(10_000), "amount_payer")


def test_an_account_from_which_a_funder_paid_before_is_known(session):
    world = make_world(session)
    funder = make_funder(session)
    first = make_pledge(session, world, funder=funder)
    run(session, world, came("10000.00", account="6222333344445555", purpose=first.code))
    second = make_pledge(session, world, funder=funder, amount=Money.yuan(700))
    run(session, world, came("700.00", name="财务部", account="6222333344445555"))
    assert second.paid == Money.yuan(700)


def test_an_almost_right_name_waits_for_a_person(session):
    world = make_world(session)
    body = make_organization(session, name="桐浦社区慈善基金会", kind="foundation", legal_representative="何理事",
                             contact_phone="13911112222")
    pledge = make_pledge(session, world, funder=make_funder(session, organization=body))
    result = run(session, world, came("10000.00", name="桐埔社区慈善基金会"))
    (one,) = lines(session, world)
    assert (result.taken, result.left, pledge.paid) == ([], 1, Money(0))
    (offer,) = operations.judge_line(session, one).offers
    assert (offer.ref, offer.reason, offer.name) == (pledge.ref, Reason.NEAR_PAYER_AND_AMOUNT, "桐浦社区慈善基金会")
    who = keeper(session, world)
    part = operations.identify_line(session, actor=who, line=one, pledge=pledge, now=NOW)
    assert (part.matched_by, part.settled_by, part.settled_at) == ("person", who.person_id, NOW)
    assert pledge.paid == Money.yuan(10_000)


def test_a_verbal_promise_takes_no_money(session):
    world = make_world(session)
    pledge = make_pledge(session, world, is_verbal=True)
    assert run(session, world, came("10000.00", purpose=pledge.code)).taken == []
    with pytest.raises(IllegalStep, match="口头"):
        operations.identify_line(session, actor=keeper(session, world), line=lines(session, world)[0], pledge=pledge, now=NOW)


def test_a_pledge_to_another_body_is_not_paid_from_this_account(session):
    world, other = make_world(session), make_world(session)
    pledge = make_pledge(session, other)
    assert run(session, world, came("10000.00", purpose=pledge.code)).taken == []
    with pytest.raises(Invalid, match="接收方不是"):
        operations.identify_line(session, actor=keeper(session, world), line=lines(session, world)[0], pledge=pledge, now=NOW)


def test_a_line_is_split_over_several_pledges_all_or_nothing(session):
    world = make_world(session)
    funder = make_funder(session)
    pledges = [make_pledge(session, world, funder=funder, amount=Money.yuan(n)) for n in (600, 300, 500)]
    run(session, world, came("1000.00"))
    (one,) = lines(session, world)
    who = keeper(session, world)
    for parts, words in (([(pledges[0], Money.yuan(600)), (pledges[1], Money.yuan(401))], "合计超过"),
                         ([(pledges[1], Money.yuan(301))], "还没到账"), ([], "至少填一笔")):
        with pytest.raises(Invalid, match=words):
            operations.split_line(session, actor=who, line=one, parts=parts, now=NOW)
    assert one.settled == Money(0)
    operations.split_line(session, actor=who, line=one, now=NOW, parts=[
        (pledges[0], Money.yuan(600)), (pledges[1], Money.yuan(300)), (pledges[2], Money.yuan(100))])
    assert [p.paid for p in pledges] == [Money.yuan(600), Money.yuan(300), Money.yuan(100)]
    assert (one.state, one.subject_kind) == ("matched", "parts")


def test_an_identification_is_taken_back_by_a_reversal_until_it_is_confirmed(session):
    world = make_world(session)
    pledge = make_pledge(session, world)
    run(session, world, came("10000.00", purpose=pledge.code))
    (one,) = lines(session, world)
    who = keeper(session, world)
    operations.unmatch_part(session, actor=who, part=one.parts[0], reason="是另一家单位的", now=NOW)
    assert (pledge.open, pledge.paid, one.state) == (Money.yuan(10_000), Money(0), "suspense")
    assert balance(session, world.suspense) == Money.yuan(10_000)
    assert operations.match_lines(session, actor=who, account=world.account, now=NOW).taken == []
    part = operations.identify_line(session, actor=who, line=one, pledge=pledge, now=NOW)
    operations.confirm(session, actor=who, pledge=pledge, amount=Money.yuan(10_000), idem_key="c1", now=NOW)
    with pytest.raises(Conflict, match="先办理退回"):
        operations.unmatch_part(session, actor=who, part=part, reason="又错了", now=NOW)


def test_a_stranger_identifies_nothing(session):
    world = make_world(session)
    pledge = make_pledge(session, world)
    import_lines(session, world.account, came("10000.00"))
    with pytest.raises(Denied):
        operations.identify_line(session, actor=keeper(session, make_world(session)), line=lines(session, world)[0],
                                 pledge=pledge, now=NOW)


def payout(session, world, subjects):
    who = keeper(session, world)
    order = operations.prepare_order(session, actor=who, account=world.account, subjects=subjects, now=NOW)
    operations.approve_order(session, actor=keeper(session, world, name="复核人"), order=order, now=NOW)
    return order


def test_a_release_is_paid_only_by_the_banks_line(session):
    world = make_world(session)
    pledge = make_pledge(session, world)
    run(session, world, came("10000.00", purpose=pledge.code))
    operations.confirm(session, actor=keeper(session, world), pledge=pledge, amount=pledge.paid, idem_key="c", now=NOW)
    release = released(session, world, pledge)
    session.get_one(type(world.receiver), release.payee_id).bank_account = "6229000011112222"
    order = payout(session, world, [(PaymentKind.RELEASE, release.ref)])
    assert (pledge.released, pledge.disbursed, order.lines[0].state) == (Money.yuan(10_000), Money(0), "ordered")
    assert operations.payables(session, world.account) == []
    result = run(session, world, went("10000.00", account="6229000011112222", purpose=order.lines[0].purpose.lower()))
    assert len(result.taken) == 1
    session.refresh(order.lines[0])
    assert (order.lines[0].state, str(order.lines[0].paid_on)) == ("paid", "2026-11-20")
    assert (pledge.released, pledge.disbursed, release.state) == (Money(0), Money.yuan(10_000), "disbursed")
    assert balance(session, world.suspense) == Money(0)


def test_a_refund_goes_back_to_the_account_it_came_from(session):
    world = make_world(session)
    pledge = make_pledge(session, world)
    run(session, world, came("10000.00", name="财务", account="6222333344445555", purpose=pledge.code))
    who = keeper(session, world)
    operations.ask_refund(session, actor=who, pledge=pledge, amount=Money.yuan(4_000), reason="项目缩减", now=NOW)
    order = payout(session, world, [(PaymentKind.REFUND, pledge.ref)])
    assert (order.lines[0].payee_account, order.total) == ("6222333344445555", Money.yuan(4_000))
    run(session, world, went("4000.00", account="6222333344445555"))
    assert (pledge.refunding, pledge.refunded, pledge.paid) == (Money(0), Money.yuan(4_000), Money.yuan(6_000))
    operations.ask_refund(session, actor=who, pledge=pledge, amount=Money.yuan(1_000), reason="再减", now=NOW)
    assert payout(session, world, [(PaymentKind.REFUND, pledge.ref)]).total == Money.yuan(1_000)


def test_money_of_nobody_goes_back_to_its_payer(session):
    world = make_world(session)
    run(session, world, came("88.00", name="不知名", account="6222000000001111"))
    (one,) = lines(session, world)
    payout(session, world, [(PaymentKind.RETURN, one.ref)])
    assert one.state == "returning"
    run(session, world, went("88.00", account="6222000000001111", day="2026-11-21"))
    session.refresh(one)
    assert (one.state, lines(session, world)[1].state) == ("returned", "matched")
    assert balance(session, world.suspense) == Money(0)


def test_an_account_is_closed_only_when_nothing_waits_and_another_pays_what_it_owed(session):
    world = make_world(session)
    who = keeper(session, world)
    import_lines(session, world.account, came("7.00", name="某人", account="6228480000"))
    with pytest.raises(Conflict, match="还有 1 笔待认领"):
        payments.close_account(session, actor=who, account=world.account, now=NOW)
    line_ = session.scalars(select(BankLine)).one()
    operations.identify_line(session, actor=who, line=line_, pledge=make_pledge(session, world, amount=Money(700)), now=NOW)
    release = released(session, world, held(session, world, make_pledge(session, world)))
    payments.close_account(session, actor=who, account=world.account, now=NOW)
    other = make_account(session, world.receiver)
    assert (PaymentKind.RELEASE, release.ref) in [one.payment.subject for one in operations.payables(session, other)]


def test_what_lacks_an_account_or_changed_is_not_ordered(session):
    world = make_world(session)
    run(session, world, came("88.00", name="不知名"))
    (one,) = lines(session, world)
    who = keeper(session, world)
    with pytest.raises(Invalid, match="没有付款人或付款账号"):
        operations.prepare_order(session, actor=who, account=world.account, subjects=[(PaymentKind.RETURN, one.ref)], now=NOW)
    with pytest.raises(Conflict, match="刚刚变了"):
        operations.prepare_order(session, actor=who, account=world.account, subjects=[(PaymentKind.RELEASE, "x")], now=NOW)


def test_a_release_withdrawn_after_the_order_was_prepared_is_not_approved(session):
    world = make_world(session)
    pledge = held(session, world, make_pledge(session, world))
    release = released(session, world, pledge)
    session.get_one(type(world.receiver), release.payee_id).bank_account = "6229000011112222"
    order = operations.prepare_order(session, actor=keeper(session, world), account=world.account, now=NOW,
                                     subjects=[(PaymentKind.RELEASE, release.ref)])
    release.amount = Money(1)
    session.flush()
    with pytest.raises(Conflict, match="情况变了"):
        operations.approve_order(session, actor=keeper(session, world, name="复核人"), order=order, now=NOW)


def test_a_payment_of_another_sum_is_not_taken_and_a_charge_of_the_bank_is(session):
    world = make_world(session)
    run(session, world, came("88.00", name="不知名", account="6222000000001111"))
    order = payout(session, world, [(PaymentKind.RETURN, lines(session, world)[0].ref)])
    result = run(session, world, went("87.00", account="6222000000001111", purpose=order.lines[0].purpose),
                 went("10.00", purpose="账户管理费"))
    assert [amount for _, _, amount in result.taken] == [Money.yuan(10)]
    wrong = lines(session, world)[1]
    with pytest.raises(Invalid, match="金额不同"):
        operations.identify_payment(session, actor=keeper(session, world), line=wrong, payment=order.lines[0], now=NOW)


def test_unspent_money_of_the_provider_is_held_again(session):
    world = make_world(session)
    pledge = held(session, world, make_pledge(session, world))
    release = released(session, world, pledge)
    operations.disburse(session, actor=SYSTEM, release=release, from_account=world.suspense, idem_key="d", now=NOW)
    run(session, world, came("2500.00", name="承接方"))
    (one,) = lines(session, world)
    who = keeper(session, world)
    with pytest.raises(Invalid, match=r"只剩 2,500\.00"):
        operations.identify_unspent(session, actor=who, line=one, pledge=pledge, amount=Money.yuan(2_501), now=NOW)
    operations.identify_unspent(session, actor=who, line=one, pledge=pledge, amount=Money.yuan(2_500), now=NOW)
    assert (pledge.disbursed, pledge.held, one.state) == (Money.yuan(7_500), Money.yuan(2_500), "matched")
    with pytest.raises(IllegalStep):
        operations.unmatch_part(session, actor=who, part=one.parts[0], reason="x", now=NOW)


def receipt(number="00000001", yuan=6_000, kind=ReceiptKind.DONATION):
    return ReceiptFacts(kind, number, Money.yuan(yuan), NOW.date())


def test_a_donation_receipt_is_recorded_only_for_money_that_is_held(session):
    world = make_world(session)
    pledge = make_pledge(session, world)
    who = keeper(session, world)
    run(session, world, came("10000.00", purpose=pledge.code))
    with pytest.raises(Invalid, match=r"0\.00 元"):
        operations.record_receipt(session, actor=who, pledge=pledge, facts=receipt(), now=NOW)
    operations.confirm(session, actor=who, pledge=pledge, amount=Money.yuan(7_000), idem_key="c", now=NOW)
    made = operations.record_receipt(session, actor=who, pledge=pledge, facts=receipt(), now=NOW)
    assert (made.issuer_id, made.payer_name) == (world.receiver.id, pledge.funder.name)
    with pytest.raises(Invalid, match=r"1,000\.00 元"):
        operations.record_receipt(session, actor=who, pledge=pledge, facts=receipt("2", 1_001), now=NOW)
    with pytest.raises(Invalid, match="发票"):
        operations.record_receipt(session, actor=who, pledge=pledge, facts=receipt("2", 1, ReceiptKind.INVOICE), now=NOW)


def test_an_invoice_is_recorded_by_who_is_paid_for_a_confirmed_release(session):
    from tests.factories.payments import make_treasurer

    world = make_world(session)
    release = released(session, world, held(session, world, make_pledge(session, world)))
    payee = session.get_one(type(world.receiver), release.payee_id)
    with pytest.raises(Denied):
        operations.record_invoice(session, actor=keeper(session, world), release=release, now=NOW,
                                  facts=receipt(kind=ReceiptKind.INVOICE))
    who = make_treasurer(session, payee)
    with pytest.raises(Invalid, match=r"不超过|不能超过"):
        operations.record_invoice(session, actor=who, release=release, facts=receipt("9", 10_001, ReceiptKind.INVOICE), now=NOW)
    made = operations.record_invoice(session, actor=who, release=release, facts=receipt(kind=ReceiptKind.INVOICE), now=NOW)
    assert (made.issuer_id, made.payer_name) == (payee.id, world.receiver.name)


def test_a_line_goes_only_where_its_direction_and_sum_allow(session):
    world = make_world(session)
    pledge = make_pledge(session, world, amount=Money.yuan(50))
    run(session, world, came("66.00", name="路人", account="6222000000001111"), went("66.00", name="路人"))
    into, out = lines(session, world)
    who = keeper(session, world)
    for change, words in (
            (lambda: operations.identify_line(session, actor=who, line=out, pledge=pledge, now=NOW), "支出不能"),
            (lambda: operations.identify_unspent(session, actor=who, line=out, pledge=pledge, amount=Money(1), now=NOW), "支出不能"),
            (lambda: operations.identify_unspent(session, actor=who, line=into, pledge=pledge, amount=Money(1), now=NOW), "只拨付过 0.00")):
        with pytest.raises(Invalid, match=words):
            change()
    order = operations.prepare_order(session, actor=who, account=world.account, now=NOW, subjects=[(PaymentKind.RETURN, into.ref)])
    with pytest.raises(Invalid, match="收入不能"):
        operations.identify_payment(session, actor=who, line=into, payment=order.lines[0], now=NOW)
    with pytest.raises(IllegalStep, match="还没有复核"):
        operations.identify_payment(session, actor=who, line=out, payment=order.lines[0], now=NOW)
    other = make_world(session)
    run(session, other, went("66.00", name="路人"))
    with pytest.raises(Invalid, match="不是从这个账户付的"):
        operations.identify_payment(session, actor=keeper(session, other), line=lines(session, other)[0],
                                    payment=order.lines[0], now=NOW)


def test_a_promise_that_is_paid_in_full_takes_no_more(session):
    world = make_world(session)
    pledge = make_pledge(session, world)
    run(session, world, came("10000.00", purpose=pledge.code), came("5.00"))
    with pytest.raises(Conflict, match="全部到账"):
        operations.identify_line(session, actor=keeper(session, world), line=lines(session, world)[1], pledge=pledge, now=NOW)


def test_a_pledge_that_refuses_leaves_its_line_to_people_and_the_others_are_taken(session, monkeypatch):
    from marketplace.funding.operations import matching_lines

    world = make_world(session)
    first, second = make_pledge(session, world), make_pledge(session, world)
    real = matching_lines.arrive

    def arrive(session, *, pledge, **facts):
        if pledge is first:
            raise Conflict("刚刚变了")
        return real(session, pledge=pledge, **facts)

    monkeypatch.setattr(matching_lines, "arrive", arrive)
    result = run(session, world, came("10000.00", purpose=first.code), came("10000.00", purpose=second.code))
    assert [ref for _, ref, _ in result.taken] == [second.ref]
    assert (result.left, lines(session, world)[0].settled, lines(session, world)[0].parts) == (1, Money(0), [])


def test_public_money_gets_no_donation_receipt_and_an_invoice_is_no_receipt_for_gifts(session):
    world = make_world(session)
    pledge = held(session, world, make_pledge(session, world))
    who = keeper(session, world)
    pledge.funder.kind = "government_budget"
    session.flush()
    with pytest.raises(Invalid, match="不是捐赠"):
        operations.record_receipt(session, actor=who, pledge=pledge, facts=receipt(), now=NOW)
    release = released(session, world, held(session, world, make_pledge(session, world)))
    from tests.factories.payments import make_treasurer

    payee = make_treasurer(session, session.get_one(type(world.receiver), release.payee_id))
    with pytest.raises(Invalid, match="开发票"):
        operations.record_invoice(session, actor=payee, release=release, facts=receipt(), now=NOW)
