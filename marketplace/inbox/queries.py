"""Reads of messages: what a person has to do, by urgency; news; counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from marketplace.core.access import Actor
from marketplace.inbox.models import Message
from marketplace.inbox.rules import Group, group_of
from marketplace.organizations.models import Organization

MOST_TODOS = 200


@dataclass(frozen=True)
class Elsewhere:
    """To-dos that wait under another hat of the same person."""

    organization: str
    count: int


def by_ref(session: Session, ref: str) -> Message | None:
    """Return the message with that reference."""
    return session.scalar(select(Message).where(Message.ref == ref))


def _mine(actor: Actor) -> ColumnElement[bool]:
    """Messages to this person, in the organization acted for, or in none."""
    here = or_(Message.organization_id.is_(None), Message.organization_id == actor.organization_id)
    return (Message.person_id == actor.person_id) & here


def _open(actor: Actor) -> ColumnElement[bool]:
    """To-dos of this person that are not done."""
    return _mine(actor) & (Message.verb != "") & Message.done_at.is_(None)


def todo_count(session: Session, actor: Actor) -> int:
    """Return how many to-dos are open for this person in what he acts for."""
    return session.scalar(select(func.count()).select_from(Message).where(_open(actor))) or 0


def todos(session: Session, actor: Actor, *, now: datetime) -> dict[Group, list[Message]]:
    """Return the open to-dos by group, earliest deadline first; groups without any are left out."""
    found = session.scalars(
        select(Message).where(_open(actor))
        .order_by(Message.due_at.is_(None), Message.due_at, Message.id).limit(MOST_TODOS)
    ).all()
    grouped: dict[Group, list[Message]] = {group: [] for group in Group}
    for message in found:
        grouped[group_of(message.due_at, now)].append(message)
    return {group: messages for group, messages in grouped.items() if messages}


def news(actor: Actor) -> Select[Message]:
    """Return the statement of the person's news, newest first."""
    return (select(Message).where(_mine(actor), Message.verb == "")
            .order_by(Message.created_at.desc(), Message.id.desc()))


def unread_count(session: Session, actor: Actor) -> int:
    """Return how many news this person has not read."""
    return session.scalar(select(func.count()).select_from(Message).where(
        _mine(actor), Message.verb == "", Message.read_at.is_(None))) or 0


def latest_news(session: Session, actor: Actor, *, limit: int = 5) -> Sequence[Message]:
    """Return the newest news, for a desk."""
    return session.scalars(news(actor).limit(limit)).all()


def elsewhere(session: Session, actor: Actor) -> list[Elsewhere]:
    """Return how many to-dos wait for this person in other organizations he may act for."""
    rows = session.execute(
        select(Organization.name, func.count()).join(Message, Message.organization_id == Organization.id)
        .where(Message.person_id == actor.person_id,
               Message.organization_id.is_distinct_from(actor.organization_id),
               Message.verb != "", Message.done_at.is_(None))
        .group_by(Organization.name).order_by(Organization.name)
    ).all()
    return [Elsewhere(name, count) for name, count in rows]
