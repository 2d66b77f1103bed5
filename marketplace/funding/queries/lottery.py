"""The yearly list of welfare-lottery money that its users publish (rulebook 5.1): who got how much for what."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import at_beijing
from marketplace.core.money import Money
from marketplace.funding.models import Funder, Pledge
from marketplace.funding.rules.buckets import STATE_LABELS, PledgeState
from marketplace.funding.rules.funders import PURPOSE_LABELS, FunderKind, LotteryPurpose


@dataclass(frozen=True)
class LotteryUse:
    """One gift of lottery money: purpose and progress in words, sums in fen."""

    funder: str
    project_number: str
    project: str
    receiver: str
    purpose: str
    promised: Money
    disbursed: Money
    progress: str


def uses(session: Session, *, year: int) -> list[LotteryUse]:
    """Return the lottery money promised in a calendar year of Beijing that still counts, by bureau and time."""
    first, end = _span(year)
    found = session.scalars(
        select(Pledge).join(Funder, Pledge.funder_id == Funder.id)
        .where(Funder.kind == FunderKind.LOTTERY, Pledge.kind == "own", ~Pledge.is_verbal, Pledge.pledged_at >= first,
               Pledge.pledged_at < end, Pledge.dropped + Pledge.refunded < Pledge.amount)
        .options(joinedload(Pledge.funder).joinedload(Funder.organization), joinedload(Pledge.project),
                 joinedload(Pledge.receiver))
        .order_by(Pledge.funder_id, Pledge.pledged_at, Pledge.id))
    return [
        LotteryUse(pledge.funder.name, pledge.project.number or "", pledge.project.title, pledge.receiver.name,
                   PURPOSE_LABELS[LotteryPurpose(pledge.lottery_purpose)],
                   pledge.amount - pledge.dropped - pledge.refunded, pledge.disbursed,
                   STATE_LABELS[PledgeState(pledge.state)])
        for pledge in found]


def _span(year: int) -> tuple[datetime, datetime]:
    """Return the half-open span of a calendar year in Beijing."""
    return at_beijing(date(year, 1, 1)), at_beijing(date(year + 1, 1, 1))
