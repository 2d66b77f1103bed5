"""Verbs of plans of money: make, reckon, cancel, share, withdraw; follow a project."""

from marketplace.fundplans.operations.following import follow
from marketplace.fundplans.operations.plans import cancel_plan, make_plan, share_plan, solve_again, withdraw_plan
from marketplace.fundplans.operations.reckoning import (
    Stopped,
    begin_attempt,
    fail_attempt,
    keep_solution,
    note_phase,
    stop_attempt,
)

__all__ = [
    "Stopped", "begin_attempt", "cancel_plan", "fail_attempt", "follow", "keep_solution", "make_plan", "note_phase",
    "share_plan", "solve_again", "stop_attempt", "withdraw_plan",
]
