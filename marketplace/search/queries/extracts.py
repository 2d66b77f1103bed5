"""Reads of the texts of public files."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.publishing import PublicDocument
from marketplace.search.models.extracts import TextExtract
from marketplace.search.rules.extracts import chosen, wanted

_STEP = 500                        # names of one question to the database


def texts_of(session: Session, document: PublicDocument) -> tuple[str, ...]:
    """Return the texts of a document's files that have been read, in their order; no question where it has none."""
    return texts_by_document(session, [document])[document.kind, document.ref]


def texts_by_document(session: Session, documents: Sequence[PublicDocument]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return (kind, ref) -> texts of the files, for a batch of documents at once."""
    texts = _texts(session, {sha256 for one in documents for sha256 in wanted(one)})
    return {(one.kind, one.ref): chosen(one, texts) for one in documents}


def _texts(session: Session, wanted_files: Iterable[str]) -> Mapping[str, str]:
    """Return SHA-256 -> text of the files that could be read."""
    found: dict[str, str] = {}
    for step in _steps(wanted_files):
        rows = session.execute(select(TextExtract.sha256, TextExtract.text)
                               .where(TextExtract.sha256.in_(step), TextExtract.characters > 0))
        found.update({sha256: text for sha256, text in rows})  # noqa: C416 - rows are no tuples to mypy
    return found


def unread(session: Session, documents: Sequence[PublicDocument]) -> list[tuple[PublicDocument, str, str]]:
    """Return (document, SHA-256, name) of each file that nobody has tried to read yet."""
    missing = unread_of(session, {sha256 for one in documents for sha256 in wanted(one)})
    return [(one, sha256, name) for one in documents for sha256, name in wanted(one).items() if sha256 in missing]


def unread_of(session: Session, files: Iterable[str]) -> set[str]:
    """Return which of these files (SHA-256) nobody has tried to read yet."""
    missing = set(files)
    for step in _steps(missing):
        missing.difference_update(session.scalars(select(TextExtract.sha256).where(TextExtract.sha256.in_(step))))
    return missing


def is_read(session: Session, sha256: str) -> bool:
    """Say whether a file was read already, whatever came out."""
    return session.get(TextExtract, sha256) is not None


def outcomes(session: Session) -> list[tuple[str, str, int, int]]:
    """Return (state, reason, files, characters) over all files that were read."""
    rows = session.execute(
        select(TextExtract.state, TextExtract.reason, func.count(), func.coalesce(func.sum(TextExtract.characters), 0))
        .group_by(TextExtract.state, TextExtract.reason).order_by(TextExtract.state, TextExtract.reason))
    return [(state, reason, int(files), int(characters)) for state, reason, files, characters in rows]


def _steps(names: Iterable[str]) -> Iterable[list[str]]:
    """Cut names into lists that a database takes at once."""
    ordered = sorted(names)
    return [ordered[start:start + _STEP] for start in range(0, len(ordered), _STEP)]
