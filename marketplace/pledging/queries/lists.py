"""Reads a clerk's sheet of guests: who stands in each row, and what cannot be taken over."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from marketplace.core.errors import Invalid
from marketplace.core.ports import SheetTable
from marketplace.core.text import N_
from marketplace.funding.models import Funder
from marketplace.organizations.rules import name_key, tidy_credit_code
from marketplace.pledging.operations.guests import Shown

HEADS: Mapping[str, tuple[str, ...]] = {
    "name": ("单位", "名称", "资助方", "姓名", "单位名称", "单位或姓名"), "code": ("统一社会信用代码", "信用代码", "代码"),
    "paddle": ("牌号", "号牌", "编号"), "shown": ("大屏名称", "显示名称", "简称"), "withheld": ("不具名", "匿名", "是否不具名"),
}
YES = frozenset({"是", "y", "yes", "1", "√", "不具名"})
LOOK_FOR_HEAD = 10       # rows
MOST_ROWS = 2_000


@dataclass
class ReadList:
    """What a sheet says: rows that can be taken over, and a sentence for each that cannot."""

    rows: list[tuple[Funder, Shown]] = field(default_factory=list)
    problems: list[Invalid] = field(default_factory=list)


def read_list(session: Session, tables: Sequence[SheetTable]) -> ReadList:
    """Return the guests of the first sheet with a head of our words; raises Invalid when there is none."""
    for table in tables:
        rows = [[_plain(cell.text) for cell in row] for row in table.rows]
        for number, row in enumerate(rows[:LOOK_FOR_HEAD]):
            columns = _columns(row)
            if "name" in columns or "code" in columns:
                return _read(session, rows[number + 1:number + 1 + MOST_ROWS], columns, first=number + 2)
    raise Invalid(N_("表里没有找到表头。请在第一行写：单位、统一社会信用代码、牌号、大屏名称、不具名（至少要有单位或代码）"), field="file")


def _plain(text: str) -> str:
    """Return a cell's text, half-width and trimmed."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _columns(row: Sequence[str]) -> dict[str, int]:
    """Return which column means what."""
    return {key: place for key, words in HEADS.items() for place, word in enumerate(row) if word in words}


def _read(session: Session, rows: Sequence[Sequence[str]], columns: Mapping[str, int], *, first: int) -> ReadList:
    """Return every row that names somebody."""
    funders = session.scalars(select(Funder).where(Funder.verified_at.is_not(None)).options(
        selectinload(Funder.organization))).all()
    by_name: dict[str, list[Funder]] = {}
    for funder in funders:
        by_name.setdefault(name_key(funder.name), []).append(funder)
    read = ReadList()
    for number, row in enumerate(rows, first):
        cells = {key: row[place] if place < len(row) else "" for key, place in columns.items()}
        if not cells.get("name") and not cells.get("code"):
            continue
        try:
            read.rows.append((_funder(cells, by_name, funders, number), _shown(cells, number)))
        except Invalid as refused:
            read.problems.append(refused)
    return read


def _funder(cells: Mapping[str, str], by_name: Mapping[str, Sequence[Funder]], funders: Sequence[Funder],
            number: int) -> Funder:
    """Return the one verified funder that a row names; raises Invalid for none or several."""
    code, name = tidy_credit_code(cells.get("code")), cells.get("name", "")
    found: Sequence[Funder] = by_name.get(name_key(name), ()) if name else ()
    if code:
        coded = [each for each in funders if each.organization is not None and each.organization.credit_code == code]
        found = [each for each in coded if each in found] or [each for each in coded if not each.fund_name]
    if len(found) == 1:
        return found[0]
    raise Invalid(N_("第 {number} 行“{name}”不是已核验的资助方，或有多个同名。请先核验，或写统一社会信用代码"), number=number,
                  name=name or code or "")


def _shown(cells: Mapping[str, str], number: int) -> Shown:
    """Return number, name and withholding of a row."""
    paddle = cells.get("paddle", "").removesuffix("号")
    if paddle and not (paddle.isascii() and paddle.isdigit()):
        raise Invalid(N_("第 {number} 行的牌号“{paddle}”不是数字"), number=number, paddle=paddle)
    return Shown(int(paddle) if paddle else None, cells.get("shown", ""), cells.get("withheld", "").lower() in YES)
