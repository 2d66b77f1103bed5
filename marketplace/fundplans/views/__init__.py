"""Pages of plans of money and the shortlist."""

from marketplace.fundplans.views import exports, plans, shortlist
from marketplace.fundplans.views.blueprint import blueprint

__all__ = ["blueprint", "exports", "plans", "shortlist"]
