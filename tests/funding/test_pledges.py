"""Promises: reference codes, terms, one pledge for each key, who may, how they end."""

import itertools
import random
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.outbox import Job
from marketplace.funding import operations, policy
from marketplace.funding.models import FundedProject, Instalment, Pledge
from marketplace.funding.rules import pledges as rules
from marketplace.funding.rules.buckets import Bucket
from marketplace.funding.rules.news import JOB_EXPIRY_NEAR, JOB_SIGN_REMINDER
from marketplace.funding.rules.pledges import ALPHABET, Part
from marketplace.ledger.models import Journal
from marketplace.ledger.queries import balance
from marketplace.payments.models import Charge
from tests.factories import NOW
from tests.factories.funding import held, keeper, make_funder, make_pledge, make_world, officer, paid
from tests.factories.organizations import make_organization, make_unit
from tests.factories.payments import make_account

HUNDRED = Money.yuan(100)


def sums(session, world, kind="own"):
    row = session.scalars(select(FundedProject).where(
        FundedProject.project_id == world.project.id, FundedProject.kind == kind)).one()
    session.refresh(row)
    return row


# ---- reference codes ----

CODES = [rules.new_code() for _ in range(40)]


@pytest.mark.parametrize("code", CODES, ids=range(40))
def test_a_code_begins_with_a_letter_and_passes_its_own_check(code):
    assert len(code) == 9
    assert code[0].isalpha()
    assert set(code) <= set(ALPHABET)
    assert not set("0O1IL") & set(code)
    assert rules.code_is_valid(code)


@pytest.mark.parametrize("code", CODES[:10], ids=range(10))
def test_no_single_wrong_character_passes(code):
    for at, letter in itertools.product(range(9), ALPHABET):
        if letter != code[at]:
            assert not rules.code_is_valid(code[:at] + letter + code[at + 1:])


@pytest.mark.parametrize("code", CODES, ids=range(40))
def test_no_two_swapped_characters_pass(code):
    for one, other in itertools.combinations(range(9), 2):
        if code[one] != code[other]:
            swapped = list(code)
            swapped[one], swapped[other] = code[other], code[one]
            assert not rules.code_is_valid("".join(swapped))


@pytest.mark.parametrize("wrong", ["", "A", "AAAAAAAAAA", "0AAAAAAAA", "2" * 9])
def test_what_is_no_code_is_not_valid(wrong):
    assert not rules.code_is_valid(wrong)


def test_a_code_is_found_in_a_remark_however_the_bank_wrote_it():
    code = rules.new_code()
    shown = rules.shown_code(code)
    assert (len(shown), rules.tidy_code(shown.lower())) == (11, code)
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in code)
    for remark in (code, shown, shown.lower(), f"捐款{shown}助餐", f"{code[:4]} {code[4:]}", f"附言:{wide}。", f"KX2{code}"):
        assert code in rules.codes_in(remark), remark
    assert rules.codes_in("公益捐赠款") == []
    assert rules.codes_in("") == []


def test_codes_found_by_chance_are_rare():
    rolled = random.Random(20_261_122)
    texts = ["".join(rolled.choices(ALPHABET, k=9)) for _ in range(3_000)]
    found = sum(bool(rules.codes_in(text)) for text in texts)
    assert 0 < found < 3_000 / 31 * 1.5


# ---- terms ----

@pytest.mark.parametrize("fen", [0, -1, -10**12])
def test_nothing_and_less_is_no_promise(session, fen):
    with pytest.raises(Invalid) as refused:
        make_pledge(session, make_world(session), amount=Money(fen))
    assert refused.value.field == "amount"


TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(("parts", "good"), [
    ([], True),
    ([(TODAY, 100)], True),
    ([(TODAY, 40), (date(2027, 3, 1), 60)], True),
    ([(TODAY, 40), (date(2027, 3, 1), 61)], False),
    ([(TODAY, 100), (date(2027, 3, 1), 0)], False),
    ([(TODAY, 40), (TODAY, 60)], False),
    ([(date(2027, 3, 1), 40), (TODAY, 60)], False),
    ([(TODAY - timedelta(days=1), 100)], False),
    ([(TODAY + timedelta(days=n), 4) for n in range(25)], False),
])
def test_instalments_add_up_come_in_order_and_lie_ahead(parts, good):
    made = [Part(day, Money.yuan(yuan)) for day, yuan in parts]
    if good:
        assert rules.check_instalments(made, HUNDRED, today=TODAY) == tuple(made)
    else:
        with pytest.raises(Invalid) as refused:
            rules.check_instalments(made, HUNDRED, today=TODAY)
        assert refused.value.field == "instalments"


