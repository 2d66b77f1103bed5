"""Messages to people: what is to be done by when, and news. E-mail copies leave through the outbox."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.db import Model, new_ref


class Message(Model):
    """One message to one person. A to-do has a verb, perhaps a deadline, and is done when its work is done."""

    __tablename__ = "message"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True, default=new_ref)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id"))
    kind: Mapped[str]
    subject: Mapped[str]                                   # Chinese message id with {named} places
    body: Mapped[str] = mapped_column(default="")
    facts: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    verb: Mapped[str] = mapped_column(default="")          # on the button; empty: news only
    url: Mapped[str] = mapped_column(default="")
    todo_key: Mapped[str | None]                           # same key, same work: closed together
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    unique_key: Mapped[str | None]
    mailed_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("person_id", "unique_key"),
        Index("ix_message_open", "person_id", "done_at", "due_at"),
        CheckConstraint("verb = '' OR url <> ''", name="verb_has_url"),
    )
