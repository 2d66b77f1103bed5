"""Verbs of the search slice."""

from marketplace.search.operations.extracts import keep_text, want_texts

__all__ = ["keep_text", "want_texts"]