def test_a_promise_lapses_unsigned_after_a_month_and_unpaid_after_the_last_day_and_grace():
    parts = [Part(TODAY + timedelta(days=10), HUNDRED)]
    assert rules.expires_at(is_verbal=True, parts=parts, now=NOW) == NOW + timedelta(days=30)
    assert rules.expires_at(is_verbal=False, parts=(), now=NOW) == NOW + timedelta(days=150)
    assert rules.expires_at(is_verbal=False, parts=parts, now=NOW) == NOW + timedelta(days=100)


@pytest.mark.parametrize(("changes", "field"), [
    ({"management_percent": 31}, "management_percent"), ({"management_percent": -1}, "management_percent"),
    ({"leftover_rule": "keep"}, "leftover_rule"), ({"purpose": "用" * 501}, "purpose"), ({"naming": "名" * 61}, "naming"),
])
def test_terms_that_no_paper_may_carry(session, changes, field):
    with pytest.raises(Invalid) as refused:
        make_pledge(session, make_world(session), **changes)
    assert refused.value.field == field


@pytest.mark.parametrize("reason", ["", "   ", None, "因" * 501])
def test_a_reason_is_given_and_fits(reason):
    with pytest.raises(Invalid) as refused:
        rules.check_reason(reason)
    assert refused.value.field == "reason"


@pytest.mark.parametrize(("fen", "line", "needed"), [(99, 100, False), (100, 100, True), (101, 100, True), (1, None, False)])
def test_the_council_decides_at_and_above_its_line(fen, line, needed):
    assert rules.needs_council(Money(fen), None if line is None else Money(line)) is needed


@pytest.mark.parametrize("bucket", Bucket)
def test_a_pledge_lives_while_anything_is_promised_there_or_spent(bucket):
    assert rules.is_live({bucket: 1}) is (bucket not in (Bucket.REFUNDED, Bucket.DROPPED))
    assert not rules.is_live({bucket: 0})


# ---- promise ----

def test_a_promise_is_counted_posted_and_dated(session):
    world, funder = make_world(session), make_funder(session)
    pledge = make_pledge(session, world, funder=funder, purpose=" 助餐 ", management_percent=5, naming="暖阳",
                         instalments=[Part(TODAY, Money.yuan(4_000)), Part(date(2027, 1, 4), Money.yuan(6_000))])
    assert (pledge.state, pledge.kind, pledge.amount, pledge.open) == ("pledged", "own", Money.yuan(10_000), Money.yuan(10_000))
    assert (pledge.purpose, pledge.landing, pledge.signed_at, pledge.account_id) == (
        "助餐", "noticed_agreement", NOW, world.account.id)
    assert rules.code_is_valid(pledge.code)
    assert [(row.number, row.amount) for row in session.scalars(select(Instalment))] == [
        (1, Money.yuan(4_000)), (2, Money.yuan(6_000))]
    row = sums(session, world)
    assert (row.amount, row.open, row.verbal, row.donors) == (Money.yuan(10_000), Money.yuan(10_000), Money(0), 1)
    assert balance(session, f"promised:{pledge.ref}") == Money.yuan(10_000)
    assert balance(session, f"commitment:{funder.ref}") == Money.yuan(-10_000)


def test_the_same_key_again_is_the_same_pledge_and_moves_nothing(session):
    world, funder = make_world(session), make_funder(session)
    first = make_pledge(session, world, funder=funder, client_key="tap-1")
    for _ in range(4):
        assert make_pledge(session, world, funder=funder, client_key="tap-1").id == first.id
    assert session.scalar(select(func.count()).select_from(Pledge)) == 1
    assert session.scalar(select(func.count()).select_from(Journal)) == 1
    assert sums(session, world).amount == Money.yuan(10_000)


