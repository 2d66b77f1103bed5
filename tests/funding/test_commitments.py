"""Commitments: prepared, approved by another, printed, verified; on paper; signing a verbal promise."""

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace.core.access import SYSTEM, Role
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.documents.models import Document
from marketplace.documents.queries import verify_bytes
from marketplace.documents.rules import Verdict
from marketplace.funding import operations, policy
from marketplace.funding.jobs import papers
from marketplace.funding.models import Commitment, FundedProject, Instalment, Pledge
from marketplace.funding.operations.commitments import _conclude, _step, approvers
from marketplace.funding.rules import commitments as rules
from marketplace.funding.rules.landing import Landing
from marketplace.funding.rules.pledges import Part, code_is_valid
from marketplace.inbox.models import Message
from marketplace.ledger.queries import balance
from marketplace.web import worker
from marketplace.web.services import services
from tests.factories import NOW
from tests.factories.funding import keeper, make_funder, make_pledge, make_world, officer, paid
from tests.factories.organizations import make_unit
from tests.factories.payments import make_proof

FULL = Money.yuan(10_000)
PARTS = (Part(date(2026, 12, 1), Money.yuan(4_000)), Part(date(2027, 3, 1), Money.yuan(6_000)))


@pytest.fixture
def world(session):
    return make_world(session)


@pytest.fixture
def funder(session):
    return make_funder(session, council_above=Money.yuan(100_000))


@pytest.fixture
def two(session, funder):
    """Two officers of the funder."""
    return officer(session, funder, name="沈官员"), officer(session, funder, name="顾主任")


def prepare(session, world, funder, actor=SYSTEM, amount=FULL, **facts):
    return operations.prepare_commitment(
        session, actor=actor, funder=funder, project=world.project, amount=amount, receiver=world.receiver,
        account=facts.pop("account", world.account), now=NOW, **facts)


# ---- two people ----

def test_one_prepares_another_approves_and_the_promise_is_there(session, world, funder, two):
    first, second = two
    commitment = prepare(session, world, funder, first, instalments=PARTS, purpose="助餐设备", management_percent=5,
                         naming="暖阳食堂", leftover_rule="project", is_name_withheld=True)
    assert (commitment.state, commitment.pledge_id, commitment.number) == ("prepared", None, "LC-RJ-2026-0001")
    assert session.scalar(select(Pledge)) is None
    pledge = operations.approve_commitment(session, actor=second, commitment=commitment, now=NOW)
    assert (commitment.state, commitment.pledge_id, commitment.approved_by) == ("approved", pledge.id, second.person_id)
    assert not commitment.is_single_person
    assert (pledge.state, pledge.amount, pledge.signed_at, pledge.account_id) == ("pledged", FULL, NOW, world.account.id)
    assert (pledge.purpose, pledge.management_percent, pledge.naming, pledge.leftover_rule, pledge.is_name_withheld) == (
        "助餐设备", 5, "暖阳食堂", "project", True)
    assert pledge.code == commitment.facts["code"]
    assert code_is_valid(pledge.code)
    assert [part.amount for part in session.scalars(select(Instalment).order_by(Instalment.number))] == [
        part.amount for part in PARTS]
    assert balance(session, f"promised:{pledge.ref}") == FULL


def test_the_preparer_does_not_approve_unless_he_is_alone(session, world, funder, two):
    commitment = prepare(session, world, funder, two[0])
    with pytest.raises(Denied):
        operations.approve_commitment(session, actor=two[0], commitment=commitment, now=NOW)
    lone_funder = make_funder(session)
    alone = officer(session, lone_funder)
    commitment = prepare(session, world, lone_funder, alone)
    assert approvers(session, commitment) == 1
    operations.approve_commitment(session, actor=alone, commitment=commitment, now=NOW)
    assert commitment.is_single_person


def test_the_database_itself_wants_two_persons(session, world, funder, two):
    commitment = prepare(session, world, funder, two[0])
    operations.approve_commitment(session, actor=two[1], commitment=commitment, now=NOW)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(Commitment.__table__.update().where(Commitment.id == commitment.id)
                        .values(approved_by=two[0].person_id))


