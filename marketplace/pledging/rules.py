"""Rules of pledging events: footing, states, what a recorder may type, what may be shown in the hall. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from marketplace.core.clock import at_beijing, beijing, beijing_date
from marketplace.core.errors import Invalid
from marketplace.core.lifecycle import Lifecycle
from marketplace.core.money import FEN_PER_WAN, Money
from marketplace.core.text import N_

JOB_SIGN_DUE = "pledging.sign_due"     # somebody who raised a paddle has yet to sign
PLAN_DAYS = 10                         # 公开募捐管理办法 art 11: the plan is filed ten days before
UNDO_SECONDS = 30                      # as long an entry is taken back by one tap
LATE_HOURS = 24                        # as long after the end a device may still hand in what it kept
MAX_PADDLE = 9_999
LAST_SHOWN = 5
NOTHING = Money(0)
STALE_SECONDS = 6                      # the hall says that the line is broken after so long without an answer
CLOCK_SKEW = timedelta(minutes=5)
REMIND_DAYS = (3, 1)                   # days left when a funder is reminded to sign


class EventState(StrEnum):
    """Where an event stands."""

    DRAFT = "draft"
    LIVE = "live"
    CLOSED = "closed"


class Footing(StrEnum):
    """On what ground money may be asked for in a hall: never by anybody, never from anybody (rulebook 4.2)."""

    GUEST_LIST = "guest_list"
    FILED_PLAN = "filed_plan"


class Recorder(StrEnum):
    """The first makes pledges, the second is kept to compare."""

    FIRST = "first"
    SECOND = "second"


class Reason(StrEnum):
    """Why an entry was reversed; the words also stand on the screen of the hall."""

    MISHEARD = "misheard"
    WRONG_PADDLE = "wrong_paddle"
    TWICE = "twice"
    WITHDRAWN = "withdrawn"
    SETTLED = "settled"


STATE_LABELS: Mapping[EventState, str] = {
    EventState.DRAFT: N_("筹备中"), EventState.LIVE: N_("进行中"), EventState.CLOSED: N_("已结束"),
}
STATE_LOOKS: Mapping[EventState, str] = {EventState.DRAFT: "plain", EventState.LIVE: "info", EventState.CLOSED: "ok"}
FOOTING_LABELS: Mapping[Footing, str] = {
    Footing.GUEST_LIST: N_("定向邀请：只有名单内的单位和具名个人参加"), Footing.FILED_PLAN: N_("公开募捐：慈善组织已备案募捐方案"),
}
RECORDER_LABELS: Mapping[Recorder, str] = {Recorder.FIRST: N_("第一记录人"), Recorder.SECOND: N_("第二记录人")}
REASON_LABELS: Mapping[Reason, str] = {
    Reason.MISHEARD: N_("金额听错"), Reason.WRONG_PADDLE: N_("牌号看错"), Reason.TWICE: N_("重复记录"),
    Reason.WITHDRAWN: N_("认捐人更改"), Reason.SETTLED: N_("两份记录核对后更正"),
}
EVENT = Lifecycle({(EventState.DRAFT, "go_live"): EventState.LIVE, (EventState.LIVE, "close"): EventState.CLOSED},
                  STATE_LABELS)

_PLAN = re.compile(r"[0-9A-Z]{18}A\d{5}")
_ENTRY = re.compile(r"[#№]?(\d{1,6})(?:号牌?)?(?:[\s,、;:：]+(.*?))?[\s,]*(\+)?")
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True)
class Plan:
    """A filed plan of public fundraising: its number on 慈善中国, the day it was filed, its page."""

    number: str
    filed_on: date | None
    url: str = ""


@dataclass(frozen=True)
class EventFacts:
    """What a host says of an event before it begins."""

    title: str
    starts_at: datetime
    place: str = ""
    sign_days: int = 7
    asks_two_recorders: bool = True
    target: Money | None = None


@dataclass(frozen=True)
class Typed:
    """What a recorder typed: "27, 20000", or "27" at the level of the round; `+` at the end says "again"."""

    paddle: int
    amount: Money | None = None
    is_again: bool = False


@dataclass(frozen=True)
class Keyed:
    """One entry as a device hands it in: its own key makes it one entry however often it is sent."""

    device_key: str
    paddle: int
    amount: Money | None
    round_number: int
    is_again: bool = False
    keyed_at: datetime | None = None


@dataclass(frozen=True)
class Figures:
    """The sums of one evening, each apart; matched money is reserved until the pledge is paid, then confirmed."""

    signed: Money = NOTHING
    verbal: Money = NOTHING
    reserved: Money = NOTHING
    confirmed: Money = NOTHING
    paid: Money = NOTHING

    @property
    def matched(self) -> Money:
        """Return matching money, reserved and confirmed."""
        return self.reserved + self.confirmed

    @property
    def total(self) -> Money:
        """Return everything that stands behind the evening: signed, verbal, matched and paid."""
        return self.signed + self.verbal + self.matched + self.paid


def tidy_plan_number(typed: str) -> str:
    """Return a plan's number as 慈善中国 writes it: half-width capitals without blanks."""
    return re.sub(r"[\s\-‐‑–—_]", "", unicodedata.normalize("NFKC", typed or "")).upper()


