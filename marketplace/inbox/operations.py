"""Messages to people: send, close what is done, mark as read, note the e-mail copy."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.core.access import Actor, require
from marketplace.core.outbox import enqueue
from marketplace.inbox import policy
from marketplace.inbox.models import Message
from marketplace.inbox.rules import JOB_MAIL, Letter


def send(session: Session, *, person: Person, letter: Letter, now: datetime) -> Message | None:
    """Send one message to one person; an e-mail copy follows through the outbox if the person has an address.

    None when it was sent before: same `unique_key`, or a to-do still open under the same `todo_key`. Whoever sends
    has checked that this person may know it.
    """
    if _was_sent(session, person.id, letter):
        return None
    made = Message(
        person_id=person.id, organization_id=letter.organization_id, kind=letter.kind, subject=letter.subject,
        body=letter.body, facts=dict(letter.facts), verb=letter.verb, url=letter.url, due_at=letter.due_at,
        todo_key=letter.todo_key, unique_key=letter.unique_key, created_at=now)
    session.add(made)
    session.flush()
    if person.email and letter.by_mail:
        enqueue(session, JOB_MAIL, now=now, message_ref=made.ref)
    return made


def _was_sent(session: Session, person_id: int, letter: Letter) -> bool:
    """Say whether this person has it already."""
    mine = select(Message.id).where(Message.person_id == person_id)
    if letter.unique_key is not None and session.scalar(mine.where(Message.unique_key == letter.unique_key)):
        return True
    open_todo = mine.where(Message.todo_key == letter.todo_key, Message.done_at.is_(None)).limit(1)
    return letter.todo_key is not None and session.scalar(open_todo) is not None


def finish(session: Session, *, todo_key: str, now: datetime) -> int:
    """Close every open to-do under that key, whoever held it; return how many. Safe to run twice."""
    done = session.execute(
        update(Message).where(Message.todo_key == todo_key, Message.done_at.is_(None))
        .values(done_at=now).execution_options(synchronize_session=False)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def mark_read(session: Session, *, actor: Actor, message: Message, now: datetime) -> None:
    """Note that the person has seen a message; the first time counts."""
    require(policy.may_read(actor, message))
    message.read_at = message.read_at or now
    session.flush()


def mark_all_read(session: Session, *, actor: Actor, now: datetime) -> None:
    """Note that the person has seen all news (to-dos stay open until their work is done)."""
    session.execute(
        update(Message).where(Message.person_id == actor.person_id, Message.read_at.is_(None))
        .values(read_at=now).execution_options(synchronize_session=False)
    )


def note_mailed(session: Session, *, message: Message, now: datetime) -> None:
    """Note that the e-mail copy left; it is not sent again."""
    message.mailed_at = now
    session.flush()