def test_the_facts_of_a_commitment_never_change(session, world, funder):
    commitment = prepare(session, world, funder)
    for values in ({"amount": Money(1)}, {"facts": {}}, {"receiver_id": funder.organization_id}):
        with pytest.raises(Exception, match="never changed"), session.begin_nested():
            session.execute(Commitment.__table__.update().where(Commitment.id == commitment.id).values(**values))


def test_who_may_prepare_approve_return_and_read(session, world, funder, two):
    stranger, treasurer = officer(session, make_funder(session)), keeper(session, world)
    commitment = prepare(session, world, funder, two[0])
    for actor in (stranger, treasurer, world.desk.approver):
        assert not policy.may_prepare(actor, funder, world.receiver.id)
        assert not policy.may_approve(actor, commitment)
        assert not policy.may_return(actor, commitment)
    assert policy.may_approve(SYSTEM, commitment)
    assert policy.may_return(two[0], commitment)
    for reader, allowed in ((two[1], True), (treasurer, True), (SYSTEM, True), (stranger, False), (world.desk.handler, False)):
        assert policy.may_see_commitment(reader, commitment).allowed is allowed
    person = make_funder(session, kind="person")
    assert policy.may_prepare(treasurer, person, world.receiver.id)
    assert not policy.may_prepare(stranger, person, world.receiver.id)
    unverified = make_funder(session, is_verified=False)
    assert not policy.may_prepare(officer(session, unverified), unverified, world.receiver.id)
    assert not policy.may_prepare(treasurer, unverified, world.receiver.id, is_on_paper=True)


def test_public_money_is_approved_by_an_approver(session, world):
    bureau = make_funder(session, kind="government_budget", organization=make_unit(session, name="澜川区民政局"))
    handler, approver = (officer(session, bureau, role=role) for role in (Role.HANDLER, Role.APPROVER))
    commitment = prepare(session, world, bureau, approver)
    assert not policy.may_approve(handler, commitment)
    assert not policy.may_approve(approver, commitment)
    commitment = prepare(session, world, bureau, handler)
    operations.approve_commitment(session, actor=approver, commitment=commitment, now=NOW)
    assert commitment.state == "approved"


def test_the_council_resolution_at_and_above_the_line(session, world, funder, two):
    line = Money.yuan(100_000)
    with pytest.raises(Invalid) as refused:
        prepare(session, world, funder, two[0], line)
    assert refused.value.field == "council_resolution"
    commitment = prepare(session, world, funder, two[0], line, council_resolution=" 理字〔2026〕 7 号 ")
    assert commitment.council_resolution == "理字〔2026〕 7 号"
    assert operations.approve_commitment(session, actor=two[1], commitment=commitment, now=NOW).amount == line
    assert prepare(session, world, funder, two[0], line - Money(1)).council_resolution == ""
    with pytest.raises(Invalid):
        prepare(session, world, funder, two[0], line, council_resolution="决" * 81)


def test_it_is_sent_back_with_a_reason_and_then_is_over(session, world, funder, two):
    commitment = prepare(session, world, funder, two[0])
    with pytest.raises(Invalid):
        operations.return_commitment(session, actor=two[1], commitment=commitment, reason="", now=NOW)
    operations.return_commitment(session, actor=two[1], commitment=commitment, reason="金额有误", now=NOW)
    assert (commitment.state, commitment.return_reason) == ("returned", "金额有误")
    for step in (operations.approve_commitment, lambda *a, **k: operations.return_commitment(*a, reason="再退", **k)):
        with pytest.raises(Denied):
            step(session, actor=two[1], commitment=commitment, now=NOW)
    assert session.scalar(select(Pledge)) is None


def test_a_second_approval_at_the_same_time_raises_conflict(session, world, funder, two):
    commitment = prepare(session, world, funder, two[0])
    with pytest.raises(Conflict):
        _step(session, commitment, was="approved", values={"state": "returned"})


def test_what_changed_since_it_was_prepared_stops_the_approval(session, world, funder, two):
    commitment = prepare(session, world, funder, two[0])
    world.account.closed_at = NOW
    with pytest.raises(Invalid):
        operations.approve_commitment(session, actor=two[1], commitment=commitment, now=NOW)


