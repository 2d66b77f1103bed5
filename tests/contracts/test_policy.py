"""Who may see, sign, publish and file; strangers do not even learn that a contract exists."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from marketplace.contracts import policy
from marketplace.contracts.models import Contract
from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role
from marketplace.web.services import services
from tests.factories.bids import make_bidder
from tests.factories.contracts import Deal, make_contract
from tests.factories.projects import make_actor, make_desk, make_unit


@pytest.fixture
def made(session: Session) -> tuple[Deal, Contract]:
    """A contract of a street below a district bureau."""
    bureau = make_unit(session, name="澜川区民政局")
    return make_contract(session, services().sealer, desk=make_desk(session, parent=bureau))


def test_both_parties_the_units_above_and_the_overseers_see_it(session: Session, made: tuple[Deal, Contract]) -> None:
    deal, contract = made
    bureau = deal.desk.unit.parent
    seers = [SYSTEM, deal.desk.handler, deal.desk.approver, deal.provider.actor, make_actor(session, bureau, Role.APPROVER),
             Actor(person_id=7, roles=frozenset({Role.OPERATOR})), Actor(person_id=8, roles=frozenset({Role.AUDITOR}))]
    assert [bool(policy.may_view(actor, contract)) for actor in seers] == [True] * len(seers)


def test_nobody_else_learns_that_it_exists(session: Session, made: tuple[Deal, Contract]) -> None:
    deal, contract = made
    sibling = make_desk(session, parent=deal.desk.unit.parent)
    child = make_unit(session, name="某社区", parent=deal.desk.unit)
    strangers = [
        ANONYMOUS, sibling.handler, make_actor(session, child, Role.HANDLER), make_bidder(session).actor,
        Actor(person_id=9, roles=frozenset({Role.EXPERT})), Actor(person_id=9, roles=frozenset({Role.SECURITY_OFFICER})),
        Actor(person_id=9, roles=frozenset({Role.EXPERT}), organization_id=contract.buyer_id),
    ]
    for stranger in strangers:
        decision = policy.may_view(stranger, contract)
        assert (bool(decision), decision.hidden) == (False, True), stranger
        for may in (policy.may_record_signing, policy.may_publish, policy.may_record_filing):
            assert may(stranger, contract).hidden, stranger


def test_only_the_buyers_own_people_move_it_on_and_only_step_by_step(made: tuple[Deal, Contract]) -> None:
    deal, contract = made
    buyer = deal.desk.handler
    assert "还没有生成" in policy.may_record_signing(buyer, contract).reason
    contract.state = "issued"
    assert policy.may_record_signing(buyer, contract)
    refused = policy.may_record_signing(deal.provider.actor, contract)
    assert (bool(refused), refused.hidden) == (False, False)
    assert not policy.may_publish(buyer, contract)
    contract.state = "signed"
    assert "已经登记" in policy.may_record_signing(buyer, contract).reason
    assert policy.may_publish(buyer, contract)
    assert policy.may_record_filing(buyer, contract)
    contract.published_at, contract.filed_on = datetime(2026, 12, 20, tzinfo=UTC), date(2026, 12, 20)
    assert not policy.may_publish(buyer, contract)
    assert not policy.may_record_filing(buyer, contract)
    contract.state, contract.published_at, contract.filed_on = "frozen", None, None
