"""Background work of the search slice."""

from collections.abc import Mapping

from marketplace.core.outbox import Handler
from marketplace.core.publishing import PUBLIC_CHANGED
from marketplace.search.jobs.extracts import extract_text
from marketplace.search.jobs.upkeep import index_changes
from marketplace.search.rules import JOB_EXTRACT

HANDLERS: Mapping[str, Handler] = {PUBLIC_CHANGED: index_changes, JOB_EXTRACT: extract_text}

__all__ = ["HANDLERS", "extract_text", "index_changes"]
