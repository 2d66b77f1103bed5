"""Rules of searching: language, questions, upkeep, saved searches. Pure."""

from marketplace.search.rules.upkeep import Difference, compare

__all__ = ["Difference", "compare"]
