"""Releases: two people, evidence, a milestone of the plan, payment, and what comes back unspent."""

import pytest
from sqlalchemy.exc import IntegrityError

from marketplace.core.access import ANONYMOUS, SYSTEM, Role
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.funding import operations, policy
from marketplace.funding.models import Release
from marketplace.ledger.queries import balance
from tests.factories import NOW
from tests.factories.funding import (
    held,
    keeper,
    make_funder,
    make_pledge,
    make_world,
    officer,
    proposed,
    released,
)
from tests.factories.organizations import make_organization
from tests.funding.test_money import agree, order

FULL = Money.yuan(10_000)
PART = Money.yuan(4_000)
STATES = ("proposed", "confirmed", "refused", "disbursed", "withdrawn")


@pytest.fixture
def world(session):
    return make_world(session)


@pytest.fixture
def funder(session):
    return make_funder(session)


@pytest.fixture
def pledge(session, world, funder):
    return held(session, world, make_pledge(session, world, funder=funder))


def propose(session, world, pledge, actor=None, **changes):
    return operations.propose_release(session, actor=actor or world.desk.handler, pledge=pledge, now=NOW, **{
        "milestone": 1, "amount": PART, "payee": make_organization(session, legal_representative="邓林",
                                                                  contact_phone="13700007777"),
        "evidence": "中期验收报告", **changes})


def test_a_proposal_moves_nothing_and_a_second_person_releases(session, world, funder, pledge):
    release = propose(session, world, pledge)
    assert (release.state, pledge.held, pledge.released) == ("proposed", FULL, Money(0))
    own = officer(session, funder)
    assert operations.confirm_release(session, actor=own, release=release, now=NOW)
    assert (release.state, release.decided_by) == ("confirmed", own.person_id)
    assert (pledge.held, pledge.released, pledge.state) == (FULL - PART, PART, "held")
    assert balance(session, f"milestone:{pledge.ref}:1") == PART
    agree(session, pledge, world)


@pytest.mark.parametrize(("changes", "field"), [
    ({"amount": Money(0)}, "amount"), ({"amount": FULL + Money(1)}, "amount"), ({"evidence": " "}, "evidence"),
    ({"evidence": "证" * 2001}, "evidence"), ({"milestone": 0}, "milestone"), ({"milestone": 4}, "milestone"),
])
def test_a_proposal_that_cannot_be_is_refused(session, world, pledge, changes, field):
    with pytest.raises(Invalid) as refused:
        propose(session, world, pledge, **changes)
    assert refused.value.field == field


def test_an_unverified_payee_is_refused(session, world, pledge):
    with pytest.raises(Invalid) as refused:
        propose(session, world, pledge, payee=make_organization(session, is_verified=False))
    assert refused.value.field == "payee"


def test_two_proposals_never_ask_for_the_same_fen(session, world, pledge):
    propose(session, world, pledge, amount=Money.yuan(6_000))
    with pytest.raises(Invalid) as refused:
        propose(session, world, pledge, amount=Money.yuan(4_000) + Money(1))
    assert refused.value.facts["have"] == "4,000.00"
    propose(session, world, pledge, amount=Money.yuan(4_000), milestone=2)


def test_a_project_without_a_plan_has_one_milestone(session, world, pledge):
    world.project.milestones.clear()
    session.flush()
    assert propose(session, world, pledge).milestone == 1
    with pytest.raises(Invalid):
        propose(session, world, pledge, milestone=2)


def test_who_may_propose_and_who_may_confirm(session, world, funder, pledge):
    own, treasurer = officer(session, funder), keeper(session, world)
    stranger = officer(session, make_funder(session))
    assert policy.may_propose_release(treasurer, pledge)
    assert policy.may_propose_release(SYSTEM, pledge)
    refused = policy.may_propose_release(own, pledge)
    assert (refused.allowed, refused.hidden) == (False, False)
    assert policy.may_propose_release(stranger, pledge).hidden
    release = propose(session, world, pledge, actor=world.desk.approver)
    assert policy.may_confirm_release(own, release)
    assert not policy.may_confirm_release(world.desk.approver, release)          # he proposed it
    assert not policy.may_confirm_release(world.desk.handler, release)           # no approver
    assert not policy.may_confirm_release(treasurer, release)
    assert not policy.may_confirm_release(SYSTEM, release)
    assert policy.may_confirm_release(stranger, release).hidden
    assert policy.may_confirm_release(ANONYMOUS, release).hidden
    with pytest.raises(Denied):
        operations.confirm_release(session, actor=world.desk.approver, release=release, now=NOW)


def test_nothing_is_proposed_before_the_money_is_confirmed(session, world):
    assert not policy.may_propose_release(SYSTEM, make_pledge(session, world))


