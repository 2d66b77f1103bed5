"""The whitelist of what may be indexed: frozen public documents that slices offer, and the one news about them."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.outbox import FIRST_BACKOFF, NOT_DONE, Job, enqueue

PUBLIC_CHANGED = "public_changed"
INDEX_HANDLER = "search.index_changes"


@dataclass(frozen=True)
class Attachment:
    """A public file of a document, checked and clean: its bytes by SHA-256, and the name a visitor sees."""

    sha256: str
    name: str                 # with the extension


@dataclass(frozen=True)
class News:
    """Something that happened to a document and that people who follow it want to hear of, once.

    `key` never changes and is unique in its document: "new", "deadline:2026-12-18T09:00:00+00:00" (the deadline was
    moved to then), "addendum:2", "answer:<ref>". `text`: what it says, for addenda and answers.
    """

    key: str
    at: datetime
    text: str = ""


@dataclass(frozen=True)
class PublicDocument:
    """What the public may find about one thing. Nothing that is not in here reaches an index.

    `facets` holds exact codes and words, ancestors are added when a row is made of it: `category` (all codes of an
    organization), `area` (where it works), `buyer` (organizations.rules.BuyerKind), `fund` (catalogs.rules.FundKind).
    """

    kind: str                 # project, organization, catalog_item, purchase_list_item, notice, help, pool
    ref: str
    title: str
    body: str = ""
    url: str = ""
    category: str = ""        # catalogue code
    area: str = ""            # area code
    status: str = ""          # of a project its state: what the page calls it depends on the moment
    buyer: str = ""
    amount_fen: int | None = None
    published_at: datetime | None = None
    deadline_at: datetime | None = None
    words: tuple[str, ...] = ()           # numbers and codes by which it is known
    facets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lead: tuple[str, ...] = ()            # short texts that count more: summary, target group, place, kinds of service
    english: str = ""                     # what it is called in English, where it has an English name
    attachments: tuple[Attachment, ...] = ()
    news: tuple[News, ...] = ()           # oldest first

    def fingerprint(self) -> str:
        """Return a short digest of all that is indexed: equal when nothing changed."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


def public_changed(session: Session, *, kind: str, ref: str, now: datetime) -> None:
    """Tell the index, after the commit, that the public face of (kind, ref) may have changed or gone."""
    enqueue(session, PUBLIC_CHANGED, now=now, doc_kind=kind, ref=ref)


def index_lag(session: Session, now: datetime) -> float:
    """Return for how many seconds the oldest change that is not in the index has been due."""
    waiting = (Job.kind == PUBLIC_CHANGED, Job.handler == INDEX_HANDLER, Job.state.in_(NOT_DONE))
    first = session.scalar(select(func.min(Job.due_at)).where(*waiting, Job.attempts == 0, Job.due_at <= now))
    since = [first] if first else []
    for made, due, attempts in session.execute(
            select(Job.created_at, Job.due_at, Job.attempts).where(*waiting, Job.attempts > 0)):
        since.append(max(made, due - FIRST_BACKOFF * (2 ** attempts - 1)))     # when it was due before it failed
    return max((now - min(since)).total_seconds(), 0.0) if since else 0.0