def test_a_promise_after_one_that_was_rolled_back_takes_its_number_and_nothing_else(session):
    world, funder = make_world(session), make_funder(session)
    with session.begin_nested() as point:
        lost = make_pledge(session, world, funder=funder, amount=HUNDRED)
        point.rollback()
    made = make_pledge(session, world, funder=funder)
    assert (made.amount, made.ref == lost.ref) == (Money.yuan(10_000), False)
    assert sums(session, world).amount == Money.yuan(10_000)


@pytest.mark.parametrize("change", ["amount", "funder"])
def test_the_same_key_for_something_else_is_refused(session, change):
    world, funder = make_world(session), make_funder(session)
    make_pledge(session, world, funder=funder, client_key="tap-1")
    other = {"amount": Money(1), "funder": funder} if change == "amount" else {"funder": make_funder(session)}
    with pytest.raises(Conflict):
        make_pledge(session, world, client_key="tap-1", **other)


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_form_without_its_key_is_refused(session, key):
    world, funder = make_world(session), make_funder(session)
    with pytest.raises(Invalid) as refused:
        operations.promise(session, actor=SYSTEM, funder=funder, project=world.project, receiver=world.receiver,
                           amount=HUNDRED, client_key=key, now=NOW)
    assert refused.value.field == "client_key"


def test_verbal_and_signed_promises_stand_apart_in_the_sums(session):
    world = make_world(session)
    verbal = make_pledge(session, world, is_verbal=True, account=None)
    make_pledge(session, world, amount=HUNDRED)
    assert (verbal.state, verbal.signed_at, verbal.account_id) == ("verbal", None, None)
    row = sums(session, world)
    assert (row.open, row.verbal, row.donors) == (Money.yuan(10_100), Money.yuan(10_000), 2)


def test_at_the_council_line_only_a_commitment_will_do(session):
    world, funder = make_world(session), make_funder(session, council_above=HUNDRED)
    with pytest.raises(Invalid) as refused:
        make_pledge(session, world, funder=funder, amount=HUNDRED)
    assert refused.value.field == "amount"
    make_pledge(session, world, funder=funder, amount=Money(9_999))
    make_pledge(session, world, funder=funder, amount=HUNDRED, is_verbal=True)


def test_lottery_money_names_its_purpose_and_avoids_the_bans(session):
    world = make_world(session)
    funder = make_funder(session, kind="lottery", organization=make_unit(session, name="澜川区民政局"))
    assert make_pledge(session, world, funder=funder, lottery_purpose="elderly").lottery_purpose == "elderly"
    with pytest.raises(Invalid):
        make_pledge(session, world, funder=funder)
    with pytest.raises(Invalid):
        make_pledge(session, world, funder=funder, lottery_purpose="elderly", purpose="购车")


# ---- the wall: who promises, to whom ----

def test_a_unit_is_no_receiver(session):
    world = make_world(session)
    with pytest.raises(Invalid) as refused:
        operations.promise(session, actor=SYSTEM, funder=make_funder(session), project=world.project,
                           receiver=world.desk.unit, amount=HUNDRED, client_key="k", now=NOW)
    assert refused.value.field == "receiver"


def test_an_unverified_body_receives_nothing(session):
    world = make_world(session)
    with pytest.raises(Invalid) as refused:
        operations.promise(session, actor=SYSTEM, funder=make_funder(session), project=world.project, amount=HUNDRED,
                           receiver=make_organization(session, is_verified=False), client_key="k", now=NOW)
    assert refused.value.field == "receiver"


def test_the_account_is_the_receivers_own_and_verified_and_open(session):
    world = make_world(session)
    foreign = make_account(session)
    unproved = make_account(session, world.receiver, is_verified=False)
    closed = make_account(session, world.receiver)
    closed.closed_at = NOW
    for account in (foreign, unproved, closed):
        with pytest.raises(Invalid) as refused:
            make_pledge(session, world, account=account)
        assert refused.value.field == "account"


