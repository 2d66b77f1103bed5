"""Background work of the search slice."""

from collections.abc import Mapping

from marketplace.core.outbox import Handler
from marketplace.core.publishing import PUBLIC_CHANGED
from marketplace.search.jobs.alerts import catch_up, raise_alerts
from marketplace.search.jobs.extracts import extract_text
from marketplace.search.jobs.upkeep import index_changes
from marketplace.search.rules import JOB_EXTRACT, JOB_SEARCH_SAVED

HANDLERS: Mapping[str, Handler | tuple[Handler, ...]] = {   # several: a job for each, tried again alone
    PUBLIC_CHANGED: (index_changes, raise_alerts), JOB_EXTRACT: extract_text, JOB_SEARCH_SAVED: catch_up,
}

__all__ = ["HANDLERS", "catch_up", "extract_text", "index_changes", "raise_alerts"]
