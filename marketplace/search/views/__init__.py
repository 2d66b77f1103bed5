"""Pages of the search slice."""

from marketplace.search.views import export, feeds, page, suggest
from marketplace.search.views.saved import saved
from marketplace.search.views.shared import blueprint

__all__ = ["blueprint", "export", "feeds", "page", "saved", "suggest"]
