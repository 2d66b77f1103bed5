"""Texts of public files: when one is read, and how much of it belongs to a document. Pure."""

from collections.abc import Iterable, Mapping

from marketplace.core.publishing import PublicDocument

JOB_EXTRACT = "search.extract"     # sha256, name, doc_kind, ref: read the text of a public file of that document

READABLE = (".pdf", ".docx", ".xlsx", ".xls", ".csv", ".txt")
MOST_CHARACTERS = 400_000          # of all files of one document together


def readable(name: str) -> bool:
    """Say whether files of that name have a text that can be read."""
    return name.lower().endswith(READABLE)


def wanted(document: PublicDocument) -> dict[str, str]:
    """Return SHA-256 -> name of the files of a document whose text is searched."""
    return {one.sha256: one.name for one in document.attachments if readable(one.name)}


def chosen(document: PublicDocument, texts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts of a document's files in their order, as far as the limit goes."""
    return tuple(_within(texts[sha256] for sha256 in wanted(document) if texts.get(sha256)))


def _within(texts: Iterable[str]) -> Iterable[str]:
    """Yield texts until the limit, the last one cut."""
    left = MOST_CHARACTERS
    for text in texts:
        if left <= 0:
            return
        yield text[:left]
        left -= len(text)
