"""The blueprint that the pages of this slice hang on, and what they share."""

import csv
import io
from collections.abc import Sequence

from flask import Blueprint
from werkzeug.wrappers import Response

from marketplace.core.money import Money
from marketplace.web.downloads import attachment
from marketplace.web.services import services

blueprint = Blueprint("catalogs", __name__)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "'")


def xlsx(rows: Sequence[Sequence[object]], *, name: str, sheet: str, is_public: bool = True) -> Response:
    """Return rows as an Excel download."""
    data = services().workbook_writer.write({sheet: rows}, title=name)
    return attachment(data, name=f"{name}.xlsx", media_type=XLSX, is_public=is_public)


def csv_bytes(rows: Sequence[Sequence[object]]) -> bytes:
    """Return rows as CSV with a mark for Excel; a text it would run gets an apostrophe in front (ASVS 1.2.10)."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    for row in rows:
        writer.writerow([_safe(value) for value in row])
    return b"\xef\xbb\xbf" + stream.getvalue().encode()


def _safe(value: object) -> object:
    """Return a cell that a spreadsheet shows and never runs."""
    if isinstance(value, Money):
        return value.plain()
    return f"'{value}" if isinstance(value, str) and value.startswith(DANGEROUS) else value


def csv_download(rows: Sequence[Sequence[object]], *, name: str, is_public: bool = True) -> Response:
    """Return rows as a CSV download."""
    return attachment(csv_bytes(rows), name=f"{name}.csv", media_type="text/csv; charset=utf-8", is_public=is_public)
