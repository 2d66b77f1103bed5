"""Rules of meetings at a fair: states, what an event says of itself, when a round is, which projects may meet. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from marketplace.core.errors import Invalid
from marketplace.core.lifecycle import Lifecycle
from marketplace.core.text import N_
from marketplace.projects.rules import ProjectState

JOB_SCHEDULE_DUE = "meetings.schedule_due"     # somebody asked for a schedule
JOB_SCHEDULE_PUBLISHED = "meetings.schedule_published"   # a version is in force
JOB_MEETINGS_MOVED = "meetings.meetings_moved"           # event_ref, edition, before, after: times or place changed
JOB_MEETINGS_CANCELLED = "meetings.meetings_cancelled"   # meetings of one project do not take place

LAST_YEAR = 2100
MOST_ROUNDS = 40
MOST_MINUTES, MOST_BREAK, MOST_PAUSE = 240, 60, 240
MOST_PARTIES = 3_000
BEFORE_AWARD = (ProjectState.PUBLISHED, ProjectState.OPENED)   # between notice and award: no private meetings


class EventState(StrEnum):
    """Where an event stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    OVER = "over"


class RunState(StrEnum):
    """Where one version of a schedule stands."""

    WAITING = "waiting"
    RUNNING = "running"
    READY = "ready"
    PUBLISHED = "published"
    REPLACED = "replaced"
    FAILED = "failed"
    CANCELLED = "cancelled"


STATE_LABELS: Mapping[EventState, str] = {
    EventState.DRAFT: N_("筹备中"), EventState.SCHEDULED: N_("已排程"), EventState.PUBLISHED: N_("已公布"),
    EventState.OVER: N_("已结束"),
}
STATE_LOOKS: Mapping[EventState, str] = {
    EventState.DRAFT: "plain", EventState.SCHEDULED: "warn", EventState.PUBLISHED: "info", EventState.OVER: "ok",
}
EVENT = Lifecycle(
    {
        (EventState.DRAFT, "schedule"): EventState.SCHEDULED, (EventState.SCHEDULED, "schedule"): EventState.SCHEDULED,
        (EventState.PUBLISHED, "schedule"): EventState.PUBLISHED,
        (EventState.SCHEDULED, "publish"): EventState.PUBLISHED,
        (EventState.PUBLISHED, "publish"): EventState.PUBLISHED,
        (EventState.PUBLISHED, "withdraw"): EventState.SCHEDULED, (EventState.PUBLISHED, "close"): EventState.OVER,
    },
    STATE_LABELS,
)
RUN_LABELS: Mapping[RunState, str] = {
    RunState.WAITING: N_("等待排程"), RunState.RUNNING: N_("正在排程"), RunState.READY: N_("排好，未公布"),
    RunState.PUBLISHED: N_("已公布"), RunState.REPLACED: N_("已被新版本替换"), RunState.FAILED: N_("没有排成"),
    RunState.CANCELLED: N_("已取消"),
}
RUN_LOOKS: Mapping[RunState, str] = {
    RunState.WAITING: "plain", RunState.RUNNING: "info", RunState.READY: "warn", RunState.PUBLISHED: "ok",
    RunState.REPLACED: "plain", RunState.FAILED: "bad", RunState.CANCELLED: "plain",
}
UNDER_WAY = (RunState.WAITING, RunState.RUNNING)
WITH_MEETINGS = (RunState.READY, RunState.PUBLISHED, RunState.REPLACED)
NO_PRIVATE_MEETINGS = N_("“{title}”已发布公告、还没有定标，这期间不得安排单独洽谈（政府采购法第二十五条、政府采购法实施条例第二十条第一项）。"
                         "有问题请在项目页公开提问，答复向所有人公开")


@dataclass(frozen=True)
class EventFacts:
    """What an organizer says of an event. Minutes; after round `pause_after` (0: never) comes a longer pause."""

    title: str
    starts_at: datetime
    place: str = ""
    rounds: int = 6
    minutes: int = 20
    break_minutes: int = 5
    pause_after: int = 0
    pause_minutes: int = 0
    is_open_to_units: bool = False


@dataclass(frozen=True)
class Slot:
    """One round: its number from 1 and when it is, half-open."""

    number: int
    starts_at: datetime
    ends_at: datetime


def check_facts(facts: EventFacts) -> None:
    """Refuse facts that make no event; each sentence names its field."""
    if not facts.title.strip():
        raise Invalid(N_("请填洽谈会名称"), field="title")
    if facts.starts_at.year > LAST_YEAR:
        raise Invalid(N_("开始时间太远，请检查年份"), field="starts_at")
    for name, value, least, most in (
        ("rounds", facts.rounds, 1, MOST_ROUNDS), ("minutes", facts.minutes, 5, MOST_MINUTES),
        ("break_minutes", facts.break_minutes, 0, MOST_BREAK), ("pause_minutes", facts.pause_minutes, 0, MOST_PAUSE),
        ("pause_after", facts.pause_after, 0, facts.rounds - 1),
    ):
        if not least <= value <= most:
            raise Invalid(N_("请填 {least} 到 {most} 之间的数"), field=name, least=least, most=most)
    if facts.pause_minutes and not facts.pause_after:
        raise Invalid(N_("填了长休时长，也要填在第几轮以后"), field="pause_after")
    if facts.pause_after and facts.pause_minutes < max(facts.break_minutes, 1):
        raise Invalid(N_("第 {round} 轮后的长休要填几分钟，不短于轮间休息"), field="pause_minutes", round=facts.pause_after)


def slots(facts: EventFacts) -> tuple[Slot, ...]:
    """Return when each round is."""
    made, begins = [], facts.starts_at
    for number in range(1, facts.rounds + 1):
        ends = begins + timedelta(minutes=facts.minutes)
        made.append(Slot(number, begins, ends))
        begins = ends + timedelta(
            minutes=facts.pause_minutes if number == facts.pause_after else facts.break_minutes)
    return tuple(made)


def is_before_award(state: str) -> bool:
    """Say whether a project stands between notice and award: then nobody meets about it in private (rulebook 2.7a)."""
    return state in BEFORE_AWARD


def read_rounds(typed: str, rounds: int) -> frozenset[int]:
    """Return the rounds that a text names: "1-3, 6"; empty for none. Raises Invalid."""
    plain = typed.replace("，", ",").replace("、", ",").replace("—", "-").replace("–", "-").replace("至", "-")
    found: set[int] = set()
    for part in filter(None, (piece.strip() for piece in plain.split(","))):
        first, dash, last = part.partition("-")
        ends = (first.strip(), last.strip() if dash else first.strip())
        if not all(end.isascii() and end.isdigit() for end in ends):
            raise Invalid(N_("看不懂轮次“{typed}”。请写成 1-3, 6"), field="away", typed=part[:20])
        numbers = range(int(ends[0]), min(int(ends[1]), rounds + 1) + 1)
        if not numbers or numbers[0] < 1 or numbers[-1] > rounds:
            raise Invalid(N_("没有第 {typed} 轮，本场共 {rounds} 轮"), field="away", typed=part[:20], rounds=rounds)
        found.update(numbers)
    return frozenset(found)


def written_rounds(rounds: Iterable[int]) -> str:
    """Return rounds as people write them: 1-3, 6."""
    runs: list[list[int]] = []
    for number in sorted(rounds):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
