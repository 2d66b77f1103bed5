"""Offers and their seal: states, the bidding window, canonical bytes, commitment, padding, what is missing. Pure."""

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from marketplace.core.clock import beijing
from marketplace.core.errors import Invalid
from marketplace.core.lifecycle import Lifecycle
from marketplace.core.money import Money
from marketplace.core.text import N_

JOB_BID_RECEIVED = "bids.received"
JOB_BIDS_OPENED = "bids.opened"

NONCE_BYTES = 32
OPENING_WAIT = timedelta(seconds=60)     # requests that arrived in time may still be in their transaction
KEY_WAIT = timedelta(minutes=10)        # between two looks for a missing sealing key
MAX_CLOCK_SKEW = timedelta(seconds=2)    # a server further from the database's clock refuses bids
MAX_TEXT = 20_000
MAX_SHORT = 200
MAX_SUMMARY = 500
MAX_FILES = 5
# Sealed sizes must not tell a long plan from a short one. Offers of text are 3 to 40 KB; 16 KiB steps leave three
# sizes for nearly all of them. 64 KiB, as for files, would quadruple every row, backup and log for no further gain.
PAD_STEP = 16 * 1024
FILE_PAD_STEP = 64 * 1024


class BidState(StrEnum):
    """Where a submitted bid stands."""

    SEALED = "sealed"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    OPENED = "opened"
    UNREADABLE = "unreadable"


STATE_LABELS: Mapping[BidState, str] = {
    BidState.SEALED: N_("已提交·密封"), BidState.REPLACED: N_("已被新提交替换"), BidState.WITHDRAWN: N_("已撤回"),
    BidState.OPENED: N_("已启封"), BidState.UNREADABLE: N_("无法启封"),
}

LIFECYCLE: Lifecycle[BidState] = Lifecycle(
    {
        (BidState.SEALED, "replace"): BidState.REPLACED,
        (BidState.SEALED, "withdraw"): BidState.WITHDRAWN,
        (BidState.SEALED, "open"): BidState.OPENED,
        (BidState.SEALED, "mark_unreadable"): BidState.UNREADABLE,
    },
    STATE_LABELS,
)
LIVE_STATES = (BidState.SEALED, BidState.OPENED, BidState.UNREADABLE)


class Verdict(StrEnum):
    """What the opening found when it recomputed a commitment."""

    INTACT = "intact"
    UNREADABLE = "unreadable"


VERDICT_LABELS: Mapping[Verdict, str] = {
    Verdict.INTACT: N_("摘要一致"), Verdict.UNREADABLE: N_("无法解开或摘要不一致"),
}


class Part(StrEnum):
    """The parts of a bid, in the order of the task list."""

    PRICE = "price"
    PLAN = "plan"
    TEAM = "team"
    TRACK_RECORD = "track_record"
    BUDGET = "budget"
    FILES = "files"
    CONTACT = "contact"
    PROMISES = "promises"


PART_LABELS: Mapping[Part, str] = {
    Part.PRICE: N_("报价"), Part.PLAN: N_("实施方案"), Part.TEAM: N_("团队与人员"), Part.TRACK_RECORD: N_("业绩"),
    Part.BUDGET: N_("预算说明"), Part.FILES: N_("附件"), Part.CONTACT: N_("联系人"), Part.PROMISES: N_("声明"),
}
OPTIONAL_PARTS = frozenset({Part.TRACK_RECORD, Part.BUDGET, Part.FILES})
PART_FIELDS: Mapping[Part, tuple[str, ...]] = {
    Part.PRICE: ("price",), Part.PLAN: ("summary", "plan"), Part.TEAM: ("team",), Part.TRACK_RECORD: ("track_record",),
    Part.BUDGET: ("budget_notes",), Part.FILES: ("files",), Part.CONTACT: ("contact_name", "contact_phone"),
    Part.PROMISES: ("promises",),
}
FIELD_LABELS: Mapping[str, str] = {
    "price": N_("总价"), "summary": N_("方案摘要"), "plan": N_("实施方案"), "team": N_("团队与人员"),
    "track_record": N_("业绩"), "budget_notes": N_("预算说明"), "files": N_("附件"), "contact_name": N_("联系人"),
    "contact_phone": N_("联系电话"), "promises": N_("声明"),
}
TEXT_FIELDS = ("summary", "plan", "team", "track_record", "budget_notes", "contact_name", "contact_phone")
REQUIRED_TEXTS = ("plan", "team", "contact_name", "contact_phone")
LIMITS: Mapping[str, int] = {
    "summary": MAX_SUMMARY, "contact_name": MAX_SHORT, "contact_phone": MAX_SHORT, "plan": MAX_TEXT, "team": MAX_TEXT,
    "track_record": MAX_TEXT, "budget_notes": MAX_TEXT,
}
PROMISES: Mapping[str, str] = {  # GPL 22, GPR 18
    "true": N_("以上内容真实，愿意承担提供虚假材料的责任"),
    "clean_record": N_("参加本次活动前三年内，没有重大违法记录"),
    "no_conflict": N_("与购买主体、评审人员没有应当回避的关系"),
}


