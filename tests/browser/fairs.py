"""Fairs of the world's unit: one with a published schedule and an edit, one in preparation; and one of the platform."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from marketplace.accounts.queries import load_actor
from marketplace.core.access import SYSTEM
from marketplace.core.clock import at_beijing, beijing_date
from marketplace.meetings import operations
from marketplace.meetings.operations import Terms
from marketplace.meetings.queries import inputs as queries
from marketplace.meetings.rules import EventFacts
from marketplace.meetings.rules.changes import digest
from marketplace.meetings.rules.edits import Edit, EditKind
from marketplace.meetings.rules.inputs import edited
from marketplace.meetings.rules.solving import solve
from marketplace.organizations.models import Organization
from marketplace.projects import operations as projects
from tests.factories.meetings import FLOWS, Fair, make_provider, make_scheduled
from tests.factories.projects import Desk, closing, make_draft

PLACES = ("桐浦街道长者日间照料", "桐浦街道居家适老化改造", "桐浦街道社区食堂志愿配送", "桐浦街道独居老人每日探访", "桐浦街道认知障碍友好社区",
          "桐浦街道老年大学课程")
BODIES = ("清和", "同行者", "青禾", "安澜", "乐龄")


def build_fairs(session: Session, *, unit: Organization, provider: Organization, people: dict[str, int],
                now: datetime, has_notice: bool = False) -> dict[str, str]:
    """Return the references of the events, a table, an organization, a decision; `has_notice`: of the last project."""
    made = now - timedelta(days=20)
    handler, approver = load_actor(session, people["handler"]), load_actor(session, people["approver"])
    day = at_beijing(beijing_date(now) + timedelta(days=5), 9)
    facts = EventFacts(title="桐浦街道社会服务供需洽谈会", starts_at=day, place="区社会组织服务中心三楼", rounds=6, pause_after=3,
                       pause_minutes=30, is_open_to_units=True)
    desk = Desk(unit, handler, approver)
    fair = Fair(desk, operations.create_event(session, actor=handler, host=unit, facts=facts, now=made))
    for number, title in enumerate(PLACES):
        project = make_draft(session, desk, now=made, title=title)
        operations.add_table(session, actor=handler, event=fair.event, project=project, now=made,
                             terms=Terms(least=2, away=frozenset({6}) if number == 1 else frozenset()))
        fair.projects.append(project)
    fair.organizations.append(provider)
    fair.organizations += [make_provider(session, name=f"澜川区{name}社会工作服务中心", now=made) for name in BODIES]
    for number, body in enumerate(fair.organizations):
        operations.add_visitor(session, actor=handler, event=fair.event, organization=body, now=made,
                               terms=Terms(least=1, away=frozenset({1, 2}) if number == 3 else frozenset()))
    session.flush()
    session.expire(fair.event)
    _, first = make_scheduled(session, fair, now=made)
    operations.publish(session, actor=handler, event=fair.event, schedule=first, now=made)
    decision = _pin(session, fair, (fair.projects[0].id, provider.id), now=made)
    if has_notice:
        projects.submit_for_review(session, actor=handler, project=fair.projects[5], now=made)
        projects.publish(session, actor=approver, project=fair.projects[5], now=made,
                         closes_at=closing(session, now))
    coming = operations.create_event(session, actor=handler, host=unit, now=made, facts=EventFacts(
        "冬季社区服务小型洽谈", day + timedelta(days=30), "街道会议室", 3))
    platform = operations.create_event(session, actor=SYSTEM, host=None, now=made, facts=EventFacts(
        "澜川区公益服务洽谈日", day + timedelta(days=60), "区会展中心", 12))
    session.flush()
    return {"fair": fair.event.ref, "fair_coming": coming.ref, "fair_platform": platform.ref, "fair_decision": decision,
            "fair_table": fair.event.tables[1].ref, "fair_visitor": fair.event.visitors[3].ref,
            "fair_project": fair.projects[1].ref}


def _pin(session: Session, fair: Fair, pair: tuple[int, int], *, now: datetime) -> str:
    """Pin a pair of the schedule; return the reference of the decision."""
    edit = Edit(EditKind.PIN, (pair,), round=5, reason="双方约好下午谈")
    inputs = edited(queries.inputs_of(session, fair.event), edit)
    solution = solve(inputs, queries.event_points(session, inputs).matrix, FLOWS,
                     before=queries.seats(session, queries.current(session, fair.event)))
    operations.commit_edit(session, actor=fair.host, event=fair.event, edit=edit, solution=solution, now=now,
                           revision=fair.event.revision, shown=digest(solution.seats))
    return queries.decisions_of(session, fair.event)[0].ref
