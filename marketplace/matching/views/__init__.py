"""The matching views."""

from marketplace.matching.views import provider
from marketplace.matching.views.buyer import blueprint as suggestions

__all__ = ["provider", "suggestions"]
