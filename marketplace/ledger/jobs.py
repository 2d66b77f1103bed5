"""The sealer of the ledger: a duty of every worker, safe twice and in parallel."""

from collections.abc import Callable

from marketplace.core.chain import SEAL_BATCH
from marketplace.core.db import transaction
from marketplace.ledger import operations

SEAL_EVERY = 2.0  # seconds
MOST_BATCHES = 50  # in one turn, so that other duties come in between


def seal() -> None:
    """Seal what was posted, a batch in a transaction, until less than a batch is left."""
    for _ in range(MOST_BATCHES):
        with transaction() as session:
            if operations.seal_batch(session) < SEAL_BATCH:
                return


PERIODIC: dict[str, tuple[float, Callable[[], None]]] = {"ledger.seal": (SEAL_EVERY, seal)}
