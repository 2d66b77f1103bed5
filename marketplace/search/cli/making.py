"""Makes rows in several processes: for a rebuild of hundreds of thousands of documents on a machine with several cores.

Children are forked with the language in memory and never touch database or index. At most a few batches wait, so that
memory stays flat.
"""

import gc
import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from marketplace.search.queries.upkeep import Packing, Row, WithTexts, one_by_one
from marketplace.search.rules.analysis import Language

if TYPE_CHECKING:
    from multiprocessing.pool import AsyncResult

BATCH = 100
WAITING = 3                        # batches a process has before it
_shared: list[tuple[Language, datetime, Packing]] = []        # what the children are forked with


def _made(batch: list[WithTexts]) -> list[Row]:
    """Make the rows of a batch, in a child."""
    language, now, packed = _shared[-1]
    return list(one_by_one(batch, language, now, packed))


def in_processes(count: int, documents: Iterable[WithTexts], language: Language, now: datetime,
                 packed: Packing) -> Iterator[Row]:
    """Yield rows in the order of their documents, made and packed in `count` processes."""
    language.tokens("预热")         # what is read on first use is read once, before the fork
    language.heads("预热")
    _shared.append((language, now, packed))
    try:
        with multiprocessing.get_context("fork").Pool(count, gc.freeze) as pool:
            left, waiting = iter(documents), deque["AsyncResult[list[Row]]"]()
            while batch := list(islice(left, BATCH)):
                waiting.append(pool.apply_async(_made, (batch,)))
                if len(waiting) > WAITING * count:
                    yield from waiting.popleft().get()
            while waiting:
                yield from waiting.popleft().get()
    finally:
        _shared.pop()
