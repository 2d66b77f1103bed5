"""Tables of the search slice."""

from marketplace.search.models.extracts import TextExtract
from marketplace.search.models.saved import SavedSearch, SavedSearchHit, SavedSearchMute

__all__ = ["SavedSearch", "SavedSearchHit", "SavedSearchMute", "TextExtract"]
