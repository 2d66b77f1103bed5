"""Sealing and submitting a bid, and taking it back."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.bids import policy, queries, rules
from marketplace.bids.models import SealedBid, SealedEnvelope
from marketplace.bids.operations import keys
from marketplace.bids.rules import BidOffer, BidState
from marketplace.core import audit
from marketplace.core.access import Actor, require
from marketplace.core.db import REF_ALPHABET, new_ref
from marketplace.core.errors import Conflict
from marketplace.core.outbox import enqueue
from marketplace.core.ports import Sealer
from marketplace.core.text import N_
from marketplace.procedures.rules import ScoringMethod
from marketplace.projects.models import Project

RECEIPT_SUFFIX = 8   # 31**8: numbers of different bids never meet, and tell nothing about one another
COLLEAGUE_WAS_FIRST = N_("贵单位的另一位同事刚刚提交了响应（回执 {receipt}）。请先打开那份回执，需要替换时再提交一次")
WHATEVER = "whatever"


def submit_bid(session: Session, *, actor: Actor, project: Project, offer: BidOffer, sealer: Sealer, now: datetime,
               replaces: str | None = WHATEVER, clock_skew: timedelta | None = None) -> SealedBid:
    """Seal an offer and take it in: a receipt with a number, the server's time and a commitment.

    The organization's earlier bid becomes `replaced`. `replaces`: the receipt number the writer saw as live (None:
    none), so that two colleagues cannot overwrite each other unawares; left out, whatever is there is replaced.
    `clock_skew`: this server's clock against the database's, measured when left out. Raises Denied (not eligible,
    too late), Invalid (incomplete, price above the ceiling), Conflict, KeyMissing. Bid: -> sealed.
    """
    _hold_project(session, project)
    bidder = queries.bidder(session, actor, project, day_of=now)
    skew = queries.clock_skew(session) if clock_skew is None else clock_skew
    require(policy.may_submit(actor, project, bidder, now, skew))
    is_fixed = project.scoring_method == ScoringMethod.FIXED_PRICE
    ceiling = project.ceiling or project.budget
    rules.check_offer(offer, ceiling=ceiling, fixed_price=ceiling if is_fixed else None)

    replaced = _end_live_bid(session, project, bidder.organization_id, replaces=replaces, now=now)
    bid = _seal(session, offer, actor=actor, project=project, sealer=sealer, now=now)
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(COLLEAGUE_WAS_FIRST, receipt="—") from error
    audit.record(session, actor=actor, action="bids.submit", subject=("bid", bid.ref), now=now,
                 receipt=bid.receipt_number, commitment=bid.commitment, replaces=replaced)
    enqueue(session, rules.JOB_BID_RECEIVED, now=now, bid_ref=bid.ref)
    return bid


def withdraw_bid(session: Session, *, actor: Actor, bid: SealedBid, now: datetime) -> SealedBid:
    """Take a bid back before the deadline; its draft stays and can be submitted again. Bid: sealed -> withdrawn."""
    _hold_project(session, bid.project)
    require(policy.may_withdraw(actor, bid, bid.project, now))
    done = session.execute(
        update(SealedBid).where(SealedBid.id == bid.id, SealedBid.state == BidState.SEALED)
        .values(state=BidState.WITHDRAWN, ended_at=now).execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这份响应刚刚被替换或撤回。请刷新页面"))
    session.refresh(bid)
    audit.record(session, actor=actor, action="bids.withdraw", subject=("bid", bid.ref), now=now,
                 receipt=bid.receipt_number)
    return bid


def _hold_project(session: Session, project: Project) -> None:
    """Keep the deadline and the state as they are until this transaction ends (PostgreSQL: a shared row lock).

    The opening and a moved deadline update the row and wait; other bidders share the lock and do not.
    On SQLite the write transaction is alone and has read the row afresh: nothing to do.
    """
    if session.get_bind().dialect.name == "sqlite":
        return
    held = session.execute(
        select(Project.state, Project.published_at, Project.closes_at).where(Project.id == project.id)
        .with_for_update(read=True)).one()
    if tuple(held) != (project.state, project.published_at, project.closes_at):
        session.refresh(project)


def _end_live_bid(session: Session, project: Project, organization_id: int, *, replaces: str | None,
                  now: datetime) -> str | None:
    """End the organization's earlier bid, if the writer knew of it; return its receipt number. One statement."""
    lives = [SealedBid.project_id == project.id, SealedBid.organization_id == organization_id,
             SealedBid.state == BidState.SEALED]
    if replaces is not None:
        known = [] if replaces == WHATEVER else [SealedBid.receipt_number == replaces]
        ended = session.execute(
            update(SealedBid).where(*lives, *known).values(state=BidState.REPLACED, ended_at=now)
            .returning(SealedBid.receipt_number).execution_options(synchronize_session=False)).scalar()
        if ended or replaces == WHATEVER:
            return ended
    other = session.scalar(select(SealedBid.receipt_number).where(*lives))
    if other:
        raise Conflict(COLLEAGUE_WAS_FIRST, receipt=other)
    if replaces is not None:
        raise Conflict(N_("原来的响应已被撤回。请重新核对后提交"))
    return None


def _seal(session: Session, offer: BidOffer, *, actor: Actor, project: Project, sealer: Sealer,
          now: datetime) -> SealedBid:
    """Seal the offer twice: under the project's key for the opening, under the organization's for its own copy."""
    organization_id, person_id = actor.organization_id, actor.person_id
    if organization_id is None or person_id is None:  # pragma: no cover - the policy has refused already
        raise AssertionError
    data, nonce, ref = rules.canonical_bytes(offer), secrets.token_bytes(rules.NONCE_BYTES), new_ref()
    plaintext = rules.pad(nonce + data)
    for_opening, for_bidder = keys.both_keys(session, project.id, organization_id, sealer=sealer, now=now)
    sealed = sealer.seal(for_opening, plaintext, context=rules.bid_context(project.id, ref))
    own_copy = sealer.seal(for_bidder, plaintext, context=rules.own_copy_context(organization_id, ref))
    suffix = "".join(secrets.choice(REF_ALPHABET) for _ in range(RECEIPT_SUFFIX))
    bid = SealedBid(
        ref=ref, project_id=project.id, organization_id=organization_id,
        receipt_number=rules.receipt_number(now, suffix), commitment=rules.commitment(nonce, data),
        own_copy=own_copy, state=BidState.SEALED, submitted_by=person_id, submitted_at=now,
        envelopes=[SealedEnvelope(kind="whole", sealed=sealed)],
    )
    session.add(bid)
    return bid
