"""Saved searches: how often and by which way they tell, when a digest is due, what counts as news. Pure."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import parse_qsl

from marketplace.awards.rules import NoticeKind
from marketplace.core.clock import at_beijing, beijing, beijing_date
from marketplace.core.publishing import PublicDocument
from marketplace.core.searching import Role, SearchRequest, Sort
from marketplace.core.text import N_
from marketplace.search.rules.analysis import Language
from marketplace.search.rules.question import Question, question_of
from marketplace.search.rules.understanding import understand

JOB_ALERT = "search.alert"             # tell one person what waits: person_ref, due (without: at once)
JOB_SEARCH_SAVED = "search.saved"      # look again at what changed while a search was being saved

MOST_SEARCHES = 50                     # live ones of one person
MAX_NAME = 60
TOKEN_BYTES = 24
DIGEST_HOUR = 8                        # Beijing
MONDAY = 0
MARGIN = timedelta(minutes=10)         # a digest this near may be on its way already: the hit asks for one more
GATHER = timedelta(minutes=1)          # at once, but a person hears no more than once a minute
PREVIEW = timedelta(days=30)
COMMITS = timedelta(seconds=30)        # what happened may be seen so much later: who saved in between has not seen it

NEW, DEADLINE, ADDENDUM, ANSWER, ENDED = "new", "deadline", "addendum", "answer", "ended"
NEWS_LABELS: Mapping[str, str] = {
    NEW: N_("新发布"), DEADLINE: N_("截止时间改为 {value}"), ADDENDUM: N_("发布第 {value} 号澄清"),
    ANSWER: N_("公开答复了一条提问"), ENDED: N_("项目流标或终止"),
}
UPDATED = N_("内容有更新")
_ECHOES = frozenset({NoticeKind.SELECTION, NoticeKind.CHANGE, NoticeKind.FAILURE, NoticeKind.TERMINATION})


class Frequency(StrEnum):
    """How often a saved search tells."""

    AT_ONCE = "at_once"
    DAILY = "daily"
    WEEKLY = "weekly"


class Channel(StrEnum):
    """Where a saved search tells: always in the inbox, by e-mail too if wished."""

    INBOX = "inbox"
    EMAIL = "email"


FREQUENCY_LABELS: Mapping[Frequency, str] = {
    Frequency.AT_ONCE: N_("一有就通知"), Frequency.DAILY: N_("每天 8:00 汇总"), Frequency.WEEKLY: N_("每周一 8:00 汇总"),
}
CHANNEL_LABELS: Mapping[Channel, str] = {
    Channel.EMAIL: N_("站内消息和电子邮件"), Channel.INBOX: N_("只发站内消息"),
}
PROMISES: Mapping[tuple[Frequency, Channel], str] = {
    (Frequency.AT_ONCE, Channel.EMAIL): N_("将在有新内容时立即发送邮件，可随时关闭。"),
    (Frequency.DAILY, Channel.EMAIL): N_("将按〔每天〕发送邮件，可随时关闭。没有新内容的日子不发。"),
    (Frequency.WEEKLY, Channel.EMAIL): N_("将按〔每周〕发送邮件，可随时关闭。没有新内容的一周不发。"),
    (Frequency.AT_ONCE, Channel.INBOX): N_("将在有新内容时立即发站内消息，不发邮件，可随时关闭。"),
    (Frequency.DAILY, Channel.INBOX): N_("将按〔每天〕发站内消息，不发邮件，可随时关闭。"),
    (Frequency.WEEKLY, Channel.INBOX): N_("将按〔每周〕发站内消息，不发邮件，可随时关闭。"),
}


@dataclass(frozen=True)
class Wish:
    """What a person asks of a saved search."""

    name: str
    frequency: Frequency = Frequency.DAILY
    channel: Channel = Channel.EMAIL


def new_token() -> str:
    """Return a token that switches one search off without signing in."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def kept(question: Question) -> Question:
    """Return the part of a question that can be watched: without order, and without "due within days".

    What is due soon changes with the clock and not with the document: nothing published two weeks ahead would ever
    be told. The page says so. Signs without a letter or a number among them ask for nothing: kept, they would tell of
    everything.
    """
    text = question.text if any(one.isalnum() for one in question.text) else ""
    return replace(question, text=text, sort=None, due_days=None, plain=question.plain and bool(text))


def watched(question: Question, language: Language, now: datetime) -> SearchRequest:
    """Return what a saved question demands: all of it has to be there.

    Whether a word stands in the index today makes no difference: a place that nobody has named yet is demanded too.
    Letters stand for the term that is spoken so as well as for themselves, as if no document held them yet.
    """
    request = understand(question, language, now, _held, 1).request
    demanded = sum(clause.role == Role.COUNTED for clause in request.clauses)
    return replace(request, least=demanded, facets=(), sort=Sort.NEWEST, after=None)


def _held(tokens: Iterable[str]) -> Mapping[str, int]:
    """Return frequencies: every token stands in a document, but for letters and numbers as they are typed."""
    return {token: int(not (token.isascii() and token.isalnum())) for token in tokens}


def question_at(address: str) -> Question:
    """Return the question of an address kept in a saved search."""
    return question_of(parse_qsl(address, keep_blank_values=True))


def next_digest(frequency: Frequency, now: datetime) -> datetime:
    """Return when the digest leaves that carries a hit found now: 8:00 in Beijing, weekly ones on Mondays.

    Less than MARGIN before that, ten minutes after it: the job of 8:00 may have begun on another machine's clock.
    """
    day = beijing_date(now)
    while (due := at_beijing(day, DIGEST_HOUR)) <= now or (frequency == Frequency.WEEKLY and day.weekday() != MONDAY):
        day += timedelta(days=1)
    return due if due - now >= MARGIN else due + MARGIN


def frequencies_at(due: datetime | None) -> tuple[Frequency, ...]:
    """Return which searches a job tells of: those at once, or all that are due on that day."""
    if due is None:
        return (Frequency.AT_ONCE,)
    is_monday = beijing_date(due).weekday() == MONDAY
    return (Frequency.DAILY, Frequency.WEEKLY) if is_monday else (Frequency.DAILY,)


def tells_of(question: Question, document: PublicDocument) -> bool:
    """Say whether the news of a document are told to who asks this.

    The notice of a selection, a change or an end says again what the project's own news say: it is told to those who
    ask for notices, and not a second time to everybody else.
    """
    return document.kind in question.kinds or document.kind != "notice" or document.status not in _ECHOES


def kind_of_news(key: str) -> str:
    """Return what happened: new, deadline, addendum, answer, or another word before the colon."""
    return key.partition(":")[0]


def news_sentence(key: str) -> tuple[str, dict[str, object]]:
    """Return what happened as a sentence (message id) and its facts; moments in Beijing time."""
    kind, _, value = key.partition(":")
    if kind == DEADLINE:
        value = beijing(datetime.fromisoformat(value)).strftime("%Y-%m-%d %H:%M")
    return NEWS_LABELS.get(kind, UPDATED), {"value": value}


def is_update(keys: Iterable[str]) -> bool:
    """Say whether a document with this news was known before: nothing of it is "new"."""
    return all(kind_of_news(key) != NEW for key in keys)