def test_tampered_facts_are_never_signed(session, world, funder, two):
    commitment = prepare(session, world, funder, two[0])
    commitment.facts_sha256 = "0" * 64
    with session.no_autoflush, pytest.raises(RuntimeError):
        _conclude(session, actor=two[1], commitment=commitment, values={"state": "approved"}, now=NOW)
    session.expire(commitment)


def test_letters_that_no_font_prints_are_named_before_anything_is_fixed(session, world, funder):
    with pytest.raises(Invalid) as refused:
        prepare(session, world, funder, naming="𠮷祥", missing_glyphs=lambda text: "𠮷" if "𠮷" in text else "")
    assert "U+20BB7" in refused.value.facts["characters"]
    prepare(session, world, funder, missing_glyphs=lambda _: "")


# ---- signing a verbal promise ----

def test_a_commitment_signs_for_a_raised_paddle(session, world, funder, two):
    verbal = make_pledge(session, world, funder=funder, is_verbal=True, round_ref="event1", is_name_withheld=True,
                         account=None)
    commitment = prepare(session, world, funder, two[0], pledge=verbal, instalments=PARTS)
    assert (commitment.facts["code"], commitment.facts["is_name_withheld"]) == (verbal.code, True)
    pledge = operations.approve_commitment(session, actor=two[1], commitment=commitment, now=NOW + timedelta(days=2))
    assert pledge is verbal
    assert (pledge.state, pledge.is_verbal, pledge.account_id, pledge.round_ref) == (
        "pledged", False, world.account.id, "event1")
    assert pledge.signed_at == NOW + timedelta(days=2)
    assert pledge.expires_at > NOW + timedelta(days=90)
    assert len(pledge.instalments) == 2
    row = session.scalars(select(FundedProject).where(FundedProject.kind == "own")).one()
    session.refresh(row)
    assert (row.open, row.verbal, row.donors) == (FULL, Money(0), 1)
    assert paid(session, world, pledge).state == "paid"


def test_the_paper_must_be_of_the_same_promise(session, world, funder, two):
    verbal = make_pledge(session, world, funder=funder, is_verbal=True)
    signed = make_pledge(session, world, funder=funder)
    with pytest.raises(Invalid) as refused:
        prepare(session, world, funder, two[0], Money(5), pledge=verbal)
    assert refused.value.field == "amount"
    with pytest.raises(Invalid) as refused:
        prepare(session, world, make_funder(session), pledge=verbal)
    assert refused.value.field == "pledge"
    with pytest.raises(IllegalStep):
        prepare(session, world, funder, two[0], pledge=signed)


def test_a_promise_taken_back_meanwhile_is_not_signed(session, world, funder, two):
    verbal = make_pledge(session, world, funder=funder, is_verbal=True)
    commitment = prepare(session, world, funder, two[0], pledge=verbal)
    operations.cancel(session, actor=two[0], pledge=verbal, reason="记错", now=NOW)
    with pytest.raises(Conflict):
        operations.approve_commitment(session, actor=two[1], commitment=commitment, now=NOW)


@pytest.mark.parametrize("already", [True, False])
def test_the_cost_line_of_a_verbal_promise_is_claimed_once(session, world, funder, two, already):
    line = operations.add_cost_line(session, actor=SYSTEM, project=world.project, name="设备", amount=FULL, now=NOW)
    verbal = make_pledge(session, world, funder=funder, is_verbal=True, **({"cost_line": line} if already else {}))
    commitment = prepare(session, world, funder, two[0], pledge=verbal, **({} if already else {"cost_line": line}))
    pledge = operations.approve_commitment(session, actor=two[1], commitment=commitment, now=NOW)
    session.refresh(line)
    assert (line.funded, pledge.cost_line_id, commitment.facts["cost_name"]) == (FULL, line.id, "设备")


# ---- on paper: a guest signs by hand ----

