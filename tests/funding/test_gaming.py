"""Against 套捐: ties, one payer for several donors, money that goes round, split donors; people clear or uphold."""

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.money import Money
from marketplace.funding import operations, policy
from marketplace.funding.jobs import sweeping
from marketplace.funding.models import Allocation, MoneyFlag, Pledge
from marketplace.funding.operations.gaming import has_open_flag
from marketplace.funding.queries import suspects
from marketplace.funding.rules import gaming as rules
from marketplace.funding.rules.gaming import FlagKind, FlagState, Payment
from marketplace.organizations.models import RelatedParty
from marketplace.organizations.rules import OrganizationKind
from tests.factories import NOW
from tests.factories.funding import held, make_funder, make_pledge, make_pool, make_world, officer
from tests.factories.organizations import make_organization
from tests.factories.payments import came, import_lines, make_operator, went

HUNDRED = Money.yuan(100)


@pytest.fixture
def world(session):
    return make_world(session)


def flags(session, pledge):
    return {flag.kind: flag for flag in session.scalars(select(MoneyFlag).where(MoneyFlag.pledge_id == pledge.id))}


# ---- rules ----

@pytest.mark.parametrize(("other", "found"), [
    (Payment(2, "甲公司", "6222"), True), (Payment(2, "乙公司", "6222"), True), (Payment(2, "甲公司", "9999"), False),
    (Payment(2, "甲公司", ""), True), (Payment(2, "乙公司", ""), False), (Payment(1, "甲公司", "6222"), False),
])
def test_one_payer_for_different_donors(other, found):
    assert bool(rules.ring(Payment(1, "甲公司", "6222"), [other])) is found


def test_payments_without_a_name_or_account_tie_nobody():
    assert rules.ring(Payment(1, "", ""), [Payment(2, "", "")]) == []


def test_every_kind_of_flag_has_words_and_a_source():
    assert set(rules.FLAG_LABELS) == set(rules.FLAG_SOURCES) == set(FlagKind)
    assert set(rules.FLAG_STATE_LABELS) == set(FlagState)


# ---- related parties ----

@pytest.mark.parametrize("same", ["legal_representative", "contact_phone", "bank_account"])
def test_a_donor_that_shares_an_identifier_with_the_receiver_is_flagged(session, world, same):
    world.receiver.bank_account = "6222000011112222"
    donor = make_organization(session, kind=OrganizationKind.ENTERPRISE, legal_representative="唐一", contact_phone="13711112222")
    setattr(donor, same, getattr(world.receiver, same))
    pledge = held(session, world, make_pledge(session, world, funder=make_funder(session, kind="firm", organization=donor)))
    flag = flags(session, pledge)[FlagKind.RELATED_PARTY]
    assert (flag.state, flag.facts["with"]) == ("open", world.receiver.ref)
    assert "相同" in flag.facts["reason"]


def test_a_donor_named_among_the_related_parties_of_the_provider_is_flagged(session, world):
    funder = make_funder(session, kind="firm")
    provider = make_organization(session, legal_representative="邓林", contact_phone="13700007777")
    provider.related_parties.append(RelatedParty(name=funder.name, credit_code=funder.organization.credit_code or "X",
                                                 relation="controls"))
    funder.organization.credit_code = funder.organization.credit_code or "X"
    pledge = make_pledge(session, world, funder=funder)
    other = make_pledge(session, world)
    found = operations.look_at_provider(session, project_id=world.project.id, provider=provider, now=NOW)
    assert [flag.pledge_id for flag in found] == [pledge.id]
    assert operations.look_at_provider(session, project_id=world.project.id, provider=provider, now=NOW) == []
    assert flags(session, other) == {}


