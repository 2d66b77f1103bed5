"""Tables of the search slice."""

from marketplace.search.models.dictionary import DictionaryEntry, DictionaryVersion
from marketplace.search.models.extracts import TextExtract
from marketplace.search.models.saved import SavedSearch, SavedSearchHit, SavedSearchMute

__all__ = ["DictionaryEntry", "DictionaryVersion", "SavedSearch", "SavedSearchHit", "SavedSearchMute", "TextExtract"]
