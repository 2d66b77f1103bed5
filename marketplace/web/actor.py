"""Who is acting in this request: loaded once, frozen, from the signed-in person and the chosen mandate."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from flask import current_app, g
from flask_login import AnonymousUserMixin, UserMixin, current_user

from marketplace.core.access import ANONYMOUS, Actor

ActorLoader = Callable[[int], Actor]


class SignedInPerson(Protocol):
    """What pages know of the person behind a session; the accounts make it."""

    person_id: int
    ref: str
    name: str
    locale: str
    text_size: str
    started_at: datetime


SessionLoader = Callable[[str], SignedInPerson | None]


class Visitor(UserMixin):
    """The `current_user` of a signed-in request. Its id is the session token, never the person's number."""

    def __init__(self, token: str, person: SignedInPerson) -> None:
        self.token = token
        self.person_id, self.ref, self.name = person.person_id, person.ref, person.name
        self.locale, self.text_size, self.started_at = person.locale, person.text_size, person.started_at

    def get_id(self) -> str:
        """Return what the cookie keeps."""
        return self.token


def current_actor() -> Actor:
    """Return the actor of this request (ANONYMOUS when nobody is signed in)."""
    if "actor" not in g:
        loader: ActorLoader = current_app.extensions["marketplace.actor_loader"]
        g.actor = loader(current_user.person_id) if current_user.is_authenticated else ANONYMOUS
    actor: Actor = g.actor
    return actor


def treat_as_visitor() -> None:
    """Render the rest of this request without asking the database who is signed in; the session itself stays."""
    g.actor = ANONYMOUS
    g._login_user = AnonymousUserMixin()  # noqa: SLF001 - where Flask-Login keeps the user of a request
