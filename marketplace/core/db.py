"""The database: base model, column types, and the one place where a transaction begins and ends."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Engine, MetaData, String, event
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.types import TypeDecorator

from marketplace.core.money import Money

REF_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no 0 o 1 l i: people read these aloud
REF_LENGTH = 12  # 31**12 is about 2**59
BUSY_TIMEOUT_MS = 15_000


class UTCDateTime(TypeDecorator[datetime]):
    """An aware moment, stored in UTC; a naive value is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; SQLite keeps no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "naive datetime"
            raise ValueError(msg)
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back an aware moment."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class MoneyColumn(TypeDecorator[Money]):
    """Money as a 64-bit integer of fen. The CHECK that it is not negative stands on the table."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Money | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Store fen."""
        return None if value is None else value.fen

    def process_result_value(self, value: int | None, dialect: Dialect) -> Money | None:  # noqa: ARG002
        """Give back Money; a sum comes as a Decimal of whole fen from PostgreSQL."""
        return None if value is None else Money(int(value))


class Model(DeclarativeBase):
    """The base of every table. Constraint names follow one convention, so migrations can name them."""

    registry = registry(type_annotation_map={datetime: UTCDateTime, Money: MoneyColumn, str: String()})
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Model, session_options={"join_transaction_mode": "create_savepoint"})


def new_ref() -> str:
    """Return a random public reference: 12 characters that cannot be guessed from another one."""
    number, letters = secrets.randbelow(len(REF_ALPHABET) ** REF_LENGTH), []   # one draw: a pledge takes seven of these
    for _ in range(REF_LENGTH):
        number, at = divmod(number, len(REF_ALPHABET))
        letters.append(REF_ALPHABET[at])
    return "".join(letters)


@contextmanager
def transaction() -> Iterator[Session]:
    """Open the write transaction of a view, webhook, command or job; commit at the end, roll back on any error.

    What was read before is read again inside, so a decision never rests on an older snapshot. Not nestable.
    """
    session = db.session()
    if session.info.get("writing"):
        msg = "a transaction is open already: operations never open one"
        raise RuntimeError(msg)
    session.rollback()
    session.info["writing"] = True
    try:
        session.connection(execution_options={"writing": True})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info["writing"] = False


def guard_writes(session: Session, _context: object = None, _instances: object = None) -> None:
    """Refuse a flush with changes outside `transaction()`: it would be lost, or land somewhere surprising."""
    if not session.info.get("writing") and (session.new or session.dirty or session.deleted):
        msg = "a write outside transaction()"
        raise RuntimeError(msg)


event.listen(Session, "before_flush", guard_writes)


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Take SQLite's transactions into our own hands; make it durable and strict."""
    if type(connection).__module__.partition(".")[0] != "sqlite3":
        return
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    """Writers take the lock at once (no lost updates, no failed upgrades); readers do not wait for them."""
    if connection.dialect.name == "sqlite":
        writing = connection.get_execution_options().get("writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
