"""What people do with meetings: prepare, list parties, decide, schedule, publish, cancel, end."""

from marketplace.meetings.operations.editing import commit_edit, decide
from marketplace.meetings.operations.events import change_event, close_event, create_event, facts_of, locked
from marketplace.meetings.operations.parties import (
    BadRows,
    Row,
    Terms,
    add_all,
    add_table,
    add_visitor,
    change_party,
    remove_party,
)
from marketplace.meetings.operations.publishing import cancel_meetings, publish, withdraw
from marketplace.meetings.operations.running import begin_run, cancel_run, fail_run, keep_run, note_phase, start_run

__all__ = [
    "BadRows", "Row", "Terms", "add_all", "add_table", "add_visitor", "begin_run", "cancel_meetings", "cancel_run",
    "change_event", "change_party", "close_event", "commit_edit", "create_event", "decide", "facts_of", "fail_run",
    "keep_run", "locked", "note_phase", "publish", "remove_party", "start_run", "withdraw",
]
