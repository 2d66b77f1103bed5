"""The pages of meetings: preparing, parties, edits with their preview, schedules to read and to take along."""

from marketplace.meetings.views import edits, parties, prepare, reading
from marketplace.meetings.views.blueprint import blueprint

__all__ = ["blueprint", "edits", "parties", "prepare", "reading"]
