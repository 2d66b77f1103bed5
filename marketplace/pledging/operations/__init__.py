"""What people do with pledging events: prepare, open the door, record, reverse, settle, end, remind."""

from marketplace.pledging.operations.events import (
    change_event,
    choose_footing,
    close_event,
    close_round,
    create_event,
    go_live,
    open_round,
    renew_display_key,
)
from marketplace.pledging.operations.guests import (
    Shown,
    add_all,
    add_guest,
    change_guest,
    check_in,
    check_name,
    check_out,
    remove_guest,
)
from marketplace.pledging.operations.papers import prepare_papers, register_copies
from marketplace.pledging.operations.recording import Answer, record_entry, settle, undo_entry
from marketplace.pledging.operations.reminders import remind, remind_all, remind_due

__all__ = [
    "Answer", "Shown", "add_all", "add_guest", "change_event", "change_guest", "check_in", "check_name", "check_out",
    "choose_footing", "close_event", "close_round", "create_event", "go_live", "open_round", "prepare_papers",
    "record_entry", "register_copies", "remind", "remind_all", "remind_due", "remove_guest", "renew_display_key",
    "settle", "undo_entry",
]
