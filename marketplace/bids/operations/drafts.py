"""Writing a bid: drafts encrypted under the organization's key, files sealed as they arrive."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.bids import policy, rules
from marketplace.bids.models import BidDraft
from marketplace.bids.operations import keys
from marketplace.core import audit
from marketplace.core.access import Actor, require
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, Invalid, Unavailable
from marketplace.core.money import Money
from marketplace.core.ports import FileStore, Sealer
from marketplace.core.text import N_
from marketplace.files import rules as file_rules
from marketplace.projects.models import Project

MAX_DRAFT_BYTES = 1_000_000
CHANGED_MEANWHILE = N_("这份草稿刚在另一个窗口或由同事保存过。请对照两份内容后再保存")
Change = Callable[[dict[str, object]], dict[str, object]]


def save_draft(session: Session, *, actor: Actor, project: Project, fields: Mapping[str, object], sealer: Sealer,
               now: datetime, version: int | None = None) -> BidDraft:
    """Keep what an organization is writing; `fields` are laid over what was saved before.

    Text is kept as typed, complete or not. `version`: the one the writer saw (0: none yet); Conflict when another
    window or colleague saved since.
    """
    changes = {name: value.plain() if isinstance(value, Money) else value for name, value in fields.items()}
    if unknown := set(changes) - set(rules.FIELD_LABELS):
        raise Invalid(N_("表单里有不认识的内容：{names}。请刷新页面"), names="、".join(sorted(unknown)))
    return _change(session, lambda before: before | changes, actor=actor, project=project, sealer=sealer, now=now,
                   version=version)


def attach_file(session: Session, *, actor: Actor, project: Project, name: str, data: bytes, verdict: str,
                sealer: Sealer, store: FileStore, now: datetime) -> BidDraft:
    """Seal a PDF and put it with the draft. `verdict`: what the virus check found, asked before the transaction.

    The bytes get a key of their own, which lies inside the encrypted draft and later inside the sealed offer:
    submitting moves no bytes, and neither the file store nor the database alone can read them.
    """
    require(policy.may_draft(actor, project, now))
    taken = file_rules.accept(name, data, file_rules.Purpose.BID_ATTACHMENT)
    if verdict != file_rules.ScanState.CLEAN:
        raise Invalid(N_("“{name}”没有通过安全检查（{verdict}）。请换一份文件"), field="file", name=taken.name,
                      verdict=verdict)
    keys.organization_key(session, actor.organization_id or 0, sealer=sealer, now=now)   # the first use makes the key
    sha256 = hashlib.sha256(taken.data).hexdigest()
    wrapped = sealer.new_key(f"bid-file:{sha256}")
    sealed = sealer.seal(wrapped, rules.pad(taken.data, rules.FILE_PAD_STEP), context=rules.file_context(sha256))
    try:
        blob = store.put(sealed)
    except OSError as error:
        raise Unavailable(N_("“{name}”没有保存：服务器的存储暂时写不进去。请稍后重新上传，其他内容没有变化"),
                          name=taken.name) from error
    entry = {"name": taken.name, "size": len(taken.data), "sha256": sha256, "blob": blob, "key": wrapped.hex()}

    def add(before: dict[str, object]) -> dict[str, object]:
        kept = [one for one in rules.attached(before) if one["sha256"] != sha256]
        if len(kept) >= rules.MAX_FILES:
            raise Invalid(N_("最多 {most} 个附件。请先删去一个，或合并成一份 PDF"), field="file", most=rules.MAX_FILES)
        return before | {"files": [*kept, entry]}

    return _change(session, add, actor=actor, project=project, sealer=sealer, now=now, version=None)


def remove_file(session: Session, *, actor: Actor, project: Project, sha256: str, sealer: Sealer,
                now: datetime) -> BidDraft:
    """Take a file out of the draft; a bid that was submitted with it keeps it."""
    return _change(
        session, lambda before: before | {"files": [e for e in rules.attached(before) if e["sha256"] != sha256]},
        actor=actor, project=project, sealer=sealer, now=now, version=None)


def _change(session: Session, change: Change, *, actor: Actor, project: Project, sealer: Sealer, now: datetime,
            version: int | None) -> BidDraft:
    """Decrypt the organization's draft, change its fields, encrypt it again."""
    require(policy.may_draft(actor, project, now))
    organization_id, person_id = actor.organization_id, actor.person_id
    if organization_id is None or person_id is None:  # pragma: no cover - the policy has refused already
        raise AssertionError
    draft = session.scalar(
        select(BidDraft).where(BidDraft.project_id == project.id, BidDraft.organization_id == organization_id)
        .with_for_update().execution_options(populate_existing=True))
    if version is not None and version != (draft.version_id if draft else 0):
        raise Conflict(CHANGED_MEANWHILE)
    key = keys.organization_key(session, organization_id, sealer=sealer, now=now)
    context = rules.draft_context(project.id, organization_id)
    before = json.loads(rules.unpad(sealer.unseal(key, draft.sealed, context=context))) if draft else {}
    body = json.dumps(change(before), ensure_ascii=False, sort_keys=True).encode()
    if len(body) > MAX_DRAFT_BYTES:
        raise Invalid(N_("草稿太长。请删减文字，图表放到附件里"), field="plan")
    sealed = sealer.seal(key, rules.pad(body), context=context)
    is_new = draft is None
    if draft is None:
        draft = BidDraft(ref=new_ref(), project_id=project.id, organization_id=organization_id, sealed=sealed,
                         saved_by=person_id, saved_at=now)
        session.add(draft)
    else:
        draft.sealed, draft.saved_by, draft.saved_at = sealed, person_id, now
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(CHANGED_MEANWHILE) from error
    if is_new:   # not at each autosave: that would bury the audit
        audit.record(session, actor=actor, action="bids.begin_draft", subject=("bid_draft", draft.ref), now=now)
    return draft
