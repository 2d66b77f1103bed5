"""Background work of the search slice."""

from collections.abc import Mapping

from marketplace.core.outbox import Handler
from marketplace.core.publishing import PUBLIC_CHANGED
from marketplace.search.jobs.upkeep import index_changes

HANDLERS: Mapping[str, Handler] = {PUBLIC_CHANGED: index_changes}

__all__ = ["HANDLERS", "index_changes"]
