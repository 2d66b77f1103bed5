"""Verbs of the search slice."""

from marketplace.search.operations.extracts import keep_text, want_missing_texts, want_texts
from marketplace.search.operations.naming import rename_codes
from marketplace.search.operations.upkeep import index_changes, rebuild, repair

__all__ = ["index_changes", "keep_text", "rebuild", "rename_codes", "repair",
           "want_missing_texts", "want_texts"]
