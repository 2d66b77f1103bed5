"""Verbs on files: store an upload, note what the virus check found."""

from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.core import audit
from marketplace.core.access import Actor, require
from marketplace.core.db import new_ref
from marketplace.core.errors import Unavailable
from marketplace.core.outbox import enqueue
from marketplace.core.ports import FileStore
from marketplace.core.text import N_
from marketplace.files import policy, rules
from marketplace.files.models import StoredFile
from marketplace.files.rules import Purpose, ScanState

CLEAN_VERDICT = "clean"


def store(session: Session, *, actor: Actor, store: FileStore, name: str, data: bytes, purpose: Purpose | str,
          now: datetime, organization_id: int | None = None, is_public: bool = False) -> StoredFile:
    """Keep an upload; it waits for the virus check before anybody can attach or download it.

    Raises Invalid (wrong type, too big, empty, locked, broken), Unavailable when the disk refuses.
    """
    require(policy.may_store(actor, organization_id))
    taken = rules.accept(name, data, Purpose(purpose))
    try:
        sha256 = store.put(taken.data)
    except OSError as error:
        raise Unavailable(N_("“{name}”没有保存：服务器的存储暂时写不进去。请稍后重新上传，其他内容没有变化"),
                          name=taken.name) from error
    stored = StoredFile(
        ref=new_ref(), name=taken.name, media_type=taken.media_type, size=len(taken.data), sha256=sha256,
        owner_organization_id=organization_id, uploaded_by=actor.person_id, is_public=is_public,
        scan_state=ScanState.PENDING, created_at=now,
    )
    session.add(stored)
    audit.record(session, actor=actor, action="files.store", subject=("file", stored.ref), now=now,
                 sha256=sha256, size=stored.size, purpose=str(purpose), is_public=is_public)
    enqueue(session, rules.JOB_FILE_STORED, now=now, file_ref=stored.ref)
    return stored


def record_scan(session: Session, *, actor: Actor, file: StoredFile, verdict: str | None, now: datetime) -> StoredFile:
    """File: pending or failed -> clean, infected or failed. `verdict` None: the scanner could not be reached."""
    require(policy.may_record_scan(actor))
    found = ScanState.FAILED if verdict is None else ScanState.CLEAN if verdict == CLEAN_VERDICT else ScanState.INFECTED
    file.scan_state = rules.SCANNING.after(ScanState(file.scan_state), found.value)
    file.scan_note = verdict if found is ScanState.INFECTED else None
    if found is not ScanState.FAILED:
        audit.record(session, actor=actor, action="files.scan", subject=("file", file.ref), now=now,
                     verdict=verdict, sha256=file.sha256)
    return file
