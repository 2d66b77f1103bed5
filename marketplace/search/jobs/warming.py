"""A fresh web process asks once, so that no visitor waits for the dictionary and the tables of pinyin."""

import contextlib

from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.search.queries.languages import finder_of
from marketplace.search.rules.question import Question
from marketplace.web.services import services

_WORDS = "热身 reshen 从来没有写过的词"     # Chinese, letters and an unknown word: each loads tables of its own


def warm_up() -> None:
    """Ask the index once; without an index there is nothing to warm."""
    session = db.session()
    with contextlib.suppress(OSError):
        finder_of(session, services()).find(Question(text=_WORDS), utc_now(), limit=1)
    session.rollback()
