"""States of an import, and what a target of imports must offer. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from marketplace.core.access import Decision
from marketplace.core.lifecycle import Lifecycle
from marketplace.core.sheets import Fault, Field, SheetRow, TableMap
from marketplace.core.text import N_

JOB_APPLY_IMPORT = "imports.apply"          # batch_ref
LARGE = 200                                 # more rows than this go through a job with a progress bar
CHUNK = 100                                 # rows applied in one transaction of that job
MAX_FAULTS = 200
SHOWN_CHANGES = 100


class ImportState(StrEnum):
    """Where an import stands."""

    UPLOADED = "uploaded"
    CHECKED = "checked"
    APPLYING = "applying"
    APPLIED = "applied"
    UNDONE = "undone"
    FAILED = "failed"


STATE_LABELS: Mapping[ImportState, str] = {
    ImportState.UPLOADED: N_("待对应列"), ImportState.CHECKED: N_("待确认"), ImportState.APPLYING: N_("正在导入"),
    ImportState.APPLIED: N_("已导入"), ImportState.UNDONE: N_("已撤销"), ImportState.FAILED: N_("没有导入"),
}
STEPS: Lifecycle[ImportState] = Lifecycle({
    (ImportState.UPLOADED, "check"): ImportState.CHECKED,
    (ImportState.CHECKED, "check"): ImportState.CHECKED,
    (ImportState.FAILED, "check"): ImportState.CHECKED,
    (ImportState.UNDONE, "check"): ImportState.CHECKED,
    (ImportState.CHECKED, "start"): ImportState.APPLYING,
    (ImportState.APPLYING, "finish"): ImportState.APPLIED,
    (ImportState.APPLYING, "fail"): ImportState.FAILED,
    (ImportState.APPLIED, "undo"): ImportState.UNDONE,
}, STATE_LABELS)


class Outcome(StrEnum):
    """What applying a row would do."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


OUTCOME_LABELS: Mapping[Outcome, str] = {
    Outcome.NEW: N_("新增"), Outcome.CHANGED: N_("修改"), Outcome.UNCHANGED: N_("不变"),
}


@dataclass(frozen=True)
class Planned:
    """One row that could be applied. `facts`, `before`: what the target will write and what stands there now, as JSON.

    `key` finds the thing again; `label` names it on the page.
    """

    row: SheetRow
    outcome: Outcome
    key: str
    label: str
    facts: Mapping[str, Any]
    before: Mapping[str, Any] | None = None

    @property
    def differences(self) -> list[tuple[str, Any, Any]]:
        """Return (field, before, after) of what would change."""
        old = self.before or {}
        return [(name, old.get(name), value) for name, value in self.facts.items() if old.get(name) != value]


@dataclass(frozen=True)
class Plan:
    """What an import would do: the rows that can be applied, and the faults of those that cannot."""

    rows: Sequence[Planned]
    faults: Sequence[Fault] = ()

    def count(self, outcome: Outcome) -> int:
        """Return how many rows have that outcome."""
        return sum(row.outcome is outcome for row in self.rows)


@dataclass(frozen=True)
class ImportTarget:
    """What a slice offers so that sheets can be imported into it; listed in its jobs.py under IMPORT_TARGETS.

    `may_import(actor) -> Decision`. `begin(session, *, actor, options, now)` checks the options (unit, year), returns
    them completed. `plan(session, *, rows, options, now) -> Plan` compares with the database and writes nothing.
    `apply(session, *, actor, rows, options, now) -> list` writes and returns what `undo` needs, as JSON.
    `undo(session, *, actor, changes, options, now)` takes it back, or raises Conflict when something depends on it.
    `options`: names of options the upload page asks for: unit, year.
    """

    name: str
    title: str
    fields: tuple[Field, ...]
    may_import: Callable[..., Decision]
    begin: Callable[..., dict[str, Any]]
    plan: Callable[..., Plan]
    apply: Callable[..., list[dict[str, Any]]]
    undo: Callable[..., None]
    options: tuple[str, ...] = ()
    hint: str = ""
    result_url: Callable[[Mapping[str, Any]], str] = field(default=lambda _options: "")




def map_to_json(tables: Sequence[TableMap]) -> dict[str, Any]:
    """Return tables as JSON for a batch: what a person may change in the mapping step."""
    return {"tables": [{
        "sheet": t.sheet, "head_row": t.head_row, "head_rows": t.head_rows, "end_row": t.end_row,
        "headings": list(t.headings), "columns": {str(c): name for c, name in t.columns.items()}, "unit": t.unit,
        "units": {str(c): unit for c, unit in t.units.items()}, "town": t.town, "filler": t.filler,
    } for t in tables]}


def map_from_json(mapping: Mapping[str, Any]) -> list[TableMap]:
    """Return the tables of a batch; those set aside are left out."""
    return [TableMap(
        sheet=t["sheet"], head_row=t["head_row"], head_rows=t["head_rows"], end_row=t["end_row"],
        headings=tuple(t["headings"]), columns={int(c): name for c, name in t["columns"].items() if name},
        unit=t["unit"], units={int(c): unit for c, unit in t["units"].items()}, town=t["town"], filler=t["filler"],
    ) for t in mapping.get("tables", []) if not t.get("skip")]
