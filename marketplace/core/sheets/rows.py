"""Reading the rows of a table: merged cells filled, totals and notes left out, each fault with its place."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.core.ports import SheetTable
from marketplace.core.sheets.amounts import read_amount
from marketplace.core.sheets.fields import Field, Kind
from marketplace.core.sheets.grid import Grid, column_letter, is_note, is_total, section_name
from marketplace.core.sheets.heads import TableMap, find_tables, named_town, parts_of
from marketplace.core.sheets.text import clean_line, clean_text, close_up, folded, is_empty
from marketplace.core.text import N_

SAME = {"同上", "〃", "″", '"', "同前", "..", "''", "々"}
SUMMARY = re.compile(r"汇总|总表|合计|统计")
_HIGHER = re.compile(r"^(?:[\u4e00-\u9fff]{2,5}(?<!社)(?<!小)(?<!园)[省市区县]|[省区县]|市(?![场政民容]))|街道|镇|乡")
_UNIT_WORDS = re.compile(r"(?:局|办|办公室|站|中心|科|处|股|室|委|会|联|队|院|所|部|街道|镇|乡|社区|村|政府)$")
_SERIAL_LOW, _SERIAL_HIGH = 36_526, 73_050     # 2000 to 2099 as Excel counts days
_EPOCH = date(1899, 12, 30)
SMALL_YUAN = 1_000                             # no service project costs less: such figures are 万元
LEAST_NUMBERED = 4                             # a row 1, 2, 3, 4 numbers the columns
FILL_SHARE = 4                                 # a unit column with one blank in four is meant to be read downward


@dataclass(frozen=True)
class Fault:
    """What is wrong with one cell, and how to mend it. `reason` is a Chinese message id with {named} places."""

    sheet: str
    row: int
    column: str
    value: str
    reason: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class SheetRow:
    """One row as read: texts by field, amounts by field, and its faults. `row` as numbered in the sheet, from 1."""

    sheet: str
    row: int
    values: Mapping[str, str]
    amounts: Mapping[str, Money | None]
    faults: tuple[Fault, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)   # field -> column letter


def read_workbook(sheets: Sequence[SheetTable], fields: Sequence[Field],
                  tables: Sequence[TableMap] | None = None) -> tuple[list[SheetRow], list[TableMap]]:
    """Read every visible sheet with the given tables, or the guessed ones; leave out a summary that repeats others."""
    grids = {sheet.name: Grid(sheet) for sheet in sheets if not sheet.hidden}
    if tables is None:
        tables = [table for grid in grids.values() for table in find_tables(grid, fields)]
    by_sheet: dict[str, list[SheetRow]] = {}
    for table in _one_town_needs_no_name(tables):
        if table.sheet in grids:
            by_sheet.setdefault(table.sheet, []).extend(read_rows(grids[table.sheet], table, fields))
    for name in [name for name in by_sheet if SUMMARY.search(name)]:
        others = {_said(row) for other, rows in by_sheet.items() if other != name for row in rows}
        if others and all(_said(row) in others for row in by_sheet[name]):
            del by_sheet[name]
    return [row for rows in by_sheet.values() for row in rows], [t for t in tables if t.sheet in by_sheet]


def _one_town_needs_no_name(tables: Sequence[TableMap]) -> list[TableMap]:
    """Leave the town out of names where a title speaks of it and there is one sheet: it is the list's own town."""
    if len({table.sheet for table in tables}) > 1:
        return list(tables)
    return [table if named_town(table.sheet) else replace(table, town="", filler=table.filler or table.town)
            for table in tables]


def _said(row: SheetRow) -> tuple[object, ...]:
    """Return what a row says apart from where it stands, for finding repeats."""
    return (next(iter(row.values.values()), ""), *row.amounts.values())


def read_rows(grid: Grid, table: TableMap, fields: Sequence[Field]) -> list[SheetRow]:
    """Read the rows below one heading."""
    return _Reader(grid, table, fields).read()


