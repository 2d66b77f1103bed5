"""A contracted project with signed gifts and matching money, and the donation agreement over them."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from marketplace.agreements import operations
from marketplace.agreements.models import DonationAgreement
from marketplace.contracts.models import Contract
from marketplace.core.access import SYSTEM, Actor
from marketplace.core.money import Money
from marketplace.core.ports import Sealer
from marketplace.funding.models import Funder, Pledge
from tests.factories.contracts import Deal, make_contract
from tests.factories.funding import World, keeper, make_funder, make_pledge, make_pool, officer
from tests.factories.organizations import make_organization
from tests.factories.payments import make_account

GIFT = Money.yuan(20_000)
LATER = datetime(2026, 12, 21, 2, tzinfo=UTC)      # after the contract of the factories


@dataclass(frozen=True)
class Giving:
    """Everybody around an agreement: the contract, the receiving body's person, a donor with an officer."""

    deal: Deal
    contract: Contract
    world: World
    keeper: Actor
    donor: Funder
    donor_officer: Actor
    pledge: Pledge


def make_giving(session: Session, sealer: Sealer, *, amount: Money = GIFT, matches: bool = True) -> Giving:
    """A signed contract, a foundation that receives, one signed gift of 20,000 yuan, confirmed one to one by a pool."""
    deal, contract = make_contract(session, sealer)
    deal.project.takes_matching = True
    receiver = make_organization(session, name="澜川区社区发展基金会", legal_representative="汪海", contact_phone="13800009999")
    session.flush()
    world = World(deal.desk, deal.project, receiver, make_account(session, receiver))
    if matches:
        make_pool(session, facts={"receiver_account": world.account})
    donor = make_funder(session)
    pledge = make_pledge(session, world, funder=donor, amount=amount, now=LATER)
    return Giving(deal, contract, world, keeper(session, world), donor, officer(session, donor), pledge)


def make_agreement(session: Session, giving: Giving) -> DonationAgreement:
    """The agreement over what is signed, drawn up by the receiving body."""
    return operations.draw_up_agreement(session, actor=giving.keeper, project=giving.deal.project,
                                        receiver=giving.world.receiver, now=LATER)


__all__ = ["LATER", "SYSTEM", "Giving", "make_agreement", "make_giving"]
