"""The child process that prints: reads one task a frame from stdin, writes one answer a frame to stdout.

Started by integrations/weasyprint.py as a plain script, so that it loads WeasyPrint and nothing of the site.
"""

import base64
import contextlib
import json
import logging
import os
import resource
import struct
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

ASSETS = "asset:"
FAMILIES = {"Fair Song GB", "Fair Hei GB", "Fair Song", "Fair Hei"}
MEDIA = {".css": "text/css", ".otf": "font/otf", ".svg": "image/svg+xml"}
FRAME = struct.Struct(">I")
GIGABYTE = 1 << 30
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def main() -> None:
    """Load fonts and style once, say so, then print until stdin ends."""
    cpu_seconds, memory_gigabytes = int(sys.argv[1]), int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but frames may reach the pipe
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_gigabytes * GIGABYTE,) * 2)
    try:
        printer = Printer([Path(folder) for folder in sys.argv[3:]])
    except Exception as error:  # noqa: BLE001 - a library is missing: the parent says which
        send(answers, {"ready": False, "error": f"{type(error).__name__}: {error}"})
        return
    send(answers, {"ready": True, "fast_subset": printer.fast_subset, "toolchain": printer.toolchain})
    tasks = sys.stdin.buffer
    while (task := receive(tasks)) is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        budget = int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (budget, resource.RLIM_INFINITY))
        send(answers, *printer.answer(task))


def receive(stream: BinaryIO) -> dict[str, Any] | None:
    """Read one frame of JSON; None at the end."""
    head = stream.read(FRAME.size)
    if len(head) < FRAME.size:
        return None
    loaded: dict[str, Any] = json.loads(stream.read(FRAME.unpack(head)[0]))
    return loaded


def send(stream: BinaryIO, header: dict[str, Any], data: bytes = b"") -> None:
    """Write a frame of JSON, then a frame of bytes."""
    body = json.dumps(header).encode()
    stream.write(FRAME.pack(len(body)) + body + FRAME.pack(len(data)) + data)
    stream.flush()


class Printer:
    """WeasyPrint with one font configuration, one stylesheet and a fetcher that knows bundled files only."""

    def __init__(self, folders: list[Path]) -> None:
        import weasyprint
        from weasyprint.text import ffi
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import FatalURLFetchingError

        logging.getLogger("weasyprint").setLevel(logging.ERROR)
        logging.getLogger("weasyprint").addHandler(logging.NullHandler())
        self.weasyprint, self.fatal = weasyprint, FatalURLFetchingError
        self.fast_subset = ffi.harfbuzz_subset is not None
        pango = ffi.pango.pango_version()
        self.toolchain = f"weasyprint {weasyprint.__version__}, pango {pango // 10000}.{pango // 100 % 100}"
        self.fetcher = make_fetcher(folders)
        self.fonts = FontConfiguration()
        self.style = weasyprint.CSS(url=f"{ASSETS}paper.css", url_fetcher=self.fetcher, font_config=self.fonts)

    def answer(self, task: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Print one task; never raises, so that the process lives on."""
        try:
            return self.print(task)
        except MemoryError:
            return {"error": "out of memory"}, b""
        except (Exception, self.fatal) as error:  # noqa: BLE001 - whatever it was, the parent tells a person
            return {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc(limit=-5)}, b""

    def print(self, task: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Lay out and write; report characters without a glyph and fonts that are not ours instead of bytes."""
        document = self.weasyprint.HTML(
            string=task["html"], base_url=ASSETS, url_fetcher=self.fetcher,
        ).render(stylesheets=[self.style], font_config=self.fonts)
        if document.metadata.attachments:
            return {"error": "the page asks for attachments"}, b""
        made = self._date(document.metadata.created)
        document.metadata.attachments = [
            self.weasyprint.Attachment(
                string=base64.b64decode(data), name=name, created=made, modified=made, relationship="Source")
            for name, data in task["attachments"].items()
        ]
        identifier = task["identifier"].encode("ascii", "ignore")

        def mark(_document: Any, pdf: Any) -> None:
            """Write the number in the clear into the first stream, where even a cut file keeps it."""
            first = next((o for o in pdf.objects if hasattr(o, "stream") and hasattr(o, "extra")), None)
            if first is not None and identifier:
                first.extra["FAIR_Number"] = b"(" + identifier + b")"

        data = document.write_pdf(
            pdf_variant="pdf/a-3u", pdf_identifier=identifier or b"paper", finisher=mark)
        missing = sorted({code for font in document.fonts.values() for code in font.missing})
        strange = sorted({font.family for font in document.fonts.values()} - FAMILIES)
        document.fonts.clear()
        if missing or strange:
            return {"missing": missing, "strange": strange}, b""
        return {"pages": len(document.pages)}, data

    @staticmethod
    def _date(text: str | None) -> datetime:
        """Return the date that the page gives itself, so that the same page makes the same bytes."""
        with contextlib.suppress(ValueError, TypeError):
            return datetime.fromisoformat(text or "")
        return EPOCH


def make_fetcher(folders: list[Path]) -> Any:
    """Return the fetcher that gives bundled fonts and styles by name, and stops the printing at anything else."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class AssetFetcher(URLFetcher):  # type: ignore[misc]
        """Knows `asset:<file name>` and nothing else: no network, no file of the machine, no data address."""

        def fetch(self, url: str, headers: object = None) -> Any:  # noqa: ARG002
            name = url.removeprefix(ASSETS)
            if url.startswith(ASSETS) and "/" not in name and (kind := MEDIA.get(Path(name).suffix)):
                for folder in folders:
                    if (folder / name).is_file():
                        return URLFetcherResponse(url, (folder / name).read_bytes(), {"Content-Type": kind})
            message = f"refused to fetch {url[:200]}"
            raise FatalURLFetchingError(message)

    return AssetFetcher()


if __name__ == "__main__":
    main()
