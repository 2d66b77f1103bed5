"""News of projects: review, return, publication, questions, clarifications, the end without a result."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.text import N_
from marketplace.inbox.jobs.audience import (
    approvers,
    bidders,
    desk_url,
    drafters,
    interested,
    people_by_id,
    project_url,
    tell_organizations,
)
from marketplace.inbox.operations import finish, send
from marketplace.inbox.rules import Kind, Letter
from marketplace.projects import queries
from marketplace.projects.models import Enquiry, Project
from marketplace.projects.rules import ProjectChange, ProjectState, questions_close_at
from marketplace.web.formats import moment

Teller = Callable[[Session, Project, dict[str, object], datetime], None]


def tell_of_publication(project_ref: str, **_facts: object) -> None:
    """Close the review; tell whoever drafted it that it is in the open."""
    now = utc_now()
    with transaction() as session:
        project = queries.by_ref(session, project_ref)
        if project is None:
            return
        finish(session, todo_key=f"review:{project_ref}", now=now)
        for person in drafters(session, project):
            send(session, person=person, now=now, letter=Letter(
                kind=Kind.PROJECT, subject=N_("“{title}”已发布，{closes_at} 截止"),
                facts={"title": project.title, "closes_at": moment(project.closes_at)},
                url=project_url(project), unique_key=f"published:{project_ref}",
                organization_id=project.buyer_id))


def tell_of_change(project_ref: str, change: str, **facts: object) -> None:
    """Send what follows from one change of a project."""
    now = utc_now()
    with transaction() as session:
        project = queries.by_ref(session, project_ref)
        if project is not None:
            _TELLERS[ProjectChange(change)](session, project, facts, now)


def _submitted(session: Session, project: Project, _facts: dict[str, object], now: datetime) -> None:
    """Approvers of the unit are asked to review."""
    finish(session, todo_key=f"mend:{project.ref}", now=now)
    if project.state != ProjectState.IN_REVIEW:
        return
    for person in approvers(session, project):
        send(session, person=person, now=now, letter=Letter(
            kind=Kind.PROJECT, subject=N_("审核项目“{title}”"),
            body=N_("核对需求、预算和评审办法，通过后发布，或写明理由退回。"), facts={"title": project.title},
            verb=N_("审核"), url=desk_url(project, "review"), todo_key=f"review:{project.ref}",
            organization_id=project.buyer_id))


def _returned(session: Session, project: Project, _facts: dict[str, object], now: datetime) -> None:
    """Whoever drafted it is asked to mend it, with the reason."""
    finish(session, todo_key=f"review:{project.ref}", now=now)
    if project.state != ProjectState.DRAFT:
        return
    for person in drafters(session, project):
        send(session, person=person, now=now, letter=Letter(
            kind=Kind.PROJECT, subject=N_("修改被退回的项目“{title}”"), body=N_("退回理由：{reason}"),
            facts={"title": project.title, "reason": project.return_reason}, verb=N_("修改"),
            url=desk_url(project, "edit"), todo_key=f"mend:{project.ref}", organization_id=project.buyer_id))


def _addendum(session: Session, project: Project, facts: dict[str, object], now: datetime) -> None:
    """Organizations that bid or write a bid learn of the clarification, and of a moved deadline."""
    subject = (N_("“{title}”发布第 {number} 号澄清，截止时间改为 {closes_at}") if facts.get("is_moved")
               else N_("“{title}”发布第 {number} 号澄清，截止时间不变"))
    tell_organizations(session, interested(session, project), now=now, letter=Letter(
        kind=Kind.PROJECT, subject=subject,
        facts={"title": project.title, "number": facts.get("number"), "closes_at": moment(project.closes_at)},
        url=project_url(project), unique_key=f"addendum:{project.ref}:{facts.get('number')}"))


def _enquiry(session: Session, facts: dict[str, object]) -> Enquiry | None:
    """Return the question that the news is about."""
    return session.scalar(select(Enquiry).where(Enquiry.ref == str(facts.get("enquiry_ref"))))


def _asked(session: Session, project: Project, facts: dict[str, object], now: datetime) -> None:
    """Ask the unit to answer before questions close."""
    enquiry = _enquiry(session, facts)
    if enquiry is None or enquiry.answered_at is not None or project.closes_at is None:
        return
    for person in drafters(session, project):
        send(session, person=person, now=now, letter=Letter(
            kind=Kind.ENQUIRY, subject=N_("答复“{title}”的公开提问"), body=N_("提问：{question}"),
            facts={"title": project.title, "question": enquiry.question[:80]}, verb=N_("答复"),
            url=desk_url(project, "questions"), due_at=questions_close_at(project.closes_at),
            todo_key=f"enquiry:{enquiry.ref}", organization_id=project.buyer_id))


def _answered(session: Session, project: Project, facts: dict[str, object], now: datetime) -> None:
    """Whoever asked learns of the answer."""
    enquiry = _enquiry(session, facts)
    finish(session, todo_key=f"enquiry:{facts.get('enquiry_ref')}", now=now)
    if enquiry is None:
        return
    for person in people_by_id(session, [enquiry.asked_by]):
        send(session, person=person, now=now, letter=Letter(
            kind=Kind.ENQUIRY, subject=N_("您在“{title}”的提问已公开答复"), facts={"title": project.title},
            url=f"{project_url(project)}#qa", unique_key=f"answered:{enquiry.ref}"))


def _failed(session: Session, project: Project, _facts: dict[str, object], now: datetime) -> None:
    """Bidders and the unit learn that there is no result, and why."""
    _ended(session, project, N_("“{title}”流标"), now)


def _terminated(session: Session, project: Project, _facts: dict[str, object], now: datetime) -> None:
    """Bidders and the unit learn that it was stopped, and why."""
    _ended(session, project, N_("“{title}”已终止"), now)


def _ended(session: Session, project: Project, subject: str, now: datetime) -> None:
    """Close what was to be done; tell both sides once."""
    for key in ("review", "mend", "draw", "decide"):
        finish(session, todo_key=f"{key}:{project.ref}", now=now)
    facts: dict[str, object] = {"title": project.title, "reason": project.end_reason}
    key = f"ended:{project.ref}"
    for person in drafters(session, project):
        send(session, person=person, now=now, letter=Letter(
            kind=Kind.PROJECT, subject=subject, body=N_("理由：{reason}"), facts=facts,
            url=project_url(project), unique_key=key, organization_id=project.buyer_id))
    heard = bidders(session, project) if project.opened_at else interested(session, project)
    tell_organizations(session, heard, now=now, letter=Letter(
        kind=Kind.PROJECT, subject=subject, body=N_("理由：{reason}"), facts=facts, url=project_url(project),
        unique_key=key))


_TELLERS: dict[ProjectChange, Teller] = {
    ProjectChange.SUBMITTED: _submitted, ProjectChange.RETURNED: _returned, ProjectChange.ADDENDUM: _addendum,
    ProjectChange.ASKED: _asked, ProjectChange.ANSWERED: _answered, ProjectChange.FAILED: _failed,
    ProjectChange.TERMINATED: _terminated,
}
