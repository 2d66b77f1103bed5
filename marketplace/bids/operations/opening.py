"""Opening a project's bids: every commitment recomputed, all in one transaction, safe to run twice."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.bids import policy, rules
from marketplace.bids.models import OpenedOffer, Opening, ProjectKey, SealedBid
from marketplace.bids.rules import BidOffer, BidState, Verdict
from marketplace.core import audit
from marketplace.core.access import Actor, require
from marketplace.core.errors import SealBroken
from marketplace.core.outbox import enqueue
from marketplace.core.ports import Sealer
from marketplace.procedures import queries as procedures
from marketplace.projects import operations as projects
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState


def open_bids(session: Session, *, actor: Actor, project: Project, sealer: Sealer, now: datetime) -> Opening | None:
    """Open the bids a minute after the deadline, or fail the project when too few came (their prices stay sealed).

    Returns the opening; None when it is not due (the deadline moved), was done before, or the project failed.
    A bid that cannot be read is marked and the rest goes on; KeyMissing stops everything, with nothing changed.
    Project: published -> opened or failed. Bids: sealed -> opened or unreadable.
    """
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())   # bids in flight end first
    session.refresh(project)
    if project.state != ProjectState.PUBLISHED or not rules.opening_is_due(project.closes_at, now):
        return None
    require(policy.may_open(actor, project, now))
    bids = _sealed_bids(session, project)
    least = procedures.rule_set_of(project.rule_set, project.rules_snapshot).min_bids
    if len(bids) < least:
        projects.fail(session, actor=actor, project=project, now=now,
                      reason=f"截止时收到 {len(bids)} 份响应，不足 {least} 份。响应文件未启封，报价不公开。")
        return None
    return _open(session, bids, actor=actor, project=project, sealer=sealer, now=now)


def _sealed_bids(session: Session, project: Project) -> Sequence[SealedBid]:
    """Return the live bids with what their opening needs, in the order of their receipts' times."""
    return session.scalars(
        select(SealedBid).where(SealedBid.project_id == project.id, SealedBid.state == BidState.SEALED)
        .options(selectinload(SealedBid.envelopes), joinedload(SealedBid.organization))
        .order_by(SealedBid.submitted_at, SealedBid.id).execution_options(populate_existing=True)
    ).all()


def _open(session: Session, bids: Sequence[SealedBid], *, actor: Actor, project: Project, sealer: Sealer,
          now: datetime) -> Opening:
    """Decrypt each bid, check its commitment, put the offers on the table and write the record."""
    key = session.scalar(select(ProjectKey.wrapped_key).where(ProjectKey.project_id == project.id)) or b""
    record: list[object] = []
    for bid in bids:
        offer = _read(bid, key, sealer)
        verdict = Verdict.UNREADABLE if offer is None else Verdict.INTACT
        step = "mark_unreadable" if offer is None else "open"
        bid.state = rules.LIFECYCLE.after(BidState(bid.state), step)
        if offer is not None:
            session.add(_on_the_table(bid, offer, now))
        record.append({
            "receipt": bid.receipt_number, "organization": bid.organization.name,
            "organization_ref": bid.organization.ref, "organization_id": bid.organization_id,
            "submitted_at": bid.submitted_at.isoformat(), "commitment": bid.commitment, "verdict": verdict.value,
        })
    opening = Opening(project_id=project.id, opened_at=now, bids=len(bids), record=record)
    session.add(opening)
    projects.mark_opened(session, project=project, now=now)
    unreadable = sum(1 for bid in bids if bid.state == BidState.UNREADABLE)
    audit.record(session, actor=actor, action="bids.open", subject=("project", project.ref), now=now,
                 bids=len(bids), unreadable=unreadable, commitments=[bid.commitment for bid in bids])
    enqueue(session, rules.JOB_BIDS_OPENED, now=now, project_ref=project.ref, bids=len(bids), unreadable=unreadable)
    session.flush()
    return opening


def _read(bid: SealedBid, key: bytes, sealer: Sealer) -> BidOffer | None:
    """Return the offer of one bid, or None when it does not open or is not what its receipt names."""
    envelope = next((one for one in bid.envelopes if one.kind == "whole"), None)
    if envelope is None:
        return None
    try:
        plain = rules.unpad(sealer.unseal(key, envelope.sealed,
                                          context=rules.bid_context(bid.project_id, bid.ref)))
        nonce, data = plain[:rules.NONCE_BYTES], plain[rules.NONCE_BYTES:]
        return rules.read_canonical(data) if rules.commitment_holds(bid.commitment, nonce, data) else None
    except (SealBroken, ValueError):
        return None


def _on_the_table(bid: SealedBid, offer: BidOffer, now: datetime) -> OpenedOffer:
    """Return the row of an offer in the clear."""
    return OpenedOffer(
        bid=bid, project_id=bid.project_id, price=offer.price, summary=offer.summary, plan=offer.plan,
        team=offer.team, track_record=offer.track_record, budget_notes=offer.budget_notes,
        contact_name=offer.contact_name, contact_phone=offer.contact_phone, answers=dict(offer.answers),
        opened_at=now,
    )


