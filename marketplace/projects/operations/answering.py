"""Questions asked in the open, and their answers. The asker's name is never shown."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.publishing import public_changed
from marketplace.core.text import N_
from marketplace.projects import policy
from marketplace.projects.models import Enquiry, Project
from marketplace.projects.operations.steps import tell
from marketplace.projects.rules import MAX_QUESTION, MOST_QUESTIONS_PER_PERSON, ProjectChange


def ask(session: Session, *, actor: Actor, project: Project, question: str, now: datetime) -> Enquiry:
    """Ask the buyer something about a published project; everybody will see question and answer, nobody who asked."""
    require(policy.may_ask(actor, project, now))
    question = question.strip()
    if not question:
        raise Invalid(N_("请写下您的问题"), field="question")
    if len(question) > MAX_QUESTION:
        raise Invalid(N_("问题最长 {most} 个字"), field="question", most=MAX_QUESTION)
    asked = session.scalar(select(func.count()).select_from(Enquiry).where(
        Enquiry.project_id == project.id, Enquiry.asked_by == actor.person_id)) or 0
    if asked >= MOST_QUESTIONS_PER_PERSON:
        raise Invalid(N_("每人对一个项目最多提 {most} 个问题"), field="question", most=MOST_QUESTIONS_PER_PERSON)
    made = Enquiry(project_id=project.id, asked_by=actor.person_id or 0, question=question, asked_at=now)
    session.add(made)
    session.flush()
    record(session, actor=actor, action="projects.ask", subject=("enquiry", made.ref), now=now, project=project.ref)
    tell(session, project, ProjectChange.ASKED, now=now, enquiry_ref=made.ref)
    return made


def answer(session: Session, *, actor: Actor, enquiry: Enquiry, answer: str, now: datetime) -> Enquiry:
    """Answer a question for all to see; of two answers at once the first stands."""
    require(policy.may_answer(actor, enquiry.project))
    text = answer.strip()
    if not text:
        raise Invalid(N_("请写下答复"), field="answer")
    done = session.execute(
        update(Enquiry).where(Enquiry.id == enquiry.id, Enquiry.answered_at.is_(None))
        .values(answer=text, answered_by=actor.person_id, answered_at=now)
        .execution_options(synchronize_session=False)
    )
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这个问题已经有人答复。请刷新页面查看"))
    session.refresh(enquiry)
    record(session, actor=actor, action="projects.answer", subject=("enquiry", enquiry.ref), now=now,
           project=enquiry.project.ref)
    public_changed(session, kind="project", ref=enquiry.project.ref, now=now)
    tell(session, enquiry.project, ProjectChange.ANSWERED, now=now, enquiry_ref=enquiry.ref)
    return enquiry