def test_who_may_promise_in_whose_name(session):
    world, funder, other = make_world(session), make_funder(session), make_funder(session)
    own, stranger, treasurer = officer(session, funder), officer(session, other), keeper(session, world)

    def make(actor, funder=funder, **facts):
        return operations.promise(session, actor=actor, funder=funder, project=world.project, receiver=world.receiver,
                                  amount=HUNDRED, client_key=f"k{session.scalar(select(func.count(Pledge.id)))}", now=NOW,
                                  **facts)

    assert make(own).made_by == own.person_id
    for nobody in (stranger, treasurer, ANONYMOUS, Actor(person_id=9, roles=frozenset({Role.OPERATOR}))):
        with pytest.raises(Denied):
            make(nobody)
        with pytest.raises(Denied):
            make(nobody, is_verbal=True)
    person = make_funder(session, kind="person")
    assert make(treasurer, person).funder is person
    with pytest.raises(Denied):
        make(stranger, person)


def test_a_recorder_of_an_event_writes_down_a_raised_paddle_of_any_verified_funder(session):
    world, funder = make_world(session), make_funder(session)
    recorder = keeper(session, world)
    pledge = operations.promise(
        session, actor=recorder, funder=funder, project=world.project, receiver=world.receiver, amount=HUNDRED,
        client_key="p27", is_verbal=True, round_ref="event1", now=NOW)
    assert (pledge.round_ref, pledge.made_by) == ("event1", recorder.person_id)
    for actor, who in ((ANONYMOUS, funder), (recorder, make_funder(session, is_verified=False))):
        with pytest.raises(Denied):
            operations.promise(session, actor=actor, funder=who, project=world.project, receiver=world.receiver,
                               amount=HUNDRED, client_key="p28", is_verbal=True, round_ref="event1", now=NOW)


def test_an_unverified_funder_promises_nothing(session):
    with pytest.raises(Denied):
        make_pledge(session, make_world(session), funder=make_funder(session, is_verified=False))


# ---- reminders ----

def jobs(session, kind):
    return [(job.due_at, job.payload) for job in session.scalars(select(Job).where(Job.kind == kind).order_by(Job.due_at))
            if job.handler.startswith("inbox.")]


def test_an_unsigned_promise_ages_with_reminders_and_a_warning_before_it_lapses(session):
    pledge = make_pledge(session, make_world(session), is_verbal=True)
    assert jobs(session, JOB_SIGN_REMINDER) == [
        (NOW + timedelta(days=days), {"pledge_ref": pledge.ref, "days": days}) for days in (3, 7)]
    assert jobs(session, JOB_EXPIRY_NEAR) == [(NOW + timedelta(days=23), {"pledge_ref": pledge.ref})]


def test_a_pledging_event_reminds_of_its_own_promises(session):
    make_pledge(session, make_world(session), is_verbal=True, round_ref="event1")
    assert jobs(session, JOB_SIGN_REMINDER) + jobs(session, JOB_EXPIRY_NEAR) == []


# ---- how promises end ----

def test_a_verbal_promise_is_taken_back_by_its_funder_a_signed_one_only_by_the_receiver(session):
    world, funder = make_world(session), make_funder(session)
    own, stranger = officer(session, funder), officer(session, make_funder(session))
    verbal, signed = make_pledge(session, world, funder=funder, is_verbal=True), make_pledge(session, world, funder=funder)
    assert policy.may_cancel(own, verbal)
    refusal = policy.may_cancel(own, signed)
    assert not refusal
    assert "四十一条" in refusal.reason
    assert policy.may_cancel(keeper(session, world), signed)
    assert policy.may_cancel(stranger, verbal).hidden
    operations.cancel(session, actor=own, pledge=verbal, reason="记错了号牌", now=NOW)
    operations.cancel(session, actor=keeper(session, world), pledge=signed, reason="双方同意解除", now=NOW)
    assert (verbal.state, verbal.exit, verbal.exit_reason) == ("cancelled", "cancelled", "记错了号牌")
    assert (signed.state, signed.dropped, signed.open) == ("cancelled", Money.yuan(10_000), Money(0))
    row = sums(session, world)
    assert (row.open, row.verbal, row.dropped, row.donors) == (Money(0), Money(0), Money.yuan(20_000), 0)
    assert balance(session, f"promised:{signed.ref}") == Money(0)
    assert balance(session, f"commitment:{funder.ref}") == Money(0)


