"""Importing projects as drafts that keep the reference of their source; what the source does not say stays empty."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core.access import ALLOWED as YES
from marketplace.core.access import Actor, Decision, Role, denied, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import Money
from marketplace.core.sheets import Fault, Field, Kind, SheetRow
from marketplace.core.text import N_
from marketplace.imports.rules import Outcome, Plan, Planned
from marketplace.organizations.models import Organization
from marketplace.organizations.operations import register_unit
from marketplace.organizations.rules import name_key
from marketplace.projects import policy
from marketplace.projects.models import Project
from marketplace.projects.operations.drafting import draft_project
from marketplace.projects.rules import MAX_TEXT, MAX_TITLE, ProjectState

UNNAMED_BUYER = "来源未写明购买主体"
FIELDS: tuple[Field, ...] = (
    Field("source_ref", N_("来源编号"), ("project_id", "来源编号", "项目编号", "编号"), Kind.CODE),
    Field("title", N_("项目名称"), ("title", "项目名称", "名称", "采购项目名称", "项目"), required=True, never=("titlekind",)),
    Field("buyer", N_("购买主体"), ("buyer", "购买主体", "采购人", "采购单位", "购买单位", "单位"), never=("承接",)),
    Field("place", N_("实施地点"), ("province", "city", "district", "town", "实施地点", "服务地点", "省", "市", "区县", "镇街"),
          many=True),
    Field("target_group", N_("服务对象"), ("target_group", "服务对象", "受益对象"), Kind.TEXT),
    Field("body", N_("服务内容"), ("fact_phrase", "服务内容", "项目内容", "主要内容", "body"), Kind.TEXT),
    Field("budget", N_("预算金额"), ("budget_yuan", "预算金额", "预算", "项目预算", "金额"), Kind.AMOUNT,
          never=("award", "budgetamount", "中标", "成交")),
    Field("funding_source", N_("资金来源"), ("funding_source", "资金来源", "经费来源")),
    Field("period", N_("服务期限"), ("service_period", "服务期限", "服务周期", "起止时间")),
    Field("method", N_("购买方式"), ("procurement_method", "购买方式", "采购方式")),
    Field("date", N_("公开日期"), ("date", "公开日期", "发布日期"), Kind.DATE),
    Field("winner", N_("承接主体"), ("winner_org", "承接主体", "中标单位", "承接单位")),
    Field("award", N_("成交金额"), ("award_amount", "成交金额", "中标金额")),
    Field("source_url", N_("来源网址"), ("source_url", "来源网址", "链接")),
    Field("note", N_("备注"), ("note", "备注", "说明"), Kind.TEXT),
)
NOTED = ("period", "method", "date", "winner", "award", "source_url", "note")   # kept in the draft's source note
WRITTEN = ("title", "place", "target_group", "body", "funding_source", "source_note")
DRAFTERS = (Role.HANDLER, Role.APPROVER)
LABELS = {field.name: field.label for field in FIELDS}
Options = Mapping[str, Any]


def may_import_projects(actor: Actor) -> Decision:
    """Handlers and approvers import drafts for their own unit."""
    if actor.is_system or (actor.has(*DRAFTERS) and actor.organization_id is not None):
        return YES
    return denied(N_("项目由购买单位的经办人或审核人导入"))


def begin(session: Session, *, actor: Actor, options: Options, now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Settle whose drafts they become: a person's own unit; for the system the unit asked for, row by row."""
    require(may_import_projects(actor))
    if actor.is_system:
        return {**options, "own": False}
    unit = session.get_one(Organization, actor.organization_id)
    return {"unit": unit.ref, "unit_name": unit.name, "own": True}


def _buyer(session: Session, name: str, options: Options) -> Organization | None:
    """Return the unit that a row's buyer names, or the import's own unit for a row that names none."""
    if options["own"] or not name:
        asked = str(options.get("unit") or "")
        if asked:
            return session.scalars(select(Organization).where(Organization.ref == asked)).one()
    return session.scalar(select(Organization).where(
        Organization.name_key == name_key(name or UNNAMED_BUYER), Organization.is_buyer)
        .order_by(Organization.id).limit(1))


def _find(session: Session, buyer: Organization | None, facts: Mapping[str, Any]) -> Project | None:
    """Return the project imported before: by the buyer's source reference, else the buyer's draft of that title."""
    if buyer is None:
        return None
    query = select(Project).where(Project.buyer_id == buyer.id)
    if facts["source_ref"]:
        return session.scalar(query.where(Project.source_ref == facts["source_ref"]))
    return session.scalar(query.where(Project.title == facts["title"], Project.state == ProjectState.DRAFT).limit(1))


def plan(session: Session, *, rows: Sequence[SheetRow], options: Options, now: datetime) -> Plan:  # noqa: ARG001
    """Compare rows with the drafts on hand."""
    planned: list[Planned] = []
    faults: list[Fault] = []
    seen: set[tuple[str, str]] = set()
    for row in rows:
        facts = _facts(row)
        try:
            _check(facts, options, seen)
            known = _find(session, _buyer(session, facts["buyer"], options), facts)
            before = None if known is None else {**to_json(known), "buyer": facts["buyer"]}
            if known is not None and before != facts:
                _refuse_moved_on(known)
        except Invalid as wrong:
            field = wrong.field or "title"
            faults.append(Fault(row.sheet, row.row, row.columns.get(field, "A"), str(row.values.get(field, ""))[:80],
                                wrong.sentence, wrong.facts))
            continue
        outcome = Outcome.NEW if before is None else Outcome.UNCHANGED if before == facts else Outcome.CHANGED
        planned.append(Planned(row, outcome, facts["source_ref"] or facts["title"], facts["title"], facts, before))
    return Plan(planned, faults)


