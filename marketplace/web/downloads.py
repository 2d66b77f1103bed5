"""Hands bytes to a browser so that they are saved, never run (security.md section 7)."""

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import quote

from flask import request
from werkzeug.wrappers import Response

from marketplace.web.services import services

PUBLIC_SECONDS = 3600
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?%?", re.ASCII)      # a spreadsheet reads it as a number, never as a formula


def attachment(data: bytes, *, name: str, media_type: str, is_public: bool = False) -> Response:
    """Return a download with RFC 6266 names, nosniff and a sandbox; private ones are never kept by a cache."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = "".join(c if c.isalnum() or c in "-_. " else "_" for c in plain).strip(" .") or "file"
    if plain.startswith((".", "_")) or "." not in plain:
        plain = f"file{plain[plain.rfind('.'):]}" if "." in plain else f"file.{name.rpartition('.')[2]}"
    response = Response(data, mimetype=media_type)
    star = quote(name, safe="")
    response.headers["Content-Disposition"] = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{star}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if is_public:
        response.headers["Cache-Control"] = f"public, max-age={PUBLIC_SECONDS}"
        response.set_etag(hashlib.sha256(data).hexdigest())
        response.make_conditional(request)
    else:
        response.headers["Cache-Control"] = "no-store"
    return response


def spreadsheet(rows: Sequence[Sequence[str]], *, kind: str, name: str, sheet: str) -> Response:
    """Return rows of text as a download: `kind` is csv or xlsx, `name` has no extension. No cell is a formula."""
    if kind == "xlsx":
        data = services().workbook_writer.write({sheet: rows}, title=sheet)
        return attachment(data, name=f"{name}.xlsx", media_type=XLSX)
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[_harmless(cell) for cell in row] for row in rows])
    return attachment(("\ufeff" + text.getvalue()).encode(), name=f"{name}.csv", media_type="text/csv")


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; a number stays one, its sign included."""
    return f"'{cell}" if cell.startswith(_DANGEROUS) and not _NUMBER.fullmatch(cell) else cell
