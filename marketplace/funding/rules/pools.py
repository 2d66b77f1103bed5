"""The states of a pool of matching money and the legal steps between them. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum

from marketplace.core.errors import Invalid
from marketplace.core.lifecycle import Lifecycle
from marketplace.core.text import N_
from marketplace.organizations.rules import credit_code_is_valid

JOB_CAPTURE_DUE = "funding.capture_due"   # pledge_ref: the delay before its matching money is confirmed is over


class PoolState(StrEnum):
    """Where a pool stands. Only an open one matches; what it has promised stays promised in every state."""

    DRAFT = "draft"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


POOL_STATE_LABELS: Mapping[PoolState, str] = {
    PoolState.DRAFT: N_("草稿"), PoolState.OPEN: N_("开放中"), PoolState.PAUSED: N_("已暂停"), PoolState.CLOSED: N_("已关闭"),
}

POOL_LIFECYCLE = Lifecycle(
    {
        (PoolState.DRAFT, "start"): PoolState.OPEN, (PoolState.PAUSED, "start"): PoolState.OPEN,
        (PoolState.OPEN, "pause"): PoolState.PAUSED, (PoolState.OPEN, "close"): PoolState.CLOSED,
        (PoolState.PAUSED, "close"): PoolState.CLOSED,
    },
    POOL_STATE_LABELS,
)


class AllocationState(StrEnum):
    """Where a pool's claim for one pledge stands."""

    RESERVED = "reserved"
    CAPTURED = "captured"
    RETURNED = "returned"


ALLOCATION_STATE_LABELS: Mapping[AllocationState, str] = {
    AllocationState.RESERVED: N_("已保留"), AllocationState.CAPTURED: N_("已确认"), AllocationState.RETURNED: N_("已退回资金池"),
}

_PLAN = re.compile(r"^([0-9A-Z]{18})A\d{5}$")


def read_plan_number(typed: str) -> str:
    """Return the filing number of a plan of public fundraising in its plain form; empty stays empty; raises Invalid.

    18 characters of the charity's code, A, and five digits (rulebook 4.2).
    """
    plain = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", typed)).upper()
    found = _PLAN.match(plain)
    if plain and not (found and credit_code_is_valid(found[1])):
        raise Invalid(N_("“{number}”不是公开募捐方案备案编号：应为 18 位统一社会信用代码加 A 和 5 位数字"), field="filed_plan_number",
                      number=typed)
    return plain
