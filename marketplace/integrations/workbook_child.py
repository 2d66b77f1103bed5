"""Reads one workbook in a process of its own: run by workbooks.py as a bare script, with nothing of ours imported.

The workbook comes on stdin, its name as the only argument; one JSON document goes to stdout: the sheets, or the
code of the refusal. Memory and CPU are limited here, so a bomb ends this process and nothing else.
"""

import csv
import io
import json
import re
import resource
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.etree import ElementTree as ET

Row = list[list[str | None]]              # cells as [text], [text, number] or [text, None, error]
Sheet = dict[str, Any]
Errors = dict[tuple[int, int], str]

MAX_BYTES = 5 * 1024 * 1024
MAX_ENTRIES = 200
MAX_UNPACKED = 60 * 1024 * 1024
MAX_ROWS = 5_000
MAX_COLUMNS = 60
MAX_CELL = 5_000
MEMORY = 512 * 1024 * 1024
CPU_SECONDS = 20
CHUNK = 1 << 20
OTHERS = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"Rar!", b"7z\xbc\xaf",
          b"{\\rtf", b"\x7fELF", b"MZ", b"\x1f\x8b")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ERROR_CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*)>(?:(?!</(?:\w+:)?c>).){0,20000}?<(?:\w+:)?v>(#[^<]{1,20})</", re.DOTALL)
FORMULA_CELL = re.compile(
    rb'<(?:\w+:)?c\s[^>]*?\br="([A-Z]{1,3})(\d{1,7})"[^>]*?(?<!/)>'
    rb"(?:(?!</(?:\w+:)?c>).){0,20000}?<(?:\w+:)?f[\s>/]", re.DOTALL)
ATTRIBUTE = re.compile(rb'\b(r|t)="([^"]*)"')
PLACE = re.compile(r"^([A-Z]{1,3})(\d{1,7})$")
SPREADSHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
STRICT = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


class RefusedError(Exception):
    """The workbook is not read; `code` names the sentence."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


def main() -> None:
    """Read stdin, write one JSON document."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        answer: dict[str, Any] = {"sheets": read(sys.stdin.buffer.read(MAX_BYTES + 1), sys.argv[1])}
    except RefusedError as refusal:
        answer = {"refused": refusal.code, "facts": refusal.facts}
    except MemoryError:
        answer = {"refused": "memory", "facts": {}}
    json.dump(answer, sys.stdout, ensure_ascii=True)


def read(data: bytes, name: str) -> list[Sheet]:
    """Return the sheets of a workbook, by its content and not by its name."""
    if len(data) > MAX_BYTES:
        raise RefusedError("bytes")
    if not data.strip():
        raise RefusedError("empty")
    if data.startswith(b"PK"):
        return read_zip(data)
    if data.startswith(OLE):
        return read_ole(data)
    if data.startswith(OTHERS):
        raise RefusedError("not_sheet")
    if name.lower().endswith(".xlsx"):
        raise RefusedError("not_xlsx")
    return read_text(data, name)


def read_zip(data: bytes) -> list[Sheet]:
    """Check an XLSX against bombs before any parser sees it, then read it."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise RefusedError("broken") from None
    if len(entries) > MAX_ENTRIES or sum(e.file_size for e in entries) > MAX_UNPACKED:
        raise RefusedError("bomb")
    names = {e.filename for e in entries}
    if any(n.startswith(("/", "\\")) or ".." in n.replace("\\", "/").split("/") for n in names):
        raise RefusedError("bomb")
    if any(n.lower().endswith("vbaproject.bin") for n in names):
        raise RefusedError("macros")
    if any(n.lower().startswith("xl/externallinks/") for n in names):
        raise RefusedError("links")
    if "xl/workbook.xml" not in {n.lower() for n in names} and "[Content_Types].xml" not in names:
        raise RefusedError("not_xlsx")
    inflate(archive, entries)
    sheets = dict(sheet_xml(archive, names))
    return with_calamine(data, {name: dict(error_cells(xml)) for name, xml in sheets.items()},
                         {name: formula_cells(xml) for name, xml in sheets.items()})


def inflate(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> None:
    """Unpack every entry through a counter: declared sizes can lie."""
    total = 0
    for entry in entries:
        seen = 0
        try:
            with archive.open(entry) as stream:
                while chunk := stream.read(CHUNK):
                    seen += len(chunk)
                    total += len(chunk)
                    stop_bomb(seen > entry.file_size or total > MAX_UNPACKED)
        except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError, ValueError):
            raise RefusedError("broken") from None
        except Exception as error:
            if type(error).__name__ == "error":  # zlib.error
                raise RefusedError("broken") from None
            raise


def stop_bomb(is_bomb: bool) -> None:  # noqa: FBT001
    """Refuse a workbook that unpacks to more than it said or than is allowed."""
    if is_bomb:
        raise RefusedError("bomb")


def parse_xml(data: bytes) -> ET.Element:
    """Parse XML that declares no entities."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise RefusedError("bomb")
    try:
        return ET.fromstring(data)  # noqa: S314 - entities were refused the line before
    except ET.ParseError:
        raise RefusedError("broken") from None


def sheet_xml(archive: zipfile.ZipFile, names: set[str]) -> Iterator[tuple[str, bytes]]:
    """Yield (sheet name, its XML): the reader shows error cells as empty and formulas as their last value."""
    if "xl/workbook.xml" not in names or "xl/_rels/workbook.xml.rels" not in names:
        return
    targets = {r.get("Id"): r.get("Target", "") for r in parse_xml(archive.read("xl/_rels/workbook.xml.rels"))}
    book = parse_xml(archive.read("xl/workbook.xml"))
    for sheet in [*book.iter(SPREADSHEET + "sheet"), *book.iter(STRICT + "sheet")]:
        target = targets.get(sheet.get(RELATION) or sheet.get(STRICT_RELATION), "")
        path = target.lstrip("/") if target.startswith("/") else "xl/" + target
        if path in names:
            yield sheet.get("name", ""), archive.read(path)


def formula_cells(xml: bytes) -> list[tuple[int, int]]:
    """Return the places of cells that hold a formula; rows and columns from 1, as in the sheet."""
    if not re.search(rb"<(?:\w+:)?f[\s>/]", xml):
        return []
    return [(int(row), column_number(letters.decode()) + 1) for letters, row in FORMULA_CELL.findall(xml)]


def error_cells(xml: bytes) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield ((row, column), text) of each cell that shows an error; rows and columns from 0."""
    for cell in ERROR_CELL.finditer(xml) if b't="e"' in xml else ():
        attributes = dict(ATTRIBUTE.findall(cell.group(1)))
        place = PLACE.match(attributes.get(b"r", b"").decode("ascii", "replace"))
        if attributes.get(b"t") == b"e" and place:
            yield (int(place.group(2)) - 1, column_number(place.group(1))), cell.group(2).decode("ascii", "replace")


def column_number(letters: str) -> int:
    """Return the column of its letters, from 0."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def read_ole(data: bytes) -> list[Sheet]:
    """Read an old XLS; a new workbook behind a password lies in the same container."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise RefusedError("password")
    if "WordDocument".encode("utf-16-le") in data or not any(
        stream.encode("utf-16-le") in data for stream in ("Workbook", "Book")
    ):
        raise RefusedError("not_sheet")
    if "_VBA_PROJECT_CUR".encode("utf-16-le") in data:
        raise RefusedError("macros")
    return with_calamine(data, {}, {})


def with_calamine(data: bytes, errors: dict[str, Errors], formulas: dict[str, list[tuple[int, int]]]) -> list[Sheet]:
    """Read the cells, merged areas and hidden marks of every sheet."""
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        return [one_sheet(book, meta, errors.get(meta.name, {})) | {"formulas": formulas.get(meta.name, [])}
                for meta in book.sheets_metadata
                if meta.typ == python_calamine.SheetTypeEnum.WorkSheet]
    except python_calamine.PasswordError:
        raise RefusedError("password") from None
    except (python_calamine.CalamineError, OSError, ValueError, UnicodeError):
        raise RefusedError("broken") from None
    except BaseException as error:  # calamine's panics derive from BaseException
        if type(error).__name__ == "PanicException":
            raise RefusedError("broken") from None
        raise


def one_sheet(book: Any, meta: Any, errors: Errors) -> Sheet:
    """Return one sheet as plain lists: rows of [text, number, error]."""
    import python_calamine

    sheet = book.get_sheet_by_name(meta.name)
    if sheet.total_height > MAX_ROWS * 4 and sheet.end:
        check_height(meta.name, sheet)
    rows = [[cell(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]
    for (row, column), text in errors.items():
        while len(rows) <= row <= MAX_ROWS:
            rows.append([])
        if row < len(rows) and column < MAX_COLUMNS:
            rows[row].extend([""] for _ in range(column + 1 - len(rows[row])))
            rows[row][column] = [text, None, text]
    is_hidden = meta.visible != python_calamine.SheetVisibleEnum.Visible
    return {"name": meta.name, "hidden": is_hidden, "rows": trimmed(rows, meta.name),
            "merged": [[a + 1, b + 1, c + 1, d + 1] for (a, b), (c, d) in sheet.merged_cell_ranges or []]}


def check_height(name: str, sheet: Any) -> None:
    """Refuse a sheet that is far too long before its cells become Python objects."""
    filled = sum(any(value != "" for value in row) for row in sheet.iter_rows())
    if filled > MAX_ROWS:
        raise RefusedError("rows", sheet=name, rows=filled)


def trimmed(rows: list[Row], name: str) -> list[Row]:
    """Return the rows without blank tails; refuses more than the limits."""
    rows = [row[:last_filled(row)] for row in rows]
    while rows and not rows[-1]:
        rows.pop()
    if len(rows) > MAX_ROWS:
        raise RefusedError("rows", sheet=name, rows=len(rows))
    if any(len(row) > MAX_COLUMNS for row in rows):
        raise RefusedError("columns", sheet=name, columns=max(len(row) for row in rows))
    return rows


def last_filled(row: Row) -> int:
    """Return how many cells stand up to the last one that says something."""
    count = len(row)
    while count and not row[count - 1][0]:
        count -= 1
    return count


def cell(value: Any) -> list[str | None]:
    """Return [text] or [text, number] of one value, as a person reads it."""
    if isinstance(value, bool):
        return ["是" if value else "否"]
    if isinstance(value, (int, float)):
        text = plain_number(value)
        return [text, text]
    if isinstance(value, datetime):
        midnight = value.time() == time(0)
        return [value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="minutes")]
    if isinstance(value, (date, time)):
        return [value.isoformat()]
    if isinstance(value, timedelta):
        return [str(value)]
    if len(value) > MAX_CELL:
        raise RefusedError("cell", length=len(value))
    return [value]


def plain_number(value: float) -> str:
    """Return a number without exponent and without the noise of binary fractions."""
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - not a number differs from itself
        return ""
    if float(value).is_integer():
        return str(int(value))
    from decimal import Decimal

    return f"{Decimal(format(value, '.14g')):f}"


def read_text(data: bytes, name: str) -> list[Sheet]:
    """Read CSV or TSV, whatever its name: UTF-8, UTF-16, GB18030."""
    text = decoded(data)
    start = text.lstrip()[:200].lower()
    if start.startswith(("<!doctype html", "<html", "<table", "<?xml", "<meta", "<head")):
        raise RefusedError("web_page")
    if text.count("\x00") or sum(c < " " and c not in "\t\r\n" for c in text[:4000]) > 3:  # noqa: PLR2004
        raise RefusedError("not_sheet")
    csv.field_size_limit(CHUNK)
    rows: list[Row] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter(text)):
            rows.append([cell(value) for value in row])
            if len(rows) > MAX_ROWS * 20:
                raise RefusedError("rows", sheet="", rows=len(rows))
    except csv.Error:
        raise RefusedError("broken") from None
    stem = re.sub(r"\.[^.]*$", "", name.replace("\\", "/").rpartition("/")[2])
    return [{"name": stem, "hidden": False, "rows": trimmed(rows, stem), "merged": [], "formulas": []}]


def decoded(data: bytes) -> str:
    """Return the text of a file whose encoding nobody told."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                raise RefusedError("encoding") from None
    wide = ["utf-16-le" if data[1::2].count(0) > data[::2].count(0) else "utf-16-be"] if 0 in data else []
    for encoding in [*wide, "utf-8", "gb18030"]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RefusedError("encoding")


def delimiter(text: str) -> str:
    """Return the sign between cells: the one that most first lines have, outside quotes."""
    lines = re.sub(r'"(?:[^"]|"")*"', "", text[:20_000]).splitlines()[:30]
    counts = {sign: sum(line.count(sign) for line in lines) for sign in ("\t", ",", ";", "|")}
    lined = {sign: sum(sign in line for line in lines) for sign in counts}
    best = max(counts, key=lambda sign: (lined[sign], counts[sign]))
    return best if counts[best] else ","


if __name__ == "__main__":
    main()
