"""The pages of bids: writing, checking, receipts, the opening record."""

from marketplace.bids.views import opening, own, writing
from marketplace.bids.views.shared import blueprint

__all__ = ["blueprint", "opening", "own", "writing"]
