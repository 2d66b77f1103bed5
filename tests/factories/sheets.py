"""Workbooks as clerks make them, written with openpyxl or as text, read with the real reader."""

import io
from collections.abc import Mapping, Sequence

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from marketplace.catalogs.rules import LIST_FIELDS
from marketplace.core.sheets import SheetRow, read_workbook
from marketplace.integrations.workbooks import CalamineReader

Row = Sequence[object]


def fill(sheet: Worksheet, rows: Sequence[Row], *, merges: Sequence[str] = (), errors: Mapping[str, str] | None = None) -> None:
    """Write rows as they are, merge areas, plant error cells."""
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            cell = sheet.cell(number, column)
            if value is not None:
                cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"
    for area in merges:
        sheet.merge_cells(area)
    for place, text in (errors or {}).items():
        sheet[place].value = text
        sheet[place].data_type = "e"


def workbook(sheets: Mapping[str, Sequence[Row]], *, merges: Mapping[str, Sequence[str]] | None = None,
             errors: Mapping[str, str] | None = None, hidden: Sequence[str] = ()) -> bytes:
    """An XLSX with the given sheets."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        fill(sheet, rows, merges=(merges or {}).get(name, ()), errors=errors)
        if name in hidden:
            sheet.sheet_state = "hidden"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def read(data: bytes, name: str = "清单.xlsx") -> list[SheetRow]:
    """The rows of a purchase list as the import reads them."""
    return read_workbook(CalamineReader().read(data, filename=name), LIST_FIELDS)[0]


def seen(rows: Sequence[SheetRow]) -> list[tuple[int, str, str, int | None]]:
    """What a careful reader would note of each row: number, unit, title, budget in fen."""
    return [(r.row, r.values.get("office", ""), r.values.get("title", ""),
             r.amounts["budget"].fen if r.amounts.get("budget") is not None else None) for r in rows]