@dataclass(frozen=True, repr=False)
class BidOffer:
    """What an organization offers. Never printed whole: its repr shows nothing, so no log or traceback can leak it.

    `answers` holds {"promises": [keys of PROMISES], "files": [entries of attached files]}.
    """

    price: Money
    plan: str
    team: str
    contact_name: str
    contact_phone: str
    summary: str = ""
    track_record: str = ""
    budget_notes: str = ""
    answers: Mapping[str, object] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "<BidOffer, sealed>"


def all_promises() -> dict[str, object]:
    """Return the answers of an offer whose every promise is ticked and that has no file."""
    return {"promises": list(PROMISES)}


def bidding_is_open(published_at: datetime | None, closes_at: datetime | None, now: datetime) -> bool:
    """Say whether an offer may come in at `now`: [published_at, closes_at), the closing second itself is late."""
    return published_at is not None and closes_at is not None and published_at <= now < closes_at


def opening_is_due(closes_at: datetime | None, now: datetime) -> bool:
    """Say whether the bids may be opened: a minute after the deadline, for requests still in their transaction."""
    return closes_at is not None and now >= closes_at + OPENING_WAIT


def opens_at(closes_at: datetime | None) -> datetime | None:
    """Return the moment from which the bids are opened."""
    return None if closes_at is None else closes_at + OPENING_WAIT


def canonical_bytes(offer: BidOffer) -> bytes:
    """Return the one byte form of an offer: JSON with sorted keys, texts in NFC, the price in fen."""
    body: dict[str, object] = {name: unicodedata.normalize("NFC", getattr(offer, name)) for name in TEXT_FIELDS}
    body |= {"version": 1, "price_fen": offer.price.fen, "answers": dict(offer.answers)}
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def read_canonical(data: bytes) -> BidOffer:
    """Return the offer of canonical bytes; raises ValueError for anything else."""
    try:
        body = json.loads(data)
        texts = {name: str(body[name]) for name in TEXT_FIELDS}
        return BidOffer(price=Money(body["price_fen"]), answers=dict(body["answers"]), **texts)
    except (KeyError, TypeError, UnicodeDecodeError) as error:
        msg = "not the canonical bytes of an offer"
        raise ValueError(msg) from error


def commitment(nonce: bytes, data: bytes) -> str:
    """Return SHA-256 over a random nonce and the canonical bytes; without the nonce a short offer could be guessed."""
    if len(nonce) != NONCE_BYTES:
        msg = f"a nonce has {NONCE_BYTES} bytes"
        raise ValueError(msg)
    return hashlib.sha256(nonce + data).hexdigest()


def commitment_holds(expected: str, nonce: bytes, data: bytes) -> bool:
    """Say whether the bytes are those that the receipt names."""
    return hmac.compare_digest(expected, commitment(nonce, data))


def pad(data: bytes, step: int = PAD_STEP) -> bytes:
    """Return the data with its length before it, filled with zeros to a whole number of steps."""
    whole = len(data).to_bytes(4, "big") + data
    return whole + bytes(-len(whole) % step)


def unpad(padded: bytes) -> bytes:
    """Return what pad() was given; raises ValueError for anything else."""
    length = int.from_bytes(padded[:4], "big")
    if len(padded) < 4 or length > len(padded) - 4:  # noqa: PLR2004 - the length field
        msg = "not padded data"
        raise ValueError(msg)
    return padded[4:4 + length]


def draft_context(project_id: int, organization_id: int) -> bytes:
    """Return what a draft's seal is bound to: moved to another row it does not open."""
    return f"draft|{project_id}|{organization_id}".encode()


def bid_context(project_id: int, bid_ref: str, envelope: str = "whole") -> bytes:
    """Return what an envelope's seal is bound to."""
    return f"bid|{project_id}|{bid_ref}|{envelope}".encode()


def own_copy_context(organization_id: int, bid_ref: str) -> bytes:
    """Return what the bidder's own copy is bound to."""
    return f"own|{organization_id}|{bid_ref}".encode()


def file_context(sha256: str) -> bytes:
    """Return what an attached file's seal is bound to: the hash of its bytes."""
    return f"file|{sha256}".encode()


