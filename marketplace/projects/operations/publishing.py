"""From draft to the open: review, publishing, addenda, termination."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.accounts.queries import people_of
from marketplace.catalogs.operations import mark_line_posted
from marketplace.catalogs.queries import category_names, work_calendar
from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.publishing import public_changed
from marketplace.core.text import N_
from marketplace.documents.operations import next_number
from marketplace.procedures.queries import effective_rule_set, rule_set_of
from marketplace.procedures.rules import RuleSet, snapshot
from marketplace.projects import policy, rules
from marketplace.projects.models import Addendum, Project
from marketplace.projects.operations.steps import move, needed_reason, take_step, tell
from marketplace.projects.rules import Action, Problem, ProjectChange


def _refuse(problem: Problem | None) -> None:
    """Raise Invalid for a problem."""
    if problem is not None:
        raise Invalid(problem.sentence, field=problem.field or None, **problem.facts)


def _check_content(session: Session, project: Project, rule_set: RuleSet) -> None:
    """Raise Invalid for the first thing that must be mended."""
    problems = rules.publish_problems(project.as_draft(), categories=category_names(session), rules=rule_set)
    _refuse(problems[0] if problems else None)


def submit_for_review(session: Session, *, actor: Actor, project: Project, now: datetime) -> None:
    """Send a complete draft to the unit's approver. Project: draft -> in_review."""
    require(policy.may_submit(actor, project))
    _check_content(session, project, effective_rule_set(session, project.procedure, beijing_date(now)))
    take_step(session, project, Action.SUBMIT, now=now, submitted_by=actor.person_id, return_reason="")
    record(session, actor=actor, action="projects.submit", subject=("project", project.ref), now=now)
    tell(session, project, ProjectChange.SUBMITTED, now=now)


def return_draft(session: Session, *, actor: Actor, project: Project, reason: str, now: datetime) -> None:
    """Send it back to the drafter with a reason. Project: in_review -> draft."""
    require(policy.may_review(actor, project))
    reason = needed_reason(reason)
    take_step(session, project, Action.RETURN, now=now, return_reason=reason)
    record(session, actor=actor, action="projects.return", subject=("project", project.ref), now=now, reason=reason)
    tell(session, project, ProjectChange.RETURNED, now=now, reason=reason)


def publish(session: Session, *, actor: Actor, project: Project, closes_at: datetime | None,
            now: datetime) -> Project:
    """Put a reviewed project in the open until `closes_at` (exclusive; None: as drafted) and fix its rules.

    Project: in_review -> published. Raises Invalid for a deadline that is too early or on a day off.
    """
    people = len(people_of(session, project.buyer_id, policy.UNIT_ROLES))
    require(policy.may_publish(actor, project, people=people))
    rule_set = effective_rule_set(session, project.procedure, beijing_date(now))
    closes_at = closes_at or project.closes_at
    _check_content(session, project, rule_set)
    _check_files(project)
    _refuse(rules.deadline_problem(closes_at, now=now, workdays=rule_set.min_notice_workdays,
                                   calendar=work_calendar(session)))
    assert closes_at is not None
    take_step(session, project, Action.PUBLISH, now=now, published_at=now, closes_at=closes_at,
              number=next_number(session, series="project", prefix=rules.NUMBER_PREFIX, now=now),
              rule_set=rule_set.name, rules_snapshot=snapshot(rule_set),
              ceiling=project.ceiling or project.budget)
    for attachment in project.files:
        attachment.file.is_public = True
    if project.line is not None:
        mark_line_posted(session, line=project.line, project_ref=project.ref, now=now)
    record(session, actor=actor, action="projects.publish", subject=("project", project.ref), now=now,
           number=project.number, closes_at=closes_at, rule_set=rule_set.name,
           second_person=actor.person_id not in (project.created_by, project.submitted_by))
    public_changed(session, kind="project", ref=project.ref, now=now)
    enqueue(session, rules.JOB_PROJECT_PUBLISHED, now=now, project_ref=project.ref)
    _enqueue_opening(session, project, closes_at, now)
    return project


def _check_files(project: Project) -> None:
    """Raise Invalid for an attachment that has not passed the virus check."""
    for attachment in project.files:
        if attachment.file.scan_state != "clean":
            sentence = N_("附件“{name}”还没有通过检查。请稍后再发布，或移除它")
            raise Invalid(sentence, field="files", name=attachment.title)


def _enqueue_opening(session: Session, project: Project, closes_at: datetime, now: datetime) -> None:
    """Ask for the opening, 60 s after the deadline. After a moved deadline the earlier jobs find nothing to do."""
    enqueue(session, rules.JOB_DEADLINE_PASSED, now=now, due_at=closes_at, project_ref=project.ref)
    enqueue(session, rules.JOB_OPENING_DUE, now=now, due_at=closes_at + rules.OPENING_WAIT, project_ref=project.ref)


def publish_addendum(session: Session, *, actor: Actor, project: Project, text: str, now: datetime,
                     closes_at: datetime | None = None, affects_offers: bool = True) -> Addendum:
    """Publish a clarification or correction; `closes_at` moves the deadline, later only.

    What may affect offers needs the rule set's working days before the deadline (GPR 31), else the deadline moves.
    """
    require(policy.may_publish_addendum(actor, project, now))
    if not text.strip():
        raise Invalid(N_("请写明澄清或更正的内容"), field="text")
    before = project.closes_at
    after = closes_at or before
    assert before is not None
    assert after is not None
    if after < before:
        raise Invalid(N_("截止时间只能推后，不能提前"), field="closes_at")
    if affects_offers or after != before:
        workdays = rule_set_of(project.rule_set, project.rules_snapshot).change_notice_workdays
        _refuse(rules.deadline_problem(after, now=now, workdays=workdays, calendar=work_calendar(session)))
    number = (session.scalar(select(func.max(Addendum.number)).where(Addendum.project_id == project.id)) or 0) + 1
    move(session, project, Project.closes_at > now, now=now, closes_at=after)
    made = Addendum(project_id=project.id, number=number, text=text.strip(), published_by=actor.person_id or 0,
                    published_at=now, closes_at_before=before if after != before else None,
                    closes_at_after=after if after != before else None)
    session.add(made)
    session.flush()
    session.expire(project, ["addenda"])
    record(session, actor=actor, action="projects.addendum", subject=("project", project.ref), now=now,
           number=number, closes_at_before=before, closes_at_after=after)
    public_changed(session, kind="project", ref=project.ref, now=now)
    if after != before:
        _enqueue_opening(session, project, after, now)
    tell(session, project, ProjectChange.ADDENDUM, now=now, number=number, closes_at=after.isoformat(),
         is_moved=after != before)
    return made


def terminate(session: Session, *, actor: Actor, project: Project, reason: str, now: datetime) -> None:
    """End a project by decision (终止); for a draft: discard it and free its list line. Any state -> terminated."""
    require(policy.may_terminate(actor, project))
    reason = needed_reason(reason)
    was_public = policy.is_public(project)
    line = project.line
    values: dict[str, object] = {} if was_public else {"line_id": None}
    take_step(session, project, Action.TERMINATE, now=now, ended_at=now, end_reason=reason, **values)
    if line is not None and not was_public:
        line.project_ref = None
    record(session, actor=actor, action="projects.terminate", subject=("project", project.ref), now=now,
           reason=reason, was_public=was_public)
    if was_public:
        public_changed(session, kind="project", ref=project.ref, now=now)
        tell(session, project, ProjectChange.TERMINATED, now=now, reason=reason)
