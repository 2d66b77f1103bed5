"""Reads of files."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.files.rules import ScanState


def by_ref(session: Session, ref: str) -> StoredFile:
    """Return the file, or say that there is none."""
    found = session.scalar(select(StoredFile).where(StoredFile.ref == ref))
    if found is None:
        raise Denied(N_("没有这个文件，或您不能查看"), hidden=True)
    return found


def public_names(session: Session) -> dict[str, str]:
    """Return SHA-256 -> name of every public file that passed the virus check."""
    rows = session.execute(select(StoredFile.sha256, StoredFile.name).where(
        StoredFile.is_public, StoredFile.scan_state == ScanState.CLEAN))
    return {sha256: name for sha256, name in rows}  # noqa: C416 - rows are no tuples to mypy


def is_public(session: Session, sha256: str) -> bool:
    """Say whether anybody may fetch these bytes: in a public file, checked, and never found infected."""
    rows = session.execute(select(StoredFile.is_public, StoredFile.scan_state).where(StoredFile.sha256 == sha256)).all()
    return (any(is_open and state == ScanState.CLEAN for is_open, state in rows)
            and all(state != ScanState.INFECTED for _, state in rows))
