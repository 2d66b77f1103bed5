"""Pledges for the desk: lists with filters, one pledge with everything that happened to it, what can be chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.access import Actor
from marketplace.core.errors import Denied
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding import policy
from marketplace.funding.models import (
    Allocation,
    Commitment,
    CostLine,
    Funder,
    MatchingPool,
    MatchingRule,
    MoneyFlag,
    Pledge,
    Release,
)
from marketplace.funding.rules.journey import label_of
from marketplace.funding.rules.landing import Place, refusal
from marketplace.ledger.models import Journal, Transfer
from marketplace.organizations.models import Organization
from marketplace.payments.models import Receipt, ReceivingAccount
from marketplace.projects.models import Project

_LISTED = 60


def _whole(query: Select[Pledge]) -> Select[Pledge]:
    """Load with a pledge what every row of a list shows."""
    return query.options(
        joinedload(Pledge.funder).joinedload(Funder.organization), joinedload(Pledge.project),
        joinedload(Pledge.receiver))


def pledges(*, funder: Funder | None = None, receiver_id: int | None = None, state: str = "",
            text: str = "") -> Select[Pledge]:
    """Return the pledges of a funder, or those that a body receives, newest first."""
    query = _whole(select(Pledge)).order_by(Pledge.id.desc())
    if funder is not None:
        query = query.where(Pledge.funder_id == funder.id)
    else:
        query = query.where(Pledge.receiver_id == receiver_id)
    if state:
        query = query.where(Pledge.state == state)
    if text:
        query = query.join(Project, Project.id == Pledge.project_id).where(or_(
            Project.title.contains(text, autoescape=True), Project.number == text,
            Pledge.code == text.replace("-", "").upper()))
    return query


def pledge_by_ref(session: Session, ref: str, *, actor: Actor) -> Pledge:
    """Return a pledge that this actor may see; raises Denied(hidden) for any other."""
    found = session.scalar(_whole(select(Pledge).where(Pledge.ref == ref)).options(
        joinedload(Pledge.account), selectinload(Pledge.instalments)))
    if found is None or not policy.may_see_pledge(actor, found):
        raise Denied(N_("没有这笔认捐，或您不能查看"), hidden=True)
    return found


@dataclass(frozen=True)
class Happening:
    """One journal of a pledge: when, what, how much."""

    at: datetime
    label: str
    amount: Money


@dataclass(frozen=True)
class PledgeStory:
    """A pledge with what belongs to it."""

    pledge: Pledge
    commitment: Commitment | None
    happenings: Sequence[Happening]
    allocations: Sequence[tuple[Allocation, MatchingPool]]
    releases: Sequence[Release]
    receipts: Sequence[Receipt]
    flags: Sequence[MoneyFlag]
    pool: MatchingPool | None


def story(session: Session, pledge: Pledge) -> PledgeStory:
    """Return everything that belongs to a pledge, oldest first."""
    journals = session.execute(
        select(Journal.at, Journal.kind, Transfer.amount).join(Transfer, Transfer.journal_id == Journal.id)
        .where(Journal.subject_kind == "pledge", Journal.subject_ref == pledge.ref, Transfer.line == 1)
        .order_by(Journal.id)).all()
    allocations = session.execute(
        select(Allocation, MatchingPool).join(MatchingPool, MatchingPool.id == Allocation.pool_id)
        .where(Allocation.pledge_id == pledge.id).order_by(Allocation.id)).all()
    return PledgeStory(
        pledge=pledge,
        commitment=session.scalar(select(Commitment).where(Commitment.pledge_id == pledge.id)),
        happenings=[Happening(at, label_of(kind), amount) for at, kind, amount in journals],
        allocations=[(row[0], row[1]) for row in allocations],
        releases=session.scalars(select(Release).where(Release.pledge_id == pledge.id).order_by(Release.id)).all(),
        receipts=session.scalars(select(Receipt).where(
            Receipt.subject_kind == "pledge", Receipt.subject_ref == pledge.ref).order_by(Receipt.id)).all(),
        flags=session.scalars(select(MoneyFlag).where(MoneyFlag.pledge_id == pledge.id).order_by(MoneyFlag.id)).all(),
        pool=session.get(MatchingPool, pledge.pool_id) if pledge.pool_id else None)


def waiting_commitments(session: Session, funder: Funder) -> list[Commitment]:
    """Return the papers of a funder that wait for the second person, oldest first."""
    return list(session.scalars(
        select(Commitment).where(Commitment.funder_id == funder.id, Commitment.state == "prepared")
        .options(joinedload(Commitment.project)).order_by(Commitment.id)))


def open_projects(session: Session, *, text: str = "") -> list[Project]:
    """Return published projects for which money may be promised now, the latest first."""
    query = select(Project).where(Project.published_at.is_not(None)).options(joinedload(Project.buyer))
    if text:
        query = query.where(or_(Project.title.contains(text, autoescape=True), Project.number == text))
    found = session.scalars(query.order_by(Project.published_at.desc(), Project.id.desc()).limit(_LISTED * 5))
    return [one for one in found if not refusal(Place(one.procedure, one.takes_matching, one.state))][:_LISTED]


def project_to_fund(session: Session, ref: str) -> Project:
    """Return a published project; raises Denied(hidden) for any other: money is promised for listed projects only."""
    found = session.scalar(select(Project).where(Project.ref == ref, Project.published_at.is_not(None))
                           .options(joinedload(Project.buyer)))
    if found is None:
        raise Denied(N_("没有这个项目"), hidden=True)
    return found


def receiving_accounts(session: Session, *, pool_ref: str = "") -> list[ReceivingAccount]:
    """Return the verified bank accounts of verified bodies, by name: money is promised to these only.

    `pool_ref`: those alone whose kind the rule of that pool lets receive.
    """
    kinds = session.scalar(select(MatchingRule.receiver_kinds).join(MatchingPool, and_(
        MatchingPool.id == MatchingRule.pool_id, MatchingPool.rule_version == MatchingRule.version)).where(
            MatchingPool.ref == pool_ref)) if pool_ref else None
    return list(session.scalars(
        select(ReceivingAccount).join(Organization, Organization.id == ReceivingAccount.organization_id)
        .where(ReceivingAccount.verified_at.is_not(None), ReceivingAccount.closed_at.is_(None),
               ReceivingAccount.kind == "bank", Organization.verification == "verified", Organization.kind != "unit",
               *([Organization.kind.in_(kinds)] if kinds else []))
        .options(joinedload(ReceivingAccount.organization)).order_by(Organization.name, ReceivingAccount.id)))


def cost_lines(session: Session, project: Project) -> list[CostLine]:
    """Return what gifts may pay for in a project: extra costs only, never what its contract pays."""
    return list(session.scalars(select(CostLine).where(CostLine.project_id == project.id, CostLine.source == "extra")
                                .order_by(CostLine.id)))


def releases(*, actor: Actor, funder: Funder | None, state: str = "") -> Select[Release]:
    """Return the releases that concern an actor: of its funder's pledges, of what it receives, of its projects."""
    concerns = [Pledge.receiver_id == actor.organization_id, Project.buyer_id == actor.organization_id]
    if funder is not None:
        concerns.append(Pledge.funder_id == funder.id)
    query = (select(Release).join(Pledge, Pledge.id == Release.pledge_id)
             .join(Project, Project.id == Pledge.project_id).where(or_(*concerns))
             .options(joinedload(Release.pledge).joinedload(Pledge.project),
                      joinedload(Release.pledge).joinedload(Pledge.funder).joinedload(Funder.organization),
                      joinedload(Release.pledge).joinedload(Pledge.receiver), joinedload(Release.evidence_file))
             .order_by(Release.state != "proposed", Release.id.desc()))
    return query.where(Release.state == state) if state else query


def held_pledges(session: Session, *, actor: Actor) -> list[Pledge]:
    """Return the pledges with held money from which this actor may propose a release, oldest first."""
    found = session.scalars(_whole(select(Pledge)).join(Project, Project.id == Pledge.project_id).where(
        Pledge.held > Money(0),
        or_(Pledge.receiver_id == actor.organization_id, Project.buyer_id == actor.organization_id))
        .order_by(Pledge.id).limit(_LISTED))
    return [one for one in found if policy.may_propose_release(actor, one)]


def payees(session: Session) -> list[Organization]:
    """Return whom a release may pay: verified providers by name."""
    return list(session.scalars(select(Organization).where(
        Organization.is_provider.is_(True), Organization.verification == "verified").order_by(Organization.name)))


def has_stripe(session: Session, organization_id: int) -> bool:
    """Say whether a receiving body has a Stripe account of its own here."""
    return session.scalar(select(ReceivingAccount.id).where(
        ReceivingAccount.organization_id == organization_id, ReceivingAccount.kind == "stripe",
        ReceivingAccount.closed_at.is_(None)).limit(1)) is not None