def test_a_provider_that_gives_to_its_own_project_is_flagged(session, world):
    funder = make_funder(session, kind="firm")
    pledge = held(session, world, make_pledge(session, world, funder=funder))
    operations.propose_release(session, actor=SYSTEM, pledge=pledge, milestone=1, amount=HUNDRED, payee=funder.organization,
                               evidence="验收报告", now=NOW)
    assert "自己" in flags(session, pledge)[FlagKind.RELATED_PARTY].facts["reason"]


def test_a_foundation_that_receives_its_own_gift_is_not_flagged(session, world):
    own = make_funder(session, organization=world.receiver)
    assert flags(session, held(session, world, make_pledge(session, world, funder=own))) == {}


def test_a_person_who_runs_the_receiver_is_flagged_and_a_stranger_is_not(session, world):
    boss = make_funder(session, kind="person", person_name=world.receiver.legal_representative)
    kin = make_funder(session, kind="person", person_name="汪小海")
    world.receiver.related_parties.append(RelatedParty(name="汪小海", credit_code=None, relation="manages"))
    stranger = make_funder(session, kind="person", person_name="路人")
    found = [FlagKind.RELATED_PARTY in flags(session, held(session, world, make_pledge(session, world, funder=funder)))
             for funder in (boss, kin, stranger)]
    assert found == [True, True, False]


def test_what_was_returned_is_not_looked_at(session, world):
    funder = make_funder(session, kind="firm")
    pledge = make_pledge(session, world, funder=funder)
    operations.cancel(session, actor=SYSTEM, pledge=pledge, reason="解除", now=NOW)
    assert operations.look_at_provider(session, project_id=world.project.id, provider=funder.organization, now=NOW) == []


# ---- payers ----

def arrives(session, world, pledge, *, name="", account_number="", day="2026-11-20", amount="100.00"):
    """A bank line comes, is identified for the pledge, and the receiver confirms it."""
    from marketplace.payments.models import BankLine

    import_lines(session, world.account, came(amount, name=name, account=account_number, purpose=pledge.code, day=day))
    line = session.scalars(select(BankLine).order_by(BankLine.id.desc()).limit(1)).one()
    operations.identify_line(session, actor=SYSTEM, line=line, pledge=pledge, now=NOW)
    operations.confirm(session, actor=SYSTEM, pledge=pledge, amount=pledge.paid, idem_key=f"c{pledge.id}-{line.id}", now=NOW)
    return pledge


def test_one_account_that_pays_for_two_donors_is_flagged_once(session, world):
    first = arrives(session, world, make_pledge(session, world, amount=HUNDRED), name="甲公司", account_number="6222001")
    assert flags(session, first) == {}
    second = arrives(session, world, make_pledge(session, world, amount=HUNDRED), name="甲公司", account_number="6222001")
    flag = flags(session, second)[FlagKind.SAME_PAYER]
    assert flag.facts == {"payer": "甲公司", "donors": 2}
    assert operations.look_again(session, pledge_ref=second.ref, now=NOW) == []
    assert has_open_flag(session, second)
    assert not has_open_flag(session, first)


def test_two_donors_who_pay_from_their_own_accounts_are_not_flagged(session, world):
    for number in ("6222001", "6222002"):
        pledge = arrives(session, world, make_pledge(session, world, amount=HUNDRED), name="李强", account_number=number)
        assert flags(session, pledge) == {}


def test_money_that_went_back_to_its_payer_is_flagged(session, world):
    pledge = arrives(session, world, make_pledge(session, world, amount=HUNDRED), name="甲公司", account_number="6222001")
    assert suspects.paid_back(session, limit=10) == []
    import_lines(session, world.account, went("60.00", name="甲公司", account="6222001", day="2026-11-21"))
    assert suspects.paid_back(session, limit=10) == [pledge.ref]
    assert [flag.kind for flag in operations.look_again(session, pledge_ref=pledge.ref, now=NOW)] == [FlagKind.ROUND_TRIP]
    assert flags(session, pledge)[FlagKind.ROUND_TRIP].facts["amount_fen"] == 6_000
    assert suspects.paid_back(session, limit=10) == []