@pytest.fixture
def guest(session, world):
    """A verbal promise of a person, and two people of the receiving body."""
    pledge = make_pledge(session, world, funder=make_funder(session, kind="person"), is_verbal=True, account=None)
    return pledge, keeper(session, world, name="方会计"), keeper(session, world, name="余出纳")


def test_only_a_raised_paddle_is_signed_on_paper(session, world, guest):
    pledge, first, _ = guest
    with pytest.raises(Invalid) as refused:
        prepare(session, world, pledge.funder, first, is_on_paper=True)
    assert refused.value.field == "pledge"


def printed(session, commitment):
    """The paper as the job attaches it."""
    file = make_proof(session, commitment.receiver)
    document = Document(kind="commitment", number=commitment.number, verify_code=commitment.verify_code, file=file,
                        sha256=f"{commitment.id:064d}", pages=2, data_sha256="1" * 64, issued_at=NOW)
    session.add(document)
    session.flush()
    operations.attach_commitment_paper(session, commitment=commitment, document=document, now=NOW)
    operations.attach_commitment_paper(session, commitment=commitment, document=document, now=NOW)
    return document


def test_a_guest_signs_by_hand_and_another_person_registers_the_scan(session, world, guest):
    pledge, first, second = guest
    commitment = prepare(session, world, pledge.funder, first, pledge=pledge, is_on_paper=True)
    scan = make_proof(session, world.receiver)

    def register(actor, on=date(2026, 11, 23)):
        return operations.register_signed_copy(session, actor=actor, commitment=commitment, scan=scan, signed_on=on, now=NOW)

    with pytest.raises(IllegalStep):
        register(second)                                   # not printed yet
    printed(session, commitment)
    assert commitment.state == "prepared"
    with pytest.raises(Denied):
        register(first)                                    # prepared it
    for day in (date(2026, 11, 22), date(2026, 11, 24)):
        with pytest.raises(Invalid):
            register(second, day)
    assert register(second) is pledge
    assert (commitment.state, commitment.signed_on, commitment.signed_copy_id) == ("issued", date(2026, 11, 23), scan.id)
    assert (pledge.state, pledge.signed_at) == ("pledged", NOW)
    with pytest.raises(Denied):
        register(second)


def test_a_scan_that_the_scanner_refused_is_not_registered(session, world, guest):
    pledge, first, second = guest
    commitment = prepare(session, world, pledge.funder, first, pledge=pledge, is_on_paper=True)
    printed(session, commitment)
    scan = make_proof(session, world.receiver)
    scan.scan_state = "infected"
    with pytest.raises(Invalid) as refused:
        operations.register_signed_copy(session, actor=second, commitment=commitment, scan=scan,
                                        signed_on=date(2026, 11, 23), now=NOW)
    assert refused.value.field == "scan"


def test_a_scan_of_a_funder_that_is_not_verified_any_more_is_not_registered(session, world, guest):
    pledge, first, second = guest
    commitment = prepare(session, world, pledge.funder, first, pledge=pledge, is_on_paper=True)
    printed(session, commitment)
    operations.unverify_funder(session, actor=SYSTEM, funder=pledge.funder, note="重新核验", now=NOW)
    with pytest.raises(Denied, match="还没有通过核验"):
        operations.register_signed_copy(session, actor=second, commitment=commitment, now=NOW,
                                        scan=make_proof(session, world.receiver), signed_on=date(2026, 11, 23))
    assert pledge.is_verbal


def test_who_may_register_the_scan(session, world, funder, two, guest):
    pledge, first, second = guest
    commitment = prepare(session, world, pledge.funder, first, pledge=pledge, is_on_paper=True)
    online = prepare(session, world, funder, two[0])
    assert policy.may_register_copy(SYSTEM, commitment)
    assert policy.may_register_copy(first, commitment, people=1)
    assert not policy.may_register_copy(second, online)
    assert not policy.may_register_copy(two[0], online).hidden
    assert policy.may_register_copy(two[0], commitment).hidden
    guest_body = make_funder(session)
    verbal = make_pledge(session, world, funder=guest_body, is_verbal=True)
    paper = prepare(session, world, guest_body, first, pledge=verbal, is_on_paper=True)
    assert policy.may_approve(officer(session, guest_body), paper)       # its own people may still do it online
    assert not policy.may_approve(second, paper)
    assert policy.may_return(second, paper)


