"""Saved searches, what they found, and what their owner does not want to hear of."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.db import Model, new_ref
from marketplace.search.rules.saved import new_token

_LIVE = "ended_at IS NULL"
_WAITING = "told_at IS NULL"


class SavedSearch(Model):
    """A question that a person wants to hear answers to. Rows stay when the search ends: what was told stays told.

    `version` grows with every change, so that the sum of all versions says whether anything changed. News count from
    `since` on: when it was saved or resumed - and, with rules.COMMITS, those that nobody could see yet by then.
    """

    __tablename__ = "saved_search"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))   # for whom the person acted
    name: Mapped[str]
    question: Mapped[str]                                  # Question.address()
    frequency: Mapped[str]
    channel: Mapped[str]
    token: Mapped[str] = mapped_column(unique=True, default=new_token)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    since: Mapped[datetime]
    paused_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("name <> '' AND length(name) <= 60", name="name"),
        CheckConstraint("question <> ''", name="question"),
        CheckConstraint("frequency IN ('at_once', 'daily', 'weekly')", name="frequency"),
        CheckConstraint("channel IN ('inbox', 'email')", name="channel"),
        CheckConstraint("length(token) >= 22", name="token"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("since >= created_at", name="since"),
        Index("uq_saved_search_live", "person_id", "question", unique=True,
              sqlite_where=text(_LIVE), postgresql_where=text(_LIVE)),
    )

    @property
    def is_live(self) -> bool:
        """Say whether it watches now."""
        return self.paused_at is None and self.ended_at is None


class SavedSearchHit(Model):
    """One piece of news that a search found: waiting for its digest, or told in a message. Never two of the same."""

    __tablename__ = "saved_search_hit"

    id: Mapped[int] = mapped_column(primary_key=True)
    saved_search_id: Mapped[int] = mapped_column(ForeignKey("saved_search.id"))
    kind: Mapped[str]
    ref: Mapped[str]
    news_key: Mapped[str]
    news_at: Mapped[datetime]
    found_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    message_ref: Mapped[str | None] = mapped_column(index=True)

    __table_args__ = (
        UniqueConstraint("saved_search_id", "kind", "ref", "news_key"),
        CheckConstraint("(told_at IS NULL) = (message_ref IS NULL)", name="told_has_message"),
        CheckConstraint("kind <> '' AND ref <> '' AND news_key <> ''", name="names"),
        Index("ix_saved_search_hit_document", "kind", "ref"),
        Index("ix_saved_search_hit_waiting", "saved_search_id", sqlite_where=text(_WAITING),
              postgresql_where=text(_WAITING)),
    )


class SavedSearchMute(Model):
    """One thing that a search is silent about from then on."""

    __tablename__ = "saved_search_mute"

    id: Mapped[int] = mapped_column(primary_key=True)
    saved_search_id: Mapped[int] = mapped_column(ForeignKey("saved_search.id"))
    kind: Mapped[str]
    ref: Mapped[str]
    muted_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("saved_search_id", "kind", "ref"),)
