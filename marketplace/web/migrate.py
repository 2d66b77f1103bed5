"""Brings the database to the newest migration; every `flask` command and the server do this first."""

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from marketplace.config import ROOT


def alembic_config() -> AlembicConfig:
    """Return Alembic's settings without an ini file."""
    made = AlembicConfig()
    made.set_main_option("script_location", str(ROOT / "migrations"))
    made.set_main_option("path_separator", "os")
    return made


def head() -> str | None:
    """Return the newest revision in the tree."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def current(engine: Engine) -> str | None:
    """Return the revision that the database is at."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine) -> bool:
    """Migrate to the head in one transaction; return whether anything was to do. Makes the folder of a SQLite file."""
    if engine.dialect.name == "sqlite" and engine.url.database not in {None, "", ":memory:"}:
        Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
    if current(engine) == head():
        return False
    settings = alembic_config()
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
    return True


def recreate(engine: Engine) -> None:
    """Throw every table away and migrate from nothing: for demo worlds only, the caller has made sure of that."""
    if engine.dialect.name == "sqlite":
        _drop_sqlite(engine)
    else:
        with engine.connect().execution_options(writing=True) as connection, connection.begin():
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    upgrade(engine)


def _drop_sqlite(engine: Engine) -> None:
    """Drop the tables of a SQLite file; foreign keys rest meanwhile, for rows point to one another."""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA foreign_keys=OFF")
        cursor.execute("BEGIN IMMEDIATE")
        names = [row[0] for row in cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall()]
        for name in names:
            cursor.execute(f'DROP TABLE "{name}"')
        cursor.execute("COMMIT")
        cursor.execute("PRAGMA foreign_keys=ON")
    finally:
        raw.close()
