"""Prepares the fair to come: units bring projects to tables, organizations register, some miss rounds, one pair is set.

Only projects before their notice or after their award come to a table; the rules of meetings refuse all others.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import at_beijing, beijing_date
from marketplace.demo.operations.bidding import BY_CODE
from marketplace.demo.operations.people import SIGN_IN_UNIT
from marketplace.demo.operations.world import Bidder, World
from marketplace.meetings import operations as meetings
from marketplace.meetings.models import MeetingEvent, MeetingSchedule
from marketplace.meetings.operations import Terms
from marketplace.meetings.queries import points
from marketplace.meetings.rules import UNDER_WAY, EventFacts, RunState
from marketplace.meetings.rules.edits import Edit, EditKind
from marketplace.meetings.rules.problems import Ints
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

TITLE, PLACE = "社会服务供需洽谈会", "澜川区社会组织服务中心二楼大厅"
WORKDAYS_TO_GO = 8
TABLES, AWARDED, OF_A_UNIT = 20, 5, 3        # all tables; of awarded projects; of one unit before others have had some
VISITORS = 40
ROUNDS, MINUTES, BREAK, PAUSE = 8, 20, 5, 20
LEAST, PARTNERS = 2, 8                       # so many meetings at least, for a table that suits so many organizations
LATE, LEAVES = 5, 6                          # every fifth organization comes late, every sixth table is empty at times
PINNED = "双方都希望当面对接需求，主办方指定一场"


def prepare_fair(session: Session, world: World) -> str | None:
    """Prepare the event with its lists and ask for a timetable; return its reference, None without tables."""
    projects, visitors = _projects(session, world), []
    if projects:
        visitors = _visitors(world, projects)
    if not visitors:
        return None
    began = world.morning(5)
    event = meetings.create_event(
        session, actor=world.district.handler, now=began,
        host=session.get_one(Organization, world.district.organization_id), facts=_facts(world))
    suits = points.points_of(session, [one.id for one in projects], [one.organization_id for one in visitors]).matrix
    _seat(session, world, event, projects, (suits > 0).sum(axis=1).tolist())
    _register(session, world, event, visitors)
    session.flush()
    session.expire(event, ["tables", "visitors"])
    _pin(session, world, event, projects, suits)
    return meetings.start_run(session, actor=world.district.handler, event=event, now=world.now).ref


def _facts(world: World) -> EventFacts:
    """Return what the organizer says: a morning in two weeks, eight rounds with a pause in the middle."""
    day = world.calendar.add_workdays(beijing_date(world.now), WORKDAYS_TO_GO)
    return EventFacts(f"{day.year} 年澜川区{TITLE}", at_beijing(day, 9), PLACE, rounds=ROUNDS, minutes=MINUTES,
                      break_minutes=BREAK, pause_after=ROUNDS // 2, pause_minutes=PAUSE, is_open_to_units=True)


def _projects(session: Session, world: World) -> list[Project]:
    """Return who gets a table: a few projects to come of each unit, then awarded ones; the sign-ins' unit first."""
    order = {unit.organization_id: place for place, unit in enumerate(world.units)}
    planned = session.scalars(select(Project).where(
        Project.state.in_((ProjectState.DRAFT, ProjectState.IN_REVIEW)), Project.category_code.is_not(None))
        .order_by(Project.id)).all()
    awarded = session.scalars(select(Project).where(Project.state == ProjectState.AWARDED)
                              .order_by(Project.id).limit(AWARDED)).all()
    turn: dict[int, int] = {}
    places = []
    for project in planned:
        turn[project.buyer_id] = mine = turn.get(project.buyer_id, 0) + 1
        places.append(((mine - 1) // OF_A_UNIT, order[project.buyer_id], project.id))
    by_id = {one.id: one for one in planned}
    first = [by_id[key] for *_, key in sorted(places)]
    return [*first[:TABLES - len(awarded)], *awarded]


def _visitors(world: World, projects: Sequence[Project]) -> list[Bidder]:
    """Return who comes: the organization of the sign-ins, then those whose fields suit most of the tables."""
    wanted = [BY_CODE[project.category_code].key for project in projects if project.category_code in BY_CODE]
    others = sorted(world.bidders[1:], key=lambda one: -sum(key in one.fields for key in wanted))
    return [*world.bidders[:1], *others[:VISITORS - 1]]


def _seat(session: Session, world: World, event: MeetingEvent, projects: Sequence[Project],
          partners: Sequence[int]) -> None:
    """Let each unit bring its projects; some tables are empty in two rounds."""
    handlers = {unit.organization_id: unit.handler for unit in world.units}
    for place, project in enumerate(projects):
        away = frozenset({3, 4}) if place % LEAVES == LEAVES - 1 else frozenset()
        meetings.add_table(session, actor=handlers[project.buyer_id], event=event, project=project,
                           now=world.morning(4) + timedelta(minutes=7 * place),
                           terms=Terms(least=LEAST if partners[place] >= PARTNERS else 0, away=away))


def _register(session: Session, world: World, event: MeetingEvent, visitors: Sequence[Bidder]) -> None:
    """Take the organizations into the list; some come late or leave early."""
    for place, one in enumerate(visitors):
        away: frozenset[int] = frozenset()
        if place % LATE == LATE - 1:
            away = frozenset({1, 2}) if place % 2 else frozenset({ROUNDS - 1, ROUNDS})
        meetings.add_visitor(session, actor=world.district.handler, event=event, terms=Terms(away=away),
                             organization=session.get_one(Organization, one.organization_id),
                             now=world.morning(3) + timedelta(minutes=5 * place))


def _pin(session: Session, world: World, event: MeetingEvent, projects: Sequence[Project], suits: Ints) -> None:
    """Set one meeting by hand: the sign-ins' organization at the table of their unit that suits it best."""
    unit = world.units[SIGN_IN_UNIT].organization_id
    mine = [row for row, project in enumerate(projects) if project.buyer_id == unit] or list(range(len(projects)))
    row = max(mine, key=lambda one: (suits[one, 0], -one))
    meetings.decide(session, actor=world.district.handler, event=event, now=world.morning(1), edit=Edit(
        EditKind.PIN, pairs=((projects[row].id, world.bidders[0].organization_id),), reason=PINNED))


def is_scheduled(session: Session, schedule_ref: str) -> bool:
    """Say whether the worker has done with the timetable."""
    return session.scalar(select(MeetingSchedule.state).where(
        MeetingSchedule.ref == schedule_ref)) not in UNDER_WAY


def publish_fair(session: Session, world: World, schedule_ref: str, *, now: datetime) -> bool:
    """Let another person of the host publish the timetable that the worker made; False when it could not be made."""
    schedule = session.scalars(select(MeetingSchedule).where(MeetingSchedule.ref == schedule_ref)).one()
    if schedule.state != RunState.READY:
        return False
    meetings.publish(session, actor=world.district.approver, event=schedule.event, schedule=schedule, now=now)
    return True
