"""Messages to people: kinds, groups by urgency, the name of the mail job. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from marketplace.core.clock import beijing_date
from marketplace.core.text import N_

JOB_MAIL = "inbox.mail"
DAYS_OF_WEEK = 7
MAX_SUBJECT = 200


class Kind(StrEnum):
    """What a message is about; decides its icon."""

    PROJECT = "project"
    ENQUIRY = "enquiry"
    BID = "bid"
    OPENING = "opening"
    PANEL = "panel"
    AWARD = "award"
    OBJECTION = "objection"
    CONTRACT = "contract"
    SECURITY = "security"
    ORGANIZATION = "organization"
    ALERT = "alert"
    MONEY = "money"


KIND_ICONS: Mapping[Kind, str] = {
    Kind.PROJECT: "folder2-open", Kind.ENQUIRY: "chat-left-text", Kind.BID: "send", Kind.OPENING: "unlock",
    Kind.PANEL: "clipboard-check", Kind.AWARD: "award", Kind.OBJECTION: "exclamation-circle",
    Kind.CONTRACT: "file-earmark-check", Kind.SECURITY: "shield-exclamation", Kind.ORGANIZATION: "building",
    Kind.ALERT: "bell", Kind.MONEY: "cash-coin",
}


@dataclass(frozen=True)
class Letter:
    """What a message says, before it has a reader. Subject and body are message ids; `facts` fill their places.

    With a `verb` it is a to-do under `todo_key`, perhaps with a deadline; news go once for each `unique_key`.
    """

    kind: Kind
    subject: str
    body: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    verb: str = ""
    url: str = ""
    due_at: datetime | None = None
    todo_key: str | None = None
    unique_key: str | None = None
    organization_id: int | None = None
    by_mail: bool = True              # an e-mail copy too, if the person has an address


class Group(StrEnum):
    """How soon a to-do must be done, most urgent first."""

    LATE = "late"
    TODAY = "today"
    WEEK = "week"
    LATER = "later"


GROUP_LABELS: Mapping[Group, str] = {
    Group.LATE: N_("已逾期"), Group.TODAY: N_("今天"), Group.WEEK: N_("本周"), Group.LATER: N_("以后"),
}


def group_of(due_at: datetime | None, now: datetime) -> Group:
    """Return the group of a deadline seen at `now`; days and weeks (to Sunday) are those of Beijing."""
    if due_at is None:
        return Group.LATER
    if due_at <= now:
        return Group.LATE
    today, due = beijing_date(now), beijing_date(due_at)
    if due == today:
        return Group.TODAY
    sunday = today + timedelta(days=DAYS_OF_WEEK - 1 - today.weekday())
    return Group.WEEK if due <= sunday else Group.LATER
