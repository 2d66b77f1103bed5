"""The first half of an import: keep the upload, settle what the columns mean, say what applying would do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Invalid
from marketplace.core.ports import SheetTable
from marketplace.core.sheets import (
    Fault,
    Grid,
    SheetRow,
    TableMap,
    column_letter,
    find_tables,
    fingerprint,
    read_workbook,
)
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.imports import policy
from marketplace.imports.models import ImportBatch, RememberedMapping
from marketplace.imports.rules import (
    MAX_FAULTS,
    SHOWN_CHANGES,
    STEPS,
    ImportState,
    ImportTarget,
    Outcome,
    Plan,
    map_from_json,
    map_to_json,
)

NO_HEADINGS = N_("没有找到表头。请确认表里有一行写着“{needed}”等列名，并且没有藏在隐藏的工作表里")


@dataclass(frozen=True)
class Checked:
    """A workbook as read and compared: the rows, the tables they came from, and the plan."""

    rows: Sequence[SheetRow]
    tables: Sequence[TableMap]
    plan: Plan

    @property
    def unmapped(self) -> list[tuple[str, str, str]]:
        """Return (sheet, column letter, heading) of the columns that are not imported."""
        return [(t.sheet, column_letter(c), t.headings[c]) for t in self.tables for c in t.unmapped()]


def check_sheets(session: Session, *, target: ImportTarget, sheets: Sequence[SheetTable], options: Mapping[str, Any],
                 now: datetime, tables: Sequence[TableMap] | None = None) -> Checked:
    """Read the sheets, with the given meaning of columns or the guessed one, and compare with the database."""
    rows, used = read_workbook(sheets, target.fields, tables)
    if not used:
        needed = next((f.label for f in target.fields if f.required), "")
        raise Invalid(NO_HEADINGS, field="file", needed=needed)
    _require_columns(used, target)
    plan = target.plan(session, rows=[row for row in rows if not row.faults], options=options, now=now)
    faults = [fault for row in rows for fault in row.faults]
    return Checked(rows, used, Plan(plan.rows, sorted([*faults, *plan.faults], key=lambda f: _place(f, rows))))


def _place(fault: Fault, rows: Sequence[SheetRow]) -> tuple[int, int]:
    """Return where a fault stands in the workbook, for order."""
    sheets = list(dict.fromkeys(row.sheet for row in rows))
    return (sheets.index(fault.sheet) if fault.sheet in sheets else len(sheets), fault.row)


def _require_columns(tables: Sequence[TableMap], target: ImportTarget) -> None:
    """Refuse a mapping that leaves out a required field."""
    for table in tables:
        for spec in target.fields:
            if spec.required and not table.columns_of(spec.name):
                raise Invalid(N_("工作表“{sheet}”没有一列对应“{label}”。请在对应列时选择"), field="mapping",
                              sheet=table.sheet, label=spec.label)


def upload(session: Session, *, actor: Actor, target: ImportTarget, file: StoredFile, sheets: Sequence[SheetTable],
           options: Mapping[str, Any], now: datetime) -> ImportBatch:
    """Keep an uploaded workbook with the guessed meaning of its columns, or the one this unit used last time."""
    require(policy.may_import(actor, target))
    done = target.begin(session, actor=actor, options=options, now=now)
    tables = [table for sheet in sheets if not sheet.hidden for table in find_tables(Grid(sheet), target.fields)]
    if not tables:
        raise Invalid(NO_HEADINGS, field="file", needed=next((f.label for f in target.fields if f.required), ""))
    assert actor.person_id is not None
    batch = ImportBatch(
        target=target.name, organization_id=actor.organization_id, file=file, options=done,
        mapping=map_to_json([_remembered(session, actor, target, table) for table in tables]), check={}, changes=[],
        state=ImportState.UPLOADED, created_by=actor.person_id, created_at=now)
    session.add(batch)
    session.flush()
    record(session, actor=actor, action="imports.upload", subject=("import", batch.ref), now=now, target=target.name,
           file=file.ref, tables=len(tables))
    return batch


def _remembered(session: Session, actor: Actor, target: ImportTarget, table: TableMap) -> TableMap:
    """Return the table with the columns as this unit mapped the same headings before."""
    if actor.organization_id is None:
        return table
    known = session.scalar(select(RememberedMapping.mapping).where(
        RememberedMapping.organization_id == actor.organization_id, RememberedMapping.target == target.name,
        RememberedMapping.fingerprint == fingerprint(table.headings)))
    if not known:
        return table
    columns = {int(c): str(name) for c, name in dict(known["columns"]).items()}    # type: ignore[call-overload]
    return TableMap(**{**table.__dict__, "columns": columns, "unit": table.unit or known.get("unit")})


def remember(session: Session, *, organization_id: int, target: str, tables: Sequence[TableMap], now: datetime) -> None:
    """Keep how a unit mapped these headings, for the next sheet with the same ones."""
    for table in tables:
        mark = fingerprint(table.headings)
        known = session.scalar(select(RememberedMapping).where(
            RememberedMapping.organization_id == organization_id, RememberedMapping.target == target,
            RememberedMapping.fingerprint == mark))
        columns = {str(c): name for c, name in table.columns.items()}
        mapping: dict[str, object] = {"columns": columns, "unit": table.unit}
        if known is None:
            session.add(RememberedMapping(organization_id=organization_id, target=target, fingerprint=mark,
                                          mapping=mapping, updated_at=now))
        else:
            known.mapping, known.updated_at = mapping, now
        session.flush()


def check_import(session: Session, *, actor: Actor, batch: ImportBatch, target: ImportTarget,
                 sheets: Sequence[SheetTable], mapping: Mapping[str, Any], now: datetime) -> Checked:
    """Import: uploaded or checked -> checked. Keeps the mapping, the counts, the faults and a part of the changes."""
    require(policy.may_step(actor, batch, target, "check"))
    tables = map_from_json(mapping)
    checked = check_sheets(session, target=target, sheets=sheets, options=batch.options, now=now, tables=tables)
    batch.state = STEPS.after(ImportState(batch.state), "check")
    batch.applied_at = batch.undone_at = None
    batch.mapping, batch.check = dict(mapping), summary(checked)
    batch.total, batch.done, batch.changes, batch.message = len(checked.plan.rows), 0, [], ""
    session.flush()
    if batch.organization_id is not None:
        remember(session, organization_id=batch.organization_id, target=target.name, tables=checked.tables, now=now)
    counts = {outcome.value: checked.plan.count(outcome) for outcome in Outcome}
    record(session, actor=actor, action="imports.check", subject=("import", batch.ref), now=now,
           faults=len(checked.plan.faults), **counts)
    return checked


def summary(checked: Checked) -> dict[str, Any]:
    """Return what the check page shows, as JSON: counts, the first faults, the first changes, columns left out."""
    plan = checked.plan
    return {
        **{outcome.value: plan.count(outcome) for outcome in Outcome},
        "faulty_rows": len({(f.sheet, f.row) for f in plan.faults}),
        "fault_count": len(plan.faults),
        "faults": [fault_to_json(f) for f in plan.faults[:MAX_FAULTS]],
        "changes": [{
            "sheet": p.row.sheet, "row": p.row.row, "outcome": p.outcome.value, "label": p.label,
            "fields": [[name, shown(before), shown(after)] for name, before, after in p.differences],
        } for p in plan.rows if p.outcome is not Outcome.UNCHANGED][:SHOWN_CHANGES],
        "unmapped": [list(one) for one in checked.unmapped],
        "budget_fen": sum(int(p.facts.get("budget") or 0) for p in plan.rows),
    }


def fault_to_json(fault: Fault) -> dict[str, Any]:
    """Return one fault as JSON."""
    return {"sheet": fault.sheet, "row": fault.row, "column": fault.column, "value": fault.value,
            "reason": fault.reason, "facts": dict(fault.facts)}


def shown(value: object) -> object:
    """Return a value of a change for JSON."""
    return value if value is None or isinstance(value, (int, str)) else str(value)
