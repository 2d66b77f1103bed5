"""Reads a bank statement from sheets: rows with their faults by row and column, and where the balances break. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from marketplace.core.errors import Invalid
from marketplace.core.money import MAX_FEN, Money
from marketplace.core.ports import SheetCell, SheetTable
from marketplace.core.sheets import Fault, clean_line, column_letter
from marketplace.core.sheets.text import folded, heading_key
from marketplace.core.text import N_
from marketplace.payments.rules.lines import Direction
from marketplace.payments.rules.mappings import (
    AUTOMATIC,
    CLOSING,
    HEADER_FACTS,
    MAPPINGS,
    MARKS,
    OPENING,
    OWN_NUMBER,
    StatementMapping,
    Style,
)
from marketplace.payments.rules.running import (
    Break,
    StatementRow,
    breaks,
    first_balance,
    in_time,
    last_balance,
    with_serials,
)

HEAD_ROWS = 30              # headings stand in the first rows
EXACT_DIGITS = 15           # a cell that holds a longer number has lost its last digits
_AMOUNT = re.compile(r"([+-]?)(\d{1,16})(?:\.(\d{1,12}))?")
_DATE = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{2})(\d{2}))(?:[T ]*\d{1,2}[:时].*)?")
_TOTAL = re.compile(r"^(?:本页|本月|本期|累计|借方|贷方)?(?:合计|总计|小计|累计|笔数).*")


@dataclass(frozen=True)
class Reading:
    """A statement as read: rows in the order of time, faults, breaks, and what its head says."""

    mapping: StatementMapping
    rows: Sequence[StatementRow]
    faults: Sequence[Fault]
    breaks: Sequence[Break] = ()
    opening: Money | None = None
    closing: Money | None = None
    number: str = ""
    from_on: date | None = None
    to_on: date | None = None


@dataclass
class _Found:
    """Where a layout stands: its sheet, its heading row (from 0) and the columns of each field."""

    mapping: StatementMapping
    sheet: SheetTable
    head: int
    columns: dict[str, list[int]] = field(default_factory=dict)


def read_statement(tables: Sequence[SheetTable], mapping: str, *, today: date) -> Reading:
    """Read a workbook by a named layout, or by the one that fits (`auto`); raises Invalid when none does.

    A formula anywhere in the columns read is a fault at its place: a computed amount is nobody's word.
    """
    found = _locate(tables, mapping)
    head = _header_facts(found)
    faults = _formulas(found)
    bad = {fault.row for fault in faults}
    rows: list[StatementRow] = []
    for number in range(found.head + 1, len(found.sheet.rows)):
        cells = found.sheet.rows[number]
        if number + 1 in bad or _says_nothing(cells) or _is_total(found, cells):
            continue
        try:
            rows.append(_read_row(found, number, today))
        except _CellError as wrong:
            faults.append(wrong.fault)
    faults += _repeated(found, rows)
    if not rows and not faults:
        raise Invalid(N_("对账单里没有一笔明细。请检查查询的日期范围后重新下载"), field="file")
    ordered = in_time(rows, head.get(OPENING))
    broken = [] if faults else breaks(ordered, head.get(OPENING), head.get(CLOSING))
    days = [row.booked_on for row in rows]
    return Reading(
        found.mapping, with_serials(ordered), sorted(faults, key=lambda f: (f.row, f.column)), broken,
        head.get(OPENING) or first_balance(ordered), head.get(CLOSING) or last_balance(ordered),
        _own_number(found), min(days, default=None), max(days, default=None))


class _CellError(Exception):
    """One cell that cannot be read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


def _locate(tables: Sequence[SheetTable], name: str) -> _Found:
    """Return where the layout stands; raises Invalid when nothing, or more than one sheet, fits."""
    wanted = list(MAPPINGS.values()) if name == AUTOMATIC else [MAPPINGS[name]] if name in MAPPINGS else []
    found = [place for table in tables if not table.hidden for mapping in wanted
             if (place := _fits(table, mapping)) is not None]
    if not found:
        raise Invalid(N_("没有认出这份对账单的版式。表头要有下面列出的各列，请对照后换一种版式，或调整表头"), field="mapping")
    if len({id(place.sheet) for place in found}) > 1:
        raise Invalid(N_("文件里有 {count} 张工作表都像对账单。请只留一张再上传"), field="file",
                      count=len({id(place.sheet) for place in found}))
    return max(found, key=lambda place: len(place.columns))


def _fits(table: SheetTable, mapping: StatementMapping) -> _Found | None:
    """Return where a sheet carries the headings of a layout, if it does."""
    for number, cells in enumerate(table.rows[:HEAD_ROWS]):
        keys = [heading_key(cell.text) for cell in cells]
        columns = {name: [keys.index(heading_key(word)) for word in words if heading_key(word) in keys]
                   for name, words in mapping.columns.items()}
        if all(columns[name] for name in mapping.required):
            return _Found(mapping, table, number, {name: places for name, places in columns.items() if places})
    return None


