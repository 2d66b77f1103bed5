"""The check of offers after the opening: the hard rules of rulebook 3.3, ties between bidders, prices, texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from marketplace.awards.queries.sheet import opened_bids
from marketplace.awards.rules import Flag, FlagKind, OfferFacts, abnormally_low, collusion_signals
from marketplace.bids.models import OpenedOffer, SealedBid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.organizations.queries import eligibility, ties_among
from marketplace.organizations.rules import credit_code_is_valid
from marketplace.projects.models import Project

GPR_18 = "政府采购法实施条例第十八条"


def highest_price(project: Project) -> Money | None:
    """Return the most that an offer may cost: the published ceiling, or else the budget."""
    return project.ceiling or project.budget


def hard_problems(project: Project, offer: OpenedOffer, *, day: date) -> list[str]:
    """Return the sentences that bar an offer on `day`; they leave no discretion (GPL 22, 87 art 63)."""
    organization = offer.bid.organization
    found = list(eligibility(organization, day=day).bars)
    if not organization.credit_code or not credit_code_is_valid(organization.credit_code):
        found.append(N_("没有有效的统一社会信用代码"))
    most = highest_price(project)
    if most is not None and offer.price > most:
        found.append(N_("报价超过最高限价"))
    return found


@dataclass(frozen=True)
class Checked:
    """One opened bid with what was found about it."""

    bid: SealedBid
    offer: OpenedOffer
    problems: Sequence[str]
    flags: Sequence[Flag]

    @property
    def must_be_refused(self) -> bool:
        """Say whether the offer counts as valid although a hard rule bars it."""
        return bool(self.problems) and self.offer.is_valid


def checked_offers(session: Session, project: Project, *, day: date) -> list[Checked]:
    """Return every opened offer with its problems and flags, by receipt number. Never shown before the opening."""
    bids = [(bid, bid.offer) for bid in opened_bids(session, project) if bid.offer is not None]
    flags = offer_flags(project, [(bid, offer) for bid, offer in bids if offer.is_valid])
    return [Checked(bid, offer, hard_problems(project, offer, day=day), [f for f in flags if bid.ref in f.keys])
            for bid, offer in bids]


def offer_flags(project: Project, bids: Sequence[tuple[SealedBid, OpenedOffer]]) -> list[Flag]:
    """Return the signs to look at among valid offers: prices, texts, contacts, ties between bidders (GPR 18)."""
    prices = {bid.ref: offer.price for bid, offer in bids}
    facts = [OfferFacts(bid.ref, bid.organization.name, offer.price, offer.contact_name, offer.contact_phone,
                        f"{offer.plan}\n{offer.team}") for bid, offer in bids]
    by_organization = {bid.organization_id: bid.ref for bid, _ in bids}
    ties = [
        Flag(FlagKind.RELATED, (by_organization[tie.one.id], by_organization[tie.other.id]),
             N_("{one}与{other}：{reason}"), GPR_18,
             {"one": tie.one.name, "other": tie.other.name, "reason": tie.reason})
        for tie in ties_among(bid.organization for bid, _ in bids)
    ]
    return [*ties, *collusion_signals(facts), *abnormally_low(prices, highest_price(project))]
