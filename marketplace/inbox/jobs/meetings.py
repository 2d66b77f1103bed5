"""News of meetings: a schedule is in force, or has changed for somebody; meetings move, or do not take place."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.queries import people_of
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.text import N_
from marketplace.inbox.jobs.audience import BIDDER_ROLES, BUYER_ROLES
from marketplace.inbox.operations import send
from marketplace.inbox.rules import Kind, Letter
from marketplace.meetings.models import Meeting, MeetingEvent, MeetingSchedule
from marketplace.meetings.queries.grids import lines_of, tables_moved
from marketplace.meetings.queries.inputs import published, seats
from marketplace.meetings.rules import RunState, Slot, moves
from marketplace.meetings.rules.changes import difference
from marketplace.meetings.rules.moves import Move
from marketplace.projects.models import Project
from marketplace.web.formats import moment

FIRST = N_("“{title}”：您单位的洽谈安排已公布")
CHANGED = N_("“{title}”：您单位的洽谈安排有变动")
BACK = N_("“{title}”：您单位的洽谈安排已重新公布")


def tell_participants(schedule_ref: str, edition: int = 0, *, is_back: bool = False) -> None:
    """Tell everybody on a schedule in force; after a version before it, only those whose own list is another one.

    `is_back`: it was withdrawn in between, nobody saw anything: everybody on either version hears of it.
    """
    session, now = db.session(), utc_now()
    schedule = session.scalar(select(MeetingSchedule).where(MeetingSchedule.ref == schedule_ref))
    if schedule is None or schedule.state != RunState.PUBLISHED:
        return
    before = session.scalar(select(MeetingSchedule).where(
        MeetingSchedule.event_id == schedule.event_id, MeetingSchedule.published_at < schedule.published_at)
        .order_by(MeetingSchedule.published_at.desc()).limit(1))
    pairs = _touched(session, before, schedule, everybody=is_back)
    letter = Letter(
        kind=Kind.PROJECT, subject=BACK if is_back else CHANGED if before else FIRST,
        body=N_("请在洽谈会页面查看每一场的时间和桌号，也可以放进日历。洽谈不代表选定，项目仍按规定的程序进行。"),
        facts={"title": schedule.event.title}, url=f"/meetings/{schedule.event.ref}/mine",
        unique_key=f"meetings:{schedule_ref}:{edition}" if edition else f"meetings:{schedule_ref}")
    _tell(letter, _buyers(session, {project for project, _ in pairs}), {body for _, body in pairs}, now)


def _touched(session: Session, before: MeetingSchedule | None, after: MeetingSchedule, *,
             everybody: bool) -> set[tuple[int, int]]:
    """Return the pairs (project, organization) that meet in another round or at another table; or all of both."""
    old, new = seats(session, before), seats(session, after)
    if everybody:
        return {(one.project, one.organization) for one in (*old, *new)}
    tables = tables_moved(session, before, after)
    moved = {(one.project, one.organization) for one in new if one.project in tables}
    return moved | {(one.project, one.organization) for one in difference(old, new).changes}


def tell_moved(event_ref: str, edition: int, before: dict[str, object], after: dict[str, object]) -> None:
    """Tell everybody with a meeting in force that moves, once for each change, with old and new time and place."""
    session, now = db.session(), utc_now()
    event = session.scalar(select(MeetingEvent).where(MeetingEvent.ref == event_ref))
    version = published(session, event) if event is not None else None
    if event is None or version is None:
        return                                   # withdrawn: who publishes it again tells everybody
    moved, sides = moves.move(moves.read(before), moves.read(after)), defaultdict[int, list[int]](list)
    units = set()
    for line in lines_of(session, event, version):
        if not line.is_off and moved.touches((line.slot.number,)):
            units.add(line.meeting.project.buyer_id)
            for body in (line.meeting.organization_id, line.meeting.project.buyer_id):
                sides[body].append(line.slot.number)
    title, ref = event.title, event.ref
    letters = {body: _moved(title, ref, edition, moved, numbers) for body, numbers in sides.items()}
    db.session.rollback()
    for body, letter in sorted(letters.items()):
        _send(replace(letter, unique_key=f"{letter.unique_key}:{body}", organization_id=body), units, now)


def _moved(title: str, ref: str, edition: int, moved: Move, numbers: Sequence[int]) -> Letter:
    """Return what one side reads of its meetings that move; its rounds are `numbers`."""
    times = [number for number in numbers if number in moved.rounds]
    facts: dict[str, object] = {"title": title, "n": len(times)}
    if times:
        facts |= dict(zip(("before", "after"), map(_clock, moved.rounds[min(times)]), strict=True))
    if moved.places:
        facts |= dict(zip(("old", "new"), (place or NOWHERE for place in moved.places), strict=True))
    subject, body = MOVED[bool(times), moved.places is not None]
    return Letter(kind=Kind.PROJECT, subject=subject, body=body, facts=facts, url=f"/meetings/{ref}/mine",
                  unique_key=f"meetings-moved:{ref}:{edition}")


def _clock(slot: Slot) -> str:
    """Return 2026-11-28 09:00–09:20, in Beijing."""
    return f"{moment(slot.starts_at)}–{beijing(slot.ends_at):%H:%M}"


NOWHERE = N_("未定")
MOVED = {  # (times, place) -> subject, body
    (True, False): (N_("“{title}”：您单位有 {n} 场洽谈改了时间"),
                    N_("最早的一场原为 {before}，现为 {after}。每一场的新时间请看洽谈会页面，并重新放进日历。")),
    (False, True): (N_("“{title}”：洽谈改了地点"), N_("地点原为“{old}”，现为“{new}”。时间没有变。")),
    (True, True): (N_("“{title}”：您单位有 {n} 场洽谈改了时间，地点也改了"),
                   N_("最早的一场原为 {before}，现为 {after}。地点原为“{old}”，现为“{new}”。每一场的新时间请看洽谈会页面，并重新放进日历。")),
}


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
    """Send a letter to the people of every side."""
    db.session.rollback()
    for body in sorted(units | organizations):
        _send(replace(letter, unique_key=f"{letter.unique_key}:{body}", organization_id=body), units, now)


def _send(letter: Letter, units: set[int], now: datetime) -> None:
    """Send a letter to the people of its organization, in a transaction of its own, to each person once."""
    body = letter.organization_id
    with transaction() as session:
        for person in people_of(session, body, BUYER_ROLES if body in units else BIDDER_ROLES):
            send(session, person=person, letter=letter, now=now)