def check_plan(plan: Plan, *, receiver_code: str | None, starts_on: date) -> Plan:
    """Return the plan, tidy; raises Invalid for a number that is none or another body's, or a plan filed too late.

    The number is the filing body's credit code, A, two digits of the year, three of the plan (rulebook 4.2).
    """
    number = tidy_plan_number(plan.number)
    if not _PLAN.fullmatch(number):
        raise Invalid(N_("“{number}”不是募捐方案备案编号。应为 18 位统一社会信用代码、字母 A 和 5 位数字，请照“慈善中国”抄录"),
                      field="plan_number", number=plan.number or "—")
    if number[:18] != (receiver_code or ""):
        raise Invalid(N_("备案编号里的信用代码是 {found}，与接收方的 {code} 不同。只能用接收方自己备案的方案"),
                      field="plan_number", found=number[:18], code=receiver_code or "—")
    if plan.filed_on is None:
        raise Invalid(N_("请填募捐方案的备案日期"), field="plan_filed_on")
    if (starts_on - plan.filed_on).days < PLAN_DAYS:
        raise Invalid(N_("募捐方案应在活动开始十日前备案。按备案日期，活动最早可在 {earliest} 举行"), field="plan_filed_on",
                      earliest=(plan.filed_on + timedelta(days=PLAN_DAYS)).isoformat())
    if plan.url and not plan.url.startswith("https://"):
        raise Invalid(N_("方案网址请以 https:// 开头，指向“慈善中国”的备案页"), field="plan_url")
    return Plan(number, plan.filed_on, plan.url)


def read_entry(typed: str) -> Typed:
    """Read one line of a recorder; raises Invalid with what is wrong and an example."""
    line = unicodedata.normalize("NFKC", typed or "").strip()
    found = _ENTRY.fullmatch(line)
    if not found:
        raise Invalid(N_("看不懂“{typed}”。请写牌号和金额，例如 27, 20000；按本轮档位只写 27"), field="line", typed=typed[:40])
    amount = read_amount(found[2]) if found[2] else None
    return Typed(check_paddle(int(found[1])), amount, is_again=bool(found[3]))


def read_amount(typed: str) -> Money:
    """Return an amount above zero; raises Invalid."""
    amount = Money.parse(typed, field="line")
    if amount.fen <= 0:
        raise Invalid(N_("认捐金额要大于零"), field="line")
    return amount


def check_paddle(number: int) -> int:
    """Return a paddle's number from 1 to 9999; raises Invalid."""
    if not 1 <= number <= MAX_PADDLE:
        raise Invalid(N_("没有 {paddle} 号牌。牌号从 1 到 9999"), field="paddle", paddle=number)
    return number


