"""Takes the text out of PDF, Word and Excel files, in a child process with limits on memory, CPU and time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from marketplace.core.ports import ExtractedText, Extraction
from marketplace.core.text import N_

CHILD = Path(__file__).with_name("extraction_child.py")
SECONDS = 40
KILLED_BY_TIME = {-9, -24}         # SIGKILL, SIGXCPU: the CPU limit
KILLED_BY_MEMORY = {-6, -7, -11}   # SIGABRT, SIGBUS, SIGSEGV: an allocation that failed outside Python
REFUSALS = {
    "bytes": N_("文件超过 20 MB，内容没有收入搜索"),
    "empty": N_("文件是空的，没有可以搜索的内容"),
    "type": N_("不是 PDF、Word 或 Excel 文件，只能按文件名搜索"),
    "bomb": N_("文件解开后太大，或压缩包不正常，内容没有收入搜索"),
    "broken": N_("文件打不开或已损坏，内容没有收入搜索"),
    "password": N_("文件有打开密码，内容没有收入搜索"),
    "encoding": N_("看不出文件的文字编码，内容没有收入搜索"),
    "memory": N_("文件太复杂，读取时超过内存上限，内容没有收入搜索"),
    "time": N_("文件太复杂，规定时间内读不完，内容没有收入搜索"),
}
CUTS = {
    "pages": N_("只收入了前 300 页的文字"),
    "characters": N_("只收入了前 20 万字"),
    "time": N_("文件太复杂，只收入了前面一部分文字"),
    "broken": N_("文件有一部分已损坏，只收入了能读出的文字"),
}
NO_TEXT = N_("文件里没有文字，可能是扫描图片，只能按文件名搜索")


class LimitedExtractor:
    """The TextExtractor of the house."""

    def extract(self, data: bytes, *, filename: str) -> ExtractedText:
        """Return the text and what became of it; nothing that is in a file makes this raise."""
        answer = _ask_child(data, filename)
        if code := answer.get("refused"):
            return ExtractedText("", Extraction.REFUSED, REFUSALS[code])
        text = str(answer["text"])
        if not text.strip():
            return ExtractedText("", Extraction.REFUSED, NO_TEXT)
        if code := answer["cut"]:
            return ExtractedText(text, Extraction.CUT, CUTS[code])
        return ExtractedText(text, Extraction.WHOLE)


def _ask_child(data: bytes, filename: str) -> dict[str, Any]:
    """Run the reading child; its death by a limit becomes the code of that limit."""
    try:
        child = subprocess.run(  # noqa: S603 - our own script, no shell, the name is one argument
            [sys.executable, "-I", str(CHILD), _argument(filename)], input=data, capture_output=True, timeout=SECONDS,
            check=False, env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired:
        return {"refused": "time"}
    if child.returncode == 0:
        made: dict[str, Any] = json.loads(child.stdout)
        return made
    if child.returncode in KILLED_BY_TIME:
        return {"refused": "time"}
    is_memory = b"MemoryError" in child.stderr or b"memory allocation" in child.stderr
    return {"refused": "memory" if is_memory or child.returncode in KILLED_BY_MEMORY else "broken"}


def _argument(filename: str) -> str:
    """Return a name that can be handed to a program: its last 100 characters, none of them unprintable."""
    return "".join(sign for sign in filename[-100:] if sign.isprintable()) or "file"
