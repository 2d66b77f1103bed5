"""One fake per port; each also passes the port's suite in tests/ports."""

from collections.abc import Mapping

from marketplace.core.ports import RenderedPdf


class MemoryMailer:
    """Keeps what was sent; `broken` makes it refuse like a mail system that is down."""

    def __init__(self) -> None:
        self.sent: list[dict[str, str]] = []
        self.broken = False

    def send(self, *, to: str, subject: str, text: str, message_id: str) -> None:
        if self.broken:
            msg = "mail system is down"
            raise OSError(msg)
        self.sent.append({"to": to, "subject": subject, "text": text, "message_id": message_id})


class QuickPdf:
    """Prints the text into bytes that begin like a PDF; remembers what it was given."""

    def __init__(self) -> None:
        self.rendered: list[str] = []
        self.unprintable = ""

    def missing_glyphs(self, text: str) -> str:
        return "".join(dict.fromkeys(c for c in text if c in self.unprintable))

    def render(self, html: str, *, attachments: Mapping[str, bytes] | None = None, identifier: str = "") -> RenderedPdf:
        self.rendered.append(html)
        body = html.encode() + b"".join((attachments or {}).values()) + identifier.encode()
        return RenderedPdf(b"%PDF-1.7\n" + body + b"\n%%EOF\n", 4)
