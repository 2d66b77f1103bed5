"""What follows when a catalogue or a list of places gives other names to codes."""

from collections.abc import Sequence
from contextlib import suppress

from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.search import operations
from marketplace.web.services import public_sources, services


def follow_names(codes: Sequence[str]) -> None:
    """Bring the documents of these codes up to date; an index that is made later has the names anyway."""
    session = db.session()
    with suppress(FileNotFoundError):
        operations.rename_codes(session, services=services(), sources=public_sources(), codes=codes, now=utc_now())
    session.rollback()
