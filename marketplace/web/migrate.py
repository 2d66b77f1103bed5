"""Brings the database to the newest migration; every `flask` command and the server do this first."""

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
    """Migrate to the head in one transaction; return whether anything was to do."""
    if current(engine) == head():
        return False
    settings = alembic_config()
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
    return True
