"""Reads for alerts: which searches watch, who may hear, what changed while a search was being saved."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from threading import Lock

from sqlalchemy import and_, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Mandate, Person
from marketplace.core.clock import beijing_date
from marketplace.core.outbox import Job, JobState
from marketplace.core.publishing import PUBLIC_CHANGED, PublicDocument
from marketplace.core.searching import IndexRow, SearchRequest
from marketplace.search.models.saved import SavedSearch, SavedSearchHit, SavedSearchMute
from marketplace.search.rules.percolation import Percolator
from marketplace.search.rules.question import Question
from marketplace.search.rules.saved import COMMITS, Frequency, question_at, tells_of

Compile = Callable[[Question], SearchRequest]
_CLOCK_BOUND = frozenset({"deadline", "published"})     # ranges that a word like 本周 leads to: they move with the day


@dataclass(frozen=True)
class Owner:
    """A search that watches, with the person who hears of it. News count that happened after `since`."""

    search_id: int
    version: int
    since: datetime
    frequency: Frequency
    person_ref: str


def owners(session: Session, search_ids: Sequence[int], *, kind: str = "", ref: str = "") -> Iterator[Owner]:
    """Yield those of some searches that watch now and whose owner may hear of it.

    The account is open, and the mandate for the organization that it was saved for lives. With a document: without
    those that are silent about it.
    """
    holds_mandate = exists().where(Mandate.person_id == SavedSearch.person_id, Mandate.revoked_at.is_(None),
                                   Mandate.organization_id == SavedSearch.organization_id)
    is_silent = exists().where(SavedSearchMute.saved_search_id == SavedSearch.id, SavedSearchMute.kind == kind,
                               SavedSearchMute.ref == ref)
    rows = session.execute(
        select(SavedSearch.id, SavedSearch.version, SavedSearch.since, SavedSearch.frequency, Person.ref)
        .join(Person, and_(Person.id == SavedSearch.person_id, Person.is_active))
        .where(SavedSearch.id.in_(search_ids), SavedSearch.paused_at.is_(None), SavedSearch.ended_at.is_(None),
               or_(SavedSearch.organization_id.is_(None), holds_mandate), not_(is_silent)))
    for row in rows:
        yield Owner(row[0], row[1], row[2] - COMMITS, Frequency(row[3]), row[4])


def anybody_watches(session: Session, newest: datetime) -> bool:
    """Say whether any search watches that counts news from before that moment on."""
    return bool(session.scalar(select(exists().where(
        SavedSearch.paused_at.is_(None), SavedSearch.ended_at.is_(None), SavedSearch.since < newest + COMMITS))))


def changed_since(session: Session, since: datetime) -> set[tuple[str, str]]:
    """Return the (kind, ref) of everything public that changed from a moment on."""
    jobs = session.scalars(select(Job.payload).where(
        Job.kind == PUBLIC_CHANGED, Job.state.in_(list(JobState)), Job.due_at >= since))
    return {(str(payload["doc_kind"]), str(payload["ref"])) for payload in jobs}


@dataclass(frozen=True)
class Watched:
    """One search as a process has filed it."""

    version: int
    since: datetime
    question: str


class Watch:
    """The searches that watch, filed for one process; brought up to date before each use by one small question."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._stamp: tuple[int, int] | None = None
        self._language: object = None
        self._day = date.min
        self._known: dict[int, Watched] = {}
        self._by_question: dict[str, dict[int, None]] = {}
        self._questions: dict[str, Question] = {}
        self._clock_bound: set[str] = set()
        self._percolator: Percolator[str] = Percolator()

    def __len__(self) -> int:
        return len(self._known)

    def refresh(self, session: Session, compile_: Compile, *, language: object, now: datetime) -> None:
        """File what was saved or changed; everything, when the language is another one."""
        with self._lock:
            if language is not self._language:
                self._stamp, self._language = None, language
                self._known, self._by_question, self._questions, self._clock_bound = {}, {}, {}, set()
                self._percolator = Percolator()
            if (today := beijing_date(now)) != self._day:
                for question in self._clock_bound:
                    self._percolator.add(question, compile_(self._questions[question]))
                self._day = today
            row = session.execute(select(func.count(), func.coalesce(func.sum(SavedSearch.version), 0))
                                  .select_from(SavedSearch)).one()
            if (stamp := (int(row[0]), int(row[1]))) != self._stamp:
                self._read(session, compile_)
                self._stamp = stamp

    def _read(self, session: Session, compile_: Compile) -> None:
        """Compare what is filed with the table."""
        rows = session.execute(
            select(SavedSearch.id, SavedSearch.version, SavedSearch.since, SavedSearch.question)
            .where(SavedSearch.paused_at.is_(None), SavedSearch.ended_at.is_(None)))
        live = {row[0]: Watched(row[1], row[2] - COMMITS, row[3]) for row in rows}
        for search_id in self._known.keys() - live.keys():
            self._drop(search_id)
        for search_id, known in live.items():
            if self._known.get(search_id) != known:
                self._drop(search_id)
                self._file(search_id, known, compile_)

    def _drop(self, search_id: int) -> None:
        """Forget a search, and its question when nobody else asks it."""
        known = self._known.pop(search_id, None)
        if known is None:
            return
        asking = self._by_question[known.question]
        asking.pop(search_id, None)
        if not asking:
            del self._by_question[known.question], self._questions[known.question]
            self._percolator.remove(known.question)
            self._clock_bound.discard(known.question)

    def _file(self, search_id: int, known: Watched, compile_: Compile) -> None:
        """File a search; a question that is filed already is not compiled again."""
        if known.question not in self._percolator:
            question = question_at(known.question)
            request = compile_(question)
            self._questions[known.question] = question
            self._percolator.add(known.question, request)
            if _CLOCK_BOUND & request.ranges.keys():
                self._clock_bound.add(known.question)
        self._known[search_id] = known
        self._by_question.setdefault(known.question, {})[search_id] = None

    def match(self, row: IndexRow, document: PublicDocument) -> Mapping[int, Watched]:
        """Return the searches by id that a document satisfies and that began before its newest news."""
        newest = max((news.at for news in document.news), default=datetime.min.replace(tzinfo=UTC))
        with self._lock:
            return {search_id: self._known[search_id]
                    for address in self._percolator.match(row) if tells_of(self._questions[address], document)
                    for search_id in self._by_question[address] if self._known[search_id].since < newest}


def not_written(session: Session, document: PublicDocument, matched: Mapping[int, Watched]) -> dict[int, int]:
    """Return those of the searches that matched (id -> version) for which some news of the document is not written."""
    rows = session.execute(select(SavedSearchHit.saved_search_id, SavedSearchHit.news_key)
                           .where(SavedSearchHit.kind == document.kind, SavedSearchHit.ref == document.ref))
    written = {(row[0], row[1]) for row in rows}
    return {search_id: one.version for search_id, one in matched.items()
            if any(news.at > one.since and (search_id, news.key) not in written for news in document.news)}
