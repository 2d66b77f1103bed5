"""Health: what must hold before visitors are let in. Used by /readyz, the platform's desk and `flask ops health`."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from marketplace.core.clock import utc_now
from marketplace.core.outbox import waiting
from marketplace.core.publishing import index_lag
from marketplace.core.text import N_
from marketplace.web import migrate
from marketplace.web.services import config, services

MAX_JOB_AGE = timedelta(minutes=5)
MAX_CLOCK_DIFFERENCE = 2.0   # seconds; beyond that a bid's time cannot be trusted (house.md section 5)


@dataclass(frozen=True)
class Check:
    """One thing that must hold: its name, what it is called on pages, whether it holds, and what was measured.

    What is not `needed` leaves the site ready for visitors when it fails: it does less, and says so.
    """

    name: str
    label: str
    ok: bool
    value: str
    needed: bool = True


def checks(session: Session, *, now: datetime) -> list[Check]:
    """Return every check; one that raises has failed and says how."""
    return [_tried(name, label, check, session, now) for name, label, check in _CHECKS]


def _tried(name: str, label: str, check: Callable[[Session, datetime], tuple[bool, str]], session: Session,
           now: datetime) -> Check:
    """Run one check."""
    try:
        ok, value = check(session, now)
    except (SQLAlchemyError, OSError) as broken:
        session.rollback()
        ok, value = False, type(broken).__name__
    return Check(name, label, ok, value, needed=name not in _SPARED)


def _database(session: Session, _now: datetime) -> tuple[bool, str]:
    """Ask the database for anything."""
    session.execute(text("SELECT 1"))
    return True, session.get_bind().dialect.name


def _migration(session: Session, _now: datetime) -> tuple[bool, str]:
    """Compare the database with the newest migration."""
    current = MigrationContext.configure(session.connection()).get_current_revision()
    return current == migrate.head(), current or "none"


def _storage(_session: Session, _now: datetime) -> tuple[bool, str]:
    """Write a file into the instance folder, and see how much room is left."""
    folder = config().instance
    folder.mkdir(parents=True, exist_ok=True)
    probe = Path(folder, f".probe-{os.getpid()}")
    probe.write_bytes(b"ok")
    probe.unlink()
    free = os.statvfs(folder)
    free_mb = free.f_bavail * free.f_frsize // 1024 // 1024
    return free_mb > 100, f"{free_mb} MB free"  # noqa: PLR2004 - enough for the largest bid with its files


def _jobs(session: Session, now: datetime) -> tuple[bool, str]:
    """Look for background work overdue by more than five minutes."""
    count, since = waiting(session, now=now)
    age = now - since if since else timedelta(0)
    return age <= MAX_JOB_AGE, f"{count} waiting, oldest {int(age.total_seconds())} s"


def _clock(session: Session, _now: datetime) -> tuple[bool, str]:
    """Compare the server's clock with the database's."""
    sql = ("SELECT extract(epoch FROM clock_timestamp())" if session.get_bind().dialect.name == "postgresql"
           else "SELECT (julianday('now') - 2440587.5) * 86400.0")
    there = float(session.execute(text(sql)).scalar_one())
    difference = abs(utc_now().timestamp() - there)
    return difference <= MAX_CLOCK_DIFFERENCE, f"{difference:.3f} s"


def _search(session: Session, now: datetime) -> tuple[bool, str]:
    """Read the search index, and see how far it is behind. Without it search answers by title from the database."""
    lag = index_lag(session, now)
    try:
        documents = services().search_index.size()
    except OSError:
        return False, f"no index that can be read, {int(lag)} s behind; `flask search rebuild` makes it anew"
    return timedelta(seconds=lag) <= MAX_JOB_AGE, f"{documents} documents, {int(lag)} s behind"


_SPARED = frozenset({"search"})
_CHECKS: tuple[tuple[str, str, Callable[[Session, datetime], tuple[bool, str]]], ...] = (
    ("database", N_("数据库"), _database), ("migration", N_("数据结构版本"), _migration), ("storage", N_("存储空间"), _storage),
    ("jobs", N_("后台任务"), _jobs), ("clock", N_("时钟"), _clock), ("search", N_("搜索索引"), _search),
)
