"""Pages of funding: public pools, the desk of a funder, bank lines, releases."""

from marketplace.funding.views import card
from marketplace.funding.views.blueprints import funding

__all__ = ["card", "funding"]
