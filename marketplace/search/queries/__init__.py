"""Reads of the search slice."""

from marketplace.search.queries.extracts import texts_by_document, texts_of, unread
from marketplace.search.queries.upkeep import (
    BATCH,
    Sources,
    all_documents,
    documents_of,
    lag_seconds,
    waiting_keys,
)

__all__ = ["BATCH", "Sources", "all_documents", "documents_of", "lag_seconds", "texts_by_document",
           "texts_of", "unread", "waiting_keys"]
