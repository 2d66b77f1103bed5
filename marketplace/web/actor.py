"""Who is acting in this request: loaded once, frozen, from the signed-in person and the chosen mandate."""

from collections.abc import Callable

from flask import current_app, g
from flask_login import current_user

from marketplace.core.access import ANONYMOUS, Actor

ActorLoader = Callable[[int], Actor]


def current_actor() -> Actor:
    """Return the actor of this request (ANONYMOUS when nobody is signed in)."""
    if "actor" not in g:
        loader: ActorLoader = current_app.extensions["marketplace.actor_loader"]
        g.actor = loader(int(current_user.get_id())) if current_user.is_authenticated else ANONYMOUS
    actor: Actor = g.actor
    return actor
