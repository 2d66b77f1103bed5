"""Reads a sheet of participants: which project or organization stands in each row, and each cell that is wrong."""

import unicodedata
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from marketplace.core.errors import Denied, Invalid
from marketplace.core.ports import SheetTable
from marketplace.core.text import N_
from marketplace.meetings.operations import BadRows, Row, Terms
from marketplace.meetings.operations.parties import BadRow
from marketplace.meetings.queries.events import organization_by, project_by
from marketplace.meetings.rules import MOST_PARTIES, read_rounds
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project

HEADS: Mapping[str, tuple[str, ...]] = {
    "kind": ("类型", "类别"), "code": ("编号", "项目编号", "统一社会信用代码", "信用代码", "代码"),
    "name": ("名称", "项目名称", "组织名称", "单位名称"), "number": ("桌号",), "least": ("最少场次", "至少场次"),
    "away": ("缺席轮次", "不在场轮次"),
}
COLUMNS: Mapping[str, str] = {
    "kind": N_("类型"), "code": N_("编号"), "name": N_("名称"), "number": N_("桌号"), "least": N_("最少场次"),
    "away": N_("缺席轮次"), "project": N_("编号"), "organization": N_("编号"),
}
PROJECT, ORGANIZATION = ("项目", "桌", "需求"), ("组织", "社会组织", "承接主体")
LOOK_FOR_HEAD = 10


def read_list(session: Session, tables: Sequence[SheetTable], *, rounds: int) -> list[Row]:
    """Return the rows of the first sheet with a head of our words; raises BadRows naming each cell that is wrong."""
    for table in tables:
        rows = [[_plain(cell.text) for cell in row] for row in table.rows]
        for at, row in enumerate(rows[:LOOK_FOR_HEAD]):
            columns = {key: place for key, words in HEADS.items() for place, word in enumerate(row) if word in words}
            if "kind" in columns and ("code" in columns or "name" in columns):
                return _read(session, rows[at + 1:], columns, first=at + 2, rounds=rounds)
    raise Invalid(N_("表里没有找到表头。请在第一行写：类型、编号、名称、桌号、最少场次、缺席轮次（至少要有类型，以及编号或名称）"), field="file")


def _plain(text: str) -> str:
    """Return a cell's text, half-width and trimmed."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _read(session: Session, rows: Sequence[Sequence[str]], columns: Mapping[str, int], *, first: int,
          rounds: int) -> list[Row]:
    """Read every row that is not empty; collect all that is wrong."""
    made, problems, seen = [], [], dict[tuple[str, int], int]()
    for line, row in enumerate(rows, first):
        cells = {key: row[place] if place < len(row) else "" for key, place in columns.items()}
        if not any(cells.values()):
            continue
        try:
            party = _party(session, cells)
            terms = _terms(cells, rounds)
            _check_twice(seen, (type(party).__name__, party.id), line)
            made.append(Row(line, party, terms))
        except (Invalid, Denied) as refused:
            problems.append(BadRow(line, getattr(refused, "field", None) or "code", refused))
    if len(made) > MOST_PARTIES:
        raise Invalid(N_("一场洽谈会最多 {most} 方。请分成几场"), field="file", most=MOST_PARTIES)
    if problems:
        raise BadRows(problems)
    return made


def _check_twice(seen: dict[tuple[str, int], int], key: tuple[str, int], line: int) -> None:
    """Refuse a party that stood in an earlier row."""
    if key in seen:
        raise Invalid(N_("与第 {line} 行重复"), field="code", line=seen[key])
    seen[key] = line


def _party(session: Session, cells: Mapping[str, str]) -> Project | Organization:
    """Return whom a row names; raises Invalid."""
    wanted = cells.get("code") or cells.get("name") or ""
    if not wanted:
        raise Invalid(N_("编号和名称都是空的"), field="code")
    if cells["kind"] in PROJECT:
        return project_by(session, cells.get("code", ""))
    if cells["kind"] in ORGANIZATION:
        return organization_by(session, wanted)
    raise Invalid(N_("类型“{typed}”看不懂，请写“项目”或“组织”"), field="kind", typed=cells["kind"][:20])


def _terms(cells: Mapping[str, str], rounds: int) -> Terms:
    """Return least number, table and missed rounds of a row; raises Invalid naming the column."""
    return Terms(_whole(cells.get("least", ""), "least") or 0, read_rounds(cells.get("away", ""), rounds),
                 _whole(cells.get("number", "").removesuffix("号").removesuffix("号桌"), "number"))


def _whole(typed: str, column: str) -> int | None:
    """Return a whole number, None for an empty cell."""
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 4):  # noqa: PLR2004
        raise Invalid(N_("“{typed}”不是数字"), field=column, typed=typed[:20])
    return int(typed)
