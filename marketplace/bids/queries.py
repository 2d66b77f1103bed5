"""Reads of bids. Before the opening nobody but the bidder learns anything: no text, no name, no number."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Date, Select, and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from marketplace.accounts.models import Person
from marketplace.bids import policy, rules
from marketplace.bids.models import BidDraft, OpenedOffer, Opening, OrganizationKey, SealedBid
from marketplace.bids.policy import Bidder
from marketplace.bids.rules import BidOffer
from marketplace.core.access import Actor, require
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.errors import Denied, SealBroken
from marketplace.core.ports import FileStore, Sealer
from marketplace.core.text import N_
from marketplace.organizations.models import CreditListing, Organization, RelatedParty
from marketplace.organizations.queries import LEGAL_PERSONS
from marketplace.organizations.rules import Eligibility, Verification
from marketplace.projects.models import Project

CLOCK_CHECK_SECONDS = 60


@dataclass(frozen=True)
class Draft:
    """A draft in the clear, for the people who write it. `version` 0: nothing was saved yet."""

    fields: Mapping[str, object]
    version: int = 0
    saved_at: datetime | None = None
    saved_by: str = ""


@dataclass(frozen=True)
class OwnProject:
    """One line of "my bids": a project that the organization writes or has written for."""

    project: Project
    bid: SealedBid | None = None
    has_draft: bool = False


def bidder(session: Session, actor: Actor, project: Project, *, day_of: datetime) -> Bidder:
    """Return what the gate asks about the organization that the actor bids for."""
    facts = session.execute(_GATE, {"bidder": actor.organization_id, "buyer": project.buyer_id,
                                    "day": beijing_date(day_of)}).first()
    if facts is None:
        return Bidder(organization_id=0, is_provider=False)
    gate = Eligibility(
        is_verified=facts.verification == Verification.VERIFIED, is_legal_person=facts.standing in LEGAL_PERSONS,
        is_abnormal=facts.is_abnormal, is_serious=facts.is_serious, grade=None)
    return Bidder(organization_id=facts.id, is_provider=facts.is_provider, bars=gate.bars,
                  is_tied_to_buyer=facts.host_id == project.buyer_id or facts.is_tied)


def _gate() -> Select[int, bool, str, str, int | None, bool, bool, bool]:
    """Return the gate's question as one statement: it is asked at every submission.

    A body is tied to the buyer when one of the two has registered the other as a related party, by code or name.
    """
    bidder_, buyer = aliased(Organization), aliased(Organization)
    day = bindparam("day", type_=Date)

    def listed(kind: str) -> ColumnElement[bool]:
        return exists().where(
            CreditListing.organization_id == bidder_.id, CreditListing.kind == kind, CreditListing.listed_on <= day,
            or_(CreditListing.removed_on.is_(None), CreditListing.removed_on > day))

    def names(other: type[Organization]) -> ColumnElement[bool]:
        return or_(RelatedParty.name == other.name, RelatedParty.credit_code == other.credit_code)

    tied = exists().where(or_(and_(RelatedParty.organization_id == bidder_.id, names(buyer)),
                              and_(RelatedParty.organization_id == buyer.id, names(bidder_))))
    return (
        select(bidder_.id, bidder_.is_provider, bidder_.verification, bidder_.standing, bidder_.host_id,
               listed("abnormal").label("is_abnormal"), listed("serious").label("is_serious"), tied.label("is_tied"))
        .join(buyer, buyer.id == bindparam("buyer")).where(bidder_.id == bindparam("bidder")))


_GATE = _gate()


def draft_of(session: Session, actor: Actor, project: Project, *, sealer: Sealer) -> Draft:
    """Return the draft of the actor's organization in the clear; an empty one when there is none."""
    if not actor.has(*policy.PROVIDER_ROLES):
        return Draft({})
    row = session.execute(
        select(BidDraft, Person.name).join(Person, Person.id == BidDraft.saved_by)
        .where(BidDraft.project_id == project.id, BidDraft.organization_id == actor.organization_id)
    ).first()
    if row is None:
        return Draft({})
    draft, writer = row
    plain = sealer.unseal(_key_of(session, draft.organization_id), draft.sealed,
                          context=rules.draft_context(project.id, draft.organization_id))
    return Draft(json.loads(rules.unpad(plain)), draft.version_id, draft.saved_at, writer)


