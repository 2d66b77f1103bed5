"""A table that a page shows and a file holds: the same rows, so that a chart, its table and its export never differ."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.clock import beijing_date, utc_now
from marketplace.matching.rules.weights import TENTHS
from marketplace.web.downloads import spreadsheet

DASH = ""


@dataclass(frozen=True)
class Head:
    """One column: its word in the reader's language, whether it holds numbers, whether the row's bar stands in it."""

    word: str
    is_number: bool = False
    is_bar: bool = False


@dataclass(frozen=True)
class Line:
    """One row: its cells, a second line under the first cell, where it leads, the length of its bar (0 to 1)."""

    cells: Sequence[str]
    sub: str = ""
    url: str = ""
    bar: float | None = None


@dataclass(frozen=True)
class Table:
    """A named table. `sub_word` heads the second lines in files; `note` says what to know when reading it."""

    name: str
    title: str
    heads: Sequence[Head]
    rows: Sequence[Line]
    sub_word: str = ""
    note: str = ""

    def as_sheet(self) -> list[list[str]]:
        """Return the rows as a file holds them, heads first."""
        heads = [head.word for head in self.heads]
        if not self.sub_word:
            return [heads, *(list(row.cells) for row in self.rows)]
        return [[heads[0], self.sub_word, *heads[1:]],
                *([row.cells[0], row.sub, *row.cells[1:]] for row in self.rows)]


def hand_out(table: Table, kind: str) -> Response:
    """Return a table as a download: csv or xlsx."""
    return spreadsheet(table.as_sheet(), kind=kind, sheet=gettext(table.title)[:31],
                       name=f"matching-{table.name}-{beijing_date(utc_now()):%Y%m%d}")


def points(tenths: int | None) -> str:
    """Return points with one decimal, nothing for unknown."""
    return DASH if tenths is None else f"{tenths / TENTHS:.1f}"


def per_cent(share: float | None) -> str:
    """Return 45.2%, nothing for unknown."""
    return DASH if share is None else f"{share * 100:.1f}%"


def decimal(number: float | None, places: int = 3) -> str:
    """Return a number with some decimals, nothing for unknown."""
    return DASH if number is None else f"{number:.{places}f}"
