"""Importing a guiding catalogue: compare rows with an edition, write them into its draft, take them back."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalogs import policy, rules
from marketplace.catalogs.models import Catalog, CatalogItem
from marketplace.catalogs.operations.catalogs import DISTRICT, draft_edition, item_facts, publish_catalog, save_item
from marketplace.catalogs.rules import CatalogState
from marketplace.core.access import Actor, require
from marketplace.core.clock import beijing
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.sheets import Fault, SheetRow
from marketplace.core.text import N_
from marketplace.imports.rules import Outcome, Plan, Planned

YES = {"yes", "true", "1", "是", "有效", "现行", "在用", "official", "官方", "中央", "上级"}
NO = {"no", "false", "0", "否", "无效", "停用", "废止", "local", "本地", "地方", "自设"}
DATES = ("effective_from", "effective_to")
Options = Mapping[str, Any]


def begin_catalog(session: Session, *, actor: Actor, options: Options, now: datetime) -> dict[str, Any]:
    """Settle the year: the one asked for, else that of the edition in force, else this year."""
    require(policy.may_keep_catalog(actor))
    current = session.scalar(select(Catalog.year).where(Catalog.state == CatalogState.PUBLISHED)
                             .order_by(Catalog.year.desc()).limit(1))
    year = int(options.get("year") or current or beijing(now).year)
    if options.get("publish"):
        require(policy.may_publish_catalog(actor))
    return {"year": rules.check_year(year), "name": str(options.get("name", "")),
            "publish": bool(options.get("publish"))}


def _edition(session: Session, year: int) -> Catalog | None:
    """Return the edition an import compares with: the year's draft, else the year's edition in force."""
    for state in (CatalogState.DRAFT, CatalogState.PUBLISHED):
        found = session.scalar(select(Catalog).where(Catalog.tier == DISTRICT, Catalog.year == year,
                                                     Catalog.state == state))
        if found:
            return found
    return None


def plan_catalog(session: Session, *, rows: Sequence[SheetRow], options: Options,
                 now: datetime) -> Plan:  # noqa: ARG001 - every target takes it
    """Compare rows with the edition of the year, code by code."""
    edition = _edition(session, int(options["year"]))
    known = {item.code: item for item in edition.items} if edition else {}
    planned: list[Planned] = []
    faults: list[Fault] = []
    seen: dict[str, int] = {}
    for row in rows:
        try:
            code, facts = _row(row)
            _refuse_strange(code, facts, seen, str(options["year"]))
        except Invalid as wrong:
            field = wrong.field or "code"
            faults.append(Fault(row.sheet, row.row, row.columns.get(field, "A"), row.values.get(field, ""),
                                wrong.sentence, wrong.facts))
            continue
        seen[code] = row.row
        facts.pop("year", None)
        before = to_json(known[code]) if code in known else None
        whole = facts if before else {"parent_code": rules.parent_of(code), "level": rules.level_of(code),
                                      "is_official": not rules.is_local(code), **facts}
        outcome = Outcome.NEW if before is None else (
            Outcome.UNCHANGED if all(before[name] == value for name, value in whole.items()) else Outcome.CHANGED)
        planned.append(Planned(row, outcome, code, f"{code} {facts['name_zh']}", whole, before))
    return Plan(planned, faults)


def _refuse_strange(code: str, facts: Mapping[str, Any], seen: Mapping[str, int], year: str) -> None:
    """Refuse a second row of the same code, and a row of another year."""
    if code in seen:
        raise Invalid(N_("编码 {code} 与第 {first} 行重复"), field="code", code=code, first=seen[code])
    if facts.get("year") and facts["year"] != year:
        raise Invalid(N_("这一行是 {value} 年的目录，现在导入的是 {year} 年"), field="year", value=facts["year"], year=year)


def _row(row: SheetRow) -> tuple[str, dict[str, Any]]:
    """Return code and facts (JSON) of one row; raises Invalid naming the field."""
    values = row.values
    code = rules.check_code(values["code"])
    made: dict[str, Any] = {"name_zh": values["name_zh"]}
    made.update({name: values[name] for name in ("name_en", "year") if name in values})
    for column, name in (("parent", "parent_code"), ("replaced_by", "replaced_by")):
        if column in values:
            made[name] = rules.check_code(values[column]) if values[column] else None
    if values.get("level"):
        made["level"] = _level(values["level"])
    made.update({name: _yes(values[name], name) for name in ("is_official", "is_active") if values.get(name)})
    made.update({name: _day(values[name], name) for name in DATES if name in values})
    return code, made


def _level(text: str) -> int:
    """Return a level 1 to 4, also as 一级, 二级."""
    plain = text.removesuffix("级")
    level = "一二三四".find(plain) + 1 if len(plain) == 1 and plain in "一二三四" else int(plain) if plain in "1234" else 0
    if not level:
        raise Invalid(N_("级别“{value}”应当是 1 到 4"), field="level", value=text)
    return level


def _yes(text: str, field: str) -> bool:
    """Return whether a word says yes."""
    plain = text.strip().casefold()
    if plain in YES or plain in NO:
        return plain in YES
    raise Invalid(N_("“{value}”看不出是或否。请填“是”或“否”"), field=field, value=text)


def _day(text: str, field: str) -> str | None:
    """Return a date in ISO form, or None; 2026/1/1, 2026年1月1日 are read too."""
    if not text:
        return None
    plain = re.sub(r"[年月/.]", "-", text.split(" ", maxsplit=1)[0].replace("日", ""))
    try:
        year, month, day = (int(part) for part in plain.strip("-").split("-"))
        return date(year, month, day).isoformat()
    except ValueError:
        raise Invalid(N_("“{value}”不是日期。请写成 2026-01-01"), field=field, value=text) from None


def to_json(item: CatalogItem) -> dict[str, Any]:
    """Return what an edition says about a code, as JSON."""
    facts = item_facts(item)
    for name in DATES:
        value = facts[name]
        facts[name] = value.isoformat() if isinstance(value, date) else None
    return facts


def _from_json(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts with real dates."""
    return {name: date.fromisoformat(value) if name in DATES and value else value for name, value in facts.items()}


