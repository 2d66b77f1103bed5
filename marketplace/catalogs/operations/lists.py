"""Verbs on annual purchase lists: lines in a draft version; submit, return, publish; amend with a reason."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalogs import policy, rules
from marketplace.catalogs.models import (
    Catalog,
    CatalogItem,
    PurchaseList,
    PurchaseListItem,
    PurchaseListLine,
    PurchaseListVersion,
)
from marketplace.catalogs.rules import VERSION_STEPS, LineFacts, VersionState
from marketplace.core.access import SYSTEM, Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.outbox import enqueue
from marketplace.core.publishing import public_changed
from marketplace.core.text import N_
from marketplace.organizations.models import Organization

MOVED_ON = N_("这份清单刚被别人改过或公布。请刷新页面，在最新的一版上继续")


def facts_of(item: PurchaseListItem) -> LineFacts:
    """Return what a version says about a line."""
    return LineFacts(**{name: getattr(item, name) for name in rules.LIST_COLUMNS})


def open_list(session: Session, *, actor: Actor, unit: Organization, year: int, now: datetime) -> PurchaseList:
    """Return the list of a unit and year; begin it with a first draft version when there is none."""
    require(policy.may_keep_list(actor, unit))
    rules.check_year(year)
    made = session.scalar(select(PurchaseList).where(PurchaseList.unit_id == unit.id, PurchaseList.year == year))
    if made is None:
        made = PurchaseList(unit=unit, year=year, created_at=now)
        made.versions.append(PurchaseListVersion(number=1, state=VersionState.DRAFT, created_by=actor.person_id,
                                                 created_at=now))
        session.add(made)
        session.flush()
        record(session, actor=actor, action="purchase_lists.begin", subject=("purchase_list", made.ref), now=now,
               unit=unit.name, year=year)
    return made


def _lock(session: Session, version: PurchaseListVersion) -> PurchaseListVersion:
    """Hold the list's row and read the version's state again: two people never write past each other."""
    session.execute(select(PurchaseList.id).where(PurchaseList.id == version.purchase_list_id).with_for_update())
    session.refresh(version, ["state", "submitted_by", "published_at"])
    return version


def add_line(session: Session, *, actor: Actor, version: PurchaseListVersion, facts: LineFacts,
             now: datetime) -> PurchaseListItem:
    """Add a line at the end of a draft."""
    item = add_lines(session, actor=actor, version=version, lines=[(facts, None)], now=now)[0]
    _note(session, actor, version, "purchase_lists.add_line", now, title=facts.title)
    return item


def add_lines(session: Session, *, actor: Actor, version: PurchaseListVersion, now: datetime,  # noqa: ARG001
              lines: Sequence[tuple[LineFacts, tuple[str, int] | None]]) -> list[PurchaseListItem]:
    """Add lines at the end of a draft, each with the (sheet, row) it was read from; the caller audits."""
    require(policy.may_edit_version(actor, _lock(session, version)))
    if len(version.items) + len(lines) > rules.MAX_LINES:
        raise Invalid(N_("一份清单最多 {most} 行"), most=rules.MAX_LINES)
    codes = known_codes(session)
    position = max((item.position for item in version.items), default=0)
    made = []
    for facts, source in lines:
        facts.check()
        _check_category(codes, facts)
        position += 1
        item = PurchaseListItem(
            line=PurchaseListLine(purchase_list_id=version.purchase_list_id), position=position,
            source_sheet=source[0] if source else None, source_row=source[1] if source else None,
            **{name: getattr(facts, name) for name in rules.LIST_COLUMNS})
        version.items.append(item)
        made.append(item)
    session.flush()
    return made


def change_line(session: Session, *, actor: Actor, item: PurchaseListItem, facts: LineFacts, now: datetime,
                is_quiet: bool = False) -> PurchaseListItem:
    """Change what a draft says about a line."""
    require(policy.may_edit_version(actor, _lock(session, item.version)))
    facts.check()
    _check_category(known_codes(session), facts)
    fields = rules.differing(facts_of(item), facts)
    for name in fields:
        setattr(item, name, getattr(facts, name))
    session.flush()
    if fields and not is_quiet:
        _note(session, actor, item.version, "purchase_lists.change_line", now, title=facts.title, fields=list(fields))
    return item


def remove_line(session: Session, *, actor: Actor, item: PurchaseListItem, now: datetime,
                is_quiet: bool = False) -> None:
    """Take a line out of a draft; a line that has become a project stays."""
    version = _lock(session, item.version)
    require(policy.may_edit_version(actor, version))
    line = item.line
    if line.project_ref or line.posted_at:
        raise IllegalStep(N_("“{title}”已经生成项目，不能从清单删除"), title=item.title)
    title = item.title
    version.items.remove(item)
    session.flush()
    if not session.scalar(select(PurchaseListItem.id).where(PurchaseListItem.line_id == line.id).limit(1)):
        session.delete(line)
        session.flush()
    if not is_quiet:
        _note(session, actor, version, "purchase_lists.remove_line", now, title=title)


def known_codes(session: Session) -> frozenset[str] | None:
    """Return the codes of the catalogue in force, or None while there is none."""
    catalog = session.scalar(select(Catalog.id).where(Catalog.state == rules.CatalogState.PUBLISHED)
                             .order_by(Catalog.year.desc(), Catalog.id.desc()).limit(1))
    if catalog is None:
        return None
    return frozenset(session.scalars(select(CatalogItem.code).where(CatalogItem.catalog_id == catalog)))


def _check_category(codes: frozenset[str] | None, facts: LineFacts) -> None:
    """Refuse a line that points to a code which the catalogue in force does not have; it may point to none."""
    if facts.catalog_code and codes is not None and facts.catalog_code not in codes:
        raise Invalid(N_("现行目录里没有编码 {code}。请从目录中选择"), field="catalog_code", code=facts.catalog_code)


def _note(session: Session, actor: Actor, version: PurchaseListVersion, action: str, now: datetime,
          **facts: object) -> None:
    """Record an act on a version."""
    record(session, actor=actor, action=action, subject=("purchase_list", version.purchase_list.ref), now=now,
           version=version.number, **facts)


def set_reason(session: Session, *, actor: Actor, version: PurchaseListVersion, reason: str, now: datetime) -> None:
    """Say on a draft why the list changes."""
    require(policy.may_edit_version(actor, _lock(session, version)))
    if version.reason != reason.strip():
        version.reason = reason.strip()
        session.flush()
        _note(session, actor, version, "purchase_lists.set_reason", now, reason=version.reason)


def submit_version(session: Session, *, actor: Actor, version: PurchaseListVersion, now: datetime) -> None:
    """Version: draft -> submitted. It needs a line; from version 2 on it needs a reason."""
    require(policy.may_submit(actor, _lock(session, version)))
    if not version.items:
        raise Invalid(N_("清单还没有内容，请先添加或导入"))
    if version.number > 1 and not version.reason.strip():
        raise Invalid(N_("请写明变更原因"), field="reason")
    version.state = VERSION_STEPS.after(VersionState(version.state), "submit")
    version.submitted_at, version.submitted_by, version.return_reason = now, actor.person_id, ""
    session.flush()
    _note(session, actor, version, "purchase_lists.submit", now, lines=len(version.items))
    _tell(session, rules.JOB_LIST_SUBMITTED, version, now, by=actor.name)


def return_version(session: Session, *, actor: Actor, version: PurchaseListVersion, reason: str,
                   now: datetime) -> None:
    """Version: submitted -> draft, with the reason."""
    require(policy.may_decide(actor, _lock(session, version)))
    if not reason.strip():
        raise Invalid(N_("请写明退回原因，经办人才知道改哪里"), field="reason")
    version.state = VERSION_STEPS.after(VersionState(version.state), "return")
    version.submitted_at, version.submitted_by, version.return_reason = None, None, reason.strip()
    session.flush()
    _note(session, actor, version, "purchase_lists.return", now, reason=reason.strip())
    _tell(session, rules.JOB_LIST_RETURNED, version, now, reason=reason.strip(), created_by=version.created_by)


def publish_version(session: Session, *, actor: Actor, version: PurchaseListVersion, now: datetime) -> None:
    """Version: submitted -> published. The one before: published -> superseded. Posted lines must be in it."""
    require(policy.may_decide(actor, _lock(session, version)))
    after = VERSION_STEPS.after(VersionState(version.state), "publish")
    kept = {item.line_id for item in version.items}
    purchase_list = version.purchase_list
    session.refresh(purchase_list, ["lines", "versions"])
    if any(line.posted_at and line.id not in kept for line in purchase_list.lines):
        raise Conflict(N_("这一版漏了已经发布项目的行。请退回后补上再公布"))
    before: Sequence[PurchaseListItem] = ()
    for old in purchase_list.versions:
        if old.state == VersionState.PUBLISHED:
            old.state, before = VERSION_STEPS.after(VersionState.PUBLISHED, "supersede"), list(old.items)
    session.flush()
    version.state, version.published_at, version.published_by = after, now, actor.person_id
    session.flush()
    _note(session, actor, version, "purchase_lists.publish", now, lines=len(version.items), reason=version.reason)
    _tell(session, rules.JOB_LIST_PUBLISHED, version, now)
    public_changed(session, kind="purchase_list", ref=purchase_list.ref, now=now)
    for ref in {item.line.ref for item in (*before, *version.items)}:
        public_changed(session, kind="purchase_list_item", ref=ref, now=now)


def _tell(session: Session, kind: str, version: PurchaseListVersion, now: datetime, **facts: Any) -> None:
    """Send news of a version upward."""
    unit = version.purchase_list.unit
    enqueue(session, kind, now=now, list_ref=version.purchase_list.ref, unit_ref=unit.ref, unit=unit.name,
            year=version.purchase_list.year, number=version.number, **facts)


def amend(session: Session, *, actor: Actor, purchase_list: PurchaseList, reason: str, now: datetime,
          is_import: bool = False) -> PurchaseListVersion:
    """Begin the next version of a published list as a copy of it. Raises Conflict when one is open already."""
    session.execute(select(PurchaseList.id).where(PurchaseList.id == purchase_list.id).with_for_update())
    session.refresh(purchase_list, ["versions"])
    if any(v.state in (VersionState.DRAFT, VersionState.SUBMITTED) for v in purchase_list.versions):
        raise Conflict(N_("已有一版正在修改或审核，请在那一版上继续"))
    require(policy.may_amend(actor, purchase_list))
    if not reason.strip() and not is_import:
        raise Invalid(N_("请写明变更原因，它会随新版一起公开"), field="reason")
    last = purchase_list.versions[-1]
    version = PurchaseListVersion(number=last.number + 1, state=VersionState.DRAFT, reason=reason.strip(),
                                  created_by=actor.person_id, created_at=now)
    for item in last.items:
        version.items.append(PurchaseListItem(
            line_id=item.line_id, position=item.position, source_sheet=item.source_sheet, source_row=item.source_row,
            **{name: getattr(item, name) for name in rules.LIST_COLUMNS}))
    purchase_list.versions.append(version)
    session.flush()
    _note(session, actor, version, "purchase_lists.amend", now, reason=reason.strip())
    return version


def mark_line_posted(session: Session, *, line: PurchaseListLine, project_ref: str, now: datetime) -> None:
    """Note on a line that its project was published (called by projects; once)."""
    if line.posted_at is None or line.project_ref != project_ref:
        line.project_ref, line.posted_at = project_ref, line.posted_at or now
        session.flush()
        record(session, actor=SYSTEM, action="purchase_lists.line_posted", subject=("purchase_list_line", line.ref),
               now=now, project=project_ref)
        public_changed(session, kind="purchase_list_item", ref=line.ref, now=now)


def mark_line_contracted(session: Session, *, line: PurchaseListLine, now: datetime) -> None:
    """Note on a line that its project has a contract (called by projects; once)."""
    if line.contracted_at is None:
        line.contracted_at = now
        session.flush()
        record(session, actor=SYSTEM, action="purchase_lists.line_contracted",
               subject=("purchase_list_line", line.ref), now=now, project=line.project_ref)
        public_changed(session, kind="purchase_list_item", ref=line.ref, now=now)
