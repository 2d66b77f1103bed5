"""Reads workbooks through calamine, in a child process with limits on memory, CPU and time (security.md section 7)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from marketplace.core.errors import Invalid
from marketplace.core.ports import SheetCell, SheetTable
from marketplace.core.text import N_

CHILD = Path(__file__).with_name("workbook_child.py")
SECONDS = 30
REFUSALS = {
    "bytes": N_("文件超过 5 MB。请删去图片和多余的工作表，或分成几个文件再上传"),
    "empty": N_("文件是空的。请选择有内容的表格"),
    "bomb": N_("文件解开后太大，或压缩包不正常（上限 200 个部件、60 MB）。请另存为新的 .xlsx 再上传"),
    "broken": N_("文件打不开，可能没有传完整。请用 Excel 或 WPS 打开检查，另存后再上传"),
    "macros": N_("文件带有宏，不能接受。请另存为不带宏的 .xlsx"),
    "links": N_("文件引用了别的工作簿。请复制后“选择性粘贴 - 数值”，另存后再上传"),
    "not_xlsx": N_("文件名是 .xlsx，内容却不是 Excel 表格。请用 Excel 或 WPS 另存为 .xlsx"),
    "not_sheet": N_("这不是表格文件。请上传 .xlsx、.xls 或 .csv"),
    "password": N_("文件有打开密码。请去掉密码后再上传"),
    "web_page": N_("文件内容是网页，不是表格。请用 Excel 打开后另存为 .xlsx"),
    "encoding": N_("看不出文件的文字编码。请用 Excel 另存为 .xlsx"),
    "rows": N_("工作表“{sheet}”有 {rows} 行，一次最多 5000 行。请分成几个文件"),
    "columns": N_("工作表“{sheet}”有 {columns} 列，最多 60 列。请删去用不到的列"),
    "cell": N_("有一格写了 {length} 个字，一格最多 5000 个字。请缩短"),
    "memory": N_("表格太大，读取时超过 512 MB 内存上限。请分成几个文件"),
    "time": N_("表格太复杂，20 秒内读不完。请分成几个文件，或另存为 .csv"),
}
EXTENSIONS = (".xlsx", ".xls", ".csv", ".tsv", ".txt", ".et")


class CalamineReader:
    """The WorkbookReader of the house."""

    def read(self, data: bytes, *, filename: str) -> list[SheetTable]:
        """Return the sheets; raises Invalid with the limit, or with what is wrong with the file."""
        if filename.lower().endswith((".xlsm", ".xlsb", ".xltm")):
            raise Invalid(REFUSALS["macros"], field="file")
        if not filename.lower().endswith(EXTENSIONS):
            raise Invalid(REFUSALS["not_sheet"], field="file")
        answer = _ask_child(data, filename)
        if code := answer.get("refused"):
            raise Invalid(REFUSALS[code], field="file", **answer["facts"])
        return [SheetTable(
            name=sheet["name"], hidden=sheet["hidden"], merged=tuple(tuple(area) for area in sheet["merged"]),
            formulas=tuple(tuple(place) for place in sheet["formulas"]),
            rows=[[SheetCell(*cell) for cell in row] for row in sheet["rows"]],
        ) for sheet in answer["sheets"]]


def _ask_child(data: bytes, filename: str) -> dict[str, Any]:
    """Run the reading child; its death by a limit becomes the sentence of that limit."""
    try:
        child = subprocess.run(  # noqa: S603 - our own script, no shell, the name is one argument
            [sys.executable, "-I", str(CHILD), filename], input=data, capture_output=True, timeout=SECONDS,
            check=False, env={"PATH": "/usr/bin:/bin"},
        )
    except subprocess.TimeoutExpired:
        raise Invalid(REFUSALS["time"], field="file") from None
    if child.returncode == 0:
        made: dict[str, Any] = json.loads(child.stdout)
        return made
    if child.returncode in {-9, -24}:       # SIGKILL, SIGXCPU: the CPU limit
        raise Invalid(REFUSALS["time"], field="file")
    if b"MemoryError" in child.stderr or b"memory allocation" in child.stderr or child.returncode in {-6, -11}:
        raise Invalid(REFUSALS["memory"], field="file")
    raise Invalid(REFUSALS["broken"], field="file")
