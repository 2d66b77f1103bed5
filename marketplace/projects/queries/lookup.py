"""One project and what hangs on it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalogs.models import PurchaseListItem, PurchaseListLine, PurchaseListVersion
from marketplace.catalogs.queries import category_names, work_calendar
from marketplace.core.access import Actor, Role
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.organizations.models import Organization
from marketplace.procedures.queries import effective_rule_set, rule_set_of
from marketplace.procedures.rules import LIMITED_KINDS, RuleSet, Warning_, lint_requirement
from marketplace.projects import policy, rules
from marketplace.projects.models import Enquiry, Project
from marketplace.projects.rules import DisplayStatus, Problem, ProjectState


def by_ref(session: Session, ref: str) -> Project | None:
    """Return a project by its public reference, whatever its state: who may see it, policy says."""
    return session.scalar(select(Project).where(Project.ref == ref).options(joinedload(Project.buyer)))


def by_refs(session: Session, refs: Sequence[str]) -> list[Project]:
    """Return several projects, in no order."""
    return list(session.scalars(select(Project).where(Project.ref.in_(refs)).options(joinedload(Project.buyer))))


def unit_of(session: Session, actor: Actor) -> Organization:
    """Return the organization that the actor acts for; raises Denied when there is none."""
    found = session.get(Organization, actor.organization_id) if actor.organization_id is not None else None
    if found is None:
        raise Denied(N_("请先在“我的账号”选择代表哪个单位"))
    return found


def published_item(session: Session, line_ref: str) -> PurchaseListItem | None:
    """Return what the published version says about a line of a purchase list."""
    return session.scalar(
        select(PurchaseListItem).join(PurchaseListItem.line).join(PurchaseListItem.version)
        .where(PurchaseListLine.ref == line_ref, PurchaseListVersion.state == "published"))


def enquiry_by_ref(session: Session, ref: str) -> Enquiry | None:
    """Return a question by its reference."""
    return session.scalar(select(Enquiry).where(Enquiry.ref == ref).options(joinedload(Enquiry.project)))


def enquiries_for(session: Session, project: Project, actor: Actor) -> list[Enquiry]:
    """Return the questions that `actor` may see, oldest first: answered ones, one's own, the buyer's waiting ones."""
    query = select(Enquiry).where(Enquiry.project_id == project.id).order_by(Enquiry.asked_at, Enquiry.id)
    if not actor.acts_for(project.buyer_id, *policy.UNIT_READERS):
        mine = Enquiry.asked_by == actor.person_id if actor.person_id is not None else false()
        query = query.where(or_(Enquiry.answered_at.is_not(None), mine))
    return list(session.scalars(query))


_STORED_STATES = {
    DisplayStatus.DRAFT: ProjectState.DRAFT, DisplayStatus.IN_REVIEW: ProjectState.IN_REVIEW,
    DisplayStatus.SCORING: ProjectState.OPENED, DisplayStatus.RESULT: ProjectState.AWARDED,
    DisplayStatus.CONTRACTED: ProjectState.CONTRACTED, DisplayStatus.FAILED: ProjectState.FAILED,
    DisplayStatus.TERMINATED: ProjectState.TERMINATED,
}


def status_clause(statuses: Iterable[DisplayStatus], now: datetime) -> ColumnElement[bool]:
    """Return the condition "its display status is one of these at `now`": the SQL twin of rules.display_status."""
    parts: list[ColumnElement[bool]] = []
    for status in statuses:
        if status == DisplayStatus.OPEN:
            parts.append(and_(Project.state == ProjectState.PUBLISHED, Project.closes_at > now))
        elif status == DisplayStatus.SEALED:
            parts.append(and_(Project.state == ProjectState.PUBLISHED, Project.closes_at <= now))
        else:
            parts.append(Project.state == _STORED_STATES[status])
    return or_(*parts) if parts else false()


def rules_of(session: Session, project: Project, now: datetime) -> RuleSet:
    """Return the rule set that governs a project: fixed when published, today's before that."""
    if project.rules_snapshot:
        return rule_set_of(project.rule_set, project.rules_snapshot)
    return effective_rule_set(session, project.procedure, beijing_date(now))


@dataclass(frozen=True)
class Review:
    """What stands between a draft and the public: problems stop it, warnings make people think."""

    problems: Sequence[Problem]
    warnings: Sequence[Warning_]
    earliest: datetime

    def problems_of(self, section: str) -> list[Problem]:
        """Return the problems of one part of the editor."""
        return [problem for problem in self.problems if problem.section == section]


def review(session: Session, project: Project, now: datetime) -> Review:
    """Look at a draft as the approver will, were it published at `now`."""
    rule_set = rules_of(session, project, now)
    calendar = work_calendar(session)
    found = rules.publish_problems(project.as_draft(), categories=category_names(session), rules=rule_set)
    late = rules.deadline_problem(project.closes_at, now=now, workdays=rule_set.min_notice_workdays, calendar=calendar)
    texts = [project.title, project.body, project.special_conditions, project.target_group,
             *(f"{c.name}\n{c.levels}" for c in project.criteria), *(i.name for i in project.indicators)]
    limits = [LIMITED_KINDS] if project.qualified_kinds else []
    return Review(
        problems=[*found, *([late] if late else [])], warnings=[*limits, *lint_requirement("\n".join(texts))],
        earliest=rules.earliest_deadline(now, rule_set.min_notice_workdays, calendar))


def unit_roles(actor: Actor) -> bool:
    """Say whether the actor works for a unit that buys."""
    return actor.has(Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN)
