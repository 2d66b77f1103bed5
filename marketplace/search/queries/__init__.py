"""Reads of the search slice."""

from marketplace.search.queries.upkeep import (
    BATCH,
    Sources,
    all_documents,
    documents_of,
    lag_seconds,
    waiting_keys,
)

__all__ = ["BATCH", "Sources", "all_documents", "documents_of", "lag_seconds", "waiting_keys"]
