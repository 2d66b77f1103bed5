"""Reads of files."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.files.models import StoredFile


def by_ref(session: Session, ref: str) -> StoredFile:
    """Return the file, or say that there is none."""
    found = session.scalar(select(StoredFile).where(StoredFile.ref == ref))
    if found is None:
        raise Denied(N_("没有这个文件，或您不能查看"), hidden=True)
    return found
