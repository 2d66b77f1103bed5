"""Reads of conflicts: for the matching, for one pair in words, for the pages of those who declare and settle."""

from marketplace.conflicts.queries.pages import (
    Case,
    against,
    case,
    declarations_by,
    declarations_naming,
    declarations_of,
    history,
    settled,
    settlement,
    touched,
    waiting,
)
from marketplace.conflicts.queries.pairs import Bit, Bits, Finding, bars, conflict_bits, explain
from marketplace.conflicts.queries.peers import barred_together, ties_together

__all__ = [
    "Bit", "Bits", "Case", "Finding", "against", "barred_together", "bars", "case", "conflict_bits", "declarations_by",
    "declarations_naming", "declarations_of", "explain", "history", "settled", "settlement", "ties_together", "touched",
    "waiting",
]
