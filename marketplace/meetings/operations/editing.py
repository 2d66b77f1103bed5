"""Edits of people: pins, forbids, exchanges, absences; each with its reason, kept with the version it makes."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.text import N_
from marketplace.meetings import policy
from marketplace.meetings.models import MeetingDecision, MeetingEvent, MeetingSchedule, MeetingTable, MeetingVisitor
from marketplace.meetings.operations.events import locked
from marketplace.meetings.operations.parties import Terms, check_terms, set_away
from marketplace.meetings.operations.running import keep_edited
from marketplace.meetings.queries.inputs import inputs_of
from marketplace.meetings.rules import written_rounds
from marketplace.meetings.rules.changes import digest
from marketplace.meetings.rules.edits import MAX_REASON, Edit, EditKind
from marketplace.meetings.rules.inputs import edited
from marketplace.meetings.rules.solving import Solution
from marketplace.projects.models import Project

_GONE = N_("预览以后名单、匹配度或洽谈表有了变化。请重新预览，再确认")


def decide(session: Session, *, actor: Actor, event: MeetingEvent, edit: Edit, now: datetime) -> None:
    """Write an edit down without scheduling: for an event that has no schedule yet."""
    event = locked(session, event)
    require(policy.may_change(actor, event))
    _write(session, actor, event, edit, now)


def commit_edit(session: Session, *, actor: Actor, event: MeetingEvent, edit: Edit, now: datetime, solution: Solution,
                revision: int, shown: str, points_from: str = "") -> MeetingSchedule:
    """Keep an edit together with the version that was previewed; nobody sees it before it is published.

    `revision`: of the event at the preview; `shown`: the digest of what was previewed. Raises Conflict when either
    differs: then somebody was faster, or points changed.
    """
    event = locked(session, event)
    require(policy.may_change(actor, event))
    if event.revision != revision or digest(solution.seats) != shown:
        raise Conflict(_GONE)
    _write(session, actor, event, edit, now)
    return keep_edited(session, actor=actor, event=event, solution=solution, points_from=points_from, now=now)


def _write(session: Session, actor: Actor, event: MeetingEvent, edit: Edit, now: datetime) -> None:
    """Write the rows of an edit; the event counts one more revision."""
    if not edit.reason.strip() or len(edit.reason) > MAX_REASON:
        raise Invalid(N_("请写明理由，最多 {most} 字。记录会留在本场的修改记录里"), field="reason", most=MAX_REASON)
    edited(inputs_of(session, event), edit)                   # refuses what names nobody
    if edit.kind == EditKind.AWAY:
        _write_absences(session, event, edit)
    else:
        _write_decisions(session, actor, event, edit, now)
    event.revision += 1
    session.flush()
    record(session, actor=actor, action=f"meetings.{edit.kind}", subject=("meeting_event", event.ref), now=now,
           pairs=[list(pair) for pair in edit.pairs], round=edit.round, away=written_rounds(edit.away),
           project=edit.project, organization=edit.organization, reason=edit.reason.strip())


def _write_decisions(session: Session, actor: Actor, event: MeetingEvent, edit: Edit, now: datetime) -> None:
    """Lift what was decided of these pairs before; then pin or forbid them, unless the edit only lifts."""
    for project_id, organization_id in edit.pairs:
        before = session.scalar(select(MeetingDecision).where(
            MeetingDecision.event_id == event.id, MeetingDecision.project_id == project_id,
            MeetingDecision.organization_id == organization_id, MeetingDecision.lifted_at.is_(None)))
        if before is not None:
            before.lifted_at, before.lifted_by = now, actor.person_id
            session.flush()
        elif edit.kind == EditKind.LIFT:
            raise Conflict(N_("这一条已经撤回。请刷新页面"))
        if edit.kind == EditKind.LIFT:
            continue
        if edit.kind != EditKind.FORBID:
            require(policy.may_meet(session.get_one(Project, project_id)))
        session.add(MeetingDecision(
            event_id=event.id, kind="forbid" if edit.kind == EditKind.FORBID else "pin", project_id=project_id,
            organization_id=organization_id, round=None if edit.kind == EditKind.FORBID else edit.round,
            reason=edit.reason.strip(), decided_by=actor.person_id, decided_at=now))
        session.flush()


def _write_absences(session: Session, event: MeetingEvent, edit: Edit) -> None:
    """Let the party of an edit miss exactly its rounds; refuses what leaves fewer rounds than its least number."""
    row: MeetingTable | MeetingVisitor
    if edit.project is not None:
        row = session.scalars(select(MeetingTable).where(
            MeetingTable.event_id == event.id, MeetingTable.project_id == edit.project)).one()
    else:
        row = session.scalars(select(MeetingVisitor).where(
            MeetingVisitor.event_id == event.id, MeetingVisitor.organization_id == edit.organization)).one()
    check_terms(Terms(row.least, edit.away), event.rounds)
    set_away(session, row, edit.away)
