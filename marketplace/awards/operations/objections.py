"""Objections (异议) to a result: raised by participants in the window, answered by the buyer."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.awards import policy
from marketplace.awards.models import Objection
from marketplace.awards.operations.award import take_back
from marketplace.awards.operations.panel import lock_project
from marketplace.awards.queries.result import live_award, took_part
from marketplace.awards.rules import JOB_OBJECTION_ANSWERED, JOB_OBJECTION_RAISED, JOB_OBJECTIONS_OVER
from marketplace.core import audit
from marketplace.core.access import SYSTEM, Actor, require
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.text import N_
from marketplace.projects import operations as projects
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState

MAX_TEXT = 5_000


def raise_objection(session: Session, *, actor: Actor, project: Project, text: str,
                    now: datetime) -> Objection:
    """Object to the result, for an organization that took part, before the window ends; no contract meanwhile.

    One open objection an organization; raises Denied with the reason for anybody else and after the end.
    """
    lock_project(session, project)
    award = live_award(session, project)
    is_participant = took_part(session, project, actor)
    require(policy.may_object(actor, project, is_participant=is_participant, award=award, now=now))
    text = text.strip()
    if not text:
        raise Invalid(N_("请写明异议的事实和理由"), field="text")
    if len(text) > MAX_TEXT:
        raise Invalid(N_("异议最长 {most} 个字"), field="text", most=MAX_TEXT)
    if session.scalar(select(Objection.id).where(
            Objection.project_id == project.id, Objection.organization_id == actor.organization_id,
            Objection.answered_at.is_(None))):
        raise Conflict(N_("您的组织已有一件异议在处理中"))
    _count(session, project, 1)
    objection = Objection(project_id=project.id, organization_id=actor.organization_id, text=text,
                          raised_by=actor.person_id, raised_at=now)
    session.add(objection)
    session.flush()
    audit.record(session, actor=actor, action="awards.raise_objection", subject=("project", project.ref),
                 now=now, objection=objection.ref)
    enqueue(session, JOB_OBJECTION_RAISED, now=now, objection_ref=objection.ref)
    return objection


def _count(session: Session, project: Project, step: int) -> None:
    """Count the open objections on the project's own row, so that a contract under way meets them there."""
    possible = Project.state == ProjectState.AWARDED if step > 0 else Project.open_objections > 0
    done = session.execute(
        update(Project).where(Project.id == project.id, possible)
        .values(open_objections=Project.open_objections + step, version_id=Project.version_id + 1)
        .execution_options(synchronize_session=False)
    )
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("项目的状态刚刚改变。请刷新页面查看"))
    session.refresh(project)


def answer_objection(session: Session, *, actor: Actor, objection: Objection, upheld: bool, answer: str,
                     now: datetime, ends_project: bool = False) -> Objection:
    """Answer an objection with reasons.

    Upheld: the award is revoked and the project waits for another decision, or fails with `ends_project`.
    Otherwise, with no other objection open, the contract is drawn up once the window is over.
    """
    project = objection.project
    lock_project(session, project)
    require(policy.may_answer_objection(actor, objection))
    if not answer.strip():
        raise Invalid(N_("请写明答复的理由"), field="answer")
    done = session.execute(
        update(Objection).where(Objection.id == objection.id, Objection.answered_at.is_(None))
        .values(answer=answer.strip(), upheld=upheld, answered_by=actor.person_id, answered_at=now)
        .execution_options(synchronize_session=False)
    )
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这件异议已经有人答复"))
    session.refresh(objection)
    _count(session, project, -1)
    audit.record(session, actor=actor, action="awards.answer_objection", subject=("project", project.ref),
                 now=now, objection=objection.ref, upheld=upheld)
    _follow_up(session, actor, objection, ends_project=ends_project, now=now)
    enqueue(session, JOB_OBJECTION_ANSWERED, now=now, objection_ref=objection.ref)
    return objection


def _follow_up(session: Session, actor: Actor, objection: Objection, *, ends_project: bool,
               now: datetime) -> None:
    """Draw the consequence of an answer."""
    project = objection.project
    award = live_award(session, project)
    if award is None or project.state != ProjectState.AWARDED:
        return
    if objection.upheld:
        reason = f"异议成立：{objection.answer}"
        take_back(session, actor=actor, award=award, reason=reason, now=now)
        if ends_project:
            projects.fail(session, actor=SYSTEM, project=project, reason=reason, now=now)
    elif not project.open_objections:
        enqueue(session, JOB_OBJECTIONS_OVER, now=now, due_at=max(now, award.objections_until),
                award_ref=award.ref)
