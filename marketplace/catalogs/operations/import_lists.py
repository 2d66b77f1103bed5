"""Importing a purchase list: compare rows with the unit's list, write them into its draft, take them back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalogs import policy, rules
from marketplace.catalogs.models import CatalogItem, PurchaseList, PurchaseListItem, PurchaseListVersion
from marketplace.catalogs.operations.lists import (
    add_lines,
    amend,
    change_line,
    facts_of,
    known_codes,
    open_list,
    remove_line,
)
from marketplace.catalogs.rules import LineFacts, VersionState
from marketplace.core.access import Actor, require
from marketplace.core.errors import Conflict, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.sheets import Fault, SheetRow
from marketplace.core.text import N_
from marketplace.imports.rules import Outcome, Plan, Planned
from marketplace.organizations.models import Organization

OPEN = (VersionState.DRAFT, VersionState.SUBMITTED)
_CODE = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]\d{2}(?:\d{2}){0,2})(?!\d)")
Options = Mapping[str, Any]
Key = tuple[str, str, int]


def begin_list(session: Session, *, actor: Actor, options: Options, now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Check unit (its ref) and year; raises Invalid, Denied."""
    unit = session.scalar(select(Organization).where(Organization.ref == str(options.get("unit", ""))))
    if unit is None:
        raise Invalid(N_("请选择清单属于哪个单位"), field="unit")
    require(policy.may_keep_list(actor, unit))
    year = rules.check_year(int(options.get("year") or 0))
    return {"unit": unit.ref, "unit_name": unit.name, "year": year}


def _find(session: Session, options: Options) -> PurchaseList | None:
    """Return the list of the options' unit and year."""
    return session.scalar(select(PurchaseList).join(Organization).where(
        Organization.ref == options["unit"], PurchaseList.year == options["year"]))


def working_version(purchase_list: PurchaseList | None) -> PurchaseListVersion | None:
    """Return the version an import compares with: the open one, else the newest."""
    if purchase_list is None or not purchase_list.versions:
        return None
    return next((v for v in purchase_list.versions if v.state in OPEN), purchase_list.versions[-1])


def _items(version: PurchaseListVersion | None) -> dict[Key, PurchaseListItem]:
    """Return a version's lines by buying office, title and occurrence."""
    made: dict[Key, PurchaseListItem] = {}
    count: dict[tuple[str, str], int] = {}
    for item in version.items if version else ():
        pair = (item.office, item.title)
        count[pair] = count.get(pair, 0) + 1
        made[*pair, count[pair]] = item
    return made


def plan_list(session: Session, *, rows: Sequence[SheetRow], options: Options, now: datetime) -> Plan:  # noqa: ARG001
    """Compare rows with the list: by buying office and title, the n-th of equal rows with the n-th line."""
    version = working_version(_find(session, options))
    known = _items(version)
    names = _names(session)
    codes = known_codes(session)
    count: dict[tuple[str, str], int] = {}
    planned: list[Planned] = []
    faults: list[Fault] = []
    for row in rows:
        facts = row_facts(row, names, codes)
        pair = (facts["office"], facts["title"])
        count[pair] = count.get(pair, 0) + 1
        item = known.get((*pair, count[pair]))
        before = to_json(facts_of(item)) if item else None
        try:
            from_json({**(before or {}), **facts}).check()
        except Invalid as wrong:
            faults.append(Fault(row.sheet, row.row, row.columns.get(wrong.field or "", "A"),
                                str(facts.get(wrong.field or "", ""))[:80], wrong.sentence, wrong.facts))
            continue
        outcome = Outcome.NEW if before is None else (
            Outcome.UNCHANGED if all(_same(before[name], value) for name, value in facts.items()) else Outcome.CHANGED)
        planned.append(Planned(row, outcome, _key(*pair, count[pair]), facts["title"], facts, before))
    return Plan(planned, faults)


def _same(before: object, after: object) -> bool:
    """Say whether a fact stays as it is: an empty text and none are the same, no amount and zero are not."""
    return before == after or (before in ("", None) and after in ("", None))


def _key(office: str, title: str, occurrence: int) -> str:
    return f"{occurrence}\n{office}\n{title}"


def _names(session: Session) -> dict[str, str]:
    """Return name -> code of the catalogue in force, for columns that name the catalogue line in words."""
    codes = known_codes(session)
    if not codes:
        return {}
    return {name: code for code, name in session.execute(
        select(CatalogItem.code, CatalogItem.name_zh).where(CatalogItem.code.in_(codes)).order_by(CatalogItem.id))}


def row_facts(row: SheetRow, names: Mapping[str, str], codes: frozenset[str] | None) -> dict[str, Any]:
    """Return what a row says, as JSON: only the fields that the sheet has, so that others stay as they are.

    A catalogue line that is not in the catalogue in force goes into the remark: nothing that was written is lost.
    """
    made: dict[str, Any] = {name: text for name, text in row.values.items() if name in rules.TEXTS}
    made.setdefault("office", "")
    if "catalog_code" in made:
        written = made.pop("catalog_code")
        code = _code_of(written, names, codes)
        made["catalog_code"] = code
        if written and code is None:
            parts = [part for part in (made.get("remark", ""), f"目录：{written}") if part]
            made["remark"] = "\n".join(dict.fromkeys(parts))
    if "budget" in row.amounts:
        amount = row.amounts["budget"]
        made["budget"] = None if amount is None else amount.fen
    return made


