"""Confirms matching money once the pledge beside it is held, its delay is over and the rule's conditions are met."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.orm import Session

from marketplace.core.access import Actor
from marketplace.core.audit import record
from marketplace.core.money import Money
from marketplace.core.outbox import enqueue
from marketplace.funding.models import Allocation, MatchingPool, MoneyFlag, OwnContribution, Pledge
from marketplace.funding.operations import scarce
from marketplace.funding.operations.allocation import ALLOCATION, RULE, TERMS, terms_of
from marketplace.funding.operations.scarce import FUNDED, PLEDGE, POOL, Growth, Subject
from marketplace.funding.rules.matching import Progress, awaits
from marketplace.funding.rules.pools import JOB_CAPTURE_DUE, AllocationState
from marketplace.funding.rules.terms import RuleTerms
from marketplace.ledger.operations import post
from marketplace.ledger.rules import AccountKind, Posting, account
from marketplace.payments.models import ReceivingAccount
from marketplace.projects.models import Project

FLAG, OWN, ACCOUNT = scarce.table(MoneyFlag), scarce.table(OwnContribution), scarce.table(ReceivingAccount)
BLOCKING = ("open", "upheld")        # rules.gaming.FlagState: only a cleared flag lets matching money go on
_NONE = Money(0)
_NOT_COUNTED = ("dropped", "refunded", "refunding", "disputed", "verbal")


def capture(session: Session, *, actor: Actor, pledge: Pledge, now: datetime) -> Money:
    """Confirm what pools reserved for a pledge, as far as it is due; return the sum (zero: not yet).

    Needs: all that counts of the pledge is held (nothing promised, unconfirmed or disputed), confirm_days have passed
    since then, donors, sums and proved own contribution have reached the rule's conditions, no flag is open or upheld.
    Called when money is confirmed or a flag is cleared, by JOB_CAPTURE_DUE, and by a sweep. Allocation: reserved ->
    captured; the pool's matched pledge for the project grows.
    """
    session.flush()
    if pledge.kind != "own" or not _is_held(session, pledge.id):
        return _NONE
    rows = _reserved(session, pledge.id)
    for row in rows:
        _start_clock(session, row, pledge.ref, now)
    if not rows or _is_flagged(session, pledge.id):
        return _NONE
    ready = [row for row in rows if _due_at(row, now) <= now]
    subject = scarce.subject_of(pledge)
    if any(needs_progress(terms_of(row)) for row in ready):
        progress = progress_of(session, subject.project_id, pledge.project.budget, lock=True)
        ready = [row for row in ready if not awaits(terms_of(row), progress)]
    for row in ready:
        _confirm(session, actor, subject, row, now)
    return Money(sum(row.amount.fen - row.returned.fen for row in ready))


def _is_held(session: Session, pledge_id: int) -> bool:
    """Lock the pledge; say whether everything that counts of it is with the receiving body or beyond."""
    row = session.connection().execute(
        select(PLEDGE).where(PLEDGE.c.id == pledge_id).with_for_update(key_share=True)).one()
    waits: int = row.open.fen + row.paid.fen + row.disputed.fen
    there: int = row.held.fen + row.released.fen + row.disbursed.fen
    return waits == 0 and there > 0


def _reserved(session: Session, pledge_id: int) -> Sequence[Row[Any]]:
    """Return the reserved allocations with their rule and pool, in the order in which pools are locked."""
    return session.connection().execute(
        select(ALLOCATION, *(RULE.c[name] for name in TERMS), RULE.c.version, POOL.c.ref.label("pool_ref"),
               POOL.c.funder_id, ACCOUNT.c.id.label("account_id"), ACCOUNT.c.organization_id.label("receiver_id"))
        .select_from(ALLOCATION.join(RULE, RULE.c.id == ALLOCATION.c.rule_id)
                     .join(POOL, POOL.c.id == ALLOCATION.c.pool_id)
                     .outerjoin(ACCOUNT, ACCOUNT.c.id == POOL.c.receiver_account_id))
        .where(ALLOCATION.c.pledge_id == pledge_id, ALLOCATION.c.state == AllocationState.RESERVED)
        .order_by(ALLOCATION.c.pool_id)).all()


def _due_at(row: Row[Any], now: datetime) -> datetime:
    """Return when the delay of an allocation ends; it begins when the money is held."""
    due: datetime = row.capture_after or now + timedelta(days=row.confirm_days)
    return due


def _start_clock(session: Session, row: Row[Any], pledge_ref: str, now: datetime) -> None:
    """Note once when the delay ends, ask for the work then, and stop the reservation from lapsing."""
    if row.capture_after is not None:
        return
    due = _due_at(row, now)
    session.connection().execute(
        update(ALLOCATION).where(ALLOCATION.c.id == row.id, ALLOCATION.c.capture_after.is_(None))
        .values(capture_after=due, expires_at=None))
    scarce.forget(session, Allocation, [row.id])
    if due > now:
        enqueue(session, JOB_CAPTURE_DUE, now=now, due_at=due, unique_key=f"capture:{row.ref}", pledge_ref=pledge_ref)


def _is_flagged(session: Session, pledge_id: int) -> bool:
    """Say whether a person has to look first, or has found something."""
    return session.connection().execute(
        select(FLAG.c.id).where(FLAG.c.pledge_id == pledge_id, FLAG.c.state.in_(BLOCKING)).limit(1)).first() is not None


def needs_progress(terms: RuleTerms) -> bool:
    """Say whether the rule looks at the project before it confirms."""
    return bool(terms.min_donors or terms.threshold or terms.threshold_percent or terms.own_percent)


def progress_of(session: Session, project_id: int, budget: Money | None, *, lock: bool = False) -> Progress:
    """Return how far a project is: different donors and sums of signed pledges that count, own contribution proved."""
    connection = session.connection()
    sums = select(FUNDED).where(FUNDED.c.project_id == project_id, FUNDED.c.kind == "own")
    row = connection.execute(sums.with_for_update(key_share=True) if lock else sums).first()
    gone = 0 if row is None else sum(getattr(row, name).fen for name in _NOT_COUNTED)
    counts = PLEDGE.c.amount > PLEDGE.c.dropped + PLEDGE.c.refunded + PLEDGE.c.refunding + PLEDGE.c.disputed
    donors = connection.execute(select(func.count(PLEDGE.c.funder_id.distinct())).where(
        PLEDGE.c.project_id == project_id, PLEDGE.c.kind == "own", ~PLEDGE.c.is_verbal, counts)).scalar_one()
    own = connection.execute(select(func.coalesce(func.sum(OWN.c.amount), 0)).where(
        OWN.c.project_id == project_id, OWN.c.state == "proved")).scalar_one()
    return Progress(donors=donors, pledged=Money(row.amount.fen - gone) if row else _NONE, budget=budget,
                    own=own if isinstance(own, Money) else Money(int(own)))


def _confirm(session: Session, actor: Actor, subject: Subject, row: Row[Any], now: datetime) -> None:
    """Confirm one allocation: guarded step, pool, matched pledge, project's sums, journal, audit."""
    connection, amount = session.connection(), Money(row.amount.fen - row.returned.fen)
    done = connection.execute(
        update(ALLOCATION).where(ALLOCATION.c.id == row.id, ALLOCATION.c.state == AllocationState.RESERVED,
                                 ALLOCATION.c.returned == row.returned)
        .values(state=AllocationState.CAPTURED, captured_at=now, expires_at=None))
    if not done.rowcount:
        msg = f"allocation {row.ref} changed under the lock of its pledge"
        raise RuntimeError(msg)
    scarce.confirm(connection, row.pool_id, amount)
    matched_id, matched_ref = scarce.grow_matched(connection, subject, Growth(
        pool_id=row.pool_id, funder_id=row.funder_id, amount=amount, receiver_id=row.receiver_id or subject.receiver_id,
        account_id=row.account_id if row.receiver_id else subject.account_id), now)
    post(session, actor=actor, idem_key=f"{row.idem_key}:capture", kind="match.captured",
         subject=("pledge", subject.pledge_ref), now=now,
         postings=[Posting(account(AccountKind.POOL_RESERVED, row.pool_ref), account(AccountKind.PROMISED, matched_ref),
                           amount)])
    record(session, actor=actor, action="funding.match_confirmed", subject=("pledge", subject.pledge_ref), now=now,
           allocation=row.ref, pool=row.pool_ref, rule=row.version, amount_fen=amount.fen, matched=matched_ref)
    scarce.forget(session, Allocation, [row.id])
    scarce.forget(session, MatchingPool, [row.pool_id])
    scarce.forget(session, Pledge, [matched_id])


