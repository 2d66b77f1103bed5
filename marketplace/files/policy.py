"""Who may store and fetch files. Files of bids, contracts and dossiers go through their own slices' routes."""

from marketplace.core.access import ALLOWED, Actor, Decision, denied
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.files.rules import ScanState


def may_store(actor: Actor, organization_id: int | None) -> Decision:
    """Any person for the organization he acts for; the system for anybody."""
    if actor.is_system:
        return ALLOWED
    if not actor.is_signed_in:
        return denied(N_("请先登录再上传文件"))
    if organization_id is not None and organization_id != actor.organization_id:
        return denied(N_("只能为自己所在的单位上传文件"))
    return ALLOWED


def may_record_scan(actor: Actor) -> Decision:
    """Only the system says what the virus check found."""
    return ALLOWED if actor.is_system else denied(N_("检查结果只能由系统记录"))


def may_download(actor: Actor, file: StoredFile) -> Decision:
    """Let anybody fetch a public file, its uploader and organization any other; for the rest it does not exist."""
    owns = actor.is_signed_in and (
        file.uploaded_by == actor.person_id
        or (file.owner_organization_id is not None and file.owner_organization_id == actor.organization_id)
    )
    if not file.is_public and not owns:
        return denied(N_("没有这个文件，或您不能查看"), hidden=True)
    if file.scan_state == ScanState.CLEAN:
        return ALLOWED
    if not owns:
        return denied(N_("没有这个文件，或您不能查看"), hidden=True)
    if file.scan_state == ScanState.INFECTED:
        return denied(N_("这个文件没有通过安全检查（{note}），不能下载。请删除后重新上传"), note=file.scan_note or "")
    return denied(N_("文件还在做安全检查。请稍后再下载"))
