"""Events of short talks at every stage, made by the real operations."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from marketplace.core.access import Actor
from marketplace.integrations.flows import OrtoolsFlows
from marketplace.meetings import operations
from marketplace.meetings.models import MeetingEvent, MeetingSchedule
from marketplace.meetings.operations import Terms
from marketplace.meetings.queries import inputs as queries
from marketplace.meetings.rules import EventFacts
from marketplace.meetings.rules.solving import solve
from marketplace.organizations.models import Organization, ServedArea, ServiceCategory
from marketplace.projects.models import Project
from tests.factories import NOW
from tests.factories.organizations import make_organization
from tests.factories.projects import AREA, CATEGORY, Desk, make_desk, make_draft

FLOWS = OrtoolsFlows()


@dataclass
class Fair:
    """An event of a unit, its people, its projects and organizations."""

    desk: Desk
    event: MeetingEvent
    projects: list[Project] = field(default_factory=list)
    organizations: list[Organization] = field(default_factory=list)

    @property
    def host(self) -> Actor:
        """Who organizes."""
        return self.desk.handler


def facts(**changes: object) -> EventFacts:
    """What an organizer says."""
    return EventFacts(**{"title": "社会服务供需洽谈会", "starts_at": NOW + timedelta(days=6), "place": "区社会组织服务中心",
                         "rounds": 4, "minutes": 20, "break_minutes": 5, **changes})  # type: ignore[arg-type]


def make_provider(session: Session, *, category: str = CATEGORY, area: str = AREA, now: datetime = NOW,
                  **changes: object) -> Organization:
    """A verified provider that names what it does and where."""
    made = make_organization(session, now=now, **changes)
    made.categories.append(ServiceCategory(code=category))
    made.areas.append(ServedArea(area_code=area))
    session.flush()
    return made


def make_fair(session: Session, *, tables: int = 3, organizations: int = 4, now: datetime = NOW, terms: Terms | None = None,
              **changes: object) -> Fair:
    """A draft of an event with tables of draft projects and organizations that fit all of them."""
    desk = make_desk(session)
    event = operations.create_event(session, actor=desk.handler, host=desk.unit, facts=facts(**changes), now=now)
    fair = Fair(desk, event)
    for number in range(tables):
        project = make_draft(session, desk, now=now, title=f"桐浦街道第{number + 1}期长者助餐服务")
        operations.add_table(session, actor=desk.handler, event=event, project=project, now=now, terms=terms or Terms())
        fair.projects.append(project)
    for _ in range(organizations):
        made = make_provider(session, now=now)
        operations.add_visitor(session, actor=desk.handler, event=event, organization=made, now=now)
        fair.organizations.append(made)
    session.flush()
    session.expire(event)
    return fair


def make_scheduled(session: Session, fair: Fair | None = None, *, now: datetime = NOW,
                   keeps_before: bool = False, **changes: object) -> tuple[Fair, MeetingSchedule]:
    """An event with a version that is ready, made as the worker makes it."""
    fair = fair or make_fair(session, now=now, **changes)
    asked = operations.start_run(session, actor=fair.host, event=fair.event, now=now, keeps_before=keeps_before)
    return fair, compute(session, fair, asked, now=now)


def compute(session: Session, fair: Fair, asked: MeetingSchedule, *, now: datetime = NOW) -> MeetingSchedule:
    """Do what the job does, in the open session of a test."""
    assert operations.begin_run(session, schedule_ref=asked.ref) is not None
    inputs = queries.inputs_of(session, fair.event)
    before = queries.seats(session, queries.current(session, fair.event) if asked.keeps_before else None)
    points = queries.event_points(session, inputs)
    return operations.keep_run(session, actor=fair.host, schedule_ref=asked.ref, points_from=points.source, now=now,
                               solution=solve(inputs, points.matrix, FLOWS, before=before))


def make_public(session: Session, *, now: datetime = NOW, **changes: object) -> tuple[Fair, MeetingSchedule]:
    """An event whose schedule is published."""
    fair, made = make_scheduled(session, now=now, **changes)
    operations.publish(session, actor=fair.host, event=fair.event, schedule=made, now=now)
    return fair, made
