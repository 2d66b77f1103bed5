"""People with saved searches, and the worker that runs what they wait for."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.accounts.queries import load_actor
from marketplace.core.db import db, transaction
from marketplace.core.outbox import LEASE, Job, JobState, claim_due
from marketplace.inbox.models import Message
from marketplace.search.models import SavedSearch, SavedSearchHit
from marketplace.search.operations import saved
from marketplace.search.rules.question import Question, question_of
from marketplace.search.rules.saved import JOB_ALERT, Channel, Frequency, Wish
from marketplace.web.worker import run_claim
from tests.factories import NOW
from tests.factories.accounts import make_person

BEFORE = NOW - timedelta(hours=1)
ALL_KINDS_OF_WORK = ("public_changed", "search.saved", JOB_ALERT, "inbox.mail")


def make_reader(session: Session, *, name: str = "陈敏", email: str | None = "chen@example.invalid", **more: object) -> Person:
    """Somebody with an address."""
    person = make_person(session, name=name, **more)
    person.email = email
    session.flush()
    return person


def asking(address: str) -> Question:
    """The question of an address such as q=助餐&kind=project."""
    return question_of(parse_qsl(address))


def make_search(session: Session, person: Person, address: str = "q=助餐", *, frequency: Frequency = Frequency.AT_ONCE,
                channel: Channel = Channel.EMAIL, name: str = "助餐机会", now: datetime = BEFORE) -> SavedSearch:
    """A search saved an hour before NOW."""
    return saved.save_search(session, actor=load_actor(session, person.id), question=asking(address), now=now,
                             wish=Wish(name, frequency, channel))


class Clock:
    """The time of a story: stands still until the worker lets it pass."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def work(self, until: datetime | None = None, kinds: tuple[str, ...] = ALL_KINDS_OF_WORK) -> int:
        """Run the jobs of alerts in the order of their due times until then (None: those due now); return how many."""
        ran, until = 0, until or self.now
        while True:
            due = db.session().scalar(select(func.min(Job.due_at)).where(
                Job.state == JobState.WAITING, Job.kind.in_(kinds), Job.due_at <= until))
            if due is None:
                self.now = max(self.now, until)
                return ran
            self.now = max(self.now, due)
            with transaction() as session:
                claims = claim_due(session, now=self.now + LEASE, limit=1000)
                for claim in claims:
                    if claim.kind not in kinds:
                        session.get(Job, claim.id).lease_until = None
            for claim in claims:
                if claim.kind in kinds:
                    assert run_claim(claim), f"{claim.handler} failed"
                    ran += 1


def alerts_of(person_id: int) -> list[Message]:
    """The alerts that a person has, oldest first."""
    return list(db.session().scalars(select(Message).where(
        Message.person_id == person_id, Message.kind == "alert").order_by(Message.id)))


def told(person_id: int) -> list[tuple[str, str]]:
    """The (reference, news) that a person was told, over all messages, as the messages say it."""
    return [(item["ref"], key) for message in alerts_of(person_id) for group in message.facts["groups"]
            for item in group["items"] for key in item["keys"]]


def waiting() -> list[SavedSearchHit]:
    """Hits that nobody was told of yet."""
    return list(db.session().scalars(select(SavedSearchHit).where(SavedSearchHit.told_at.is_(None))
                                     .order_by(SavedSearchHit.id)))


def jobs(kind: str = JOB_ALERT) -> list[tuple[Mapping[str, object], datetime]]:
    """Payload and due time of the waiting jobs of a kind."""
    found = db.session().scalars(select(Job).where(Job.kind == kind, Job.state == JobState.WAITING).order_by(Job.id))
    return [(job.payload, job.due_at) for job in found]