def test_money_paid_earlier_or_to_somebody_else_is_no_round_trip(session, world):
    import_lines(session, world.account, went("60.00", name="甲公司", account="6222001", day="2026-11-01"),
                 went("60.00", name="乙公司", account="6222009", day="2026-11-21"))
    pledge = arrives(session, world, make_pledge(session, world, amount=HUNDRED), name="甲公司", account_number="6222001")
    assert suspects.paid_back(session, limit=10) == []
    assert flags(session, pledge) == {}


def test_a_payer_without_an_account_number_cannot_be_followed(session, world):
    pledge = arrives(session, world, make_pledge(session, world, amount=HUNDRED), name="甲公司")
    import_lines(session, world.account, went("60.00", name="甲公司", day="2026-11-21"))
    assert operations.look_again(session, pledge_ref=pledge.ref, now=NOW) == []


def test_a_refund_that_was_ordered_is_no_round_trip(session, world):
    from marketplace.payments.models import BankLine, BankLinePart, PaymentOrder, PaymentOrderLine

    pledge = arrives(session, world, make_pledge(session, world, amount=HUNDRED), name="甲公司", account_number="6222001")
    import_lines(session, world.account, went("60.00", name="甲公司", account="6222001", day="2026-11-21"))
    line = session.scalars(select(BankLine).order_by(BankLine.id.desc()).limit(1)).one()
    order = PaymentOrder(number="FK-1", account=world.account, total=Money.yuan(60), prepared_at=NOW)
    order.lines.append(PaymentOrderLine(position=1, subject_kind="refund", subject_ref=pledge.ref, payee_name="甲公司",
                                        payee_account="6222001", amount=Money.yuan(60), purpose="退款"))
    session.add(order)
    session.flush()
    session.add(BankLinePart(line_id=line.id, subject_kind="payment_order_line", subject_ref=order.lines[0].ref,
                             amount=Money.yuan(60), matched_by="person", settled_at=NOW))
    session.flush()
    assert suspects.paid_back(session, limit=10) == []
    assert FlagKind.ROUND_TRIP not in {flag.kind for flag in operations.look_again(session, pledge_ref=pledge.ref, now=NOW)}


# ---- a donor in several shapes ----

def test_a_donor_that_splits_itself_over_its_funds_is_flagged_above_the_pools_cap(session, world):
    make_pool(session, per_donor_cap=Money.yuan(1_000))
    body = make_organization(session, kind=OrganizationKind.FOUNDATION, legal_representative="章理事", contact_phone="13611112222")
    own = make_funder(session, organization=body)
    fund = make_funder(session, kind="named_fund", organization=body, fund_name="暖阳")
    first = held(session, world, make_pledge(session, world, funder=own, amount=Money.yuan(600)))
    assert flags(session, first) == {}
    second = held(session, world, make_pledge(session, world, funder=fund, amount=Money.yuan(600)))
    assert flags(session, second)[FlagKind.DONOR_CAP_SPLIT].facts == {"shapes": 2, "matched_fen": 120_000}


def test_within_the_cap_or_alone_or_a_person_nobody_is_flagged(session, world):
    make_pool(session, per_donor_cap=Money.yuan(1_000))
    body = make_organization(session, kind=OrganizationKind.FOUNDATION, legal_representative="章理事", contact_phone="13611112222")
    shapes = [make_funder(session, organization=body),
              make_funder(session, kind="named_fund", organization=body, fund_name="暖阳"),
              make_funder(session, kind="person", person_name="路人")]
    for funder in shapes:
        pledge = held(session, world, make_pledge(session, world, funder=funder, amount=Money.yuan(500)))
        assert flags(session, pledge) == {}
    alone = make_funder(session)
    assert flags(session, held(session, world, make_pledge(session, world, funder=alone, amount=Money.yuan(5_000)))) == {}


