"""Papers that people prepared from lines of plans: what waits for a signature, what was signed, by pool and project.

A paper says where it came from ("plan ref.pool ref"); it counts only where the pool is really its funder's.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.audit import AuditEvent
from marketplace.funding.models import Commitment, MatchingPool, Pledge
from marketplace.fundplans.models import FundPlan

WAITING, SIGNED = ("prepared",), ("approved", "issued")


@dataclass(frozen=True)
class Paper:
    """One paper from a plan. `fen`: what of it still stands; `cost`: the ref of the named cost, or empty."""

    ref: str
    state: str
    plan: str
    pool: str
    project_id: int
    cost: str
    fen: int
    signed_at: datetime | None

    @property
    def is_waiting(self) -> bool:
        """Say whether it waits for a signature."""
        return self.state in WAITING


@dataclass(frozen=True)
class Spoken:
    """What papers from plans have spoken for already: fen by pool ref, and drafts by project."""

    drafted: Mapping[str, int] = field(default_factory=dict)
    signed: Mapping[str, int] = field(default_factory=dict)
    drafts: Mapping[int, tuple[tuple[str, int], ...]] = field(default_factory=dict)

    def of(self, pool_ref: str) -> int:
        """Return what is spoken for of a pool."""
        return self.drafted.get(pool_ref, 0) + self.signed.get(pool_ref, 0)


NOTHING = Spoken()


def spoken(session: Session, *, besides: FundPlan | None = None) -> Spoken:
    """Return what papers from plans have spoken for now; `besides`: without those from this plan.

    A draft shrinks its pool and its project's gap. A signed one closed the gap itself; it shrinks its pool until the
    pool's total is changed after the signature: then its funder has taken it off.
    """
    drafted, signed = defaultdict[str, int](int), defaultdict[str, int](int)
    drafts = defaultdict[int, list[tuple[str, int]]](list)
    found = [one for one in _papers(session) if besides is None or one.plan != besides.ref]
    changed = _last_changes(session, {one.pool for one in found if not one.is_waiting})
    for one in found:
        if one.is_waiting:
            drafted[one.pool] += one.fen
            drafts[one.project_id].append((one.cost, one.fen))
        elif one.signed_at is not None and one.signed_at >= changed.get(one.pool, one.signed_at):
            signed[one.pool] += one.fen
    return Spoken(drafted, signed, {project: tuple(rows) for project, rows in drafts.items()})


def papers_of(session: Session, plan: FundPlan) -> Mapping[tuple[str, int], Sequence[Paper]]:
    """Return the papers that a plan led to, by pool ref and project."""
    found = defaultdict[tuple[str, int], list[Paper]](list)
    for one in _papers(session, Commitment.origin.startswith(f"{plan.ref}.", autoescape=True)):
        found[one.pool, one.project_id].append(one)
    return found


def _papers(session: Session, *where: Any) -> Iterator[Paper]:
    """Yield the papers from plans that wait or were signed, the oldest first."""
    rows = session.execute(
        select(Commitment.ref, Commitment.state, Commitment.origin, Commitment.funder_id, Commitment.project_id,
               Commitment.amount, Commitment.approved_at, Commitment.facts["cost_line"].as_string().label("cost"),
               Pledge.amount.label("pledged"), Pledge.dropped, Pledge.refunded)
        .outerjoin(Pledge, Pledge.id == Commitment.pledge_id)
        .where(Commitment.origin != "", Commitment.state.in_((*WAITING, *SIGNED)), *where)
        .order_by(Commitment.id)).all()
    owners = dict(session.execute(select(MatchingPool.ref, MatchingPool.funder_id).where(
        MatchingPool.ref.in_({row.origin.partition(".")[2] for row in rows}))).all())
    for row in rows:
        plan, _, pool = row.origin.partition(".")
        if owners.get(pool) != row.funder_id:
            continue
        amount = row.amount if row.pledged is None else row.pledged - row.dropped - row.refunded
        yield Paper(row.ref, row.state, plan, pool, row.project_id, row.cost or "", amount.fen, row.approved_at)


def _last_changes(session: Session, pools: set[str]) -> dict[str, datetime]:
    """Return when the total of each pool was last changed."""
    return dict(session.execute(select(AuditEvent.subject_ref, func.max(AuditEvent.at)).where(
        AuditEvent.subject_kind == "pool", AuditEvent.subject_ref.in_(pools),
        AuditEvent.action == "funding.cap_changed").group_by(AuditEvent.subject_ref)).all())