def apply_catalog(session: Session, *, actor: Actor, rows: Sequence[Planned], options: Options,
                  now: datetime) -> list[dict[str, Any]]:
    """Write rows into the draft edition of the year; an edition in force gets a new draft that will replace it."""
    year = int(options["year"])
    edition = _edition(session, year)
    begun = edition is None or edition.state != CatalogState.DRAFT
    if begun and not rows:
        return []
    if edition is None or begun:
        edition = draft_edition(session, actor=actor, year=year, source=edition, now=now,
                                name=str(options.get("name", "")) or (edition.name if edition else ""))
    known = {item.code: item for item in edition.items}
    made = []
    for planned in rows:
        item = known.get(planned.key)
        before = to_json(item) if item else None
        saved = save_item(session, actor=actor, catalog=edition, code=planned.key, now=now,
                          **_from_json({**(before or {}), **planned.facts}))
        made.append({"edition": edition.ref, "made_edition": begun, "code": planned.key, "before": before,
                     "after": to_json(saved)})
    if options.get("publish"):
        publish_catalog(session, actor=actor, catalog=edition, now=now)
    return made


def undo_catalog(session: Session, *, actor: Actor, changes: Sequence[Mapping[str, Any]],
                 options: Options, now: datetime) -> None:  # noqa: ARG001 - every target takes them
    """Take imported codes back out of the draft edition; raises Conflict when it went on since."""
    edition = session.scalar(select(Catalog).where(Catalog.ref == (changes[0]["edition"] if changes else "")))
    if edition is None or edition.state != CatalogState.DRAFT:
        raise Conflict(N_("导入的目录已经公布，不能撤销。需要时请建立新一版"))
    items = {item.code: item for item in edition.items}
    for change in changes:
        item = items.get(change["code"])
        if item is None or to_json(item) != dict(change["after"]):
            raise Conflict(N_("编码 {code} 导入之后又改过，不能整批撤销"), code=change["code"])
    if any(change["made_edition"] for change in changes):
        session.delete(edition)
        session.flush()
        return
    require(policy.may_edit_catalog(actor, edition))
    for change in changes:
        if change["before"] is None:
            edition.items.remove(items[change["code"]])
        else:
            save_item(session, actor=actor, catalog=edition, code=change["code"], now=now,
                      **_from_json(change["before"]))
    session.flush()
