"""The pages of people: sign-in, profile, members, and the platform's own desk."""

from marketplace.accounts.views import entry, health, members, ops, profile
from marketplace.accounts.views.blueprints import accounts, healths, platform

__all__ = ["accounts", "entry", "health", "healths", "members", "ops", "platform", "profile"]
