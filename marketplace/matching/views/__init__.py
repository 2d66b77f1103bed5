"""The matching views."""

from marketplace.matching.views import edits, market, provider, run_tables, runs, weights, wish
from marketplace.matching.views.buyer import blueprint as suggestions
from marketplace.matching.views.ops import blueprint as operator_pages

__all__ = [
    "edits", "market", "operator_pages", "provider", "run_tables", "runs", "suggestions", "weights", "wish",
]
