"""The blueprint, who comes in, and how its views find an event and say a refusal beside its field."""

from flask import Blueprint
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from marketplace.core.access import Role
from marketplace.core.db import db
from marketplace.meetings import policy
from marketplace.meetings.models import MeetingEvent
from marketplace.meetings.queries import events as event_queries
from marketplace.web.actor import current_actor

blueprint = Blueprint("meetings", __name__)
UNPROCESSABLE = 422
WORKERS = (*policy.UNIT_STAFF, Role.OPERATOR)
STAFF_READERS = (*WORKERS, Role.AUDITOR)
READERS = (*STAFF_READERS, *policy.PROVIDERS)
Answer = str | Response | tuple[str | Response, int]


def event_of(ref: str) -> MeetingEvent:
    """Return an event that the visitor may see; 404 otherwise."""
    return event_queries.by_ref(db.session(), ref, actor=current_actor())


def status_of(form: FlaskForm) -> int:
    """Return 422 for a form that came back with something to mend."""
    return UNPROCESSABLE if form.errors or form.form_errors else 200
