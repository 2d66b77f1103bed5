"""What the open pools would put beside a pledge that nobody has made yet. An estimate: nothing is reserved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from marketplace.core.access import Decision
from marketplace.core.money import Money
from marketplace.funding.models import CostLine, Funder, MatchingPool, MatchingRule, PoolCap
from marketplace.funding.rules.matching import PledgeFacts, Room, Share, covered, decide, obstacles
from marketplace.funding.rules.terms import RuleTerms
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

_TUPLES = ("categories", "areas", "receiver_kinds")


@dataclass(frozen=True)
class PoolEstimate:
    """What one pool would give, or why it would give nothing."""

    pool: MatchingPool
    share: Share | None
    refusals: Sequence[Decision]

    @property
    def amount(self) -> Money:
        """Return the estimated sum."""
        return self.share.amount if self.share else Money(0)


@dataclass(frozen=True, kw_only=True)
class Imagined:
    """A pledge that might be made."""

    funder: Funder
    project: Project
    receiver: Organization
    amount: Money
    cost_line: CostLine | None = None
    on: date


def terms_of(rule: MatchingRule) -> RuleTerms:
    """Return a stored version of a rule as plain terms."""
    values = {name: getattr(rule, name) for name in RuleTerms.__dataclass_fields__}
    return RuleTerms(**{**values, **{name: tuple(values[name]) for name in _TUPLES}})


def estimate(session: Session, pledge: Imagined) -> list[PoolEstimate]:
    """Return the answer of every open pool in the order in which they would be asked."""
    rows = session.execute(
        select(MatchingPool, MatchingRule).join(MatchingRule, (MatchingRule.pool_id == MatchingPool.id) & (
            MatchingRule.version == MatchingPool.rule_version))
        .where(MatchingPool.state == "open").order_by(MatchingRule.priority, MatchingPool.id)).all()
    used = _used(session, [pool.id for pool, _ in rows], pledge)
    base, found = pledge.amount, []
    cost_left = (pledge.cost_line.amount - pledge.cost_line.funded - pledge.amount).fen if pledge.cost_line else None
    for pool, rule in rows:
        terms = terms_of(rule)
        refusals = obstacles(terms, _facts(pledge, pool))
        if refusals or not base.fen:
            found.append(PoolEstimate(pool, None, refusals))
            continue
        room = _room(pool, terms, used, cost_left)
        share = decide(terms, _facts(pledge, pool), room, base)
        base -= covered(terms, share)
        cost_left = None if cost_left is None else cost_left - share.amount.fen
        found.append(PoolEstimate(pool, share, ()))
    return found


def _facts(pledge: Imagined, pool: MatchingPool) -> PledgeFacts:
    """Return what a rule looks at."""
    project = pledge.project
    return PledgeFacts(
        amount=pledge.amount, on=pledge.on, category=project.category_code or "", area=project.area_code or "",
        receiver_kind=pledge.receiver.kind, budget=project.budget,
        is_of_pool_funder=pool.funder_id == pledge.funder.id)


def _used(session: Session, pool_ids: Sequence[int], pledge: Imagined) -> dict[tuple[int, str], int]:
    """Return what each pool has given already to this donor and this project, in fen."""
    rows = session.execute(select(PoolCap.pool_id, PoolCap.scope, PoolCap.used).where(
        PoolCap.pool_id.in_(pool_ids), or_(
            (PoolCap.scope == "donor") & (PoolCap.subject_ref == pledge.funder.ref),
            (PoolCap.scope == "project") & (PoolCap.subject_ref == pledge.project.ref))))
    return {(pool_id, scope): used.fen for pool_id, scope, used in rows}


def _room(pool: MatchingPool, terms: RuleTerms, used: dict[tuple[int, str], int], cost_left: int | None) -> Room:
    """Return what is left in every scope now."""
    donor, project = terms.per_donor_cap, terms.per_project_cap
    return Room(
        pool=(pool.cap - pool.reserved - pool.captured).fen,
        donor=donor.fen - used.get((pool.id, "donor"), 0) if donor else None,
        project=project.fen - used.get((pool.id, "project"), 0) if project else None,
        cost_line=None if cost_left is None else max(cost_left, 0))
