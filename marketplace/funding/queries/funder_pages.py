"""Funders and flags for the operator's desk."""

from collections.abc import Mapping

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.funding.models import Funder, MoneyFlag, Pledge
from marketplace.funding.rules.gaming import FlagState


def funder_by_ref(session: Session, ref: str) -> Funder:
    """Return a funder; raises Denied(hidden) when there is none."""
    found = session.scalar(select(Funder).where(Funder.ref == ref).options(
        joinedload(Funder.organization), joinedload(Funder.approval_file)))
    if found is None:
        raise Denied(N_("没有这个资助方"), hidden=True)
    return found


def funders(*, is_verified: bool) -> Select[Funder]:
    """Return the funders that are verified, or those that wait, the newest first."""
    given = Funder.verified_at.is_not(None) if is_verified else Funder.verified_at.is_(None)
    return select(Funder).where(given).options(joinedload(Funder.organization)).order_by(Funder.id.desc())


def funder_counts(session: Session) -> tuple[int, int]:
    """Return how many funders wait and how many are verified."""
    is_verified = Funder.verified_at.is_not(None)
    rows = session.execute(select(is_verified, func.count()).group_by(is_verified))
    counts = {bool(row[0]): int(row[1]) for row in rows}
    return counts.get(False, 0), counts.get(True, 0)


def flags(*, state: str) -> Select[MoneyFlag]:
    """Return the flags in a state with their pledges, oldest first."""
    return (select(MoneyFlag).where(MoneyFlag.state == state)
            .options(joinedload(MoneyFlag.pledge).joinedload(Pledge.funder).joinedload(Funder.organization),
                     joinedload(MoneyFlag.pledge).joinedload(Pledge.project),
                     joinedload(MoneyFlag.pledge).joinedload(Pledge.receiver))
            .order_by(MoneyFlag.id))


def flag_counts(session: Session) -> Mapping[str, int]:
    """Return how many flags stand in each state."""
    rows = session.execute(select(MoneyFlag.state, func.count()).group_by(MoneyFlag.state))
    return {**{str(state): 0 for state in FlagState}, **{state: int(count) for state, count in rows}}


def flag_by_ref(session: Session, ref: str) -> MoneyFlag:
    """Return a flag; raises Denied(hidden) when there is none."""
    found = session.scalar(select(MoneyFlag).where(MoneyFlag.ref == ref))
    if found is None:
        raise Denied(N_("没有这条提示"), hidden=True)
    return found
