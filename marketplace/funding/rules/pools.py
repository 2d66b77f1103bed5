"""The states of a pool of matching money and the legal steps between them. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from marketplace.core.lifecycle import Lifecycle
from marketplace.core.text import N_

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
