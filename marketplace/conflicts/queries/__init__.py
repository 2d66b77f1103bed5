"""Reads of conflicts: for the matching, for one pair in words, for the pages of those who declare and settle."""

from marketplace.conflicts.queries.pairs import Bit, Bits, Finding, bars, conflict_bits, explain

__all__ = ["Bit", "Bits", "Finding", "bars", "conflict_bits", "explain"]
