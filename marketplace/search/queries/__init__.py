"""Reads of the search slice."""

from marketplace.search.queries.extracts import texts_by_document, texts_of, unread
from marketplace.search.queries.upkeep import (
    BATCH,
    Sources,
    all_documents,
    difference,
    documents_of,
    lag_seconds,
    one_by_one,
    rows_of,
    stamps_of,
    waiting_keys,
)

__all__ = ["BATCH", "Sources", "all_documents", "difference", "documents_of", "lag_seconds", "one_by_one",
           "rows_of", "stamps_of", "texts_by_document", "texts_of", "unread", "waiting_keys"]
