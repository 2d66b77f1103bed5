"""Weight sets: a new version beside the old ones; the newest is in force."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.text import N_
from marketplace.matching.models import WeightSet
from marketplace.matching.policy import runs as policy
from marketplace.matching.rules.weights import Weights, check

FIRST_REASON = N_("系统默认权重")


def save_weights(session: Session, *, actor: Actor, weights: Weights, reason: str, now: datetime,
                 replaces: int | None = None) -> WeightSet:
    """Put new weights in force. `replaces`: the number of the version the person saw; raises Conflict when it is old.

    Raises Invalid when they do not total 100, an adjustment is out of bounds, or no reason is given.
    """
    require(policy.may_run(actor))
    check(weights)
    if not reason.strip():
        raise Invalid(N_("请写明为什么调整权重"), field="reason")
    newest = session.scalar(select(func.max(WeightSet.number))) or 0
    if replaces is not None and replaces != newest:
        raise Conflict(N_("权重刚刚被别人改过。请刷新页面，看过新的权重后再改"))
    made = _add(session, WeightSet(number=newest + 1, plain=weights.as_plain(), reason=reason.strip(),
                                   created_by=actor.person_id, created_at=now))
    record(session, actor=actor, action="matching.weights", subject=("weight_set", made.ref), now=now,
           number=made.number, weights=weights.as_plain(), reason=made.reason)
    return made


def weights_to_use(session: Session, *, now: datetime) -> WeightSet:
    """Return the version in force; the first one is made from what comes with the product."""
    newest = session.scalar(select(WeightSet).order_by(WeightSet.number.desc()).limit(1))
    return newest or _add(session, WeightSet(number=1, plain=Weights().as_plain(), reason=FIRST_REASON, created_at=now))


def _add(session: Session, made: WeightSet) -> WeightSet:
    """Add a version; the number is unique, so of two at once one wins."""
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError as taken:
        raise Conflict(N_("权重刚刚被别人改过。请刷新页面，看过新的权重后再改")) from taken
    return made
