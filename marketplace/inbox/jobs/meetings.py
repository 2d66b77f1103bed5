"""News of meetings: a schedule is in force, or has changed for somebody; meetings of a project do not take place."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.queries import people_of
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.text import N_
from marketplace.inbox.jobs.audience import BIDDER_ROLES, BUYER_ROLES
from marketplace.inbox.operations import send
from marketplace.inbox.rules import Kind, Letter
from marketplace.meetings.models import Meeting, MeetingSchedule
from marketplace.meetings.queries.inputs import seats
from marketplace.meetings.rules import RunState
from marketplace.meetings.rules.changes import difference
from marketplace.projects.models import Project


def tell_participants(schedule_ref: str) -> None:
    """Tell everybody on a schedule in force; after a version before it, only those whose own list is another one."""
    session, now = db.session(), utc_now()
    schedule = session.scalar(select(MeetingSchedule).where(MeetingSchedule.ref == schedule_ref))
    if schedule is None or schedule.state != RunState.PUBLISHED:
        return
    before = session.scalar(select(MeetingSchedule).where(
        MeetingSchedule.event_id == schedule.event_id, MeetingSchedule.published_at < schedule.published_at)
        .order_by(MeetingSchedule.published_at.desc()).limit(1))
    changed = difference(seats(session, before), seats(session, schedule)).changes
    letter = Letter(
        kind=Kind.PROJECT, subject=N_("“{title}”：您单位的洽谈安排有变动") if before else N_("“{title}”：您单位的洽谈安排已公布"),
        body=N_("请在洽谈会页面查看每一场的时间和桌号，也可以放进日历。洽谈不代表选定，项目仍按规定的程序进行。"),
        facts={"title": schedule.event.title}, url=f"/meetings/{schedule.event.ref}/mine",
        unique_key=f"meetings:{schedule_ref}")
    _tell(letter, _buyers(session, {one.project for one in changed}), {one.organization for one in changed}, now)


def tell_cancelled(schedule_ref: str, project_ref: str) -> None:
    """Tell both sides that the meetings of a project do not take place, and why."""
    session, now = db.session(), utc_now()
    rows = session.scalars(select(Meeting).join(MeetingSchedule, MeetingSchedule.id == Meeting.schedule_id).join(
        Project, Project.id == Meeting.project_id).where(
            MeetingSchedule.ref == schedule_ref, Project.ref == project_ref, Meeting.cancelled_at.is_not(None))).all()
    if not rows:
        return
    event, project = rows[0].schedule.event, rows[0].project
    letter = Letter(
        kind=Kind.PROJECT, subject=N_("“{title}”：与“{project}”的洽谈已取消"), body=N_("理由：{reason}"),
        facts={"title": event.title, "project": project.title, "reason": rows[0].cancel_reason},
        url=f"/meetings/{event.ref}/mine", unique_key=f"meetings-off:{schedule_ref}:{project_ref}")
    _tell(letter, {project.buyer_id}, {row.organization_id for row in rows}, now)


def _buyers(session: Session, projects: Iterable[int]) -> set[int]:
    """Return the units behind projects."""
    return set(session.scalars(select(Project.buyer_id).where(Project.id.in_(set(projects)))))


def _tell(letter: Letter, units: set[int], organizations: set[int], now: datetime) -> None:
    """Send a letter to the people of every side, each organization in a transaction of its own, each person once."""
    db.session.rollback()
    for body in sorted(units | organizations):
        own = replace(letter, unique_key=f"{letter.unique_key}:{body}", organization_id=body)
        with transaction() as session:
            for person in people_of(session, body, BUYER_ROLES if body in units else BIDDER_ROLES):
                send(session, person=person, letter=own, now=now)