# ---- deciding ----

@pytest.fixture
def pool(session):
    return make_pool(session)


@pytest.fixture
def flagged(session, world, pool):
    """A held pledge, matched 1:1, about which something waits to be looked at."""
    pledge = make_pledge(session, world, amount=HUNDRED)
    operations.raise_flag(session, pledge=pledge, kind=FlagKind.SAME_PAYER, facts={"payer": "甲"}, now=NOW)
    return held(session, world, pledge)


def allocation(session, pledge):
    found = session.scalars(select(Allocation).where(Allocation.pledge_id == pledge.id)).one()
    session.refresh(found)
    return found


def test_an_open_flag_keeps_matching_money_from_being_confirmed_until_it_is_cleared(session, world, pool, flagged):
    assert allocation(session, flagged).state == "reserved"
    flag = flags(session, flagged)[FlagKind.SAME_PAYER]
    operator = make_operator(session)
    operations.clear_flag(session, actor=operator, flag=flag, note="同一集团财务公司代付，已核对委托书", now=NOW)
    assert (flag.state, flag.decided_by) == ("cleared", operator.person_id)
    assert allocation(session, flagged).state == "captured"


def test_with_two_flags_both_are_to_be_cleared(session, flagged):
    other = operations.raise_flag(session, pledge=flagged, kind=FlagKind.ROUND_TRIP, facts={"line": "x"}, now=NOW)
    operations.clear_flag(session, actor=SYSTEM, flag=flags(session, flagged)[FlagKind.SAME_PAYER], note="核对", now=NOW)
    assert allocation(session, flagged).state == "reserved"
    operations.clear_flag(session, actor=SYSTEM, flag=other, note="核对", now=NOW)
    assert allocation(session, flagged).state == "captured"


def test_an_upheld_flag_gives_the_pool_back_every_fen(session, world, pool, flagged):
    flag = flags(session, flagged)[FlagKind.SAME_PAYER]
    session.refresh(pool)
    assert pool.reserved == HUNDRED
    assert operations.uphold_flag(session, actor=SYSTEM, flag=flag, note="关联企业代付", now=NOW) == HUNDRED
    session.refresh(pool)
    assert (pool.reserved, pool.captured, flag.state) == (Money(0), Money(0), "upheld")
    assert allocation(session, flagged).state == "returned"
    assert flagged.held == HUNDRED                          # the gift itself stays where it is


def test_what_was_cleared_is_raised_again_only_for_other_facts(session, flagged):
    operations.clear_flag(session, actor=SYSTEM, flag=flags(session, flagged)[FlagKind.SAME_PAYER], note="核对", now=NOW)
    raise_ = {"pledge": flagged, "kind": FlagKind.SAME_PAYER, "now": NOW}
    assert operations.raise_flag(session, facts={"payer": "甲"}, **raise_) is None
    assert operations.raise_flag(session, facts={"payer": "乙"}, **raise_) is not None
    assert operations.raise_flag(session, facts={"payer": "丙"}, **raise_) is None


@pytest.mark.parametrize("verb", ["clear_flag", "uphold_flag"])
def test_a_flag_is_decided_once_with_a_note_by_the_operator(session, flagged, verb):
    flag = flags(session, flagged)[FlagKind.SAME_PAYER]
    decide = getattr(operations, verb)
    stranger = officer(session, make_funder(session))
    with pytest.raises(Denied) as refused:
        decide(session, actor=stranger, flag=flag, note="核对", now=NOW)
    assert refused.value.hidden
    with pytest.raises(Invalid):
        decide(session, actor=SYSTEM, flag=flag, note=" ", now=NOW)
    decide(session, actor=SYSTEM, flag=flag, note="核对", now=NOW)
    with pytest.raises(Denied):
        decide(session, actor=SYSTEM, flag=flag, note="核对", now=NOW)


