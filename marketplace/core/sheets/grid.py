"""A sheet as a grid: cells by place, merged areas, and what each row looks like."""

import re
from collections.abc import Sequence

from marketplace.core.ports import SheetCell, SheetTable
from marketplace.core.sheets.text import clean_text, folded, is_empty

BLANK = SheetCell("")
_TOTAL = re.compile(r"^.{0,16}(?:小计|合计|总计|共计|累计)(?:[:：(（【\[].*|\d.*)?$|^(?:共计|总计|合计|小计)[\d:：,，(（].*$")
_ONLY_TOTAL = re.compile(r"^(?:小计|合计|总计|共计|累计)(?:[:：(（].*)?$")
_OF_WHICH = re.compile(r"^其中[:：]?")
_NOTE = re.compile(
    r"^[(（]?(?:注|备注|说明|填表说明|填报说明|注意|附注|温馨提示|备 注)(?:\d*[:：.、]|$)"
    r"|^[*※]|^(?:填表人|填报人|制表人?|审核人?|审批人?|经办人|负责人|单位负责人|分管领导|主要领导|科室负责人|联系人|联系电话"
    r"|填报时间|填表时间|填报日期|填表日期|制表日期|日期|填报单位|单位|编制单位|主管部门|部门)(?:[(（](?:签字|签名|签章|盖章)[)）])?[:：]"
    r"|^[(（]?(?:盖章|公章|签字|签章)[)）]?[:：]?$|^.{0,30}[(（](?:盖章|公章|签章)[)）]$|^\d{4}年\d{1,2}月(?:\d{1,2}日)?$")
_NUMBERED = re.compile(r"^(?:[(（]?[一二三四五六七八九十]+[)）]?[、.．,，\s]|[(（][一二三四五六七八九十]+[)）]|第[一二三四五六七八九十]+[类部分批])")
_DIGITS = re.compile(r"^[\d\s,.，．%¥￥元万千]+$")


def column_letter(column: int) -> str:
    """Return the letter of a column counted from 0: A, B, ... AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


class Grid:
    """One sheet with quick answers about its cells; rows and columns count from 0 in here."""

    def __init__(self, sheet: SheetTable) -> None:
        self.sheet = sheet
        self.height = len(sheet.rows)
        self.width = max((len(row) for row in sheet.rows), default=0)
        self.anchor: dict[tuple[int, int], tuple[int, int]] = {}
        self.area: dict[tuple[int, int], tuple[int, int, int, int]] = {}
        for top, left, bottom, right in sheet.merged:
            bounds = (top - 1, left - 1, min(bottom, self.height) - 1, min(right, self.width) - 1)
            for row in range(bounds[0], bounds[2] + 1):
                for column in range(bounds[1], bounds[3] + 1):
                    self.anchor[row, column] = (bounds[0], bounds[1])
                    self.area[row, column] = bounds
        self._texts = [[clean_text(cell.text) for cell in row] for row in sheet.rows]

    def cell(self, row: int, column: int) -> SheetCell:
        """Return the cell itself, without what is merged over it."""
        cells = self.sheet.rows[row] if row < self.height else ()
        return cells[column] if column < len(cells) else BLANK

    def text(self, row: int, column: int) -> str:
        """Return the cleaned text of the cell itself."""
        return self._texts[row][column] if row < self.height and column < len(self._texts[row]) else ""

    def merged_text(self, row: int, column: int) -> str:
        """Return the text that a reader sees at this place, merged areas filled."""
        return self.text(*self.anchor.get((row, column), (row, column)))

    def source(self, row: int, column: int) -> tuple[int, int]:
        """Return the place whose cell speaks for (row, column): an area merged downward is read from its top."""
        top, left = self.anchor.get((row, column), (row, column))
        return (top, column) if left == column else (row, column)

    def texts(self, row: int) -> list[tuple[int, str]]:
        """Return (column, text) of the cells in a row that say something."""
        return [(column, text) for column, text in enumerate(self._texts[row])
                if text and not is_empty(text)]

    def is_blank(self, row: int) -> bool:
        """Say whether nothing stands in the row, not even an error."""
        return not any(self._texts[row]) and not any(cell.error for cell in self.sheet.rows[row])

    def span(self, row: int, column: int) -> int:
        """Return how many columns wide the cell is."""
        area = self.area.get((row, column))
        return area[3] - area[1] + 1 if area else 1

    def is_wide(self, row: int) -> bool:
        """Say whether the row is one cell merged across at least half of the sheet, or the only text of the row."""
        said = self.texts(row)
        return len(said) == 1 and (self.span(row, said[0][0]) >= max(3, self.width // 2))


def is_total(texts: Sequence[tuple[int, str]]) -> bool:
    """Say whether a row is a 小计, 合计 or 其中: line: its first words say so, or one of its first cells is just that."""
    plain = [folded(text) for _, text in texts[:4]]
    if any(_ONLY_TOTAL.match(words) for words in plain):
        return True
    first = next((words for words in plain if not _DIGITS.match(words)), "")
    return bool(_TOTAL.match(first) or _OF_WHICH.match(first))


def is_note(texts: Sequence[tuple[int, str]]) -> bool:
    """Say whether a row is a note under the table or its signature line."""
    return bool(texts) and bool(_NOTE.match(folded(texts[0][1])))


def section_name(text: str) -> str | None:
    """Return the words of a section line (二、文化站：), or None when the text is not one."""
    plain = clean_text(text)
    found = _NUMBERED.match(plain)
    if not found and not plain.endswith((":", "：")):
        return None
    return (plain[found.end():] if found else plain).strip(" :：、")
