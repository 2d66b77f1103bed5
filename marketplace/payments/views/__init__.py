"""The pages of payments."""

from marketplace.payments.views import bank, stripe
from marketplace.payments.views.blueprint import blueprint

__all__ = ["bank", "blueprint", "stripe"]
