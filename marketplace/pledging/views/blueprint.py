"""The blueprint, who comes in, and how its views find an event and say a refusal beside its field."""

from flask import Blueprint
from werkzeug.wrappers import Response

from marketplace.core.access import Role, require
from marketplace.core.db import db
from marketplace.pledging import policy
from marketplace.pledging.models import Guest, PledgingEvent
from marketplace.pledging.queries import events as event_queries
from marketplace.web.actor import current_actor

blueprint = Blueprint("pledging", __name__)
UNPROCESSABLE = 422
WORKERS = policy.STAFF
READERS = (*WORKERS, Role.OPERATOR, Role.AUDITOR)
Answer = str | Response | tuple[str | Response, int]


def event_of(ref: str) -> PledgingEvent:
    """Return an event that the visitor may see; 404 otherwise."""
    return event_queries.by_ref(db.session(), ref, actor=current_actor())


def guest_of(ref: str, guest_ref: str) -> Guest:
    """Return one row of an event's list; 404 for a row of another."""
    event = event_of(ref)
    guest = event_queries.guest_by_ref(db.session(), guest_ref)
    if guest.event_id != event.id:
        require(policy.HIDDEN)
    return guest
