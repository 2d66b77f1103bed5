"""Commands of the search slice: one group, several files."""

from marketplace.search.cli.bench import bench
from marketplace.search.cli.dictionary import dictionary
from marketplace.search.cli.evaluate import evaluate
from marketplace.search.cli.extracts import texts
from marketplace.search.cli.upkeep import group

__all__ = ["bench", "dictionary", "evaluate", "group", "texts"]
