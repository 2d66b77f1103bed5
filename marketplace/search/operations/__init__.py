"""Verbs of the search slice."""

from marketplace.search.operations.extracts import keep_text, want_missing_texts, want_texts
from marketplace.search.operations.upkeep import index_changes, rebuild, repair

__all__ = ["index_changes", "keep_text", "rebuild", "repair", "want_missing_texts",
           "want_texts"]
