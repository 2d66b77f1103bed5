"""What may be uploaded for which purpose, and the states of the virus check. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.errors import Invalid
from marketplace.core.lifecycle import Lifecycle
from marketplace.core.text import N_
from marketplace.files.rules import kinds

JOB_FILE_STORED = "files.stored"

MAX_BYTES = 20 * 1024 * 1024
MAX_NAME = 120


class Purpose(StrEnum):
    """What a file is uploaded for; decides which types are taken."""

    PROJECT_ATTACHMENT = "project_attachment"
    CREDENTIAL = "credential"
    BID_ATTACHMENT = "bid_attachment"
    SIGNED_PAPER = "signed_paper"
    EVIDENCE = "evidence"
    IMPORT_SHEET = "import_sheet"


ALLOWED: Mapping[Purpose, tuple[str, ...]] = {
    Purpose.PROJECT_ATTACHMENT: ("pdf", "docx", "xlsx", "jpg", "png"),
    Purpose.CREDENTIAL: ("pdf", "jpg", "png"),
    Purpose.BID_ATTACHMENT: ("pdf",),
    Purpose.SIGNED_PAPER: ("pdf", "jpg", "png"),
    Purpose.EVIDENCE: ("pdf", "jpg", "png", "docx", "xlsx"),
    Purpose.IMPORT_SHEET: ("xlsx", "xls", "csv"),
}

MEDIA_TYPES: Mapping[str, str] = {
    "pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png", "csv": "text/csv",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


class ScanState(StrEnum):
    """Where the virus check of a file stands; only a clean one is attached or handed on."""

    PENDING = "pending"
    CLEAN = "clean"
    INFECTED = "infected"
    FAILED = "failed"


SCAN_LABELS: Mapping[ScanState, str] = {
    ScanState.PENDING: N_("检查中"), ScanState.CLEAN: N_("已通过检查"),
    ScanState.INFECTED: N_("未通过检查"), ScanState.FAILED: N_("稍后自动重试检查"),
}

SCANNING: Lifecycle[ScanState] = Lifecycle(
    {(state, verdict.value): verdict
     for state in (ScanState.PENDING, ScanState.FAILED)
     for verdict in (ScanState.CLEAN, ScanState.INFECTED, ScanState.FAILED)},
    SCAN_LABELS,
)


@dataclass(frozen=True)
class Accepted:
    """An upload that passed: a safe name, the type it really is, and its bytes without picture metadata."""

    name: str
    media_type: str
    data: bytes


def accept(name: str, data: bytes, purpose: Purpose) -> Accepted:
    """Check an upload by extension, first bytes and structure; raises Invalid with one sentence per fault."""
    clean = kinds.safe_name(name, limit=MAX_NAME)
    allowed = ALLOWED[purpose]
    if not data:
        raise Invalid(N_("“{name}”是空文件。请检查后重新选择"), field="file", name=clean)
    if len(data) > MAX_BYTES:
        raise Invalid(N_("“{name}”超过 20 MB。请压缩或拆分后上传"), field="file", name=clean)
    extension = kinds.extension(clean)
    if extension not in allowed:
        raise Invalid(N_("这里不接受“{name}”这种文件。可以上传：{allowed}"), field="file", name=clean,
                      allowed="、".join(allowed).upper())
    fault = kinds.fault(extension, data)
    if fault is kinds.Fault.LIES:
        raise Invalid(N_("“{name}”的内容不是 {type} 文件。请用原来的软件另存为 {type} 再上传，不要只改扩展名"),
                      field="file", name=clean, type=extension.upper())
    if fault is kinds.Fault.LOCKED:
        raise Invalid(N_("“{name}”有密码保护。请去掉密码后上传"), field="file", name=clean)
    if fault is kinds.Fault.BROKEN:
        raise Invalid(N_("“{name}”不完整或已损坏。请重新导出后上传"), field="file", name=clean)
    if fault is kinds.Fault.HUGE:
        raise Invalid(N_("“{name}”展开后太大。请缩小图片或减少内容后上传"), field="file", name=clean)
    return Accepted(clean, MEDIA_TYPES[extension], kinds.without_metadata(extension, data))
