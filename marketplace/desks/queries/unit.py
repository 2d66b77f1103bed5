"""The unit's desk: where its projects stand, how its purchase list goes, what the units below do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from marketplace.catalogs.models import (
    PurchaseList,
    PurchaseListItem,
    PurchaseListLine,
    PurchaseListVersion,
)
from marketplace.core.access import Actor
from marketplace.core.clock import beijing_date
from marketplace.core.money import Money, total
from marketplace.desks.queries.frame import budget_sum, money
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.projects.rules import DisplayStatus, ProjectState, display_status


@dataclass(frozen=True)
class Column:
    """One step of the pipeline: how many projects stand there, and their budgets."""

    count: int
    budget: Money


@dataclass(frozen=True)
class Source:
    """One source of money on the purchase list."""

    name: str
    planned: Money
    contracted: Money

    @property
    def share(self) -> float:
        """Return which part of the plan is under contract, for the length of a bar."""
        return self.contracted.fen / self.planned.fen if self.planned.fen else 0.0


@dataclass(frozen=True)
class ListProgress:
    """What became of the lines of this year's published list."""

    list_ref: str
    year: int
    version: int
    published_at: datetime | None
    lines: Mapping[str, Column]       # contracted, posted, open
    sources: Sequence[Source]

    @property
    def count(self) -> int:
        """Return how many lines the list has."""
        return sum(column.count for column in self.lines.values())


@dataclass(frozen=True)
class Below:
    """A unit below: what it handed in, and what it put in the open."""

    ref: str
    name: str
    in_review: int
    open: int
    running: int
    contracted: int
    budget: Money


@dataclass(frozen=True)
class UnitDesk:
    """What a unit's desk shows beside the inbox."""

    pipeline: Mapping[DisplayStatus, Column]
    progress: ListProgress | None
    below: Sequence[Below]


def unit_desk(session: Session, actor: Actor, *, now: datetime) -> UnitDesk:
    """Return the desk of the actor's unit. Of units below only what was submitted or published is counted."""
    return UnitDesk(pipeline=_pipeline(session, actor, now), progress=_progress(session, actor, now),
                    below=_below(session, actor, now))


def _pipeline(session: Session, actor: Actor, now: datetime) -> dict[DisplayStatus, Column]:
    """Count the unit's own projects by what pages call their state."""
    rows = session.execute(
        select(Project.state, Project.published_at, Project.closes_at, Project.budget)
        .where(Project.buyer_id == actor.organization_id)).all()
    found: dict[DisplayStatus, list[Money]] = {}
    for state, published_at, closes_at, budget in rows:
        status = display_status(state, published_at, closes_at, now)
        found.setdefault(status, []).append(budget or Money(0))
    return {status: Column(len(amounts), total(amounts)) for status, amounts in found.items()}


def _progress(session: Session, actor: Actor, now: datetime) -> ListProgress | None:
    """Return how this year's published list goes, or the newest one there is."""
    found = session.execute(
        select(PurchaseList, PurchaseListVersion)
        .join(PurchaseListVersion, PurchaseListVersion.purchase_list_id == PurchaseList.id)
        .where(PurchaseList.unit_id == actor.organization_id, PurchaseListVersion.state == "published",
               PurchaseList.year <= beijing_date(now).year + 1)
        .order_by(PurchaseList.year.desc()).limit(1)).first()
    if found is None:
        return None
    purchase_list, version = found
    rows = session.execute(
        select(PurchaseListItem.funding_source, PurchaseListItem.budget, PurchaseListLine.posted_at,
               PurchaseListLine.contracted_at)
        .join(PurchaseListLine, PurchaseListLine.id == PurchaseListItem.line_id)
        .where(PurchaseListItem.version_id == version.id)).all()
    lines: dict[str, list[Money]] = {"contracted": [], "posted": [], "open": []}
    sources: dict[str, tuple[list[Money], list[Money]]] = {}
    for source, budget, posted_at, contracted_at in rows:
        stage = "contracted" if contracted_at else "posted" if posted_at else "open"
        amount = budget or Money(0)
        lines[stage].append(amount)
        planned, contracted = sources.setdefault(source, ([], []))
        planned.append(amount)
        if contracted_at:
            contracted.append(amount)
    return ListProgress(
        purchase_list.ref, purchase_list.year, version.number, version.published_at,
        {stage: Column(len(amounts), total(amounts)) for stage, amounts in lines.items()},
        sorted((Source(name, total(planned), total(signed)) for name, (planned, signed) in sources.items()),
               key=lambda source: -source.planned.fen))


def _below(session: Session, actor: Actor, now: datetime) -> list[Below]:
    """Return the units directly below, each with everything under it that was handed in or published."""
    children = session.scalars(
        select(Organization).where(Organization.parent_id == actor.organization_id, Organization.is_buyer)
        .order_by(Organization.name)).all()
    if not children:
        return []
    open_now = and_(Project.state == ProjectState.PUBLISHED, Project.closes_at > now)
    running = or_(Project.state.in_((ProjectState.OPENED, ProjectState.AWARDED)),
                  and_(Project.state == ProjectState.PUBLISHED, Project.closes_at <= now))
    shown = or_(Project.state == ProjectState.IN_REVIEW, Project.published_at.is_not(None))
    rows = session.execute(
        select(Project.buyer_path, func.count(case((Project.state == ProjectState.IN_REVIEW, 1))),
               func.count(case((open_now, 1))), func.count(case((running, 1))),
               func.count(case((Project.state == ProjectState.CONTRACTED, 1))),
               budget_sum())
        .where(Project.buyer_path.startswith(actor.unit_path, autoescape=True), shown)
        .group_by(Project.buyer_path)).all()
    made = []
    for child in children:
        own = [row for row in rows if row[0].startswith(child.path)]
        made.append(Below(
            child.ref, child.name, in_review=sum(row[1] for row in own), open=sum(row[2] for row in own),
            running=sum(row[3] for row in own), contracted=sum(row[4] for row in own),
            budget=total([money(row[5]) for row in own])))
    return made
