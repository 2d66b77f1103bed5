"""Own contributions: claimed with a proof, decided by another person."""

import pytest
from sqlalchemy.exc import IntegrityError

from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.money import Money
from marketplace.funding import operations, policy
from marketplace.funding.models import OwnContribution
from marketplace.funding.rules.contributions import KIND_LABELS, STATE_LABELS
from tests.factories import NOW
from tests.factories.accounts import actor_of, make_person
from tests.factories.funding import make_world
from tests.factories.organizations import make_organization
from tests.factories.payments import make_proof


@pytest.fixture
def world(session):
    return make_world(session)


@pytest.fixture
def provider(session):
    return make_organization(session)


def claim(session, world, provider, actor=SYSTEM, **changes):
    return operations.claim_contribution(session, actor=actor, project=world.project, organization=provider, now=NOW, **{
        "kind": "receipt", "amount": Money.yuan(20_000), "proof_file": make_proof(session, provider),
        "description": "自有资金购置餐车", **changes})


@pytest.mark.parametrize("kind", KIND_LABELS)
def test_each_form_is_claimed_with_its_proof(session, world, provider, kind):
    made = claim(session, world, provider, kind=kind, valuation="三家报价取低")
    assert (made.state, made.kind, made.amount) == ("claimed", kind, Money.yuan(20_000))
    assert STATE_LABELS[made.state]


@pytest.mark.parametrize(("changes", "field"), [
    ({"kind": "promise"}, "kind"), ({"amount": Money(0)}, "amount"), ({"description": ""}, "description"),
    ({"description": "写" * 1001}, "description"), ({"kind": "in_kind"}, "valuation"),
])
def test_a_claim_that_cannot_be_is_refused(session, world, provider, changes, field):
    with pytest.raises(Invalid) as refused:
        claim(session, world, provider, **changes)
    assert refused.value.field == field


@pytest.mark.parametrize("verdict", ["infected", "failed"])
def test_a_proof_that_the_scanner_refused_proves_nothing(session, world, provider, verdict):
    proof = make_proof(session, provider)
    proof.scan_state = verdict
    with pytest.raises(Invalid) as refused:
        claim(session, world, provider, proof_file=proof)
    assert refused.value.field == "proof_file"


def test_only_the_provider_claims(session, world, provider):
    member = actor_of(session, make_person(session, role=Role.PROVIDER_MEMBER, organization_id=provider.id))
    assert claim(session, world, provider, member).claimed_by == member.person_id
    for actor in (world.desk.handler, ANONYMOUS):
        with pytest.raises(Denied):
            claim(session, world, provider, actor)


@pytest.mark.parametrize(("is_proved", "state"), [(True, "proved"), (False, "refused")])
def test_the_buyer_decides_once(session, world, provider, is_proved, state):
    made = claim(session, world, provider)
    operations.decide_contribution(session, actor=world.desk.handler, claim=made, is_proved=is_proved, note="核对发票",
                                   now=NOW)
    assert (made.state, made.decision_note, made.decided_by) == (state, "核对发票", world.desk.handler.person_id)
    with pytest.raises(Denied):
        operations.decide_contribution(session, actor=SYSTEM, claim=made, is_proved=True, now=NOW)


def test_a_refusal_says_why(session, world, provider):
    with pytest.raises(Invalid):
        operations.decide_contribution(session, actor=SYSTEM, claim=claim(session, world, provider), is_proved=False, now=NOW)


def test_nobody_decides_his_own_claim(session, world):
    unit = world.desk.unit
    both = Actor(person_id=world.desk.handler.person_id, name="何静", organization_id=unit.id, unit_path=unit.path,
                 roles=frozenset({Role.HANDLER, Role.PROVIDER_MEMBER}))
    made = claim(session, world, unit, both)
    assert not policy.may_decide_claim(both, made)
    assert policy.may_decide_claim(world.desk.approver, made)
    assert not policy.may_decide_claim(ANONYMOUS, made)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(OwnContribution.__table__.update().where(OwnContribution.id == made.id).values(
            state="proved", decided_at=NOW, decided_by=made.claimed_by))


def test_two_decisions_at_once_are_one(session, world, provider):
    made = claim(session, world, provider)
    session.execute(OwnContribution.__table__.update().where(OwnContribution.id == made.id).values(
        state="refused", decided_at=NOW))
    with pytest.raises(Conflict):
        operations.decide_contribution(session, actor=SYSTEM, claim=made, is_proved=True, now=NOW)