def captures_due(session: Session, *, now: datetime, limit: int = 100) -> list[int]:
    """Return pledges whose matching money can be confirmed now: the delay over, conditions met, no flag.

    Conditions are reckoned once for each rule and project, so thousands that wait cost no more than one.
    """
    waiting = (
        select(ALLOCATION.c.rule_id, PLEDGE.c.project_id).join(PLEDGE, PLEDGE.c.id == ALLOCATION.c.pledge_id)
        .where(ALLOCATION.c.state == AllocationState.RESERVED, ALLOCATION.c.capture_after <= now).distinct())
    found: list[int] = []
    for rule_id, project_id in session.connection().execute(waiting).all():
        terms = terms_of(session.connection().execute(select(RULE).where(RULE.c.id == rule_id)).one())
        budget = session.scalar(select(Project.budget).where(Project.id == project_id))
        if needs_progress(terms) and awaits(terms, progress_of(session, project_id, budget)):
            continue
        flagged = select(FLAG.c.id).where(FLAG.c.pledge_id == PLEDGE.c.id, FLAG.c.state.in_(BLOCKING)).exists()
        found += session.connection().execute(
            select(PLEDGE.c.id).join(ALLOCATION, ALLOCATION.c.pledge_id == PLEDGE.c.id)
            .where(ALLOCATION.c.rule_id == rule_id, PLEDGE.c.project_id == project_id, ~flagged,
                   ALLOCATION.c.state == AllocationState.RESERVED, ALLOCATION.c.capture_after <= now,
                   PLEDGE.c.open == _NONE, PLEDGE.c.paid == _NONE, PLEDGE.c.disputed == _NONE)
            .order_by(PLEDGE.c.id).limit(limit - len(found))).scalars()
        if len(found) >= limit:
            break
    return sorted(set(found))
