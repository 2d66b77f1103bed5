"""One fake per port; each also passes the port's suite in tests/ports."""

import errno
import hashlib
from collections.abc import Mapping

from marketplace.core.ports import RenderedPdf


class MemoryMailer:
    """Keeps what was sent; `broken` makes it refuse like a mail system that is down."""

    def __init__(self) -> None:
        self.sent: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []     # of each message sent, those beside the usual ones
        self.broken = False

    def send(self, *, to: str, subject: str, text: str, message_id: str,
             headers: Mapping[str, str] | None = None) -> None:
        if self.broken:
            msg = "mail system is down"
            raise OSError(msg)
        self.sent.append({"to": to, "subject": subject, "text": text, "message_id": message_id})
        self.headers.append(dict(headers or {}))


class QuickPdf:
    """Prints the text into bytes that begin like a PDF; remembers what it was given."""

    def __init__(self) -> None:
        self.rendered: list[str] = []
        self.unprintable = ""

    def self_check(self) -> Mapping[str, object]:
        return {"toolchain": "quick"}

    def missing_glyphs(self, text: str) -> str:
        return "".join(dict.fromkeys(c for c in text if c in self.unprintable))

    def render(self, html: str, *, attachments: Mapping[str, bytes] | None = None, identifier: str = "") -> RenderedPdf:
        self.rendered.append(html)
        body = html.encode() + b"".join((attachments or {}).values()) + identifier.encode()
        return RenderedPdf(b"%PDF-1.7\n" + body + b"\n%%EOF\n", 4)


class MemoryStore:
    """Keeps bytes in memory; `full` makes it refuse like a full disk, and `damage` changes what is kept."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.full = False

    def put(self, data: bytes) -> str:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        sha256 = hashlib.sha256(data).hexdigest()
        self.kept[sha256] = data
        return sha256

    def get(self, sha256: str) -> bytes:
        if sha256 not in self.kept:
            raise FileNotFoundError(sha256)
        if hashlib.sha256(self.kept[sha256]).hexdigest() != sha256:
            msg = "the stored bytes are not those of their name"
            raise OSError(msg)
        return self.kept[sha256]

    def damage(self, sha256: str) -> None:
        self.kept[sha256] = self.kept[sha256] + b"x"


class ScriptedScanner:
    """Finds what the test says; `unreachable` makes it fail like a scanner that is down."""

    def __init__(self, found: str = "") -> None:
        self.found = found
        self.unreachable = False

    def scan(self, data: bytes) -> str:
        if self.unreachable:
            msg = "scanner is down"
            raise OSError(msg)
        if self.found:
            return self.found
        return "EICAR-Test-File" if b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE" in data else "clean"
