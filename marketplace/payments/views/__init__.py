"""The pages of payments."""

from marketplace.payments.views import stripe
from marketplace.payments.views.blueprint import blueprint

__all__ = ["blueprint", "stripe"]