def own_bid(session: Session, actor: Actor, project: Project) -> SealedBid | None:
    """Return the live bid of the actor's organization for a project."""
    if not actor.has(*policy.PROVIDER_ROLES):
        return None
    return session.scalar(
        select(SealedBid).where(SealedBid.project_id == project.id, SealedBid.state.in_(rules.LIVE_STATES),
                                SealedBid.organization_id == actor.organization_id))


def own_by_ref(session: Session, actor: Actor, ref: str) -> SealedBid:
    """Return a bid of the actor's organization by its reference; for anybody else it does not exist."""
    bid = session.scalar(
        select(SealedBid).where(SealedBid.ref == ref)
        .options(joinedload(SealedBid.project).joinedload(Project.buyer), joinedload(SealedBid.organization)))
    if bid is None:
        raise Denied(N_("没有这份响应，或您不能查看"), hidden=True)
    require(policy.may_see_own_bid(actor, bid))
    return bid


def own_offer(session: Session, actor: Actor, bid: SealedBid, *, sealer: Sealer) -> BidOffer:
    """Return the bidder's own copy in the clear, checked against the receipt's commitment."""
    require(policy.may_see_own_bid(actor, bid))
    plain = rules.unpad(sealer.unseal(_key_of(session, bid.organization_id), bid.own_copy,
                                      context=rules.own_copy_context(bid.organization_id, bid.ref)))
    nonce, data = plain[:rules.NONCE_BYTES], plain[rules.NONCE_BYTES:]
    if not rules.commitment_holds(bid.commitment, nonce, data):
        raise SealBroken(N_("密封的内容与当初不一致，无法解开。请联系平台查看审计记录"))
    return rules.read_canonical(data)


def own_versions(session: Session, actor: Actor, project: Project) -> Sequence[SealedBid]:
    """Return every bid the actor's organization handed in for a project, newest first."""
    if not actor.has(*policy.PROVIDER_ROLES):
        return []
    return session.scalars(
        select(SealedBid).where(SealedBid.project_id == project.id, SealedBid.organization_id == actor.organization_id)
        .order_by(SealedBid.submitted_at.desc(), SealedBid.id.desc())).all()


def own_projects(session: Session, actor: Actor, *, limit: int = 200) -> list[OwnProject]:
    """Return the projects the actor's organization writes or wrote for, the latest deadline first."""
    if not actor.has(*policy.PROVIDER_ROLES):
        return []
    mine = actor.organization_id
    bids = {bid.project_id: bid for bid in session.scalars(
        select(SealedBid).where(SealedBid.organization_id == mine).order_by(SealedBid.submitted_at, SealedBid.id))}
    drafts = set(session.scalars(select(BidDraft.project_id).where(BidDraft.organization_id == mine)))
    projects = session.scalars(
        select(Project).where(or_(Project.id.in_(bids), Project.id.in_(drafts))).options(joinedload(Project.buyer))
        .order_by(Project.closes_at.desc(), Project.id.desc()).limit(limit))
    return [OwnProject(one, bids.get(one.id), one.id in drafts) for one in projects]


def submitter_name(session: Session, bid: SealedBid) -> str:
    """Return who handed a bid in."""
    return session.scalar(select(Person.name).where(Person.id == bid.submitted_by)) or ""


def bids_visible_to(session: Session, *, actor: Actor, project: Project) -> Sequence[SealedBid]:
    """Return the bids that the actor may know of: all live ones for the buyer after the opening, else one's own."""
    wanted = (
        select(SealedBid).where(SealedBid.project_id == project.id, SealedBid.state.in_(rules.LIVE_STATES))
        .options(joinedload(SealedBid.organization), joinedload(SealedBid.offer))
        .order_by(SealedBid.submitted_at, SealedBid.id))
    if policy.may_see_offers(actor, project):
        return session.scalars(wanted).all()
    if not actor.has(*policy.PROVIDER_ROLES) or actor.organization_id is None:
        return []
    return session.scalars(wanted.where(SealedBid.organization_id == actor.organization_id)).all()


