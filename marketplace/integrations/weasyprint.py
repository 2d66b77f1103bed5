"""Prints PDFs with WeasyPrint in a long-lived child process with limits; implements core.ports.PdfRenderer."""

import base64
import contextlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape

from marketplace.config import ROOT
from marketplace.core.errors import Invalid, Unavailable
from marketplace.core.ports import RenderedPdf
from marketplace.core.text import N_
from marketplace.integrations.weasyprint_child import FRAME

FONTS = ROOT / "static" / "fonts"
STYLES = ROOT / "templates" / "pdf"
CHILD = Path(__file__).with_name("weasyprint_child.py")
FULL_FONTS = ("FairSong.otf", "FairHei.otf")
MOST_TASKS = 200        # then a fresh child: memory can never creep
CPU_SECONDS = 20        # of one task; a contract takes 0.3
MEMORY_GIGABYTES = 2
WALL_SECONDS = 60.0     # of one task, however busy the machine is
START_SECONDS = 60.0
MOST_CHARACTERS = 1_500_000
BLANK = frozenset("\n\r\t\u3000\u00a0 ")


class RenderFailed(Unavailable):
    """The child could not print: killed, out of time or memory, or it met something it must not fetch."""

    def __init__(self, detail: str) -> None:
        super().__init__(N_("文件没有排印成功（{detail}）。内容没有变化，系统会自动重试"), detail=detail)


class WeasyPrintRenderer:
    """Prints in up to `most_children` child processes, started when needed and reused while warm."""

    def __init__(self, cache: Path, *, most_children: int = 2, wall_seconds: float = WALL_SECONDS,
                 cpu_seconds: int = CPU_SECONDS, most_tasks: int = MOST_TASKS) -> None:
        self._cache = cache
        self._wall_seconds, self._cpu_seconds, self._most_tasks = wall_seconds, cpu_seconds, most_tasks
        self._slots = threading.BoundedSemaphore(most_children)
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._owner = os.getpid()
        self._coverage: frozenset[int] | None = None
        self._finalizer = weakref.finalize(self, _stop_all, self._idle)

    def missing_glyphs(self, text: str) -> str:
        """Return the characters of `text` that no font on hand can print, each once, in order."""
        if self._coverage is None:
            self._coverage = _coverage()
        return "".join(c for c in dict.fromkeys(text) if c not in BLANK and ord(c) not in self._coverage)

    def render(self, html: str, *, attachments: Mapping[str, bytes] | None = None,
               identifier: str = "") -> RenderedPdf:
        """Print a PDF/A-3u with embedded files; raises Invalid naming characters, RenderFailed, or OSError.

        `identifier` (the paper's number) stands in the file in the clear. The same page makes the same bytes on
        the same machine as long as it names its dates (dcterms.created and dcterms.modified).
        """
        if len(html) > MOST_CHARACTERS:
            raise Invalid(N_("文件太长，不能排版。请缩短内容"))
        task = {"html": html, "identifier": identifier,
                "attachments": {n: base64.b64encode(d).decode() for n, d in (attachments or {}).items()}}
        with self._child() as child:
            header, data = child.ask(task, self._wall_seconds)
            toolchain = str(child.facts["toolchain"])
        if "pages" in header:
            return RenderedPdf(data, header["pages"], toolchain)
        if header.get("missing"):
            raise unprintable("".join(map(chr, header["missing"])))
        if header.get("strange"):
            raise RenderFailed(f"fonts that do not belong to the site: {', '.join(header['strange'])}")
        raise RenderFailed(header.get("error", "no answer"))

    def self_check(self) -> dict[str, Any]:
        """Start a child, print one line and return what it runs on; raises RenderFailed with what is missing."""
        with self._child() as child:
            facts = dict(child.facts)
        if not facts["fast_subset"]:
            raise RenderFailed("libharfbuzz-subset is missing: apt-get install libharfbuzz-subset0")
        self.render("<p>合同 ABC 123</p>")
        return facts

    def close(self) -> None:
        """Stop the children that wait; those at work stop when they finish."""
        with self._lock:
            _stop_all(self._idle)

    @property
    def child_pids(self) -> list[int]:
        """Return the process ids of the children that wait (for measuring)."""
        return [child.pid for child in self._idle]

    @contextlib.contextmanager
    def _child(self) -> Iterator["_Child"]:
        """Lend a warm child; one that failed, or has done its share, is not used again."""
        with self._slots:
            child = self._take()
            try:
                yield child
            except BaseException:
                child.stop()
                raise
            if child.tasks >= self._most_tasks:
                child.stop()
                return
            with self._lock:
                self._idle.append(child)

    def _take(self) -> "_Child":
        """Return an idle child or a new one; after a fork the parent's children are left alone."""
        with self._lock:
            if self._owner != os.getpid():
                self._owner = os.getpid()
                self._idle.clear()
            while self._idle:
                child = self._idle.pop()
                if child.lives:
                    return child
                child.stop()
        return _Child(self._cache, self._cpu_seconds)