def test_the_scan_of_an_online_one_is_kept_once_it_is_issued(session, world, funder, two):
    commitment = prepare(session, world, funder, two[0])
    scan = make_proof(session, funder.organization)
    operations.approve_commitment(session, actor=two[1], commitment=commitment, now=NOW)
    with pytest.raises(IllegalStep):
        operations.attach_signed_copy(session, actor=two[0], commitment=commitment, scan=scan, now=NOW)
    printed(session, commitment)
    assert commitment.state == "issued"
    operations.attach_signed_copy(session, actor=two[0], commitment=commitment, scan=scan, now=NOW)
    assert commitment.signed_copy_id == scan.id


# ---- what it says ----

def sheet(**changes):
    return rules.Sheet(**{
        "amount": FULL, "purpose": "", "project_title": "长者助餐", "receiver_name": "慈安基金会",
        "landing": Landing.NOTICED_AGREEMENT, "cost_line": "", "parts": (), "management_percent": 0,
        "leftover_rule": "similar", "naming": "", "is_name_withheld": False, "lottery_purpose": "", **changes})


def said(**changes):
    return rules.printed_text(rules.clauses(sheet(**changes)))


@pytest.mark.parametrize(("changes", "words"), [
    ({}, ["10,000.00 元（壹万元整）", "六十日内", "四十一条", "可以要求交付", "捐赠票据", "不从本笔捐赠列支", "同意公布", "四十二条",
          "没有被摊派"]),
    ({"parts": PARTS}, ["第 1 期：2026-12-01", "第 2 期：2027-03-01", "6,000.00"]),
    ({"purpose": "餐车"}, ["用途：餐车"]), ({"cost_line": "无障碍改造"}, ["无障碍改造", "采购合同不支付"]),
    ({"management_percent": 8}, ["不超过 8%"]), ({"leftover_rule": "return"}, ["退回捐赠人"]),
    ({"naming": "暖阳食堂"}, ["冠名：暖阳食堂"]), ({"is_name_withheld": True}, ["要求不公开姓名"]),
    ({"lottery_purpose": "elderly"}, ["彩票公益金资助"]), ({"landing": Landing.EXTRA_OUTPUTS}, ["合同以外的增加服务"]),
])
def test_the_paper_says_what_the_law_lists(changes, words):
    text = said(**changes)
    assert [word for word in words if word not in text] == []


def test_without_parts_terms_or_marks_the_paper_is_silent_about_them():
    text = said()
    assert [word for word in ("第 1 期", "冠名", "彩票", "用途：") if word in text] == []


def test_plain_values_of_any_shape_give_their_letters():
    assert rules.printed_text({"a": ["甲", {"b": "乙"}], "n": 5, "f": False}) == "甲乙"
    assert rules.transfer_note("ABCDEFGHJ") == "捐赠 ABC-DEF-GHJ"


# ---- printing and news, through the outbox ----

@pytest.fixture
def clock(monkeypatch):
    """The worker's clock shows a moment after NOW, whatever the day on which the tests run."""
    monkeypatch.setattr(worker, "utc_now", lambda: NOW + timedelta(minutes=1))


@pytest.fixture
def refs(ctx: Flask):
    """A prepared commitment of a funder with two people: (its ref, ids of both people)."""
    with transaction() as session:
        world, funder = make_world(session), make_funder(session)
        first, second = officer(session, funder), officer(session, funder, name="顾主任")
        commitment = prepare(session, world, funder, first, instalments=PARTS)
        return commitment.ref, first, second


def the(ref):
    db.session.expire_all()
    return db.session.scalars(select(Commitment).where(Commitment.ref == ref)).one()


def subjects(person_id):
    return [m.subject for m in db.session.scalars(select(Message).where(Message.person_id == person_id).order_by(Message.id))]


