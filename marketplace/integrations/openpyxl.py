"""Writes XLSX with openpyxl. A text never runs as a formula in Excel or WPS, however it begins."""

import io
from collections.abc import Mapping, Sequence
from datetime import date

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from marketplace.core.money import FEN_PER_YUAN, Money
from marketplace.core.ports import SheetCell

HEAD_FILL = PatternFill("solid", fgColor="E3F1F2")
WRONG_FILL = PatternFill("solid", fgColor="FBEAE9")
WRONG_FONT = Font(color="B3261E")
THIN = Side(style="thin", color="DCE2E9")
BOX = Border(left=THIN, right=THIN, top=THIN, bottom=THIN)
WIDEST, NARROWEST = 48, 8
SHEET_NAME = 31


class OpenpyxlWriter:
    """The WorkbookWriter of the house."""

    def write(self, sheets: Mapping[str, Sequence[Sequence[object]]], *, title: str = "",
              comments: Mapping[tuple[str, int, int], str] | None = None) -> bytes:
        """Return an XLSX. The first row of each sheet is its heading; Money becomes yuan with two decimals.

        `comments`: (sheet, row, column), both from 1 -> words in a red note on a red cell; with comments the
        rows are a clerk's own sheet and are left as they lie.
        """
        book = Workbook()
        book.remove(book.active)
        book.properties.title = title or None
        book.properties.creator = None
        for name, rows in (sheets or {"Sheet1": []}).items():
            _write_sheet(book.create_sheet(_sheet_name(name, book.sheetnames)), rows, plain=comments is not None)
        for (name, row, column), words in (comments or {}).items():
            _mark(book[_sheet_name(name, ())].cell(row, column), words)
        stream = io.BytesIO()
        book.save(stream)
        return stream.getvalue()


def _sheet_name(name: str, taken: Sequence[str]) -> str:
    """Return a name that Excel accepts, not used yet."""
    clean = "".join("_" if c in "[]:*?/\\" else c for c in name)[:SHEET_NAME].strip("'") or "Sheet1"
    made, count = clean, 2
    while made in taken:
        made, count = f"{clean[: SHEET_NAME - 4]}({count})", count + 1
    return made


def _write_sheet(sheet: Worksheet, rows: Sequence[Sequence[object]], *, plain: bool) -> None:
    """Fill one sheet: heading in bold, first row frozen, columns as wide as their words."""
    widths: dict[int, int] = {}
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            cell = sheet.cell(number, column)
            _fill(cell, value)
            words = str(cell.value or "").split("\n")
            widths[column] = max(widths.get(column, NARROWEST), *(_width(line) for line in words))
            if not plain:
                _dress(cell, is_head=number == 1)
    for column, width in widths.items():
        sheet.column_dimensions[get_column_letter(column)].width = min(width + 2, WIDEST)
    if not plain and rows:
        sheet.freeze_panes = "A2"
        sheet.print_title_rows = "1:1"
        sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
        sheet.page_setup.fitToHeight = 0
        sheet.sheet_properties.pageSetUpPr.fitToPage = True


def _fill(cell: Cell, value: object) -> None:
    """Write one value; a text is stored as text with the mark that keeps it so while it is edited."""
    if isinstance(value, SheetCell):
        value = _number(value) if value.number is not None else value.text
    if isinstance(value, Money):
        cell.value, cell.number_format = value.fen / FEN_PER_YUAN, "#,##0.00"
    elif isinstance(value, date) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        cell.value = value
    elif value is not None and value != "":
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", str(value))
        cell.data_type = "s"
        if str(value)[:1] in "=+-@'\t\r":
            cell.quotePrefix = True


def _number(cell: SheetCell) -> object:
    """Return a number as a number, unless it is longer than Excel keeps exactly."""
    text = cell.number or ""
    if len(text.replace(".", "").lstrip("-")) > 15:  # noqa: PLR2004 - Excel's digits
        return cell.text
    return float(text) if "." in text else int(text)


def _dress(cell: Cell, *, is_head: bool) -> None:
    """Give a cell of our own sheets its border, wrap and heading look."""
    cell.border = BOX
    cell.alignment = Alignment(wrap_text=True, vertical="top", horizontal="center" if is_head else None)
    if is_head:
        cell.font, cell.fill = Font(bold=True), HEAD_FILL


def _mark(cell: Cell, words: str) -> None:
    """Put a red note on a wrong cell."""
    cell.fill, cell.font = WRONG_FILL, WRONG_FONT
    cell.comment = Comment(ILLEGAL_CHARACTERS_RE.sub("", words), "导入检查", width=320, height=120)


def _width(text: str) -> int:
    """Return how wide a text is, Chinese characters counting double."""
    return sum(2 if c > "\u2e7f" else 1 for c in text)