def _code_of(written: str, names: Mapping[str, str], codes: frozenset[str] | None) -> str | None:
    """Return the catalogue code that a cell means: A0402, A0402 社区矫正服务, or the name alone."""
    for found in _CODE.findall(written):
        if codes is None or found.upper() in codes:
            return str(found).upper()
    if codes and written.strip().upper() in codes:
        return written.strip().upper()
    return names.get(written.strip())


def to_json(facts: LineFacts) -> dict[str, Any]:
    """Return facts as JSON: the budget in fen."""
    return {**asdict(facts), "budget": facts.budget.fen if facts.budget is not None else None}


def from_json(facts: Mapping[str, Any]) -> LineFacts:
    """Return facts from JSON."""
    budget = facts.get("budget")
    return LineFacts(**{"title": "", **facts, "budget": None if budget is None else Money(int(budget))})


def apply_list(session: Session, *, actor: Actor, rows: Sequence[Planned], options: Options,
               now: datetime) -> list[dict[str, Any]]:
    """Write rows into the draft; a published list gets a next version. Safe to repeat: a row is found by its key."""
    unit = session.scalars(select(Organization).where(Organization.ref == options["unit"])).one()
    existed = _find(session, options) is not None
    purchase_list = open_list(session, actor=actor, unit=unit, year=int(options["year"]), now=now)
    version = working_version(purchase_list)
    assert version is not None
    if version.state == VersionState.SUBMITTED:
        raise IllegalStep(N_("这一版正在审核。需要导入请让审核人先退回"))
    begun = version.state != VersionState.DRAFT
    if begun:
        version = amend(session, actor=actor, purchase_list=purchase_list, reason="", now=now, is_import=True)
    known = _items(version)
    made: list[dict[str, Any]] = []
    fresh: list[Planned] = []
    base = {"version": version.number, "made_version": begun, "made_list": not existed}
    for planned in rows:
        occurrence, office, title = planned.key.split("\n", 2)
        item = known.get((office, title, int(occurrence)))
        if item is None:
            fresh.append(planned)
            continue
        before = to_json(facts_of(item))
        after = {**before, **planned.facts}
        if after != before:
            change_line(session, actor=actor, item=item, facts=from_json(after), now=now, is_quiet=True)
            made.append({**base, "line": item.line.ref, "before": before, "after": after})
    added = add_lines(session, actor=actor, version=version, now=now, lines=[
        (from_json(p.facts), (p.row.sheet, p.row.row)) for p in fresh])
    made.extend({**base, "line": item.line.ref, "before": None, "after": to_json(facts_of(item))} for item in added)
    return made


def undo_list(session: Session, *, actor: Actor, changes: Sequence[Mapping[str, Any]], options: Options,
              now: datetime) -> None:
    """Take imported rows back out of the draft; raises Conflict when the draft went on since."""
    purchase_list = _find(session, options)
    number = changes[0]["version"] if changes else 0
    version = next((v for v in purchase_list.versions if v.number == number), None) if purchase_list else None
    if purchase_list is None or version is None or version.state != VersionState.DRAFT:
        raise Conflict(N_("导入的内容已经提交或公布，不能撤销。需要时请变更清单"))
    items = {item.line.ref: item for item in version.items}
    for change in changes:
        item = items.get(change["line"])
        if item is None or to_json(facts_of(item)) != dict(change["after"]):
            raise Conflict(N_("“{title}”导入之后又改过，不能整批撤销。请在清单里单独修改"), title=change["after"]["title"])
    for change in reversed(changes):
        item = items[change["line"]]
        if change["before"] is None:
            remove_line(session, actor=actor, item=item, now=now, is_quiet=True)
        else:
            change_line(session, actor=actor, item=item, facts=from_json(change["before"]), now=now, is_quiet=True)
    _drop_begun(session, purchase_list, version, changes)


def _drop_begun(session: Session, purchase_list: PurchaseList, version: PurchaseListVersion,
                changes: Sequence[Mapping[str, Any]]) -> None:
    """Remove the version, and the list, that the import itself began, when they hold nothing else."""
    session.refresh(version, ["items"])
    if any(c["made_version"] for c in changes):
        before = next(v for v in purchase_list.versions if v.number == version.number - 1)
        if {i.line_id: facts_of(i) for i in before.items} == {i.line_id: facts_of(i) for i in version.items}:
            purchase_list.versions.remove(version)
            session.delete(version)
    elif any(c["made_list"] for c in changes) and not version.items and version.number == 1:
        purchase_list.versions.remove(version)
        session.delete(version)
        session.flush()
        session.delete(purchase_list)
    session.flush()