def in_state(session, world, pledge, state):
    release = proposed(session, world, pledge, PART) if state in ("proposed", "refused") else released(
        session, world, pledge, PART)
    if state == "refused":
        operations.refuse_release(session, actor=world.desk.approver, release=release, reason="材料不足", now=NOW)
    if state == "disbursed":
        operations.disburse(session, actor=SYSTEM, release=release, from_account=world.suspense, idem_key="out", now=NOW)
    if state == "withdrawn":
        operations.withdraw_release(session, actor=SYSTEM, release=release, reason="账号有误", now=NOW)
    return release


STEPS = {
    "confirm": lambda session, world, release: operations.confirm_release(
        session, actor=world.desk.approver, release=release, now=NOW),
    "refuse": lambda session, world, release: operations.refuse_release(
        session, actor=world.desk.approver, release=release, reason="材料不足", now=NOW),
    "withdraw": lambda session, world, release: operations.withdraw_release(
        session, actor=SYSTEM, release=release, reason="账号有误", now=NOW),
    "disburse": lambda session, world, release: operations.disburse(
        session, actor=SYSTEM, release=release, from_account=world.suspense, idem_key="out-2", now=NOW),
}
TABLE = {("proposed", "confirm"): "confirmed", ("proposed", "refuse"): "refused", ("proposed", "withdraw"): "withdrawn",
         ("confirmed", "withdraw"): "withdrawn", ("confirmed", "disburse"): "disbursed"}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", STATES)
def test_every_state_of_a_release_against_every_step(session, world, pledge, state, step):
    release = in_state(session, world, pledge, state)
    assert release.state == state
    if (state, step) in TABLE:
        STEPS[step](session, world, release)
        assert release.state == TABLE[state, step]
    else:
        with pytest.raises((Denied, Conflict)), session.begin_nested():
            STEPS[step](session, world, release)
        session.refresh(release)
        assert release.state == state
    agree(session, pledge, world)
    spent = PART if release.state in ("confirmed", "disbursed") else Money(0)
    assert pledge.released + pledge.disbursed == spent


def test_a_release_disbursed_twice_is_paid_once(session, world, pledge):
    release = released(session, world, pledge, PART)
    pay = {"actor": keeper(session, world), "release": release, "from_account": world.suspense, "idem_key": "out", "now": NOW}
    assert operations.disburse(session, **pay)
    assert not operations.disburse(session, **pay)
    assert (pledge.disbursed, release.disbursed_at) == (PART, NOW)
    agree(session, pledge, world)


def test_a_release_on_a_payment_order_is_not_withdrawn(session, world, pledge):
    release = released(session, world, pledge, PART)
    order(session, world, "release", release.ref, PART)
    with pytest.raises(IllegalStep):
        operations.withdraw_release(session, actor=SYSTEM, release=release, reason="账号有误", now=NOW)


def test_who_may_withdraw(session, world, funder, pledge):
    release = proposed(session, world, pledge, PART)
    assert policy.may_withdraw_release(world.desk.handler, release)      # who proposed it
    assert policy.may_withdraw_release(keeper(session, world), release)
    refused = policy.may_withdraw_release(officer(session, funder), release)
    assert (refused.allowed, refused.hidden) == (False, False)
    assert policy.may_withdraw_release(officer(session, make_funder(session)), release).hidden


def test_a_proposal_changed_meanwhile_raises_conflict(session, world, pledge):
    from marketplace.funding.operations.releases import _decide

    release = proposed(session, world, pledge, PART)
    with pytest.raises(Conflict):
        _decide(session, release, was="confirmed", values={"state": "disbursed", "disbursed_at": NOW}, now=NOW)


def test_unspent_money_comes_back_and_is_released_anew(session, world, pledge):
    in_state(session, world, pledge, "disbursed")
    back = {"actor": keeper(session, world), "pledge": pledge, "amount": Money.yuan(1_000), "from_account": world.suspense,
            "idem_key": "back", "now": NOW}
    assert operations.claw_back(session, **back)
    assert not operations.claw_back(session, **back)
    assert (pledge.disbursed, pledge.held) == (Money.yuan(3_000), Money.yuan(7_000))
    agree(session, pledge, world)
    assert propose(session, world, pledge, amount=Money.yuan(7_000)).state == "proposed"
    with pytest.raises(Conflict):
        operations.claw_back(session, **{**back, "idem_key": "more", "amount": Money.yuan(3_001)})


def test_the_database_itself_wants_two_persons(session, world, pledge):
    release = proposed(session, world, pledge, PART)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(Release.__table__.update().where(Release.id == release.id).values(
            state="confirmed", decided_at=NOW, decided_by=release.proposed_by))


def test_a_funder_that_is_a_person_has_the_buyers_approver_as_second_person(session, world):
    pledge = held(session, world, make_pledge(session, world, funder=make_funder(session, kind="person")))
    release = propose(session, world, pledge)
    assert policy.may_confirm_release(world.desk.approver, release)
    assert world.desk.approver.has(Role.APPROVER)
