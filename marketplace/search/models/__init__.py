"""Tables of the search slice."""

from marketplace.search.models.extracts import TextExtract

__all__ = ["TextExtract"]
