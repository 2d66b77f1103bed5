"""Finding the tables of a sheet: where the heading stands (under a merged title, in one row or two), what it means."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from marketplace.core.sheets.amounts import amount_unit
from marketplace.core.sheets.fields import STRONG, Field, Kind, best_fields, column_scores
from marketplace.core.sheets.grid import Grid, is_note
from marketplace.core.sheets.text import close_up, folded, heading_key

LEAST_FIELDS = 2
SHORT_HEADING = 16
TITLE_LENGTH = 80      # what a title or a line above the table says, it says in its first words
_PLACE = re.compile(r"^(?:[\u4e00-\u9fff]{2,8}?[省市区县]){0,2}?([\u4e00-\u9fff]{1,6}?(?:街道|镇|乡))"
                    r"(?:办事处|人民政府|党工委|党委)?(?=\d|年|政府|社会|民政|购买|公益|公共|服务|党|承接|本级|$|[（(_\-—－ ])")
_PLACE_NAME = re.compile(r"^[\d.、\s]*([\u4e00-\u9fff]{1,8}(?:街道|镇|乡|社区|村|开发区|管理区|园区))(?:办事处)?\s*"
                         r"(?:[（(].*|\d+.*|清单|表)?$")
_FILLER = re.compile(r"(?:填报|申报|编制|上报|报送|购买|采购|实施|预算)(?:单位|部门|主体)(?:名称)?"
                     r"(?:[（(](?:盖章|公章|签章)[)）])?\s*[:：]\s*([^\s:：_＿]{2,40})")
_TITLED = re.compile(r"^(?:关于)?([\u4e00-\u9fff]{2,20}?(?:局|委员会|办公室|办事处|政府|联合会|总工会|团委|妇联|残联|中心|街道|镇|乡))"
                     r"(?:关于)?(?=20\d\d|二[〇○零]|年度)")
_NAME_OF_UNIT = re.compile(r"^单位(?:名称)?(?:[（(](?:盖章|公章)[)）])?[:：]([\u4e00-\u9fff（）()]{3,40})")


@dataclass(frozen=True)
class TableMap:
    """One table of a sheet and what its columns mean; rows count from 1, `columns` from 0.

    `unit` is the unit of money stated for the table (None: nowhere), `units` those of single columns.
    `town` and `filler` are what the sheet's name, title and 填报单位 line say about who buys.
    """

    sheet: str
    head_row: int
    head_rows: int
    end_row: int
    headings: tuple[str, ...]
    columns: Mapping[int, str]
    unit: str | None = None
    units: Mapping[int, str] = field(default_factory=dict)
    town: str = ""
    filler: str = ""

    def columns_of(self, name: str) -> list[int]:
        """Return the columns mapped to a field, left to right."""
        return sorted(column for column, mapped in self.columns.items() if mapped == name)

    def unmapped(self) -> list[int]:
        """Return the columns that have a heading and mean nothing to the target."""
        return [column for column, text in enumerate(self.headings) if text and column not in self.columns]


def fingerprint(headings: Sequence[str]) -> str:
    """Return a short hash of the headings, by which a unit's mapping is remembered."""
    return hashlib.sha256("|".join(heading_key(text) for text in headings).encode()).hexdigest()[:32]


def parts_of(grid: Grid, first: int, last: int) -> list[tuple[str, ...]]:
    """Return each column's heading parts from the rows first..last, upper part first, repeats once."""
    made = []
    for column in range(grid.width):
        parts: list[str] = []
        for row in range(first, last + 1):
            text = grid.merged_text(row, column)
            if text and (not parts or parts[-1] != text):
                parts.append(text)
        made.append(tuple(parts))
    return _spread(made, grid, first, last)


def _spread(parts: list[tuple[str, ...]], grid: Grid, first: int, last: int) -> list[tuple[str, ...]]:
    """Give a lower heading its upper one where the merge was lost (CSV): a blank above continues to the right."""
    if first == last or grid.sheet.merged:
        return parts
    upper = ""
    made = []
    for column, own in enumerate(parts):
        above, below = grid.text(first, column), grid.text(last, column)
        upper = above or upper
        made.append((upper, below) if below and not above and upper else own)
    return made


def has_headings(grid: Grid, row: int, fields: Sequence[Field], last: int | None = None) -> bool:
    """Say whether the row (or rows) is a heading: every required field and two surely known ones are there."""
    texts = grid.texts(row)
    numbers = sum(grid.cell(row, column).number is not None for column, _ in texts)
    if len(texts) < LEAST_FIELDS or numbers * 2 >= len(texts):
        return False
    parts = parts_of(grid, row, row if last is None else last)
    needed = [f for f in fields if f.required]
    if not all(any(column_scores(own, (f,)) for own in parts) for f in needed):
        return False                 # most rows end here, so that a long sheet is read quickly
    guessed = best_fields(parts, fields)
    required = {f.name for f in needed}
    sure = {name for column, name in guessed.items()
            if column_scores(parts[column], fields).get(name, 0) >= STRONG}
    return required <= set(guessed.values()) and len(sure) >= LEAST_FIELDS