def receipt_number(now: datetime, suffix: str) -> str:
    """Return R-20261123-7K3M9QXW: the day and random characters. A running number would tell how many others bid."""
    return f"R-{beijing(now):%Y%m%d}-{suffix.upper()}"


def check_offer(offer: BidOffer, *, ceiling: Money | None, fixed_price: Money | None = None) -> None:
    """Refuse an incomplete offer, a price of nothing or above the ceiling, or one that differs from a fixed price."""
    if offer.price.fen <= 0:
        raise Invalid(N_("总价应大于 0"), field="price")
    if ceiling is not None and offer.price > ceiling:
        raise Invalid(N_("总价 {price} 元超过最高限价 {ceiling} 元。请修改报价后再提交"), field="price",
                      price=offer.price.grouped(), ceiling=ceiling.grouped())
    if fixed_price is not None and offer.price != fixed_price:
        raise Invalid(N_("本项目是固定价格，总价应为 {fixed} 元"), field="price", fixed=fixed_price.grouped())
    for name in REQUIRED_TEXTS:
        if not getattr(offer, name).strip():
            raise Invalid(N_("请填写“{label}”"), field=name, label=FIELD_LABELS[name])
    for name, limit in LIMITS.items():
        check_length(name, getattr(offer, name), limit)
    if unticked := [key for key in PROMISES if key not in attached_promises(offer.answers)]:
        raise Invalid(N_("请勾选声明：{promise}"), field="promises", promise=PROMISES[unticked[0]])


def check_length(name: str, text: str, limit: int) -> None:
    """Refuse a text above its limit, saying by how much."""
    if len(text) > limit:
        raise Invalid(N_("“{label}”最多 {limit} 字，现在是 {length} 字。请删减"), field=name, label=FIELD_LABELS[name],
                      limit=limit, length=len(text))


def attached_promises(answers: Mapping[str, object]) -> tuple[str, ...]:
    """Return the keys of the ticked promises."""
    ticked = answers.get("promises")
    return tuple(str(key) for key in ticked) if isinstance(ticked, list | tuple) else ()


def offer_of(fields: Mapping[str, object]) -> BidOffer:
    """Return the offer that a draft's fields describe; raises Invalid for a price that is not an amount."""
    texts = {name: str(fields.get(name) or "").strip() for name in TEXT_FIELDS}
    answers: dict[str, object] = {"promises": list(attached_promises(fields)), "files": list(attached(fields))}
    return BidOffer(price=Money.parse(str(fields.get("price") or ""), field="price"), answers=answers, **texts)


def fields_of(offer: BidOffer) -> dict[str, object]:
    """Return the draft's fields that describe an offer: a submitted bid is the start of the next version."""
    texts: dict[str, object] = {name: getattr(offer, name) for name in TEXT_FIELDS}
    return texts | {"price": offer.price.plain(), "promises": list(attached_promises(offer.answers)),
                    "files": list(attached(offer.answers))}


def attached(fields: Mapping[str, object]) -> tuple[Mapping[str, object], ...]:
    """Return the entries of attached files: name, size, sha256, blob (where the sealed bytes lie), key (wrapped)."""
    entries = fields.get("files")
    return tuple(entries) if isinstance(entries, list | tuple) else ()


class PartState(StrEnum):
    """How far a part of a draft is."""

    EMPTY = "empty"
    STARTED = "started"
    DONE = "done"


PART_STATE_LABELS: Mapping[PartState, str] = {
    PartState.EMPTY: N_("未开始"), PartState.STARTED: N_("进行中"), PartState.DONE: N_("已完成"),
}


def part_state(part: Part, fields: Mapping[str, object]) -> PartState:
    """Return how far one part of a draft's fields is."""
    if part is Part.PROMISES:
        ticked = set(attached_promises(fields)) & set(PROMISES)
        return PartState.DONE if len(ticked) == len(PROMISES) else PartState.STARTED if ticked else PartState.EMPTY
    filled = [name for name in PART_FIELDS[part] if fields.get(name)]
    needed = [name for name in PART_FIELDS[part] if name in REQUIRED_TEXTS or name == "price"] or PART_FIELDS[part]
    if set(needed) <= set(filled):
        return PartState.DONE
    return PartState.STARTED if filled else PartState.EMPTY


def missing_parts(fields: Mapping[str, object]) -> list[Part]:
    """Return the parts that must be completed before a draft can be submitted, in task-list order."""
    return [part for part in Part if part not in OPTIONAL_PARTS and part_state(part, fields) is not PartState.DONE]