def _facts(row: SheetRow) -> dict[str, Any]:
    """Return what a row says, as JSON; empty is unknown."""
    values = row.values
    budget = row.amounts.get("budget")
    noted = [f"{LABELS[name]}：{values[name]}" for name in NOTED if values.get(name)]
    return {
        "source_ref": values.get("source_ref") or None, "title": values["title"], "buyer": values.get("buyer", ""),
        "place": "".join(values.get("place", "").split(" ")), "target_group": values.get("target_group", ""),
        "body": values.get("body", ""), "funding_source": values.get("funding_source", ""),
        "budget": budget.fen if budget is not None and budget.fen else None, "source_note": "\n".join(noted),
    }


def _check(facts: Mapping[str, Any], options: Options, seen: set[tuple[str, str]]) -> None:
    """Refuse what a draft cannot hold, another unit's project, and a second row about the same one."""
    if len(facts["title"]) > MAX_TITLE:
        raise Invalid(N_("项目名称最长 {most} 个字"), field="title", most=MAX_TITLE)
    if len(facts["body"]) > MAX_TEXT:
        raise Invalid(N_("文字太长，最多 {most} 个字"), field="body", most=MAX_TEXT)
    if options["own"] and facts["buyer"] and name_key(facts["buyer"]) != name_key(options["unit_name"]):
        raise Invalid(N_("购买主体是“{name}”，不是本单位。每个单位只能导入自己的项目"), field="buyer", name=facts["buyer"])
    key = (facts["buyer"], facts["source_ref"] or facts["title"])
    if key in seen:
        raise Invalid(N_("“{key}”在表里出现了两次"), field="title", key=key[1])
    seen.add(key)


def _refuse_moved_on(project: Project) -> None:
    """Refuse to change a project that is no draft any more."""
    if project.state != ProjectState.DRAFT:
        raise Invalid(N_("“{title}”已经提交或发布，不能由导入修改"), field="title", title=project.title)


def to_json(project: Project) -> dict[str, Any]:
    """Return what stands in a draft, in the form of a row."""
    return {"source_ref": project.source_ref, "buyer": project.buyer.name,
            "budget": project.budget.fen if project.budget else None,
            **{name: getattr(project, name) or "" for name in WRITTEN}}


def apply(session: Session, *, actor: Actor, rows: Sequence[Planned], options: Options,
          now: datetime) -> list[dict[str, Any]]:
    """Draft new projects and bring known drafts up to date; a buyer that nobody registered becomes a unit."""
    made = []
    for planned in rows:
        facts = planned.facts
        buyer = _buyer(session, facts["buyer"], options)
        if buyer is None:
            buyer = register_unit(session, actor=actor, name=facts["buyer"] or UNNAMED_BUYER, parent=None,
                                  area_code=None, now=now)
        known = _find(session, buyer, facts)
        before = to_json(known) if known else None
        if known is None:
            known = draft_project(
                session, actor=actor, buyer=buyer, now=now, source_ref=facts["source_ref"],
                budget=_money(facts), **{name: facts[name] for name in WRITTEN})
        else:
            _write(session, actor, known, facts, now)
        made.append({"ref": known.ref, "before": before, "after": to_json(known)})
    return made


def _money(facts: Mapping[str, Any]) -> Money | None:
    """Return the budget of a row."""
    return Money(int(facts["budget"])) if facts["budget"] else None


def _write(session: Session, actor: Actor, project: Project, facts: Mapping[str, Any], now: datetime) -> None:
    """Bring a draft to what a row says."""
    require(policy.may_draft(actor, project.buyer))
    _refuse_moved_on(project)
    for name in WRITTEN:
        setattr(project, name, facts[name])
    project.budget, project.changed_at = _money(facts), now
    session.flush()
    record(session, actor=actor, action="projects.save", subject=("project", project.ref), now=now, source="import")


def _untouched(session: Session, change: Mapping[str, Any]) -> Project:
    """Return an imported draft that still is as the import left it."""
    known = session.scalar(select(Project).where(Project.ref == change["ref"]))
    if known is None or known.state != ProjectState.DRAFT or to_json(known) != dict(change["after"]):
        raise Conflict(N_("“{title}”导入之后又有变化，不能整批撤销"), title=change["after"]["title"])
    return known


def undo(session: Session, *, actor: Actor, changes: Sequence[Mapping[str, Any]], options: Options,  # noqa: ARG001
         now: datetime) -> None:
    """Take imported drafts back; raises Conflict when one went on since."""
    found = [_untouched(session, change) for change in changes]
    for change, known in reversed(list(zip(changes, found, strict=True))):
        require(policy.may_draft(actor, known.buyer))
        if change["before"] is not None:
            _write(session, actor, known, change["before"], now)
            continue
        ref, title = known.ref, known.title
        try:
            with session.begin_nested():
                session.delete(known)
                session.flush()
        except IntegrityError:
            raise Conflict(N_("“{name}”已经被别的内容用到，不能整批撤销"), name=title) from None
        record(session, actor=actor, action="projects.take_back", subject=("project", ref), now=now, title=title)