def _header_facts(found: _Found) -> dict[str, Money]:
    """Return the opening and closing balance where the sheet states them, before or after the rows."""
    made: dict[str, Money] = {}
    for name in (OPENING, CLOSING):
        if text := _stated(found, name):
            amount = _AMOUNT.fullmatch(_plain(text).removesuffix("元"))
            fen = _fen(amount) if amount else None
            if fen is None:
                raise Invalid(N_("对账单上的“{label}”写的是“{value}”，不是金额"), field="file",
                              label=HEADER_FACTS[name][0], value=text)
            made[name] = Money(fen)
    return made


def _own_number(found: _Found) -> str:
    """Return the digits of the account that the statement says it is of."""
    return re.sub(r"\D", "", unicodedata.normalize("NFKC", _stated(found, OWN_NUMBER)))


def _stated(found: _Found, name: str) -> str:
    """Return what stands behind one of the words, in the same cell or the next one that says something."""
    around = [*found.sheet.rows[:found.head], *found.sheet.rows[found.head + 1:]]
    for cells in around:
        for place, cell in enumerate(cells):
            label, _, value = folded(cell.text).replace("：", ":").partition(":")
            if label in HEADER_FACTS[name]:
                return value or next((c.text for c in cells[place + 1:] if c.text.strip()), "")
    return ""


def _formulas(found: _Found) -> list[Fault]:
    """Return a fault for each cell below the headings that holds a formula, in a workbook or typed into a CSV."""
    places = {(row - 1, column - 1) for row, column in found.sheet.formulas if row - 1 > found.head}
    for number, cells in enumerate(found.sheet.rows[found.head + 1:], found.head + 1):
        places |= {(number, column) for column, cell in enumerate(cells) if cell.text.lstrip().startswith(("=", "@"))}
    return [_fault(found, row, column, N_("这一格是公式，不是银行写的数字。请用银行导出的原始文件，或选择性粘贴为数值"))
            for row, column in sorted(places)]


def _fault(found: _Found, row: int, column: int, reason: str, **facts: object) -> Fault:
    """Return a fault at a place counted from 0."""
    return Fault(found.sheet.name, row + 1, column_letter(column), _cell(found, row, column).text, reason, facts)


def _cell(found: _Found, row: int, column: int) -> SheetCell:
    """Return a cell, an empty one beyond the end of its row."""
    cells = found.sheet.rows[row] if row < len(found.sheet.rows) else ()
    return cells[column] if column < len(cells) else SheetCell("")


def _says_nothing(cells: Sequence[SheetCell]) -> bool:
    """Say whether a row is blank."""
    return not any(cell.text.strip() for cell in cells)


def _is_total(found: _Found, cells: Sequence[SheetCell]) -> bool:
    """Say whether a row is a sum, or one of the facts around the table."""
    first = next((folded(cell.text) for cell in cells if cell.text.strip()), "")
    words = {word for group in HEADER_FACTS.values() for word in group}
    date_cell = found.columns["date"][0]
    dated = date_cell < len(cells) and _DATE.fullmatch(_plain(cells[date_cell].text)) is not None
    return not dated and (bool(_TOTAL.match(first)) or first.replace("：", ":").partition(":")[0] in words)


def _read_row(found: _Found, row: int, today: date) -> StatementRow:
    """Read one row; raises _CellError for the first cell that cannot be read."""
    direction, amount = _money(found, row)
    fee = _optional(found, row, "fee")
    if fee is not None and fee.fen < 0:
        raise _CellError(_fault(found, row, found.columns["fee"][0], N_("手续费不能小于零")))
    texts = {name: _joined(found, row, name) for name in ("name", "purpose")}
    return StatementRow(
        row + 1, _day(found, row, today), direction, amount, fee or Money(0), _balance(found, row), _serial(found, row),
        texts["name"], _account(found, row), texts["purpose"])


def _money(found: _Found, row: int) -> tuple[Direction, Money]:
    """Return which way the money went and how much; raises _CellError."""
    columns, style = found.columns, found.mapping.style
    if style is Style.TWO_COLUMNS:
        out, into = _optional(found, row, "out"), _optional(found, row, "in")
        out, into = (None if m is not None and m.fen == 0 else m for m in (out, into))
        if (out is None) == (into is None):
            raise _CellError(_fault(found, row, columns["in"][0], N_("支出和收入应正好填一个，不能都填、都空或都是零")))
        direction, amount = (Direction.OUT, out) if into is None else (Direction.IN, into)
        place = columns["out" if into is None else "in"][0]
    else:
        amount, place = _optional(found, row, "amount"), columns["amount"][0]
        direction = _direction(found, row, amount)
        if style is Style.SIGNED and amount is not None:
            amount = Money(abs(amount.fen))
    if amount is None or amount.fen == 0:
        raise _CellError(_fault(found, row, place, N_("金额是空的或是零。请对照银行回单补上，或删去这一行")))
    if amount.fen < 0:
        raise _CellError(_fault(found, row, place, N_("金额是负数，可能是冲正。请先和银行核对，不能直接导入")))
    return direction, amount


