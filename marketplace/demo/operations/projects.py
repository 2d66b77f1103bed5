"""Drafts, reviews, publishes and ends projects at moments of the past; each step is the site's own operation."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from marketplace.awards import operations as awards
from marketplace.awards.operations.notices import project_facts, selection_facts
from marketplace.awards.rules import NoticeKind
from marketplace.catalogs.models import PurchaseListItem, PurchaseListLine
from marketplace.core.access import SYSTEM
from marketplace.demo.operations.bidding import bid_and_open
from marketplace.demo.operations.judging import judge
from marketplace.demo.operations.lists import unit_of
from marketplace.demo.operations.world import Unit, World
from marketplace.demo.rules import texts
from marketplace.demo.rules.plan import Planned, deadline
from marketplace.demo.rules.weave import weave
from marketplace.organizations.models import Organization
from marketplace.projects import operations as projects
from marketplace.projects.models import Project

NEVER_PUBLIC = ("draft", "returned", "in_review")
TAKES_MATCHING = (0, 2)      # of five notices, which say that matching money may come


def play(session: Session, world: World, planned: Sequence[Planned]) -> None:
    """Bring each planned project to where it stands today."""
    for one in planned:
        _play_one(session, world, one)
        world.fates[one.fate] = world.fates.get(one.fate, 0) + 1
        session.flush()
        session.expunge_all()


def _play_one(session: Session, world: World, planned: Planned) -> None:
    """Draft a project, and go on as far as its fate wants."""
    unit = unit_of(world, planned)
    project = _draft(session, world, planned, unit)
    if planned.fate == "draft":
        return
    sent = planned.published_at - timedelta(hours=world.rng.randrange(2, 40))
    projects.submit_for_review(session, actor=unit.handler, project=project, now=sent)
    if planned.fate == "returned":
        projects.return_draft(session, actor=unit.approver, project=project, now=planned.published_at,
                              reason=texts.sentence(world.rng, texts.RETURN_REASONS))
    if planned.fate in NEVER_PUBLIC:
        return
    _publish(session, world, planned, unit, project)
    if planned.fate == "terminated":
        _terminate(session, world, planned, unit, project)
        return
    bid_and_open(session, world, planned, project)
    if planned.fate not in ("open", "failed", "opened"):
        judge(session, world, planned, unit, project)


def _draft(session: Session, world: World, planned: Planned, unit: Unit) -> Project:
    """Draft a project from its line of the list, or blank."""
    content = {name: value for name, value in world.texts.pop(planned.number).items() if name != "domain"}
    content |= {"contact_name": unit.handler.name, "contact_phone": f"0000-86{100000 + planned.number % 900000}",
                "takes_matching": planned.number % 5 in TAKES_MATCHING}
    now = planned.published_at - timedelta(days=world.rng.randrange(2, 9), hours=3)
    body = session.get_one(Organization, unit.organization_id)
    if planned.number not in world.lines:
        facts: Any = content
        return projects.draft_project(session, actor=unit.handler, buyer=body, now=now, **facts)
    line_id, item_id = world.lines[planned.number]
    project = projects.draft_from_line(
        session, actor=unit.handler, line=session.get_one(PurchaseListLine, line_id),
        item=session.get_one(PurchaseListItem, item_id), now=now)
    return projects.save_draft(session, actor=unit.handler, project=project, changes=content,
                               now=now + timedelta(minutes=40))


def _publish(session: Session, world: World, planned: Planned, unit: Unit, project: Project) -> None:
    """Publish, with the notice of the selection that the outbox would write."""
    closes_at = deadline(world.rng, planned.published_at, calendar=world.calendar, fate=planned.fate)
    projects.publish(session, actor=unit.approver, project=project, closes_at=closes_at, now=planned.published_at)
    awards.publish_notice(session, actor=SYSTEM, project=project, kind=NoticeKind.SELECTION, title=project.title,
                          facts=selection_facts(project), unique_key=f"selection:{project.ref}",
                          now=planned.published_at)
    if world.rng.random() < 0.25:  # noqa: PLR2004
        _ask(session, world, planned, unit, project)


def _ask(session: Session, world: World, planned: Planned, unit: Unit, project: Project) -> None:
    """Ask one question in the open; most are answered."""
    rng = world.rng
    asked = planned.published_at + timedelta(hours=rng.randrange(2, 20))
    if asked >= world.now:
        return
    number = rng.randrange(len(texts.QUESTIONS))
    enquiry = projects.ask(session, actor=rng.choice(world.bidders).actor, project=project, now=asked,
                           question=weave(rng, texts.QUESTIONS[number]))
    answered = asked + timedelta(hours=rng.randrange(3, 26))
    if answered < world.now:
        projects.answer(session, actor=unit.handler, enquiry=enquiry, now=answered,
                        answer=weave(rng, texts.ANSWERS[number]))


def _terminate(session: Session, world: World, planned: Planned, unit: Unit, project: Project) -> None:
    """End a published project by decision, with the notice."""
    ended = planned.published_at + timedelta(days=world.rng.randrange(1, 5), hours=1)
    projects.terminate(session, actor=unit.approver, project=project, now=ended,
                       reason=texts.sentence(world.rng, texts.END_REASONS))
    announce_end(session, project, NoticeKind.TERMINATION)


def announce_end(session: Session, project: Project, kind: NoticeKind) -> None:
    """Publish the notice of a failure or a termination, as the outbox would."""
    assert project.ended_at is not None
    awards.publish_notice(session, actor=SYSTEM, project=project, kind=kind, title=project.title,
                          facts={**project_facts(project), "reason": project.end_reason},
                          unique_key=f"{kind}:{project.ref}", now=project.ended_at)
