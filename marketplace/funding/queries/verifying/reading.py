"""Rows of one snapshot, streamed past the mapping: plain tuples, a few thousand at a time."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

BITE = 5_000
_AT_SQLITE = "replace({}, ' ', 'T') || '+00:00'"
_AT_POSTGRESQL = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') || '+00:00'"
_numbers = count(1)


class Reader:
    """Reads by the driver's own cursors inside the session's transaction."""

    def __init__(self, session: Session) -> None:
        self.is_lite = session.get_bind().dialect.name == "sqlite"
        self._driver: Any = session.connection().connection

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query. `AT[column]` in it is a moment as text: ISO 8601, UTC, six places."""
        cursor = self._driver.cursor() if self.is_lite else self._driver.cursor(name=f"verify_{next(_numbers)}")
        try:
            cursor.execute(self._moments(sql))
            while bite := cursor.fetchmany(BITE):
                yield from bite
        finally:
            cursor.close()

    def _moments(self, sql: str) -> str:
        """Write out AT[column] for this database."""
        form = _AT_SQLITE if self.is_lite else _AT_POSTGRESQL
        head, *rest = sql.split("AT[")
        return head + "".join(form.format(column) + tail for column, _, tail in (part.partition("]") for part in rest))


def snapshot(session: Session) -> Session:
    """Begin reading anew, so that all that follows sees one moment while others go on writing; return the session."""
    session.rollback()
    if isinstance(session.get_bind(), Engine) and session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    return session
