"""What an issued paper is: canonical facts, hashes, codes, and what a file handed in proves to be. Pure."""

import hashlib
import json
import re
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from marketplace.core.text import N_

CODE_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # as core.db.REF_ALPHABET: people read these aloud
CODE_GROUPS = 4
CODE_GROUP_LENGTH = 4  # 16 characters of 31: about 2**79, with a rate limit on the page that asks for them
MAX_FACT_LENGTH = 200
MARK = b"/FAIR_Number"
STREAM_LIMIT = 4_000_000
NUMBER = re.compile(r"^[\w.\-]{3,60}$")
_MARKED = re.compile(re.escape(MARK) + rb"\s*\(([^)\\]{1,60})\)")
_EMBEDDED = re.compile(rb'"document_number":"([^"\\]{1,60})"')
_STREAM = re.compile(rb"stream\r?\n")

PUBLIC_FACTS: Mapping[str, str] = {  # the only facts a verify page may show, with their labels
    "project": N_("项目"), "buyer": N_("甲方"), "provider": N_("乙方"),
    "organization": N_("单位"), "amount": N_("金额"), "period": N_("服务期"), "date": N_("日期"),
}


@dataclass(frozen=True)
class Paper:
    """What is issued: kind (contract, receipt ...), number, verify code, and what its verify page may tell.

    `facts` has keys of PUBLIC_FACTS; `organization_id` owns the file; a demo paper says so wherever it is shown.
    """

    kind: str
    number: str
    verify_code: str
    title: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    organization_id: int | None = None
    is_demo: bool = False


class Standing(StrEnum):
    """What the verify page stamps on a paper."""

    VALID = "valid"
    SUPERSEDED = "superseded"
    VOIDED = "voided"


STANDING_LABELS: Mapping[Standing, str] = {
    Standing.VALID: N_("有效"), Standing.SUPERSEDED: N_("已有新版"), Standing.VOIDED: N_("已作废"),
}


class Verdict(StrEnum):
    """What a file handed in for checking turns out to be (interfaces.md)."""

    INTACT = "intact"
    ALTERED = "altered"
    TRUNCATED = "truncated"
    UNKNOWN_FILE = "unknown_file"
    UNKNOWN_NUMBER = "unknown_number"
    SUPERSEDED = "superseded"
    SIGNATURE_INVALID = "signature_invalid"


DIFFERENCES: Mapping[Verdict, str] = {
    Verdict.TRUNCATED: N_("文件不完整：后面的内容丢失了。请重新下载"),
    Verdict.SIGNATURE_INVALID: N_("文件后面加了签名，但本平台没有登记过这个签名"),
    Verdict.ALTERED: N_("文件内容与平台登记的不一致，可能被改动过。请以平台下载的为准"),
}


@dataclass(frozen=True)
class Finding:
    """The answer to "is this what was issued?": verdict, why, which number, the file's own hash, who signed."""

    verdict: Verdict
    reason: str
    sha256: str
    number: str | None = None
    signers: tuple[str, ...] = field(default=())


def canonical_json(data: object) -> bytes:
    """Return the one byte form of plain data: UTF-8, sorted keys, no blanks. A float raises TypeError."""
    _refuse_floats(data)
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _refuse_floats(data: object) -> None:
    """Raise TypeError where a number could print differently elsewhere."""
    if isinstance(data, float):
        msg = "canonical data holds no floats"
        raise TypeError(msg)
    if isinstance(data, Mapping):
        for key, value in data.items():
            if not isinstance(key, str):
                msg = "canonical keys are text"
                raise TypeError(msg)
            _refuse_floats(value)
    elif isinstance(data, list | tuple):
        for value in data:
            _refuse_floats(value)


def sha256(data: bytes) -> str:
    """Return the SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def new_verify_code() -> str:
    """Return a random code in groups of four, as the QR and the paper show it: 7kq4-m2xd-9txy-h3vp."""
    letters = [secrets.choice(CODE_ALPHABET) for _ in range(CODE_GROUPS * CODE_GROUP_LENGTH)]
    return tidy_code("".join(letters))


def tidy_code(typed: str) -> str:
    """Return a typed code as it is stored: lower case, four by four; blanks and dashes as people like."""
    plain = re.sub(r"[\s\-—－]", "", typed or "").lower()
    return "-".join(plain[i:i + CODE_GROUP_LENGTH] for i in range(0, len(plain), CODE_GROUP_LENGTH))


def number_in(data: bytes) -> str | None:
    """Return the number a PDF says it carries, found without trusting its structure, or None.

    It stands twice: in the clear near the start of the file, and in the embedded contract.json. Whole, cut or
    rewritten files are read alike; each stream is unpacked up to 4 MB, so a bomb costs little.
    """
    found = _MARKED.search(data) or _EMBEDDED.search(data)
    if found is None:
        for start in _STREAM.finditer(data):
            unpacked = _unpack(data[start.end():])
            if unpacked and (found := _EMBEDDED.search(unpacked)):
                break
    if found is None:
        return None
    number = found[1].decode("utf-8", "replace")
    return number if NUMBER.match(number) else None


def _unpack(data: bytes) -> bytes:
    """Inflate what begins here, as far as it goes."""
    unpacker = zlib.decompressobj()
    try:
        return unpacker.decompress(data, STREAM_LIMIT)
    except zlib.error:
        return b""


def compare(data: bytes, issued: bytes, number: str) -> Finding:
    """Judge a file that names a known number but has another hash than what was issued."""
    digest = sha256(data)
    if issued.startswith(data):
        verdict = Verdict.TRUNCATED
    elif data.startswith(issued) and b"/ByteRange" in data[len(issued):]:
        verdict = Verdict.SIGNATURE_INVALID
    else:
        verdict = Verdict.ALTERED
    return Finding(verdict, DIFFERENCES[verdict], digest, number)
