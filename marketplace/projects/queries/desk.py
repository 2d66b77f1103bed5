"""The unit's own list: its work in every state, and what the units below have handed in."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.access import Actor
from marketplace.projects.models import Enquiry, Project
from marketplace.projects.queries.lookup import status_clause, unit_roles
from marketplace.projects.rules import DisplayStatus, ProjectState


def visible_on_desk(actor: Actor) -> ColumnElement[bool]:
    """Return the condition of the unit's desk: own projects; of units below, what was submitted or published."""
    if not unit_roles(actor):
        return false()
    own = Project.buyer_id == actor.organization_id
    if not actor.unit_path:
        return own
    handed_in = or_(Project.state == ProjectState.IN_REVIEW, Project.published_at.is_not(None))
    return or_(own, and_(Project.buyer_path.startswith(actor.unit_path, autoescape=True), handed_in))


def desk_projects(actor: Actor, *, now: datetime, statuses: Iterable[DisplayStatus] = (), text: str = "",
                  own_only: bool = False) -> Select[Any]:
    """Return the statement of the desk's list, last changed first."""
    query = (select(Project).where(visible_on_desk(actor)).options(joinedload(Project.buyer))
             .order_by(Project.changed_at.desc(), Project.id.desc()))
    if statuses := tuple(statuses):
        query = query.where(status_clause(statuses, now))
    if own_only:
        query = query.where(Project.buyer_id == actor.organization_id)
    if text:
        query = query.where(or_(Project.title.contains(text, autoescape=True),
                                Project.number.contains(text, autoescape=True)))
    return query


def desk_counts(session: Session, actor: Actor, now: datetime) -> Mapping[DisplayStatus, int]:
    """Return how many projects of the desk stand in each status, in one query."""
    is_open = and_(Project.state == ProjectState.PUBLISHED, Project.closes_at > now)
    still_open = case((is_open, 1), else_=0).label("still_open")
    seen = select(Project.state, still_open).where(visible_on_desk(actor)).subquery()
    rows = session.execute(
        select(seen.c.state, seen.c.still_open, func.count()).group_by(seen.c.state, seen.c.still_open))
    counts = dict.fromkeys(DisplayStatus, 0)
    for state, is_still_open, count in rows:
        counts[_status(state, is_open=bool(is_still_open))] += count
    return counts


def _status(state: str, *, is_open: bool) -> DisplayStatus:
    """Return the display status of a state, given whether its deadline is still to come."""
    if state == ProjectState.PUBLISHED:
        return DisplayStatus.OPEN if is_open else DisplayStatus.SEALED
    return {"opened": DisplayStatus.SCORING, "awarded": DisplayStatus.RESULT}.get(state) or DisplayStatus(state)


def waiting_enquiries(session: Session, actor: Actor) -> list[tuple[Project, int]]:
    """Return the unit's published projects with unanswered questions, and how many."""
    if not unit_roles(actor):
        return []
    rows = session.execute(
        select(Project, func.count(Enquiry.id)).join(Enquiry, Enquiry.project_id == Project.id)
        .where(Project.buyer_id == actor.organization_id, Project.state == ProjectState.PUBLISHED,
               Enquiry.answered_at.is_(None))
        .group_by(Project.id).order_by(Project.closes_at))
    return [(row[0], row[1]) for row in rows]
