"""Who may read and mark a message: the person it was sent to, nobody else."""

from marketplace.core.access import ALLOWED, Actor, Decision, denied
from marketplace.core.text import N_
from marketplace.inbox.models import Message


def may_read(actor: Actor, message: Message) -> Decision:
    """Say whether the message was sent to this person; to others it does not exist."""
    if actor.person_id is not None and actor.person_id == message.person_id:
        return ALLOWED
    return denied(N_("没有这条消息"), hidden=True)
