"""Takes the text out of one file in a process of its own: run by extraction.py as a bare script.

The file comes on stdin, its name as the only argument; one JSON document goes to stdout: the text and what was left
out, or the code of the refusal. Memory, CPU, files and connections are limited here, so a bomb ends this process and
nothing else. When the time is up, what was read until then is handed back.
"""

import importlib.util
import io
import json
import re
import resource
import signal
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

MAX_BYTES = 20 * 1024 * 1024
MAX_PAGES = 300
MAX_CHARACTERS = 200_000
MAX_ENTRIES = 2_000
MAX_UNPACKED = 200 * 1024 * 1024
MAX_PART = 60 * 1024 * 1024        # of one part when unpacked, pictures apart
MEMORY = 768 * 1024 * 1024
CPU_SECONDS = 20
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
LOCKED = "EncryptedPackage".encode("utf-16-le")
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
BROKEN_LINE = re.compile(r"(?<=[\u3400-\u9fff，、（“])[ \t]*\n[ \t]*(?=[\u3400-\u9fff])")
BLANKS = re.compile(r"[ \t\r\f\v\x00\u3000]+")


class RefusedError(Exception):
    """The file is not read; the argument is the code of the sentence."""


class TimeUp(BaseException):
    """The CPU time is used up; no error to any library, so that none swallows it."""


class Collector:
    """Gathers pieces of text until there are too many characters."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.left = MAX_CHARACTERS
        self.cut = ""              # why something was left out: pages, characters, time

    def add(self, text: str) -> bool:
        """Take a piece; False when nothing more is wanted."""
        plain = BLANKS.sub(" ", text.encode("utf-8", "ignore").decode("utf-8")).strip()
        if len(plain) > self.left:
            self.cut = "characters"
        if plain:
            self.pieces.append(plain[:self.left])
            self.left -= len(self.pieces[-1])
        return self.left > 0 and not self.cut


def main() -> None:
    """Read stdin, write one JSON document."""
    limit()
    found = Collector()
    try:
        read(sys.stdin.buffer.read(MAX_BYTES + 1), sys.argv[1].lower(), found)
        answer = outcome(found)
    except TimeUp:
        found.cut = "time"
        answer = outcome(found) if found.pieces else {"refused": "time"}
    except RefusedError as refusal:
        answer = {"refused": str(refusal)}
    except MemoryError:
        answer = {"refused": "memory"}
    json.dump(answer, sys.stdout, ensure_ascii=True)


def limit() -> None:
    """Bound this process: memory, CPU, no new files, no connections."""
    def stop(_signal: int, _frame: object) -> None:
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        raise TimeUp

    def watch(event: str, _arguments: object) -> None:
        if event.startswith(("socket.", "subprocess.", "os.exec", "os.system", "os.posix_spawn")):
            raise RefusedError("broken")

    signal.signal(signal.SIGXCPU, stop)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 2))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(watch)
    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True


def outcome(found: Collector) -> dict[str, Any]:
    """Return the answer for what was gathered."""
    return {"text": "\n".join(found.pieces), "cut": found.cut}


def read(data: bytes, name: str, found: Collector) -> None:
    """Gather the text of a file, by its content where that can be told."""
    if len(data) > MAX_BYTES:
        raise RefusedError("bytes")
    if not data.strip():
        raise RefusedError("empty")
    if b"%PDF-" in data[:1024]:
        read_pdf(data, found)
    elif data.startswith(b"PK\x03\x04"):
        read_zip(data, found)
    elif data.startswith(OLE):
        if LOCKED in data:
            raise RefusedError("password")
        read_workbook(data, found)
    elif name.endswith((".csv", ".txt", ".tsv", ".md")):
        read_text(data, found)
    else:
        raise RefusedError("type")


# ---- PDF ----

def read_pdf(data: bytes, found: Collector) -> None:
    """Gather the text of the first pages; a file that opens without a password counts as open."""
    from pypdf.errors import PyPdfError

    try:
        read_pages(opened_pdf(data).pages, found)
    except (PyPdfError, ValueError, KeyError, IndexError, TypeError, AttributeError, OSError, RecursionError,
            AssertionError, NotImplementedError, ArithmeticError):
        if not found.pieces:
            raise RefusedError("broken") from None
        found.cut = "broken"


def opened_pdf(data: bytes) -> Any:
    """Return the reader of a PDF that asks for no password."""
    import logging

    import pypdf

    logging.disable(logging.CRITICAL)
    reader = pypdf.PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise RefusedError("password")
    return reader


def read_pages(pages: Any, found: Collector) -> None:
    """Gather page after page."""
    count = len(pages)
    for number in range(min(count, MAX_PAGES)):
        if not found.add(page_text(pages[number])):
            return
    if count > MAX_PAGES:
        found.cut = "pages"


def page_text(page: Any) -> str:
    """Return the text of one page with the lines of a paragraph joined."""
    return BROKEN_LINE.sub("", page.extract_text() or "")


# ---- Office ----

def read_zip(data: bytes, found: Collector) -> None:
    """Check a zipped Office file against bombs before any parser sees it, then read it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        raise RefusedError("broken") from None
    if len(entries) > MAX_ENTRIES or sum(one.file_size for one in entries) > MAX_UNPACKED:
        raise RefusedError("bomb")
    if any(one.file_size > MAX_PART and one.filename.endswith((".xml", ".rels", ".bin")) for one in entries):
        raise RefusedError("bomb")
    if any(one.flag_bits & 1 for one in entries):
        raise RefusedError("password")
    names = {one.filename for one in entries}
    if "word/document.xml" in names:
        read_word(data, found)
    elif any(name.lower().startswith("xl/workbook.") for name in names):
        read_workbook(data, found)
    else:
        raise RefusedError("type")


