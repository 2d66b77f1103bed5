"""The upload form, and the mapping step read from its fields."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import IntegerField, SelectField
from wtforms.validators import NumberRange, Optional

from marketplace.core.sheets import UNITS
from marketplace.imports.rules import ImportTarget


class UploadForm(FlaskForm):
    """The workbook, and whose list of which year it is where the target asks for that."""

    unit = SelectField(_l("清单属于哪个单位"), validate_choice=True)
    year = IntegerField(_l("年度"), [Optional(), NumberRange(2000, 2100, _l("年度请填 2000 到 2100 之间的年份"))])
    file = FileField(_l("表格文件"), [FileRequired(_l("请选择文件"))])

    def __init__(self, *args: Any, target: ImportTarget, units: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unit.choices = list(units)
        for name in ("unit", "year"):
            if name not in target.options:
                del self[name]

    def options(self) -> dict[str, Any]:
        """Return the options of the target as typed."""
        return {name: self[name].data for name in ("unit", "year") if name in self}


def read_mapping(form: Mapping[str, str], mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mapping with what the person chose: columns, unit of money, tables left out, heading rows."""
    tables = []
    for number, table in enumerate(mapping["tables"]):
        def chosen(name: str, old: str, number: int = number) -> str:
            return form.get(f"t{number}-{name}", old)

        columns = {str(c): chosen(f"c{c}", "") for c in range(len(table["headings"]))}
        unit = chosen("unit", "")
        head = chosen("head", str(table["head_row"]))
        tables.append({
            **table, "columns": {c: name for c, name in columns.items() if name}, "skip": bool(chosen("skip", "")),
            "unit": unit if unit in UNITS else table["unit"], "units": {} if unit in UNITS else table["units"],
            "asked_head": int(head) if head.isdigit() and len(head) < 5 else table["head_row"],  # noqa: PLR2004
        })
    return {**mapping, "tables": tables}


def doubled(mapping: Mapping[str, Any], target: ImportTarget) -> list[str]:
    """Return a sentence for each field that two columns of a table claim and that takes only one."""
    by_name = {f.name: f for f in target.fields}
    made = []
    for table in mapping["tables"]:
        if table.get("skip"):
            continue
        names = list(table["columns"].values())
        for name in sorted(set(names)):
            spec = by_name.get(name)
            if spec is None or (names.count(name) > 1 and not spec.many and spec.kind not in {"amount", "serial"}):
                label = gettext(spec.label) if spec else name
                made.append(gettext("工作表“%(sheet)s”有两列都对应“%(label)s”，请只留一列", sheet=table["sheet"], label=label))
    return made