def _direction(found: _Found, row: int, amount: Money | None) -> Direction:
    """Return which way a line of one amount column went."""
    if found.mapping.style is Style.SIGNED:
        return Direction.OUT if amount is not None and amount.fen < 0 else Direction.IN
    mark = _joined(found, row, "mark").casefold().strip("方:：")
    if mark not in MARKS:
        raise _CellError(_fault(found, row, found.columns["mark"][0], N_("借贷标志应是“借”或“贷”")))
    return Direction(MARKS[mark])


def _plain(text: str) -> str:
    """Return a cell folded, without blanks, currency signs and digit commas."""
    return re.sub(r"[¥￥]|,(?=\d{3})", "", folded(text))


def _fen(found: re.Match[str]) -> int | None:
    """Return a matched amount in fen; None for one that is finer than a fen."""
    sign, whole, fraction = found.groups()
    fraction = (fraction or "").ljust(2, "0")
    if fraction[2:].strip("0"):
        return None
    return (-1 if sign == "-" else 1) * int(whole + fraction[:2])


def _optional(found: _Found, row: int, name: str) -> Money | None:
    """Return the amount of a field, None where the cell says nothing; raises _CellError."""
    if name not in found.columns:
        return None
    column = found.columns[name][0]
    plain = _plain(_cell(found, row, column).text)
    if not plain.strip("-—/"):
        return None
    amount = _AMOUNT.fullmatch(plain)
    if amount is None:
        raise _CellError(_fault(found, row, column, N_("不是对账单里的金额。应是以元为单位的数字，例如 12,000.00，不写“万”")))
    if (fen := _fen(amount)) is None:
        raise _CellError(_fault(found, row, column, N_("小于一分。金额最多到分")))
    if abs(fen) > MAX_FEN:
        raise _CellError(_fault(found, row, column, N_("金额太大，不可能是真的。请对照银行回单")))
    return Money(fen)


def _balance(found: _Found, row: int) -> Money | None:
    """Return the balance after the line, where the layout has one; raises _CellError for an empty one."""
    if "balance" not in found.columns:
        return None
    amount = _optional(found, row, "balance")
    if amount is None:
        raise _CellError(_fault(found, row, found.columns["balance"][0], N_("余额是空的，无法核对有没有漏行")))
    return amount


def _day(found: _Found, row: int, today: date) -> date:
    """Return the day of the line; raises _CellError for no day, or one that is still to come."""
    column = found.columns["date"][0]
    parts = _DATE.fullmatch(unicodedata.normalize("NFKC", clean_line(_cell(found, row, column).text)))
    try:
        value = date(*(int(part) for part in parts.groups() if part)) if parts else None
    except ValueError:
        value = None
    if value is None:
        raise _CellError(_fault(found, row, column, N_("不是日期。应写成 2026-11-22 或 20261122")))
    if value > today:
        raise _CellError(_fault(found, row, column, N_("这一天还没有到。请检查日期")))
    return value


def _serial(found: _Found, row: int) -> str:
    """Return the bank's number of the line; raises _CellError where the cell lost digits or says nothing."""
    if "serial" not in found.columns:
        return ""
    column = found.columns["serial"][0]
    cell = _cell(found, row, column)
    plain = folded(cell.text)
    if not plain:
        raise _CellError(_fault(found, row, column, N_("流水号是空的。没有流水号就无法分辨是不是已经导入过")))
    if (cell.number is not None and len(plain) > EXACT_DIGITS) or re.fullmatch(r"\d+\.?\d*[eE]\+\d+", plain):
        raise _CellError(_fault(found, row, column, N_("流水号被存成了数字，后几位已经失真。请把这一列设成文本后重新导出")))
    return plain


def _account(found: _Found, row: int) -> str:
    """Return the digits of the other side's account; nothing where the sheet lost digits of it."""
    if "account" not in found.columns:
        return ""
    cell = _cell(found, row, found.columns["account"][0])
    plain = re.sub(r"[\s\-*']", "", unicodedata.normalize("NFKC", cell.text))
    is_exact = plain.isascii() and plain.isdigit() and (cell.number is None or len(plain) <= EXACT_DIGITS)
    return plain if is_exact else ""


def _joined(found: _Found, row: int, name: str) -> str:
    """Return the texts of a field's columns on one line."""
    texts = (clean_line(_cell(found, row, column).text) for column in found.columns.get(name, ()))
    return " ".join(text for text in texts if text)


def _repeated(found: _Found, rows: Sequence[StatementRow]) -> list[Fault]:
    """Return a fault for each row whose serial stands on an earlier row as well."""
    first: dict[str, int] = {}
    return [_fault(found, row.row - 1, found.columns["serial"][0], N_("流水号和第 {other} 行相同"), other=first[row.serial])
            for row in rows if row.serial and first.setdefault(row.serial, row.row) != row.row]
