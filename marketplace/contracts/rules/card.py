"""States of a contract and the clocks that the law starts with it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.core.calendar import WorkCalendar
from marketplace.core.lifecycle import Lifecycle
from marketplace.core.text import N_

JOB_CONTRACT_DRAWN_UP = "contracts.drawn_up"   # contract_ref: print it
JOB_CONTRACT_ISSUED = "contracts.issued"       # contract_ref: the paper is there, both parties may sign
JOB_CONTRACT_SIGNED = "contracts.signed"       # contract_ref: signed, to be published
JOB_CONTRACT_PUBLISHED = "contracts.published" # contract_ref: nothing is left to publish

SIGN_DAYS = 30            # award notice -> signing (GPL 46)
PUBLISH_WORKDAYS = 2      # signing -> publication (GPR 50)
FILE_WORKDAYS = 7         # signing -> copy to the finance department (GPL 47)
RETENTION_YEARS = 15      # end of the procedure -> files kept (GPL 42)


class ContractState(StrEnum):
    """Where a contract stands."""

    FROZEN = "frozen"     # terms fixed, paper not printed yet
    ISSUED = "issued"     # paper printed, to be signed
    SIGNED = "signed"     # signed copy registered


STATE_LABELS: Mapping[ContractState, str] = {
    ContractState.FROZEN: N_("条款已锁定"), ContractState.ISSUED: N_("待签署"), ContractState.SIGNED: N_("已签约"),
}

LIFECYCLE = Lifecycle(
    {(ContractState.FROZEN, "issue"): ContractState.ISSUED, (ContractState.ISSUED, "sign"): ContractState.SIGNED},
    STATE_LABELS,
)


class ClockState(StrEnum):
    """How a legal period runs."""

    DONE = "done"
    LATE_DONE = "late_done"
    RUNNING = "running"
    OVERDUE = "overdue"
    NOT_STARTED = "not_started"
    KEPT = "kept"


CLOCK_LABELS: Mapping[ClockState, str] = {
    ClockState.DONE: N_("按期完成"), ClockState.LATE_DONE: N_("逾期完成"), ClockState.RUNNING: N_("进行中"),
    ClockState.OVERDUE: N_("已逾期"), ClockState.NOT_STARTED: N_("未开始"), ClockState.KEPT: N_("已锁定"),
}


@dataclass(frozen=True)
class Clock:
    """One legal period of the contract card: what, by when (inclusive day), how it stands, and its source."""

    title: str
    by: date | None
    state: ClockState
    source: str


def sign_by(awarded_on: date, days: int, calendar: WorkCalendar) -> date:
    """Return the last day to sign: calendar days after the award notice, rolled to a working day."""
    return calendar.add_days(awarded_on, days)


def publish_by(signed_on: date, calendar: WorkCalendar) -> date:
    """Return the last day to publish a contract signed on that day."""
    return calendar.add_workdays(signed_on, PUBLISH_WORKDAYS)


def clocks(*, sign_by: date, signed_on: date | None, published_on: date | None, filed_on: date | None,
           today: date, calendar: WorkCalendar) -> list[Clock]:
    """Return the four clocks of the contract card."""
    publish = publish_by(signed_on, calendar) if signed_on else None
    file_by = calendar.add_workdays(signed_on, FILE_WORKDAYS) if signed_on else None
    keep = date(signed_on.year + RETENTION_YEARS, 12, 31) if signed_on else None
    return [
        Clock(N_("签订，中选后 30 日内"), sign_by, _stands(sign_by, signed_on, today), N_("政府采购法第四十六条")),
        Clock(N_("公开，签订后 2 个工作日内"), publish, _stands(publish, published_on, today),
              N_("政府采购法实施条例第五十条")),
        Clock(N_("备案，签订后 7 个工作日内"), file_by, _stands(file_by, filed_on, today), N_("政府采购法第四十七条")),
        Clock(N_("档案保存，15 年"), keep, ClockState.KEPT if keep else ClockState.NOT_STARTED,
              N_("政府采购法第四十二条")),
    ]


def _stands(by: date | None, done_on: date | None, today: date) -> ClockState:
    """Return how a period stands today."""
    if by is None:
        return ClockState.NOT_STARTED
    if done_on is not None:
        return ClockState.DONE if done_on <= by else ClockState.LATE_DONE
    return ClockState.RUNNING if today <= by else ClockState.OVERDUE
