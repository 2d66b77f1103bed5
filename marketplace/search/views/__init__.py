"""Pages of the search slice."""

from marketplace.search.views import export, feeds, page, suggest
from marketplace.search.views.dictionary import blueprint as dictionary_pages
from marketplace.search.views.saved import blueprint as saved_pages
from marketplace.search.views.shared import blueprint

__all__ = ["blueprint", "dictionary_pages", "export", "feeds", "page", "saved_pages", "suggest"]
