"""Background work of the search slice."""

from collections.abc import Callable, Mapping

from marketplace.catalogs.rules import JOB_NAMES_CHANGED
from marketplace.core.outbox import Handler
from marketplace.core.publishing import PUBLIC_CHANGED
from marketplace.search.jobs.alerts import catch_up, raise_alerts
from marketplace.search.jobs.dictionary import rebuild_with_dictionary
from marketplace.search.jobs.extracts import extract_text
from marketplace.search.jobs.naming import follow_names
from marketplace.search.jobs.upkeep import index_changes
from marketplace.search.jobs.warming import warm_up
from marketplace.search.rules import JOB_DICTIONARY, JOB_EXTRACT, JOB_SEARCH_SAVED

HANDLERS: Mapping[str, Handler | tuple[Handler, ...]] = {   # several: a job for each, tried again alone
    PUBLIC_CHANGED: (index_changes, raise_alerts), JOB_EXTRACT: extract_text, JOB_NAMES_CHANGED: follow_names,
    JOB_SEARCH_SAVED: catch_up,
    JOB_DICTIONARY: rebuild_with_dictionary,
}

WARM_UPS: Mapping[str, Callable[[], None]] = {"search": warm_up}

__all__ = ["HANDLERS", "WARM_UPS", "catch_up", "extract_text", "follow_names", "index_changes", "raise_alerts",
           "rebuild_with_dictionary", "warm_up"]
