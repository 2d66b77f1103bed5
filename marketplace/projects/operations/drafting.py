"""Drafts: begun blank, from a line of the purchase list or from an earlier project; saved piece by piece."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from marketplace.catalogs.models import PurchaseListItem, PurchaseListLine
from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.clock import beijing_date
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.organizations.models import Organization
from marketplace.procedures.queries import effective_rule_set
from marketplace.procedures.rules import NEVER_ASKED, RuleSet, ScoringMethod, check_qualification
from marketplace.projects import policy
from marketplace.projects.models import Criterion, Indicator, PlannedMilestone, Project, ProjectFile
from marketplace.projects.operations.steps import MOVED_ON
from marketplace.projects.rules import FULL, MAX_TEXT, MAX_TITLE, ProjectState

EDITABLE = frozenset({
    "title", "summary", "body", "target_group", "beneficiaries", "category_code", "area_code", "place", "fair_type",
    "budget", "ceiling", "funding_source", "scoring_method", "price_weight", "panel_size", "service_from",
    "service_to", "term_reason", "contact_name", "contact_phone", "special_conditions", "closes_at",
    "takes_matching", "qualified_kinds", "certified_min", "grade_min",
})
LISTS: Mapping[str, type[Indicator | Criterion | PlannedMilestone]] = {
    "indicators": Indicator, "criteria": Criterion, "milestones": PlannedMilestone,
}
SOURCE = frozenset({"source_ref", "source_note", "procedure"})
MAX_ROWS = 50
_PHONE = re.compile(r"[\d()（）-][\d()（） -]{6,}\d")


def draft_project(session: Session, *, actor: Actor, buyer: Organization, title: str, now: datetime,
                  **facts: object) -> Project:
    """Begin a draft of one buyer. `facts`: columns of EDITABLE, lists of LISTS, source_ref, source_note."""
    require(policy.may_draft(actor, buyer))
    project = Project(
        buyer=buyer, buyer_path=buyer.path, title=title, area_code=buyer.area_code, state=ProjectState.DRAFT,
        source_ref=cast("str | None", facts.pop("source_ref", None)),
        source_note=str(facts.pop("source_note", "")), procedure=str(facts.pop("procedure", "below_threshold")),
        scoring_method=ScoringMethod.COMPREHENSIVE, price_weight=10, panel_size=5,
        created_by=actor.person_id, created_at=now, changed_at=now)
    _apply(project, {"qualified_kinds": [], "title": title, **facts}, _today(session, project, now))
    session.add(project)
    session.flush()
    record(session, actor=actor, action="projects.draft", subject=("project", project.ref), now=now, title=title,
           source=project.source_ref)
    return project


def draft_from_line(session: Session, *, actor: Actor, line: PurchaseListLine, item: PurchaseListItem,
                    now: datetime) -> Project:
    """Turn a published line of the purchase list into a draft; the same line always gives the same project."""
    buyer = line.purchase_list.unit
    require(policy.may_draft(actor, buyer))
    if item.line_id != line.id or item.version.state != "published":
        raise IllegalStep(N_("只有已公开的清单条目可以生成项目草稿"))
    if found := session.scalar(select(Project).where(Project.line_id == line.id)):
        return found
    contact_name, contact_phone = _contact(item.contact)
    note = "；".join(part for part in (item.period, item.method, item.expected_on, item.remark) if part)
    try:
        with session.begin_nested():
            project = draft_project(
                session, actor=actor, buyer=buyer, title=item.title[:MAX_TITLE], now=now, body=item.content,
                budget=item.budget if item.budget and item.budget.fen else None, category_code=item.catalog_code,
                funding_source=item.funding_source, contact_name=contact_name, contact_phone=contact_phone,
                source_note=note)
            project.line_id = line.id
            session.flush()
    except IntegrityError:  # another one was quicker: UNIQUE (line_id)
        return session.scalars(select(Project).where(Project.line_id == line.id)).one()
    line.project_ref = project.ref
    return project


def _contact(text: str) -> tuple[str, str]:
    """Return name and number of a contact cell such as 何老师 0757-8621 0716."""
    found = _PHONE.search(text)
    if not found:
        return text.strip(), ""
    return text.replace(found[0], "").strip(" ,，、:：电话"), found[0].strip()


def duplicate(session: Session, *, actor: Actor, project: Project, buyer: Organization, now: datetime) -> Project:
    """Begin a draft with the content of an earlier project. A failed or terminated one hands over its list line."""
    require(policy.may_view(actor, project))
    facts: dict[str, object] = {name: getattr(project, name) for name in EDITABLE - {"title", "closes_at"}}
    for name, kind in LISTS.items():
        columns = [c.key for c in kind.__table__.columns if c.key not in {"id", "project_id", "position"}]
        facts[name] = [{column: getattr(row, column) for column in columns} for row in getattr(project, name)]
    if not _today(session, project, now).may_ask_grade:
        facts["grade_min"] = None                # lawful then, not today
    made = draft_project(session, actor=actor, buyer=buyer, title=project.title, now=now,
                         procedure=project.procedure, **facts)
    if (project.line_id is not None and project.buyer_id == buyer.id
            and project.state in (ProjectState.FAILED, ProjectState.TERMINATED)):
        line, project.line_id = project.line, None
        session.flush()
        made.line_id = line.id if line else None
        if line:
            line.project_ref = made.ref
        session.flush()
    return made


def save_draft(session: Session, *, actor: Actor, project: Project, changes: Mapping[str, object], now: datetime,
               version: int | None = None) -> Project:
    """Save some fields of a draft. `version`: what the editor saw; a newer one raises Conflict, nothing is lost."""
    require(policy.may_edit(actor, project))
    if version is not None and version != project.version_id:
        raise Conflict(MOVED_ON)
    _apply(project, changes, _today(session, project, now))
    project.changed_at = now
    try:
        session.flush()
    except StaleDataError:
        raise Conflict(MOVED_ON) from None
    record(session, actor=actor, action="projects.save", subject=("project", project.ref), now=now,
           fields=sorted(changes))
    return project


def attach(session: Session, *, actor: Actor, project: Project, file: StoredFile, title: str,
           now: datetime) -> ProjectFile:
    """Attach an uploaded file to a draft; it becomes public with the project."""
    require(policy.may_edit(actor, project))
    if file.owner_organization_id != project.buyer_id or file.scan_state == "infected":
        raise Invalid(N_("只能附上本单位上传、没有问题的文件"), field="file")
    if len(project.files) >= MAX_ROWS:
        raise Invalid(N_("附件最多 {most} 个"), field="file", most=MAX_ROWS)
    made = ProjectFile(file=file, title=(title.strip() or file.name)[:MAX_TITLE], added_at=now)
    project.files.append(made)
    project.changed_at = now
    session.flush()
    record(session, actor=actor, action="projects.attach", subject=("project", project.ref), now=now,
           file=file.ref, sha256=file.sha256)
    return made


def detach(session: Session, *, actor: Actor, project: Project, file: ProjectFile, now: datetime) -> None:
    """Take an attachment off a draft."""
    require(policy.may_edit(actor, project))
    project.files.remove(file)
    project.changed_at = now
    session.flush()
    record(session, actor=actor, action="projects.detach", subject=("project", project.ref), now=now, title=file.title)


def _today(session: Session, project: Project, now: datetime) -> RuleSet:
    """Return the rules that a draft will be published under, as they are today."""
    return effective_rule_set(session, project.procedure, beijing_date(now))


def _apply(project: Project, changes: Mapping[str, object], rules: RuleSet) -> None:
    """Put typed values on a draft; raises Invalid for what could never be right, TypeError for an unknown name."""
    if never := next((name for name in NEVER_ASKED if name in changes), None):
        raise Invalid(NEVER_ASKED[never], field=never)
    if unknown := set(changes) - EDITABLE - set(LISTS):
        msg = f"not fields of a draft: {', '.join(sorted(unknown))}"
        raise TypeError(msg)
    for name, value in changes.items():
        if name in LISTS:
            setattr(project, name, _rows(name, cast("Sequence[Mapping[str, object]]", value)))
        else:
            setattr(project, name, value.strip() if isinstance(value, str) else value)
    _check_texts(project)
    _check_numbers(project)
    check_qualification(rules, kinds=project.qualified_kinds, certified=project.certified_min, grade=project.grade_min)


def _rows(name: str, rows: Sequence[Mapping[str, object]]) -> list[Indicator | Criterion | PlannedMilestone]:
    """Build the rows of one list in their order; a share or weight must be a whole number from 1 to 100."""
    if len(rows) > MAX_ROWS:
        raise Invalid(N_("最多 {most} 行"), field=name, most=MAX_ROWS)
    for row in rows:
        share = row.get("weight", row.get("percent"))
        if name != "indicators" and not (isinstance(share, int) and 1 <= share <= FULL):
            raise Invalid(N_("每一行的分值或比例须是 1 到 100 的整数"), field=name)
        if not str(row.get("name", row.get("title", ""))).strip():
            raise Invalid(N_("每一行都要有名称"), field=name)
        if name == "indicators" and not str(row.get("target", "")).strip():
            raise Invalid(N_("每条指标都要有目标值"), field=name)
    return [LISTS[name](position=position, **row) for position, row in enumerate(rows, start=1)]


def _check_texts(project: Project) -> None:
    """Refuse a draft without a title, and endless texts."""
    if not project.title:
        raise Invalid(N_("请填写项目名称"), field="title")
    if len(project.title) > MAX_TITLE:
        raise Invalid(N_("项目名称最长 {most} 个字"), field="title", most=MAX_TITLE)
    for name in ("summary", "body", "target_group", "special_conditions", "term_reason", "funding_source", "place"):
        if len(getattr(project, name) or "") > MAX_TEXT:
            raise Invalid(N_("文字太长，最多 {most} 个字"), field=name, most=MAX_TEXT)


def _check_numbers(project: Project) -> None:
    """Money and weights within what the tables hold."""
    budget, ceiling = project.budget, project.ceiling
    if budget is not None and budget.fen <= 0:
        raise Invalid(N_("预算须大于零"), field="budget")
    if ceiling is not None and (ceiling.fen <= 0 or budget is None or ceiling > budget):
        raise Invalid(N_("最高限价须大于零，且不超过预算"), field="ceiling")
    if not 0 <= project.price_weight <= FULL:
        raise Invalid(N_("价格分值须在 0 到 100 之间"), field="price_weight")
    if project.beneficiaries is not None and project.beneficiaries < 0:
        raise Invalid(N_("人数不能是负数"), field="beneficiaries")
    if project.scoring_method not in tuple(ScoringMethod):
        raise Invalid(N_("请选择评审方法"), field="scoring_method")
