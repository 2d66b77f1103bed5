"""What people do with weight sets, runs, edits and suggestions."""

from marketplace.matching.operations.driving import drive
from marketplace.matching.operations.edits import commit_edit, confirm_pair
from marketplace.matching.operations.publishing import publish, unpublish
from marketplace.matching.operations.runs import RunOrder, cancel_run, start_run
from marketplace.matching.operations.weights import save_weights, weights_to_use

__all__ = [
    "RunOrder", "cancel_run", "commit_edit", "confirm_pair", "drive", "publish", "save_weights", "start_run",
    "unpublish", "weights_to_use",
]