def test_what_is_there_stays_when_the_rest_is_written_off(session):
    world = make_world(session)
    pledge = held(session, world, make_pledge(session, world), Money.yuan(3_000))
    operations.write_off(session, actor=keeper(session, world), pledge=pledge, reason="企业破产清算", now=NOW)
    assert (pledge.state, pledge.held, pledge.dropped, pledge.exit) == (
        "held", Money.yuan(3_000), Money.yuan(7_000), "written_off")
    assert sums(session, world).donors == 1
    with pytest.raises(IllegalStep):
        operations.write_off(session, actor=SYSTEM, pledge=pledge, reason="再来", now=NOW)


def test_who_may_write_off(session):
    world, funder = make_world(session), make_funder(session)
    signed, verbal = make_pledge(session, world, funder=funder), make_pledge(session, world, is_verbal=True)
    assert not policy.may_write_off(keeper(session, world), verbal)
    assert policy.may_write_off(SYSTEM, signed)
    own = policy.may_write_off(officer(session, funder), signed)
    assert (own.allowed, own.hidden) == (False, False)
    assert policy.may_write_off(officer(session, make_funder(session)), signed).hidden


def test_a_reason_is_needed_to_take_a_promise_back(session):
    pledge = make_pledge(session, make_world(session))
    with pytest.raises(Invalid):
        operations.cancel(session, actor=SYSTEM, pledge=pledge, reason=" ", now=NOW)


def test_promises_lapse_once_their_time_is_over_and_not_before(session):
    world = make_world(session)
    verbal, signed = make_pledge(session, world, is_verbal=True), make_pledge(session, world)
    assert operations.expire_pledges(session, now=NOW + timedelta(days=30) - timedelta(seconds=1)) == 0
    assert operations.expire_pledges(session, now=NOW + timedelta(days=30)) == 1
    assert (verbal.state, verbal.exit_reason) == ("expired", "到期没有签认捐书")
    assert operations.expire_pledges(session, now=NOW + timedelta(days=30)) == 0
    paid(session, world, signed, HUNDRED)
    assert operations.expire_pledges(session, now=NOW + timedelta(days=150)) == 1
    assert (signed.state, signed.paid, signed.dropped, signed.exit_reason) == (
        "paid", HUNDRED, Money.yuan(9_900), "到期没有到账")
    assert sums(session, world).donors == 1


def test_lapsing_goes_by_bites(session):
    world = make_world(session)
    for _ in range(3):
        make_pledge(session, world, is_verbal=True)
    late = NOW + timedelta(days=31)
    assert [operations.expire_pledges(session, now=late, limit=2) for _ in range(3)] == [2, 1, 0]


@pytest.mark.parametrize(("state", "kept"), [("requested", True), ("open", True), ("failed", False), ("cancelled", False)])
def test_an_open_payment_page_keeps_its_promise_alive(session, state, kept):
    world = make_world(session)
    pledge = make_pledge(session, world)
    session.add(Charge(account=world.account, subject_kind="pledge", subject_ref=pledge.ref, amount=HUNDRED, currency="CNY",
                       state=state, requested_at=NOW))
    session.flush()
    assert operations.expire_pledges(session, now=NOW + timedelta(days=400)) == (0 if kept else 1)


# ---- the database itself ----

@pytest.mark.parametrize("values", [
    {"open": Money(1)}, {"dropped": Money(1)}, {"paid": Money(-1), "open": Money.yuan(10_000) + Money(1)},
    {"kind": "other"}, {"management_percent": 31}, {"kind": "matched"},
])
def test_the_database_refuses_a_pledge_whose_fen_have_no_place(session, values):
    pledge = make_pledge(session, make_world(session))
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(Pledge.__table__.update().where(Pledge.id == pledge.id).values(**values))


def test_the_database_refuses_money_for_a_verbal_promise(session):
    pledge = make_pledge(session, make_world(session), is_verbal=True)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(Pledge.__table__.update().where(Pledge.id == pledge.id)
                        .values(open=Money(0), paid=Money.yuan(10_000)))