class _Reader:
    """Walks down one table."""

    def __init__(self, grid: Grid, table: TableMap, fields: Sequence[Field]) -> None:
        self.grid, self.table = grid, table
        self.fields = [f for f in fields if table.columns_of(f.name) and f.kind is not Kind.SERIAL]
        self.required = {column for f in self.fields if f.required for column in table.columns_of(f.name)}
        self.amounts = {column for f in self.fields if f.kind is Kind.AMOUNT for column in table.columns_of(f.name)}
        self.unit_field = next((f for f in fields if f.kind is Kind.UNIT), None)
        self.first = table.head_row + table.head_rows - 1
        parts = parts_of(grid, table.head_row - 1, self.first - 1)
        self.heads = {folded(part) for own in parts for part in own}
        self.section = ""
        self.above: dict[int, str] = {}
        self.data = list(self._data_rows())
        self.is_data = frozenset(self.data)
        self.fill_down = self._reads_downward()

    def read(self) -> list[SheetRow]:
        """Return the rows; a row under a title that goes on (merged downward) adds to the one above."""
        self.section = ""
        made: list[SheetRow] = []
        for row in self.data:
            self._enter_section(row)
            values, amounts, faults = self._row(row)
            made.append(SheetRow(self.grid.sheet.name, row + 1, values, amounts, tuple(faults), self._letters()))
        return self._with_unit_of_money(made)

    def _data_rows(self) -> Iterator[int]:
        """Yield the rows that hold something to import; headings repeated on each page, totals and notes do not."""
        after_total = False
        for row in range(self.first, min(self.table.end_row, self.grid.height)):
            texts = self.grid.texts(row)
            if not texts and not self._has_error(row):
                continue
            if is_total(texts) or (is_note(texts) and not self._fills(row)):
                after_total = True
            elif self._is_heading_again(row) or self._goes_on(row) or self._is_aside(row, texts, after=after_total):
                continue
            elif not self._is_unlabelled_total(row):
                after_total = False
                yield row

    def _fills(self, row: int) -> bool:
        """Say whether the row fills a required column and an amount: then it is no note, whatever its first word."""
        return any(self.grid.text(row, c) for c in self.required) and any(
            self.grid.cell(row, c).number is not None or self.grid.text(row, c)[:1].isdigit() for c in self.amounts)

    def _has_error(self, row: int) -> bool:
        return any(self.grid.cell(row, column).error for column in self.table.columns)

    def _is_heading_again(self, row: int) -> bool:
        """Say whether the row repeats the heading or numbers the columns (1, 2, 3, 4=2+3)."""
        texts = self.grid.texts(row)
        numbers = [re.sub(r"[^\d]", "", text[:2]) for _, text in texts]
        counts = [int(n) for n in numbers if n]
        if len(counts) == len(texts) >= LEAST_NUMBERED and counts == list(range(counts[0], counts[0] + len(counts))):
            return True
        own = {folded(text) for _, text in texts}
        return len(own) > 1 and own <= self.heads

    def _goes_on(self, row: int) -> bool:
        """Say whether the row's title is merged down from the row above: one project over several lines."""
        return any(self.grid.anchor.get((row, c), (row, c))[0] < row and self.grid.merged_text(row, c)
                   for c in self.required)

    def _is_aside(self, row: int, texts: Sequence[tuple[int, str]], *, after: bool) -> bool:
        """Say whether a row with one text is a section line, a table's title, or a note below the totals."""
        if len(texts) != 1 or self._has_error(row):
            return False
        column, text = texts[0]
        if column in self.amounts and self.grid.cell(row, column).number is not None:
            return False
        return after or self.grid.is_wide(row) or section_name(text) is not None or (
            column not in self.table.columns) or self._is_serial(column)

    def _is_serial(self, column: int) -> bool:
        return column not in {c for f in self.fields for c in self.table.columns_of(f.name)}

    def _is_unlabelled_total(self, row: int) -> bool:
        """Say whether only amounts stand in the row and one is the sum of those above it."""
        texts = self.grid.texts(row)
        if not texts or any(column not in self.amounts for column, _ in texts):
            return False
        column = texts[0][0]
        try:
            here = self._amount(row, column)
            above = [self._amount(r, column) for r in range(self.first, row)
                     if any(self.grid.text(r, c) for c in self.required) and not is_total(self.grid.texts(r))]
        except Invalid:
            return False
        return here is not None and here.fen == sum(a.fen for a in above if a)

    def _enter_section(self, row: int) -> None:
        """Remember the section line nearest above, if it names a unit."""
        for above in range(row - 1, self.first - 2, -1):
            texts = self.grid.texts(above)
            if len(texts) == 1 and above not in self.is_data:
                name = section_name(texts[0][1]) or texts[0][1]
                self.section = close_up(name) if _UNIT_WORDS.search(close_up(name)) else ""
                return
            if above in self.is_data and len(texts) > 1 and above < row - 1:
                return

    def _reads_downward(self) -> bool:
        """Say whether the unit column leaves out repeats without merging (a CSV made from merged cells)."""
        columns = self.table.columns_of(self.unit_field.name) if self.unit_field else []
        if not columns or not self.data:
            return False
        blank = sum(is_empty(self.grid.merged_text(row, columns[0])) for row in self.data)
        return 0 < blank < len(self.data) and blank * FILL_SHARE >= len(self.data)

    def _letters(self) -> dict[str, str]:
        return {f.name: column_letter(self.table.columns_of(f.name)[0]) for f in self.fields}

    def _row(self, row: int) -> tuple[dict[str, str], dict[str, Money | None], list[Fault]]:
        """Read one row's fields."""
        values: dict[str, str] = {}
        amounts: dict[str, Money | None] = {}
        faults: list[Fault] = []
        for spec in self.fields:
            columns = self.table.columns_of(spec.name)
            broken = [c for c in columns if self.grid.cell(*self.grid.source(row, c)).error]
            if broken:
                cell = self.grid.cell(*self.grid.source(row, broken[0]))
                faults.append(self._fault(row, broken[0], cell.error or "", N_("单元格显示错误 {value}。请改成数字或文字后再导入")))
            elif spec.kind is Kind.AMOUNT:
                amounts[spec.name] = self._add_up(row, columns, faults)
            else:
                values[spec.name] = self._text(row, columns, spec)
            if spec.required and not broken and not values.get(spec.name):
                faults.append(self._fault(row, columns[0], "", N_("没有填“{label}”。请补上"), label=spec.label))
        if self.unit_field:
            values[self.unit_field.name] = self._unit_name(values)
        values.pop("town", None)
        return values, amounts, faults

    def _fault(self, row: int, column: int, value: str, reason: str, **facts: object) -> Fault:
        return Fault(self.grid.sheet.name, row + 1, column_letter(column), value, reason, {"value": value, **facts})

    def _lines(self, row: int) -> Iterator[int]:
        """Yield the row and those below it that go on with the same title."""
        yield row
        below = row + 1
        while below < self.grid.height and self._goes_on(below):
            yield below
            below += 1

    def _text(self, row: int, columns: Sequence[int], spec: Field) -> str:
        """Return a field's text: columns joined, lines of one project joined, 同上 resolved."""
        parts: list[str] = []
        for column in columns:
            for line in self._lines(row):
                text = self._one_text(line, column, spec)
                if text and text not in parts:
                    parts.append(text)
        joined = ("\n" if spec.kind is Kind.TEXT else " ").join(parts)
        if spec.kind in (Kind.UNIT, Kind.TOWN) and not joined and self.fill_down:
            joined = self.above.get(columns[0], "")
        if joined:
            self.above[columns[0]] = joined
        return joined

    def _one_text(self, row: int, column: int, spec: Field) -> str:
        """Return one cell's text, cleaned as its kind asks."""
        place = self.grid.source(row, column)
        text = self.grid.text(*place)
        if folded(text) in SAME:
            return self.above.get(column, "")
        if is_empty(text):
            return ""
        number = self.grid.cell(*place).number
        if spec.kind is Kind.DATE and number and number.isdigit() and _SERIAL_LOW <= int(number) <= _SERIAL_HIGH:
            return (_EPOCH + timedelta(days=int(number))).isoformat()
        clean = {Kind.TEXT: clean_text, Kind.UNIT: close_up, Kind.TOWN: close_up, Kind.CODE: folded}
        return clean.get(spec.kind, clean_line)(text)

    def _unit_name(self, values: Mapping[str, str]) -> str:
        """Return the buying unit's name: as written, with its town in front where the sheet is a town's own."""
        name = values.get(self.unit_field.name, "") if self.unit_field else ""
        name = name or self.section
        town = values.get("town", "") or self.table.town
        if not name:
            return values.get("town", "") or self.table.filler or self.table.town
        core = re.sub(r"(?:街道|镇|乡|社区|村)(?:办事处)?$", "", town)
        if not town or (core and name.startswith(core)) or _HIGHER.search(name) or town in name:
            return name
        return town + name

    def _amount(self, row: int, column: int) -> Money | None:
        """Read one amount; the cell's own unit, else the column's, else the table's."""
        cell = self.grid.cell(row, column)
        unit = self.table.units.get(column) or self.table.unit
        return read_amount(cell.number if cell.number is not None else cell.text, unit=unit,
                           is_number=cell.number is not None)

    def _add_up(self, row: int, columns: Sequence[int], faults: list[Fault]) -> Money | None:
        """Return the sum of the amount's columns and lines; None when all are blank."""
        made: Money | None = None
        lines = list(self._lines(row))
        for column in columns:
            for line in lines:
                area = self.grid.area.get((line, column))
                if area and (area[0] < lines[0] or area[2] > lines[-1]):
                    faults.append(self._fault(row, column, self.grid.merged_text(line, column), N_(
                        "这一格金额合并了第 {first} 至 {last} 行，分不清每个项目各多少。请拆开填写"), first=area[0] + 1, last=area[2] + 1))
                    return None
                try:
                    amount = self._amount(line, column)
                except Invalid as wrong:
                    value = self.grid.text(line, column)
                    faults.append(self._fault(row, column, value, wrong.sentence))
                    return None
                made = amount if made is None else made + amount if amount else made
        return made

    def _with_unit_of_money(self, made: list[SheetRow]) -> list[SheetRow]:
        """Refuse figures whose unit nobody stated and that can only be 万元: a guess would be wrong ten thousandfold."""
        bare = [c for c in self.amounts if not (self.table.units.get(c) or self.table.unit)]
        if not bare:
            return made
        letter = column_letter(bare[0])
        told = [row for row in made for name, amount in row.amounts.items()
                if amount and row.columns.get(name) == letter
                and self.grid.cell(row.row - 1, bare[0]).number is not None]
        if not told or any(a and a.fen >= SMALL_YUAN * 100 for row in told for a in row.amounts.values()):
            return made
        reason = N_("没有写金额单位，“{value}”像是万元。请在表头写明（万元）或（元），或在对应列时选择单位")
        return [SheetRow(row.sheet, row.row, row.values, row.amounts, (*row.faults, self._fault(
            row.row - 1, bare[0], self.grid.text(row.row - 1, bare[0]), reason)), row.columns)
            if row in told else row for row in made]