def opening_of(session: Session, project: Project) -> Opening | None:
    """Return the record of the opening, or None before it."""
    return session.scalar(select(Opening).where(Opening.project_id == project.id))


@dataclass(frozen=True)
class RecordLine:
    """One bid in the record of an opening."""

    receipt: str
    organization: str
    organization_ref: str
    organization_id: int
    submitted_at: datetime
    commitment: str
    verdict: rules.Verdict


def record_lines(opening: Opening | None) -> list[RecordLine]:
    """Return the record of an opening, line by line; of none, nothing."""
    lines: list[dict[str, str | int]] = opening.record if opening else []  # type: ignore[assignment]
    return [RecordLine(
        receipt=str(line["receipt"]), organization=str(line["organization"]),
        organization_ref=str(line["organization_ref"]), organization_id=int(line["organization_id"]),
        submitted_at=datetime.fromisoformat(str(line["submitted_at"])), commitment=str(line["commitment"]),
        verdict=rules.Verdict(str(line["verdict"]))) for line in lines]


def offers_of(session: Session, project: Project) -> Sequence[OpenedOffer]:
    """Return the offers on the table, in the order of their receipts; the caller has asked its policy."""
    return session.scalars(
        select(OpenedOffer).join(SealedBid, SealedBid.id == OpenedOffer.bid_id)
        .where(OpenedOffer.project_id == project.id)
        .options(joinedload(OpenedOffer.bid).joinedload(SealedBid.organization))
        .order_by(SealedBid.submitted_at, SealedBid.id)).all()


def attached_bytes(entry: Mapping[str, object], *, sealer: Sealer, store: FileStore) -> bytes:
    """Return an attached file in the clear; the caller has asked its policy. `entry`: one of rules.attached()."""
    sealed = store.get(str(entry["blob"]))
    return rules.unpad(sealer.unseal(bytes.fromhex(str(entry["key"])), sealed,
                                     context=rules.file_context(str(entry["sha256"]))))


def waiting_openings(session: Session, *, now: datetime) -> Sequence[Project]:
    """Return the projects whose opening is due and has not happened: what an operator looks at after an outage."""
    return session.scalars(
        select(Project).where(Project.state == "published", Project.closes_at <= now - rules.OPENING_WAIT)
        .order_by(Project.closes_at)).all()


def sealed_count(session: Session) -> int:
    """Return how many bids and drafts need the outside key: asked before a missing key file may be made anew."""
    return (session.scalar(select(func.count()).select_from(SealedBid)) or 0) + (
        session.scalar(select(func.count()).select_from(OrganizationKey)) or 0)


def _key_of(session: Session, organization_id: int) -> bytes:
    """Return the wrapped key that must be there because something is sealed under it."""
    found = session.scalar(
        select(OrganizationKey.wrapped_key).where(OrganizationKey.organization_id == organization_id))
    if found is None:
        raise SealBroken(N_("密封的内容与当初不一致，无法解开。请联系平台查看审计记录"))
    return found


# ---- the server's clock against the database's ----

_clock_lock = threading.Lock()
_clock: tuple[float, timedelta] | None = None


def clock_skew(session: Session) -> timedelta:
    """Return how far this server's clock is from the database's; measured once a minute in each process."""
    global _clock  # noqa: PLW0603 - one measurement a process is the point
    if session.get_bind().dialect.name == "sqlite":
        return timedelta(0)   # the database has no clock but this machine's
    with _clock_lock:
        if _clock is None or time.monotonic() - _clock[0] > CLOCK_CHECK_SECONDS:
            theirs = session.scalar(select(func.clock_timestamp()))
            _clock = time.monotonic(), (utc_now() - theirs.astimezone(UTC) if theirs else timedelta(0))
        return _clock[1]

