"""Commands that import a sheet: catalogs, purchase-lists, projects, organizations."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.errors import DomainError
from marketplace.core.sheets import Fault, SheetRow
from marketplace.imports import operations
from marketplace.imports.operations import Checked
from marketplace.imports.rules import ImportTarget, Outcome
from marketplace.organizations.models import Organization
from marketplace.organizations.operations import register_unit
from marketplace.organizations.rules import name_key
from marketplace.web.services import services

BAD_INPUT, MISSING = 2, 3
FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
DRY = click.option("--dry-run", is_flag=True, help="只检查并比较，不保存。")
GOOD = click.option("--good-rows", is_flag=True, help="有错误的行跳过，其余照常导入；不加时有一处错误就什么都不保存。")
JSON = click.option("--json", "as_json", is_flag=True, help="标准输出只有一份 JSON。")

catalogs = AppGroup("catalogs", help="指导性目录。")
purchase_lists = AppGroup("purchase-lists", help="年度购买服务项目清单。")
projects = AppGroup("projects", help="项目。")
organizations = AppGroup("organizations", help="组织。")
groups = (catalogs, purchase_lists, projects, organizations)


class _LeaveUnsavedError(Exception):
    """Rolls the transaction back: a dry run, or rows with faults."""


@catalogs.command("import")
@FILE
@click.option("--year", type=int, help="哪一年的目录；默认是现行目录的年度。")
@click.option("--publish", is_flag=True, help="导入后立即公布，替代现行目录。")
@DRY
@GOOD
@JSON
def import_catalog(file: Path, year: int | None, publish: bool, **flags: bool) -> None:  # noqa: FBT001
    """导入指导性目录（CSV、XLSX、XLS），写入当年目录的草稿."""
    run("catalog", file, {"year": year, "publish": publish}, **flags)


@purchase_lists.command("import")
@FILE
@click.option("--unit", required=True, help="清单属于哪个单位：名称或编号；没有这个单位时登记一个。")
@click.option("--year", type=int, required=True)
@DRY
@GOOD
@JSON
def import_list(file: Path, unit: str, year: int, **flags: bool) -> None:
    """导入年度清单（XLSX、XLS、CSV），写入该单位当年清单的草稿."""
    run("purchase_list", file, {"unit": unit, "year": year}, **flags)


@projects.command("import")
@FILE
@click.option("--unit", default="", help="没有写购买主体的行归到哪个单位；不给时归到“来源未写明购买主体”。")
@DRY
@GOOD
@JSON
def import_projects(file: Path, unit: str, **flags: bool) -> None:
    """导入项目（草稿，保留来源编号；来源没有的内容留空）."""
    run("projects", file, {"unit": unit}, **flags)


@organizations.command("import")
@FILE
@DRY
@GOOD
@JSON
def import_organizations(file: Path, **flags: bool) -> None:
    """导入组织（未核验，不需要统一社会信用代码）."""
    run("organizations", file, {}, **flags)


def run(name: str, file: Path, options: Mapping[str, Any], *, dry_run: bool, good_rows: bool, as_json: bool) -> None:
    """Read, compare and, unless something is wrong, save; print the outcome; exit 0, or 2 when nothing was saved."""
    targets: dict[str, ImportTarget] = current_app.extensions["marketplace.import_targets"]
    if name not in targets:
        click.echo(f"没有装入“{name}”的导入。", err=True)
        raise SystemExit(MISSING)
    checked: list[Checked] = []
    try:
        sheets = services().workbook_reader.read(file.read_bytes(), filename=file.name)
        with transaction() as session:
            now = utc_now()
            settled = targets[name].begin(session, actor=SYSTEM, now=now, options=_with_unit(session, options, now))
            found = operations.check_sheets(session, target=targets[name], sheets=sheets, options=settled, now=now)
            checked.append(found)
            rows = operations.rows_to_apply(found)
            idle = not rows and not settled.get("publish")
            _leave_unsaved(dry_run or idle or (bool(found.plan.faults) and not good_rows))
            targets[name].apply(session, actor=SYSTEM, rows=rows, options=settled, now=now)
    except _LeaveUnsavedError:
        pass
    except DomainError as error:
        _report(_refusal(error), as_json=as_json)
        click.echo(str(error), err=True)
        raise SystemExit(BAD_INPUT) from None
    outcome = report_of(checked[0], options)
    _report(outcome, as_json=as_json)
    for sheet, column, heading in checked[0].unmapped:
        click.echo(f"没有对应的列，不导入：{sheet} {column} “{heading}”", err=True)
    if checked[0].plan.faults and not good_rows:
        click.echo("有错误，什么都没有保存。改好后重来，或加 --good-rows 只导入没有错误的行。", err=True)
        raise SystemExit(BAD_INPUT)


def _leave_unsaved(when: bool) -> None:  # noqa: FBT001
    """Roll back what was only tried."""
    if when:
        raise _LeaveUnsavedError


def _with_unit(session: Session, options: Mapping[str, Any], now: Any) -> dict[str, Any]:
    """Return the options with the unit's reference: found by ref or name, else registered."""
    asked = str(options.get("unit") or "").strip()
    if not asked:
        return dict(options)
    unit = session.scalar(select(Organization).where(Organization.ref == asked)) or session.scalar(
        select(Organization).where(Organization.name_key == name_key(asked), Organization.is_buyer)
        .order_by(Organization.id).limit(1))
    if unit is None:
        unit = register_unit(session, actor=SYSTEM, name=asked, parent=None, area_code=None, now=now)
        click.echo(f"登记了单位“{asked}”。", err=True)
    return {**options, "unit": unit.ref}


def report_of(checked: Checked, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON of an import: counts, faults, and the rows as read."""
    return {
        **{outcome.value: checked.plan.count(outcome) for outcome in Outcome},
        "errors": [error_of(fault) for fault in checked.plan.faults],
        "rows": [row_of(row, str(options.get("unit") or "")) for row in checked.rows],
        "unmapped": [{"sheet": s, "column": c, "heading": h} for s, c, h in checked.unmapped],
    }


def error_of(fault: Fault) -> dict[str, Any]:
    """Return one fault for people and programs."""
    return {"sheet": fault.sheet, "row": fault.row, "column": fault.column, "value": fault.value,
            "reason": fault.reason.format(**fault.facts) if fault.facts else fault.reason}


def row_of(row: SheetRow, unit: str) -> dict[str, Any]:
    """Return one row as read: the unit that buys, the title, the budget."""
    budget = row.amounts.get("budget")
    return {"sheet": row.sheet, "row": row.row, "unit": row.values.get("office") or row.values.get("buyer") or unit,
            "title": row.values.get("title") or row.values.get("name_zh") or row.values.get("name") or "",
            "budget_fen": None if budget is None else budget.fen}


def _refusal(error: DomainError) -> dict[str, Any]:
    """Return the JSON of a workbook that was not read at all."""
    return {"new": 0, "changed": 0, "unchanged": 0, "rows": [], "unmapped": [],
            "errors": [{"sheet": "", "row": 0, "column": "", "value": "", "reason": str(error)}]}


def _report(outcome: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one JSON document, or the same in words."""
    if as_json:
        click.echo(json.dumps(outcome, ensure_ascii=False))
        return
    click.echo(f"新增 {outcome['new']}，修改 {outcome['changed']}，不变 {outcome['unchanged']}，错误 {len(outcome['errors'])}")
    for error in outcome["errors"]:
        click.echo(f"  {error['sheet']} 第 {error['row']} 行 {error['column']} 列：{error['reason']}")
