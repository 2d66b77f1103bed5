"""Rules of searching: language, questions, upkeep, saved searches. Pure."""

from marketplace.search.rules.extracts import JOB_EXTRACT
from marketplace.search.rules.saved import JOB_ALERT, JOB_SEARCH_SAVED
from marketplace.search.rules.upkeep import Difference, compare
from marketplace.search.rules.wordbook import JOB_DICTIONARY

__all__ = ["JOB_ALERT", "JOB_DICTIONARY", "JOB_EXTRACT", "JOB_SEARCH_SAVED", "Difference", "compare"]