def test_from_the_preparer_to_a_paper_that_anybody_can_check(refs, clock):
    ref, first, second = refs
    worker.run_until_idle()
    assert the(ref).document_id is None
    assert subjects(second.person_id) == ["批准“{title}”认捐书 {number}，{amount} 元"]
    assert subjects(first.person_id) == []
    with transaction() as session:
        operations.approve_commitment(session, actor=second, commitment=the(ref), now=NOW)
    worker.run_until_idle()
    papers.print_commitment(ref)                            # once more changes nothing
    commitment = the(ref)
    assert (commitment.state, commitment.document.kind) == ("issued", "commitment")
    finding = verify_bytes(db.session(), services().files.get(commitment.document.sha256), store=services().files)
    assert finding.verdict is Verdict.INTACT
    assert commitment.document.facts["amount"] == "10,000.00 元（壹万元整）"
    assert subjects(first.person_id) == ["“{funder}”签署了“{title}”的认捐书 {number}，{amount} 元"]
    todo = db.session.scalars(select(Message).where(Message.person_id == second.person_id)).one()
    assert todo.done_at is not None


def test_the_page_that_is_printed_says_every_fact(refs):
    html = papers.commitment_html(the(refs[0]))
    facts = the(refs[0]).facts
    for word in (facts["funder"]["name"], facts["receiver"]["name"], facts["account"]["number"], "4,000.00", "6,000.00",
                 "第四十一条", the(refs[0]).verify_code, the(refs[0]).facts_sha256, "<h1>认捐书</h1>"):
        assert word in html, word


def test_a_withheld_name_is_not_told_by_the_verify_page(ctx: Flask):
    with transaction() as session:
        world, funder = make_world(session), make_funder(session)
        commitment = prepare(session, world, funder, is_name_withheld=True)
        operations.approve_commitment(session, actor=SYSTEM, commitment=commitment, now=NOW)
        ref, name = commitment.ref, funder.name
    papers.print_commitment(ref)
    assert name not in str(the(ref).document.facts)


def test_a_paper_for_a_guest_is_printed_before_it_is_signed(ctx: Flask, clock):
    with transaction() as session:
        world = make_world(session)
        pledge = make_pledge(session, world, funder=make_funder(session, kind="person"), is_verbal=True)
        first, second = keeper(session, world), keeper(session, world, name="余出纳")
        ref = prepare(session, world, pledge.funder, first, pledge=pledge, is_on_paper=True).ref
    worker.run_until_idle()
    commitment = the(ref)
    assert (commitment.state, commitment.document.number) == ("prepared", commitment.number)
    assert "亲笔签字" in papers.commitment_html(commitment)
    assert "登记“{funder}”签字的认捐书 {number}" in subjects(second.person_id)


def test_facts_that_were_tampered_with_are_never_printed(refs, monkeypatch):
    with transaction() as session:
        operations.approve_commitment(session, actor=refs[2], commitment=the(refs[0]), now=NOW)
    monkeypatch.setattr(papers.rules, "facts_sha256", lambda _: "0" * 64)
    with pytest.raises(RuntimeError):
        papers.print_commitment(refs[0])


def test_two_workers_that_print_at_once_leave_one_paper(refs, monkeypatch):
    with transaction() as session:
        operations.approve_commitment(session, actor=refs[2], commitment=the(refs[0]), now=NOW)
    printer, real = services().pdf, services().pdf.render

    def slower(html, **facts):
        monkeypatch.setattr(printer, "render", real)
        papers.print_commitment(refs[0])                    # the other worker comes first
        return real(html, **facts)

    monkeypatch.setattr(printer, "render", slower)
    papers.print_commitment(refs[0])
    assert the(refs[0]).state == "issued"
    assert len(db.session.scalars(select(Document)).all()) == 1


def test_a_job_without_its_commitment_does_nothing(ctx: Flask):
    papers.print_commitment("nothing")


def test_the_preparer_hears_why_it_came_back(refs, clock):
    ref, first, second = refs
    with transaction() as session:
        operations.return_commitment(session, actor=second, commitment=the(ref), reason="金额有误", now=NOW)
    worker.run_until_idle()
    message = db.session.scalars(select(Message).where(Message.person_id == first.person_id)).one()
    assert (message.subject, message.facts["reason"]) == ("“{title}”认捐书 {number} 被退回", "金额有误")
