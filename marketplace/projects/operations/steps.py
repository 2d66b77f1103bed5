"""Conditional steps of the lifecycle, and those that the slices above ask for: opened, awarded, contracted, failed."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session

from marketplace.catalogs.operations import mark_line_contracted
from marketplace.core.access import SYSTEM, Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.publishing import public_changed
from marketplace.core.text import N_
from marketplace.projects import policy
from marketplace.projects.models import Project
from marketplace.projects.rules import JOB_PROJECT_CHANGED, LIFECYCLE, Action, ProjectChange, ProjectState

MOVED_ON = N_("这个项目刚刚被别人改动了。请刷新页面，看过最新情况再办")


def move(session: Session, project: Project, *conditions: ColumnElement[bool], now: datetime,
         **values: object) -> None:
    """Change a project only if it still is what was decided on; else raise Conflict. Nobody overwrites anybody."""
    session.flush()
    done = session.execute(
        update(Project)
        .where(Project.id == project.id, Project.state == project.state, Project.version_id == project.version_id,
               *conditions)
        .values(changed_at=now, version_id=Project.version_id + 1, **values)
        .execution_options(synchronize_session=False)
    )
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(MOVED_ON)
    session.refresh(project)


def take_step(session: Session, project: Project, action: Action, *, now: datetime, **values: object) -> None:
    """Take one step of the lifecycle; raises IllegalStep where there is none, Conflict when another was first."""
    after = LIFECYCLE.after(ProjectState(project.state), action)
    move(session, project, now=now, state=after, **values)


def tell(session: Session, project: Project, change: ProjectChange, *, now: datetime, **facts: Any) -> None:
    """Send the news of a change upward (the fifth beat)."""
    enqueue(session, JOB_PROJECT_CHANGED, now=now, project_ref=project.ref, change=str(change), **facts)


def needed_reason(reason: str) -> str:
    """Return the reason, trimmed; raises Invalid without one."""
    if not reason.strip():
        raise Invalid(N_("请写明理由，理由会告知有关各方"), field="reason")
    return reason.strip()


def mark_opened(session: Session, *, project: Project, now: datetime) -> None:
    """Record the opening. Project: published -> opened. Raises IllegalStep before the deadline."""
    if project.state == ProjectState.PUBLISHED and project.closes_at is not None and now < project.closes_at:
        raise IllegalStep(N_("截止时间未到，不能启封"))
    take_step(session, project, Action.OPEN, now=now, opened_at=now)
    record(session, actor=SYSTEM, action="projects.open", subject=("project", project.ref), now=now)
    public_changed(session, kind="project", ref=project.ref, now=now)


def fail(session: Session, *, actor: Actor, project: Project, reason: str, now: datetime) -> None:
    """End a procedure without a result (流标). Project: published, opened -> failed."""
    require(policy.may_fail(actor, project))
    reason = needed_reason(reason)
    take_step(session, project, Action.FAIL, now=now, ended_at=now, end_reason=reason)
    record(session, actor=actor, action="projects.fail", subject=("project", project.ref), now=now, reason=reason)
    public_changed(session, kind="project", ref=project.ref, now=now)
    tell(session, project, ProjectChange.FAILED, now=now, reason=reason)


def mark_awarded(session: Session, *, project: Project, now: datetime) -> None:
    """Record the decision. Project: opened -> awarded; of two at once, one gets Conflict."""
    take_step(session, project, Action.AWARD, now=now, awarded_at=now)
    record(session, actor=SYSTEM, action="projects.award", subject=("project", project.ref), now=now)
    public_changed(session, kind="project", ref=project.ref, now=now)


def reopen_award(session: Session, *, project: Project, now: datetime) -> None:
    """Take a decision back (objection upheld, winner refused). Project: awarded -> opened."""
    take_step(session, project, Action.REOPEN_AWARD, now=now, awarded_at=None)
    record(session, actor=SYSTEM, action="projects.reopen_award", subject=("project", project.ref), now=now)
    public_changed(session, kind="project", ref=project.ref, now=now)


def mark_contracted(session: Session, *, project: Project, now: datetime) -> None:
    """Record the contract. Project: awarded -> contracted. An open objection stops it."""
    if project.open_objections:
        raise IllegalStep(N_("还有 {count} 件异议没有答复，不能签约"), count=project.open_objections)
    LIFECYCLE.after(ProjectState(project.state), Action.CONTRACT)
    move(session, project, Project.open_objections == 0, now=now, state=ProjectState.CONTRACTED, contracted_at=now)
    if project.line is not None:
        mark_line_contracted(session, line=project.line, now=now)
    record(session, actor=SYSTEM, action="projects.contract", subject=("project", project.ref), now=now)
    public_changed(session, kind="project", ref=project.ref, now=now)