def check_key(device_key: str) -> str:
    """Return a device's key for an entry; raises Invalid for what no page of ours makes."""
    if not _KEY.fullmatch(device_key):
        raise Invalid(N_("这条记录没有设备编号，不能保存。请刷新本页后重新输入"))
    return device_key


def check_level(level: Money, taken: Sequence[Money]) -> Money:
    """Return the level of a new round; raises Invalid unless it is below every level at which somebody pledged.

    `taken`: levels of earlier rounds for the same project in which paddles were raised. Levels go from high to low.
    """
    if level.fen <= 0:
        raise Invalid(N_("档位要大于零"), field="level")
    if taken and level >= min(taken):
        raise Invalid(N_("档位从高到低。这个项目已在 {lowest} 元档有人举牌，新一档要更低"), field="level",
                      lowest=min(taken).grouped())
    return level


def keyed_moment(keyed_at: datetime | None, now: datetime) -> datetime:
    """Return when an entry was typed as the device says; now where its clock cannot be believed, never later."""
    if keyed_at is None or keyed_at > now + CLOCK_SKEW or keyed_at < now - timedelta(hours=LATE_HOURS):
        return now
    return min(keyed_at, now)


def takes_entries(state: EventState, closed_at: datetime | None, now: datetime) -> bool:
    """Say whether entries are still taken: while live, and for a day after from devices that were offline."""
    if state == EventState.CLOSED and closed_at is not None:
        return now < closed_at + timedelta(hours=LATE_HOURS)
    return state == EventState.LIVE


def may_show_target(footing: str, plan_number: str) -> bool:
    """Say whether a target and its gauge may be shown: only behind a filed plan's number (rulebook 4.2)."""
    return footing == Footing.FILED_PLAN and bool(plan_number)


def shown_name(paddle: int, name: str, *, is_withheld: bool, is_checked: bool) -> tuple[str, Mapping[str, object]]:
    """Return what the hall says of a guest as a message id with facts: a name only when allowed and checked (CL 82)."""
    if is_withheld:
        return N_("不具名"), {}
    return (name, {}) if is_checked else (N_("{paddle} 号牌"), {"paddle": paddle})


def days_left(expires_at: datetime | None, now: datetime) -> int | None:
    """Return how many Beijing days are left to sign; negative when the day is over, None without a day."""
    return None if expires_at is None else (beijing_date(expires_at) - beijing_date(now)).days


def reminder_step(expires_at: datetime | None, now: datetime) -> str:
    """Return the step at which a reminder is due now ("days3", "days1"), or nothing."""
    left = days_left(expires_at, now)
    if left is None or left < 0:
        return ""
    due = [days for days in REMIND_DAYS if left <= days]
    return f"days{min(due)}" if due else ""


def minute_of(moment: datetime) -> str:
    """Return the minute in which something happened, for the log of the evening."""
    return beijing(moment).strftime("%H:%M")


def clock_of(moment: datetime) -> str:
    """Return when an entry was typed, for the recorder's list."""
    return beijing(moment).strftime("%H:%M:%S")


def second_of(moment: datetime) -> str:
    """Return day and second in Beijing, for the table of the log."""
    return beijing(moment).strftime("%Y-%m-%d %H:%M:%S")


def short(amount: Money) -> str:
    """Return yuan without empty decimals: 20,000, or 20,000.50."""
    return amount.grouped().removesuffix(".00")


def sign_by(starts_at: datetime, sign_days: int, now: datetime) -> datetime:
    """Return until when a raised paddle is to be signed: the end of the last of so many days after the evening."""
    return at_beijing(max(beijing_date(starts_at), beijing_date(now)) + timedelta(days=sign_days), 23, 59)


def board(amount: Money, *, whole_from: int) -> str:
    """Return 万元 for the screen: 128.60, and without decimals from `whole_from` fen on."""
    return amount.wan() if amount.fen < whole_from else f"{(amount.fen + FEN_PER_WAN // 2) // FEN_PER_WAN:,}"