def find_tables(grid: Grid, fields: Sequence[Field]) -> list[TableMap]:
    """Return the tables of a sheet, top to bottom, each with the guessed meaning of its columns."""
    heads: list[tuple[int, int]] = []
    row = 0
    while row < grid.height:
        found = _head_at(grid, row, fields, is_first=not heads)
        if found:
            heads.append(found)
            row = found[1]
        row += 1
    made: list[TableMap] = []
    for index, (first, last) in enumerate(heads):
        end = heads[index + 1][0] if index + 1 < len(heads) else grid.height
        above = heads[index - 1][1] + 1 if index else 0
        made.append(make_table(grid, fields, (first, last), end, above=above, before=made[-1] if made else None))
    return made


def _head_at(grid: Grid, row: int, fields: Sequence[Field], *, is_first: bool) -> tuple[int, int] | None:
    """Return the first and last row of a heading that begins at `row`, or None."""
    if has_headings(grid, row, fields):
        last = row
        while last + 1 < grid.height and last - row < 2 and _goes_on(grid, row, last + 1, fields):  # noqa: PLR2004
            last += 1
        return row, last
    below = row + 1
    if below < grid.height and _is_upper(grid, row, merged_only=not is_first) and (
        has_headings(grid, row, fields, below) or has_headings(grid, below, fields)
    ):
        return row, below
    return None


def _is_upper(grid: Grid, row: int, *, merged_only: bool) -> bool:
    """Say whether a row may be the upper part of a heading: several short texts, some over several columns.

    Below other rows only a real merge counts: a row of data may have blanks too.
    """
    texts = grid.texts(row)
    if len(texts) < LEAST_FIELDS or is_note(texts) or _looks_like_data(grid, row):
        return False
    over = any(1 < grid.span(row, column) < grid.width for column, _ in texts) or (not merged_only and any(
        column + 1 < grid.width and not grid.merged_text(row, column + 1) for column, _ in texts))
    return over and all(len(text) <= SHORT_HEADING for _, text in texts)


def _goes_on(grid: Grid, first: int, row: int, fields: Sequence[Field]) -> bool:
    """Say whether `row` still belongs to the heading that began at `first`."""
    if any(first <= area[0] < row <= area[2] for area in (grid.area[first_at] for first_at in grid.area
                                                          if first_at[0] == row)):
        return not _looks_like_data(grid, row)
    texts = grid.texts(row)
    if not texts or is_note(texts) or _looks_like_data(grid, row) or any(c.isdigit() for _, t in texts for c in t):
        return False
    titles = [column for column, name in best_fields(parts_of(grid, first, first), fields).items()
              if any(f.name == name and f.required for f in fields)]
    under_blank = any(not grid.text(first, column) for column, _ in texts)
    return under_blank and not any(grid.text(row, column) for column in titles) and all(
        len(text) <= SHORT_HEADING for _, text in texts)


def _looks_like_data(grid: Grid, row: int) -> bool:
    """Say whether a row holds a number of its own: headings do not, except the line of column numbers."""
    return any(grid.cell(row, column).number is not None for column, _ in grid.texts(row))


def make_table(grid: Grid, fields: Sequence[Field], head: tuple[int, int], end: int, *, above: int = 0,
               before: TableMap | None = None) -> TableMap:
    """Describe the table whose heading stands in the rows of `head` (first, last; from 0) and that ends before `end`.

    `above`: the first row whose texts may speak of this table; `before`: the table above it in the sheet.
    """
    first, last = head
    parts = parts_of(grid, first, last)
    guessed = best_fields(parts, fields)
    said = [text[:TITLE_LENGTH] for row in range(above, first) for _, text in grid.texts(row)]
    kinds = {f.name: f.kind for f in fields}
    units = {}
    for column, name in guessed.items():
        if kinds.get(name) is Kind.AMOUNT:
            stated = next((u for part in reversed(parts[column]) if (u := amount_unit(part, is_heading=True))), None)
            if stated:
                units[column] = stated
    unit = next((u for text in reversed(said) if (u := amount_unit(text))), None) or (before.unit if before else None)
    return TableMap(
        sheet=grid.sheet.name, head_row=first + 1, head_rows=last - first + 1, end_row=end,
        headings=tuple(" ".join(folded(part) for part in own) for own in parts), columns=guessed,
        unit=unit, units=units,
        town=named_town(grid.sheet.name) or _town(said) or (before.town if before else ""),
        filler=_filler(said) or (before.filler if before else ""),
    )


def named_town(sheet: str) -> str:
    """Return the town or street that a sheet is named after."""
    found = _PLACE_NAME.match(sheet.strip())
    return found.group(1) if found else ""


def _town(said: Sequence[str]) -> str:
    """Return the town or street that the title above the table speaks of."""
    for text in said:
        plain = close_up(text)
        own = _FILLER.search(plain)
        if found := _PLACE.match(own.group(1) if own else plain):
            return found.group(1)
    return ""


def _filler(said: Sequence[str]) -> str:
    """Return the unit named in a 填报单位 line above the table."""
    for text in said:
        plain = close_up(text)
        found = _FILLER.search(plain) or _NAME_OF_UNIT.match(plain)
        if found and not amount_unit(plain):
            return found.group(1).strip("_＿ ")
    for text in said:
        if found := _TITLED.match(close_up(text)):
            return found.group(1)
    return ""