def test_two_decisions_at_once_are_one(session, flagged):
    flag = flags(session, flagged)[FlagKind.SAME_PAYER]
    session.execute(MoneyFlag.__table__.update().where(MoneyFlag.id == flag.id).values(
        state="cleared", note="别人", decided_at=NOW))
    with pytest.raises(Conflict):
        operations.uphold_flag(session, actor=SYSTEM, flag=flag, note="核对", now=NOW)


def test_nobody_decides_about_his_own_money(session, flagged):
    flag = flags(session, flagged)[FlagKind.SAME_PAYER]
    both = Actor(person_id=1, organization_id=flagged.funder.organization_id, roles=frozenset({Role.OPERATOR, Role.FUNDER}))
    assert not policy.may_decide_flag(both, flag)
    assert policy.may_look_at_flags(make_operator(session))
    assert policy.may_look_at_flags(officer(session, flagged.funder)).hidden


def test_the_database_keeps_one_open_flag_of_a_kind(session, flagged):
    row = {"ref": "again", "pledge_id": flagged.id, "kind": FlagKind.SAME_PAYER, "facts": {}, "state": "open", "note": "",
           "raised_at": NOW}
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(MoneyFlag.__table__.insert().values(**row))


# ---- the wall ----

def test_who_sees_a_gap(session, pool):
    own, other = officer(session, pool.funder), make_funder(session)
    its = officer(session, other)
    assert policy.may_see_gap(own, pool.funder, pool)
    assert policy.may_see_gap(own, None, pool)
    assert policy.may_see_gap(SYSTEM, None, pool)
    assert policy.may_see_gap(its, other, pool)
    for actor, funder in ((its, None), (Actor(), other), (make_operator(session), other), (its, pool.funder)):
        assert not policy.may_see_gap(actor, funder, pool)
    other.verified_at = other.verified_by = None
    assert not policy.may_see_gap(its, other)
    pool.filed_plan_number = "53100000500021326DA26001"
    assert policy.may_see_gap(Actor(), None, pool)


def test_who_manages_a_pool(session, pool):
    assert policy.may_manage_pool(officer(session, pool.funder), pool)
    assert policy.may_manage_pool(officer(session, make_funder(session)), pool).hidden
    assert policy.may_open_pool(officer(session, pool.funder), pool.funder)
    pool.funder.verified_at = pool.funder.verified_by = None
    assert not policy.may_manage_pool(SYSTEM, pool)
    assert not policy.may_open_pool(SYSTEM, pool.funder)


# ---- the sweeping duties, each in transactions of its own ----

def test_the_duties_let_promises_lapse_and_notice_round_trips(ctx, monkeypatch):
    from marketplace.core.db import db, transaction

    with transaction() as session:
        world = make_world(session)
        for _ in range(3):
            make_pledge(session, world, is_verbal=True)
        pledge = arrives(session, world, make_pledge(session, world, amount=HUNDRED), name="甲", account_number="6222001")
        import_lines(session, world.account, went("60.00", name="甲", account="6222001", day=str(date(2026, 11, 21))))
        ref = pledge.ref
    monkeypatch.setattr(sweeping, "utc_now", lambda: NOW)
    sweeping.expire_promises()
    assert db.session.scalars(select(Pledge.id).where(Pledge.state == "expired")).all() == []
    monkeypatch.setattr(sweeping, "utc_now", lambda: NOW.replace(year=2027))
    monkeypatch.setattr(sweeping, "AT_ONCE", 2)
    sweeping.expire_promises()
    db.session.rollback()
    assert len(db.session.scalars(select(Pledge.id).where(Pledge.state == "expired")).all()) == 3
    db.session.rollback()
    for _ in range(2):
        sweeping.look_for_round_trips()
    found = db.session.scalars(select(MoneyFlag.kind).join(Pledge).where(Pledge.ref == ref)).all()
    assert found == [FlagKind.ROUND_TRIP]