def unprintable(characters: str) -> Invalid:
    """Return the refusal that names each character and its code."""
    shown = "、".join(f"“{c}”（U+{ord(c):04X}）" for c in characters[:20])
    return Invalid(N_("这些字没有可用的字体，不能印在文件上：{characters}。请换成通用写法"), characters=shown)


class _Child:
    """One child process: its pipes, its temporary folder, how many tasks it has done."""

    def __init__(self, cache: Path, cpu_seconds: int) -> None:
        self.tasks = 0
        self._folder = _work_folder(cache)
        conf = self._folder / "fonts.conf"
        conf.write_text(
            '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">\n'
            f"<fontconfig><cachedir>{escape(str(cache.resolve()))}</cachedir></fontconfig>\n", encoding="utf-8")
        command = [sys.executable, "-I", str(CHILD), str(cpu_seconds), str(MEMORY_GIGABYTES), str(STYLES), str(FONTS)]
        self._process = subprocess.Popen(  # noqa: S603 - our own script, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=self._folder,
            env={"PATH": os.defpath, "FONTCONFIG_FILE": str(conf), "TMPDIR": str(self._folder), "TZ": "UTC",
                 "HOME": str(self._folder), "LANG": "C.UTF-8",
                 "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")})
        try:
            self.facts, _ = self._receive(START_SECONDS)
        except BaseException:
            self.stop()
            raise
        if not self.facts["ready"]:
            self.stop()
            raise RenderFailed(self.facts["error"])

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Say whether the process is still there."""
        return self._process.poll() is None

    def ask(self, task: Mapping[str, Any], seconds: float) -> tuple[dict[str, Any], bytes]:
        """Hand over one task and wait for the answer; raises RenderFailed when the child dies or takes too long."""
        self.tasks += 1
        body = json.dumps(task).encode()
        with contextlib.suppress(BrokenPipeError):  # a child that died says so on the other pipe
            _pipe(self._process.stdin).write(FRAME.pack(len(body)) + body)
            _pipe(self._process.stdin).flush()
        return self._receive(seconds)

    def _receive(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        """Read a header and its bytes before the time is over."""
        until = time.monotonic() + seconds
        header: dict[str, Any] = json.loads(self._frame(until))
        return header, self._frame(until)

    def _frame(self, until: float) -> bytes:
        """Read one frame."""
        return self._exactly(FRAME.unpack(self._exactly(FRAME.size, until))[0], until)

    def _exactly(self, size: int, until: float) -> bytes:
        """Read `size` bytes; raises RenderFailed at the end of the time or of the child."""
        out, descriptor = bytearray(), _pipe(self._process.stdout).fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while len(out) < size:
                if not selector.select(max(until - time.monotonic(), 0)):
                    raise RenderFailed("took too long and was stopped")
                part = os.read(descriptor, min(size - len(out), 1 << 20))
                if not part:
                    raise RenderFailed(f"the printing process ended, code {self._process.wait()}")
                out += part
        return bytes(out)

    def stop(self) -> None:
        """End the process and remove its folder; safe to call twice."""
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                _pipe(pipe).close()
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    """Return a pipe that is known to be there."""
    assert pipe is not None
    return pipe


def _stop_all(children: list[_Child]) -> None:
    """Stop and forget children."""
    while children:
        children.pop().stop()


def _work_folder(cache: Path) -> Path:
    """Return a fresh folder for one child; folders of processes that are gone are removed first."""
    cache.mkdir(parents=True, exist_ok=True)
    for old in cache.glob("work-*"):
        owner = old.name.split("-")[1]
        if not Path(f"/proc/{owner}").exists():
            shutil.rmtree(old, ignore_errors=True)
    number = 0
    while True:
        number += 1
        folder = (cache / f"work-{os.getpid()}-{number}").resolve()
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder


def _coverage() -> frozenset[int]:
    """Return every code point that the bundled fonts can print (0.3 s of CPU, once)."""
    from fontTools.ttLib import TTFont

    covered: set[int] = set()
    for name in FULL_FONTS:
        with TTFont(FONTS / name, lazy=True) as font:
            covered.update(font.getBestCmap())
    return frozenset(covered)