def read_word(data: bytes, found: Collector) -> None:
    """Gather the paragraphs of a Word file: headings, body, tables, then headers and footers."""
    import docx

    try:
        document = docx.Document(io.BytesIO(data))
        for text in word_paragraphs(document):
            if not found.add(text):
                return
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OSError, SyntaxError, zipfile.BadZipFile,
            NotImplementedError, RuntimeError):  # SyntaxError: lxml's errors of XML
        if not found.pieces:
            raise RefusedError("broken") from None
        found.cut = "broken"
    except Exception as error:
        if type(error).__name__ not in {"PackageNotFoundError", "InvalidXmlError", "error"}:  # error: zlib's
            raise
        raise RefusedError("broken") from None


def word_paragraphs(document: Any) -> Iterator[str]:
    """Yield the text of each paragraph, those in tables and text boxes as well."""
    parts = [document.element.body]
    for section in document.sections:
        own = (part for part in (section.header, section.footer) if not part.is_linked_to_previous)
        parts += [part._element for part in own]  # noqa: SLF001 - the library offers no text in boxes otherwise
    for part in parts:
        for paragraph in part.iter(WORD + "p"):
            yield "".join(
                (node.text or "") if node.tag == WORD + "t" else " "
                for node in paragraph.iter(WORD + "t", WORD + "tab", WORD + "br"))


def read_workbook(data: bytes, found: Collector) -> None:
    """Gather the filled cells of every sheet that is shown, a row a line."""
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        for meta in book.sheets_metadata:
            is_shown = meta.visible == python_calamine.SheetVisibleEnum.Visible
            if meta.typ == python_calamine.SheetTypeEnum.WorkSheet and is_shown and not read_sheet(book, meta, found):
                return
    except python_calamine.PasswordError:
        raise RefusedError("password") from None
    except (python_calamine.CalamineError, OSError, ValueError, UnicodeError):
        raise RefusedError("broken") from None
    except BaseException as error:  # calamine's panics derive from BaseException
        if type(error).__name__ == "PanicException":
            raise RefusedError("broken") from None
        raise


def read_sheet(book: Any, meta: Any, found: Collector) -> bool:
    """Gather one sheet; False when nothing more is wanted."""
    if not found.add(meta.name):
        return False
    return all(found.add(" ".join(shown(cell) for cell in row if cell != ""))
               for row in book.get_sheet_by_name(meta.name).iter_rows())


def shown(cell: Any) -> str:
    """Return a cell as a person reads it."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


# ---- plain text ----

def read_text(data: bytes, found: Collector) -> None:
    """Gather the lines of a text whose encoding nobody told."""
    sheets = sibling("workbook_child")
    try:
        text: str = sheets.decoded(data)
    except sheets.RefusedError:
        raise RefusedError("encoding") from None
    for line in text.splitlines():
        if not found.add(line):
            return


def sibling(name: str) -> ModuleType:
    """Import the script beside this one; in isolated mode its folder is on no path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


if __name__ == "__main__":
    main()
