"""Moves matching money of a pledge from one pool to another in one transaction: it is never free in between."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding import policy
from marketplace.funding.models import Allocation, MatchingPool, Pledge
from marketplace.funding.operations import scarce
from marketplace.funding.operations.allocation import ALLOCATION, Offer, facts_of, offers_for
from marketplace.funding.operations.returning import Part, give_back, live_rows, lock_for, still_there
from marketplace.funding.operations.scarce import PLEDGE, Growth, Subject
from marketplace.funding.rules.matching import Limit, Share, decide, obstacles
from marketplace.funding.rules.pools import AllocationState
from marketplace.ledger.operations import post
from marketplace.ledger.rules import AccountKind, Posting, account


def move_match(session: Session, *, actor: Actor, allocation: Allocation, pool: MatchingPool,
               now: datetime) -> Allocation:
    """Let another pool carry an allocation, whole, under that pool's own rule; return the new allocation.

    Both pools' people must be the actor's (or the system). What is confirmed can move while it is not paid yet.
    Raises Conflict when the other pool cannot take all of it, Invalid when its rule does not cover the pledge.
    """
    require(policy.may_manage_pool(actor, allocation.pool))
    require(policy.may_manage_pool(actor, pool))
    session.flush()
    mine = ALLOCATION.c.id == allocation.id
    session.connection().execute(
        select(PLEDGE.c.id).where(PLEDGE.c.id == allocation.pledge_id).with_for_update(key_share=True))
    lock_for(session, live_rows(session, mine), more_pools=[pool.id])
    rows = live_rows(session, mine)
    if not rows:
        raise IllegalStep(N_("这笔配套已经退回资金池，不能再转"))
    row, live = rows[0], still_there(rows[0])
    captured = row.state == AllocationState.CAPTURED
    if row.pool_id == pool.id or row.clawing.fen or (captured and row.matched_open < live):
        raise Conflict(N_("这笔配套已经支付、正在追回，或本来就在这个资金池，不能转"))
    pledge = session.get_one(Pledge, row.pledge_id)
    offer, share = _offer_of(session, pledge, pool, live, now)
    give_back(session, actor=actor, parts=[Part(row, live)], now=now, reason="moved")
    return _take(session, actor=actor, pledge=pledge, offered=(offer, share), row=row, now=now)


def _offer_of(session: Session, pledge: Pledge, pool: MatchingPool, live: Money, now: datetime) -> tuple[Offer, Share]:
    """Return the other pool as it is under our lock, and its share; raises where it cannot take all of it."""
    subject, facts = scarce.subject_of(pledge), facts_of(pledge, now)
    offer = next((offer for offer in offers_for(session.connection(), subject) if offer.pool_id == pool.id), None)
    if offer is None:
        raise Conflict(N_("资金池“{pool}”没有开放，不能接受"), pool=pool.name)
    if refusals := obstacles(offer.terms, replace(facts, is_of_pool_funder=pool.funder_id == pledge.funder_id)):
        raise Invalid(refusals[0].reason, field="pool", **refusals[0].facts)
    taken = session.connection().execute(select(func.count()).select_from(ALLOCATION).where(
        ALLOCATION.c.pledge_id == pledge.id, ALLOCATION.c.pool_id == pool.id,
        ALLOCATION.c.state != AllocationState.RETURNED)).scalar_one()
    share = decide(offer.terms, facts, offer.room)
    if taken or share.amount < live:
        raise Conflict(N_("资金池“{pool}”接不下这笔配套的全部 {amount} 元"), pool=pool.name, amount=str(live))
    return offer, replace(share, amount=live, limited_by=Limit.MOVED)


def _take(session: Session, *, actor: Actor, pledge: Pledge, offered: tuple[Offer, Share], row: Row[Any],
          now: datetime) -> Allocation:
    """Write the claim on the other pool, reserved or confirmed as it was before."""
    offer, share = offered
    connection, subject = session.connection(), scarce.subject_of(pledge)
    captured = row.state == AllocationState.CAPTURED
    fits = subject.cost_line_id is None or scarce.claim_cost(connection, subject.cost_line_id, share.amount)
    fits = fits and scarce.claim_caps(connection, [
        {"pool_id": offer.pool_id, "scope": scope, "subject_ref": name, "used": share.amount,
         "cap": getattr(offer.terms, f"per_{scope}_cap")} for scope, name in subject.scopes()])
    if not fits or not scarce.reserve(connection, offer.pool_id, offer.version, share.amount, captured=captured):
        msg = f"pool {offer.pool_ref} changed under its lock"
        raise RuntimeError(msg)
    target = account(AccountKind.POOL_RESERVED, offer.pool_ref)
    if captured:
        known = session.get_one(MatchingPool, offer.pool_id).receiver_account
        _, matched_ref = scarce.grow_matched(connection, subject, Growth(
            pool_id=offer.pool_id, funder_id=offer.funder_id, amount=share.amount,
            receiver_id=known.organization_id if known else subject.receiver_id,
            account_id=known.id if known else subject.account_id), now)
        target = account(AccountKind.PROMISED, matched_ref)
    made = _insert(session, subject, offered, row, now)
    post(session, actor=actor, idem_key=made.idem_key, kind="match.moved", subject=("pledge", subject.pledge_ref),
         now=now, postings=[Posting(account(AccountKind.POOL_AVAILABLE, offer.pool_ref), target, share.amount)])
    record(session, actor=actor, action="funding.match_moved", subject=("pledge", subject.pledge_ref), now=now,
           allocation=made.ref, moved_from=row.ref, pool=offer.pool_ref, amount_fen=share.amount.fen)
    scarce.forget(session, MatchingPool, [offer.pool_id])
    return made


def _insert(session: Session, subject: Subject, offered: tuple[Offer, Share], row: Row[Any],
            now: datetime) -> Allocation:
    """Insert the new allocation; its clock goes on where the old one stood."""
    offer, share = offered
    number = session.connection().execute(
        select(func.count()).select_from(ALLOCATION).where(ALLOCATION.c.pledge_id == subject.pledge_id)).scalar_one()
    made = Allocation(
        ref=new_ref(), idem_key=f"match:{subject.pledge_ref}:{offer.pool_ref}:{number + 1}", pool_id=offer.pool_id,
        rule_id=offer.rule_id, pledge_id=subject.pledge_id, base=share.base, asked=share.asked, amount=share.amount,
        state=row.state, reason=share.reason, limited_by=share.limited_by, reserved_at=now, expires_at=row.expires_at,
        capture_after=row.capture_after, captured_at=row.captured_at, returned_at=None)
    session.add(made)
    session.flush()
    return made
