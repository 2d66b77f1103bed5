"""Gives matching money back to its pools: in proportion, exactly, and never before it can be spent again.

What is reserved, or confirmed and not paid yet, goes back at once. What was paid already is asked back from whoever
holds it (`clawing`); the pool has its room again only when that refund is booked (`restore_refunded`).
Rounding: what stays beside a pledge is floor(live x kept / of) fen; the rest goes back, split over the pools by largest
remainder. All rows are locked in the fixed order of scarce.py before anything is reckoned.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, or_, select, update
from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM, Actor
from marketplace.core.audit import record
from marketplace.core.errors import Conflict
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.models import Allocation, Funder, MatchingPool, Pledge
from marketplace.funding.operations import scarce
from marketplace.funding.operations.allocation import ALLOCATION
from marketplace.funding.operations.scarce import PLEDGE, POOL, SCOPES, Subject
from marketplace.funding.rules.buckets import Bucket
from marketplace.funding.rules.pools import AllocationState, PoolState
from marketplace.ledger.operations import post
from marketplace.ledger.rules import AccountKind, Posting, account
from marketplace.payments.models import Charge
from marketplace.projects.models import Project

FUNDER, PROJECT = scarce.table(Funder), scarce.table(Project)
_NONE = Money(0)
_ARRIVED = (Bucket.PAID, Bucket.HELD, Bucket.RELEASED, Bucket.DISBURSED, Bucket.DISPUTED)


@dataclass(frozen=True)
class Part:
    """What of one allocation goes back: at once, and what has to be asked back first."""

    row: Row[Any]
    back: Money
    claw: Money = _NONE


def live_rows(session: Session, *conditions: Any) -> Sequence[Row[Any]]:
    """Return live allocations with their pool, pledge and matched pledge, oldest first."""
    matched, giver, backer = PLEDGE.alias("matched"), FUNDER.alias("giver"), FUNDER.alias("backer")
    joined = (
        ALLOCATION.join(POOL, POOL.c.id == ALLOCATION.c.pool_id).join(PLEDGE, PLEDGE.c.id == ALLOCATION.c.pledge_id)
        .join(giver, giver.c.id == PLEDGE.c.funder_id).join(backer, backer.c.id == POOL.c.funder_id)
        .join(PROJECT, PROJECT.c.id == PLEDGE.c.project_id)
        .outerjoin(matched, (matched.c.pool_id == ALLOCATION.c.pool_id)
                   & (matched.c.project_id == PLEDGE.c.project_id)))
    return session.connection().execute(
        select(ALLOCATION, POOL.c.ref.label("pool_ref"), POOL.c.state.label("pool_state"), backer.c.ref.label("backer"),
               giver.c.ref.label("donor"), PROJECT.c.ref.label("project"), PLEDGE.c.round_ref, PLEDGE.c.cost_line_id,
               PLEDGE.c.ref.label("pledge_ref"), matched.c.id.label("matched_id"), matched.c.ref.label("matched_ref"),
               matched.c.open.label("matched_open"))
        .select_from(joined).where(ALLOCATION.c.state != AllocationState.RETURNED, *conditions)
        .order_by(ALLOCATION.c.id)).all()


def lock_for(session: Session, rows: Sequence[Row[Any]], *, more_pools: Iterable[int] = ()) -> None:
    """Lock what returning these allocations changes: cost lines, caps, pools, matched pledges, in the fixed order."""
    connection = session.connection()
    for line in sorted({row.cost_line_id for row in rows if row.cost_line_id is not None}):
        scarce.cost_left(connection, line, lock=True)
    pools = sorted({row.pool_id for row in rows} | set(more_pools))
    names = {"donor": "donor", "project": "project", "round": "round_ref"}
    keys = {(SCOPES.index(scope), pool, scope, getattr(row, names[scope]))
            for scope in SCOPES for row in rows for pool in pools if getattr(row, names[scope])}
    if keys:
        scarce.lock_caps(connection, [key[1:] for key in sorted(keys)])
    scarce.lock_pools(connection, pools)
    matched = {row.matched_id for row in rows if row.state == AllocationState.CAPTURED}
    connection.execute(select(PLEDGE.c.id).where(PLEDGE.c.id.in_(matched)).order_by(PLEDGE.c.id)
                       .with_for_update(key_share=True)).all()


def subject_of_row(row: Row[Any]) -> Subject:
    """Return the subject of an allocation as far as its caps and cost line need it."""
    return Subject(pledge_id=row.pledge_id, pledge_ref=row.pledge_ref, project_id=0, donor=row.donor,
                   project=row.project, round=row.round_ref, cost_line_id=row.cost_line_id, receiver_id=0,
                   account_id=None, landing="")


def still_there(row: Row[Any]) -> Money:
    """Return what of an allocation is live and not asked back yet."""
    return Money(row.amount.fen - row.returned.fen - row.clawing.fen)


def return_match(session: Session, *, actor: Actor, pledge: Pledge, dropped: Money, of: Money, now: datetime,
                 reason: str) -> Money:
    """Return matching money in proportion to `dropped` of what counted (`of`); all of it when nothing is left.

    Called by the operations that drop, return or lose money of an own pledge, as their last step. Returns what the
    pools have back at once; the rest is asked back (ask_refund on the matched pledge) and waits as `clawing`.
    """
    session.flush()
    mine = ALLOCATION.c.pledge_id == pledge.id
    if not (rows := live_rows(session, mine)):
        return _NONE
    session.connection().execute(select(PLEDGE.c.id).where(PLEDGE.c.id == pledge.id).with_for_update(key_share=True))
    lock_for(session, rows)
    rows = [row for row in live_rows(session, mine) if still_there(row).fen]
    lives = [still_there(row) for row in rows]
    live = sum(part.fen for part in lives)
    kept = live * max(of.fen - dropped.fen, 0) // of.fen if of.fen > 0 else 0
    if live == kept:
        return _NONE
    backs = Money(live - kept).split([part.fen for part in lives])
    parts = _split_paid(rows, backs)
    give_back(session, actor=actor, parts=parts, now=now, reason=reason)
    _ask_back(session, actor=actor, parts=parts, now=now)
    return Money(sum(part.back.fen for part in parts))


def _split_paid(rows: Sequence[Row[Any]], backs: Sequence[Money]) -> list[Part]:
    """Divide what goes back into what the matched pledges still hold open, and what was paid already."""
    left = {row.matched_id: row.matched_open.fen for row in rows if row.matched_id is not None}
    parts = []
    for row, back in zip(rows, backs, strict=True):
        if not back.fen:
            continue
        if row.state == AllocationState.RESERVED:
            parts.append(Part(row, back))
            continue
        now_back = min(back.fen, left[row.matched_id])
        left[row.matched_id] -= now_back
        parts.append(Part(row, Money(now_back), Money(back.fen - now_back)))
    return parts


def give_back(session: Session, *, actor: Actor, parts: Sequence[Part], now: datetime, reason: str,
              was_paid: bool = False) -> None:
    """Write what goes back: allocation, cost line, caps, pool, matched pledge, journal. All of it is locked by now.

    `was_paid`: the money had been paid and is refunded; the matched pledge's own step has been booked already.
    """
    connection = session.connection()
    for part in parts:
        row, captured = part.row, part.row.state == AllocationState.CAPTURED
        _write_allocation(session, part, now, settles=was_paid)
        if not part.back.fen:
            continue
        if row.cost_line_id is not None:
            scarce.free_cost(connection, row.cost_line_id, part.back)
        for scope, name in subject_of_row(row).scopes():
            scarce.free_cap(connection, row.pool_id, scope, name, part.back)
        scarce.free_pool(connection, row.pool_id, part.back, captured=captured)
        if captured and not was_paid:
            scarce.shrink_matched(connection, row.matched_id, part.back, now)
        if postings := _postings(part, captured=captured, was_paid=was_paid):
            post(session, actor=actor, idem_key=f"{row.idem_key}:back:{row.returned.fen + part.back.fen}",
                 kind="match.returned", subject=("pledge", row.pledge_ref), postings=postings, now=now)
    for pledge_ref in dict.fromkeys(part.row.pledge_ref for part in parts):
        mine = [part for part in parts if part.row.pledge_ref == pledge_ref]
        record(session, actor=actor, action="funding.match_returned", subject=("pledge", pledge_ref), now=now,
               reason=reason, parts=[{"allocation": part.row.ref, "pool": part.row.pool_ref, "back_fen": part.back.fen,
                                      "asked_back_fen": part.claw.fen} for part in mine])
    scarce.forget(session, Allocation, (part.row.id for part in parts))
    scarce.forget(session, MatchingPool, (part.row.pool_id for part in parts))
    scarce.forget(session, Pledge, (part.row.matched_id for part in parts if part.row.matched_id))


def _postings(part: Part, *, captured: bool, was_paid: bool) -> list[Posting]:
    """Return the transfers of what goes back; a closed pool keeps nothing: the promise of that sum ends."""
    row, amount = part.row, part.back
    available = account(AccountKind.POOL_AVAILABLE, row.pool_ref)
    commitment = account(AccountKind.COMMITMENT, row.backer)
    closed = row.pool_state == PoolState.CLOSED
    if was_paid:      # the funder has the money again, and owes it to the pool as before it was paid
        return [] if closed else [Posting(commitment, available, amount)]
    source = (account(AccountKind.PROMISED, row.matched_ref) if captured
              else account(AccountKind.POOL_RESERVED, row.pool_ref))
    return [Posting(source, available, amount), *([Posting(available, commitment, amount)] if closed else [])]


def _write_allocation(session: Session, part: Part, now: datetime, *, settles: bool) -> None:
    """Note what went back on the allocation: guarded by what was read, so a repetition changes nothing."""
    row = part.row
    returned = Money(row.returned.fen + part.back.fen)
    clawing = Money(max(row.clawing.fen - part.back.fen, 0) if settles else row.clawing.fen + part.claw.fen)
    whole = returned == row.amount
    done = session.connection().execute(
        update(ALLOCATION)
        .where(ALLOCATION.c.id == row.id, ALLOCATION.c.state == row.state, ALLOCATION.c.returned == row.returned,
               ALLOCATION.c.clawing == row.clawing)
        .values(returned=returned, clawing=clawing, returned_at=now if whole else row.returned_at,
                state=AllocationState.RETURNED if whole else row.state))
    if not done.rowcount:
        raise Conflict(N_("配套刚刚有变化。请刷新页面，看过最新情况再办"))


def _ask_back(session: Session, *, actor: Actor, parts: Sequence[Part], now: datetime) -> None:
    """Set aside what was paid already, as far as the receiving body still holds it; the rest waits for the provider."""
    from marketplace.funding.operations.money import ask_refund  # late: money.py stands above this file

    asked: dict[int, int] = {}
    for part in parts:
        if part.claw.fen:
            asked[part.row.matched_id] = asked.get(part.row.matched_id, 0) + part.claw.fen
    for matched_id, fen in sorted(asked.items()):
        matched = session.get_one(Pledge, matched_id, populate_existing=True)
        there = Money(min(fen, matched.paid.fen + matched.held.fen))
        if there.fen:
            ask_refund(session, actor=replace(actor, is_system=True), pledge=matched, amount=there,
                       reason=N_("认捐退回，相应的配套资金应当退回"), now=now)


def _matched_rows(session: Session, pledge: Pledge) -> list[Row[Any]]:
    """Return the confirmed allocations that a matched pledge is made of: those asked back first, then the newest."""
    rows = live_rows(session, ALLOCATION.c.pool_id == pledge.pool_id, PLEDGE.c.project_id == pledge.project_id,
                     ALLOCATION.c.state == AllocationState.CAPTURED)
    return sorted(rows, key=lambda row: (row.clawing.fen == 0, -row.id))


def _refunded_parts(rows: Sequence[Row[Any]], amount: Money) -> tuple[list[Part], int]:
    """Divide a refund over allocations, in their order; return the parts, and what no allocation explains."""
    left = amount.fen
    parts: list[Part] = []
    for asked_back in (True, False):
        for row in rows:
            known = next((part.back.fen for part in parts if part.row is row), 0)
            most = row.clawing.fen if asked_back else row.amount.fen - row.returned.fen - known
            take = min(left, most)
            if take:
                parts = [part for part in parts if part.row is not row] + [Part(row, Money(known + take))]
                left -= take
    return parts, left


def lock_matched(session: Session, *, pledge: Pledge, amount: Money) -> None:
    """Lock what the refund of a matched pledge will change, before its own row: keeps the fixed order."""
    session.flush()
    parts, _ = _refunded_parts(_matched_rows(session, pledge), amount)
    lock_for(session, [part.row for part in parts])


def restore_refunded(session: Session, *, actor: Actor, pledge: Pledge, amount: Money, now: datetime) -> None:
    """Give a pool its room again once matched money is back with its funder; called by the step that books it."""
    session.flush()
    parts, unexplained = _refunded_parts(_matched_rows(session, pledge), amount)
    if unexplained:
        msg = f"{unexplained} fen of pledge {pledge.ref} were refunded that no allocation explains"
        raise RuntimeError(msg)
    give_back(session, actor=actor, parts=parts, now=now, reason="refunded", was_paid=True)


def expire_reservations(session: Session, *, now: datetime, limit: int = 100) -> int:
    """Let reservations lapse whose pledge brought nothing in time; return how many. Safe twice and in parallel.

    A pledge of which money has arrived keeps its matching money until the pledge itself ends; a payment page that is
    open stops the clock. Allocation: reserved -> returned, by a guarded step.
    """
    session.flush()
    arrived = [PLEDGE.c[bucket] > _NONE for bucket in _ARRIVED]
    due = session.connection().execute(
        select(PLEDGE.c.id, case((or_(*arrived), 1), else_=0).label("keeps"))
        .where(PLEDGE.c.id.in_(select(ALLOCATION.c.pledge_id).where(
            ALLOCATION.c.state == AllocationState.RESERVED, ALLOCATION.c.expires_at <= now)
            .order_by(ALLOCATION.c.expires_at).limit(limit)), ~_is_paying())
        .order_by(PLEDGE.c.id).with_for_update(key_share=True, of=PLEDGE, skip_locked=True)).all()
    waiting = (ALLOCATION.c.state == AllocationState.RESERVED, ALLOCATION.c.expires_at <= now)
    if keeping := [row.id for row in due if row.keeps]:
        session.connection().execute(
            update(ALLOCATION).where(ALLOCATION.c.pledge_id.in_(keeping), *waiting).values(expires_at=None))
    mine = ALLOCATION.c.pledge_id.in_([row.id for row in due if not row.keeps])
    lock_for(session, live_rows(session, mine, *waiting))      # of all at once: pledge by pledge would break the order
    rows = live_rows(session, mine, *waiting)
    if rows:
        give_back(session, actor=SYSTEM, parts=[Part(row, still_there(row)) for row in rows], now=now, reason="expired")
    return len(rows)


def _is_paying() -> Any:
    """Return the condition that a payment page of the pledge is open."""
    charge = scarce.table(Charge)
    return select(charge.c.id).where(
        charge.c.subject_kind == "pledge", charge.c.subject_ref == PLEDGE.c.ref,
        charge.c.state.in_(("requested", "open"))).exists()
