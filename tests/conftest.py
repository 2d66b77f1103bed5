"""The databases, the app and the isolation of every test."""

import contextlib
import gc
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from marketplace import create_app, integrations
from marketplace.accounts import rules as account_rules
from marketplace.config import Config
from marketplace.core.db import db
from marketplace.core.ports import Services
from marketplace.matching.queries import market
from marketplace.web import migrate
from tests.chromium import chromium  # noqa: F401 - a fixture
from tests.fakes import MemoryMailer, QuickPdf
from tests.postgres import Postgres, quick_folder

ENGINES = ("sqlite", "postgresql")
SLOW_HASHER, QUICK_HASHER = account_rules._HASHER, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=(*ENGINES, "both"), default="both", help="run database tests on one engine only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the other engine when one is asked for."""
    wanted = config.getoption("--database")
    if wanted == "both":
        return
    keep = [i for i in items if getattr(i, "callspec", None) is None or i.callspec.params.get("engine", wanted) == wanted]
    config.hook.pytest_deselected(items=[i for i in items if i not in keep])
    items[:] = keep


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector of garbage need not walk over it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def quick_hasher() -> None:
    """Passwords of tests are hashed by the same algorithm at the least cost; `slow_hasher` brings the real cost back."""
    account_rules._HASHER = QUICK_HASHER


@pytest.fixture
def slow_hasher(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hasher of the product; what it made once and keeps is made anew for the tests that follow."""
    monkeypatch.setattr(account_rules, "_HASHER", SLOW_HASHER)
    account_rules._dummy_hash.cache_clear()
    yield
    account_rules._dummy_hash.cache_clear()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The name of the database engine; tests that use it run once on each."""
    return str(request.param)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that touches a database on both engines."""
    if "engine" in metafunc.fixturenames:
        one = metafunc.definition.get_closest_marker("on_sqlite")   # with the reason why PostgreSQL cannot serve it
        metafunc.parametrize("engine", ENGINES[:1] if one else ENGINES, indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL server: one per test process, started when first needed."""
    server = Postgres()
    yield server
    server.stop()


class Databases:
    """Makes migrated databases by copying one that was migrated once."""

    def __init__(self, engine: str, folder: Path, server: Callable[[], Postgres]) -> None:
        self.engine, self.folder, self.server = engine, folder, server
        self.count = 0
        if engine == "sqlite":
            self._migrate(f"sqlite:///{folder / 'template.sqlite3'}")
        else:
            self._admin("CREATE DATABASE template_migrated")
            self._migrate(server().url("template_migrated"))

    def _migrate(self, url: str) -> None:
        made = sa.create_engine(url)
        migrate.upgrade(made)
        made.dispose()

    def _admin(self, sql: str) -> None:
        admin = sa.create_engine(self.server().url("postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(sa.text(sql))
        admin.dispose()

    def new(self) -> str:
        """Return the address of a fresh, migrated, empty database."""
        self.count += 1
        if self.engine == "sqlite":
            path = self.folder / f"db{self.count}.sqlite3"
            shutil.copy(self.folder / "template.sqlite3", path)
            return f"sqlite:///{path}"
        name = f"test_{os.getpid()}_{self.count}"
        self._admin(f"CREATE DATABASE {name} TEMPLATE template_migrated")
        return self.server().url(name)

    def drop(self, url: str) -> None:
        """Remove a database made by new()."""
        if self.engine == "sqlite":
            for suffix in ("", "-wal", "-shm"):
                Path(url.removeprefix("sqlite:///") + suffix).unlink(missing_ok=True)
        else:
            self._admin(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")


@pytest.fixture(scope="session")
def all_databases(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Databases]]:
    """The maker of databases of an engine, made when first needed and kept for the whole run."""
    made: dict[str, Databases] = {}

    def of(engine: str) -> Databases:
        if engine not in made:
            made[engine] = Databases(engine, quick_folder("databases-"), lambda: request.getfixturevalue("postgres"))
        return made[engine]

    yield of
    for one in made.values():
        shutil.rmtree(one.folder, ignore_errors=True)


@pytest.fixture
def databases(engine: str, all_databases: Callable[[str], Databases]) -> Databases:
    """The maker of databases of this engine."""
    return all_databases(engine)


def test_services(config: Config) -> Services:
    """Real services in the test's folder, except mail and PDF, whose fakes pass the same port suites."""
    def real(name: str) -> object:
        return integrations.make(name, config)

    lazy = {name: _Lazy(real, name) for name in Services.__dataclass_fields__ if name not in {"mailer", "pdf"}}
    return Services(mailer=MemoryMailer(), pdf=QuickPdf(), **lazy)  # type: ignore[arg-type]


test_services.__test__ = False  # type: ignore[attr-defined]


class _Lazy:
    """Makes the real service when a test first uses it."""

    def __init__(self, maker: Callable[[str], object], name: str) -> None:
        self._maker, self._name, self._made = maker, name, None

    def __getattr__(self, attribute: str) -> object:
        if self._made is None:
            self._made = self._maker(self._name)
        return getattr(self._made, attribute)


def make_config(folder: Path, url: str) -> Config:
    """The config of a test site."""
    return Config(instance=folder, database_url=url, secret_key="t" * 40, testing=True, rate_limits=False,
                  base_url="http://localhost", jobs="none")


@pytest.fixture(scope="session")
def all_sites(all_databases: Callable[[str], Databases]) -> Iterator[Callable[[str], Flask]]:
    """One app per engine for all tests that roll back."""
    made: dict[str, Flask] = {}
    folder = Path(tempfile.mkdtemp(prefix="site-"))

    def of(engine: str) -> Flask:
        if engine not in made:
            config = make_config(folder, all_databases(engine).new())
            made[engine] = create_app(config, test_services(config))
        return made[engine]

    yield of
    for site in made.values():
        with site.app_context():
            db.engine.dispose()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def app(engine: str, all_sites: Callable[[str], Flask], tmp_path: Path) -> Iterator[Flask]:
    """The app inside an outer transaction that is rolled back: every test begins with an empty database."""
    _site = all_sites(engine)
    config = make_config(tmp_path, _site.extensions["marketplace.config"].database_url)
    _site.extensions["marketplace.config"] = config
    _site.extensions["marketplace.services"] = test_services(config)
    _site.config["WTF_CSRF_ENABLED"] = False   # the tests of tokens switch it on; the journeys keep it on
    market._kept.clear()                       # kept in the process; the database of a test is rolled back
    _site.extensions["marketplace.periodic_last"] = dict.fromkeys(_site.extensions["marketplace.periodic"], math.inf)  # when asked
    engines = db._app_engines[_site]
    real = engines[None]
    with real.connect().execution_options(writing=True) as connection:
        outer = connection.begin()
        engines[None] = connection  # sessions join this transaction by savepoints
        try:
            yield _site
        finally:
            engines[None] = real
            if outer.is_active:
                outer.rollback()


@pytest.fixture
def ctx(app: Flask) -> Iterator[Flask]:
    """The app with its context pushed; write with `with transaction() as session:`. Don't use `client` beside it."""
    with app.app_context():
        yield app


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """An open write session for calling operations directly."""
    with app.app_context():
        made = db.session()
        made.info["writing"] = True
        try:
            yield made
        finally:
            made.info["writing"] = False
            made.rollback()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A visitor without JavaScript."""
    return app.test_client()


@pytest.fixture
def fresh_app(databases: Databases, tmp_path: Path) -> Iterator[Flask]:
    """An app on a database of its own, for threads and processes."""
    url = databases.new()
    config = make_config(tmp_path, url)
    made = create_app(config, test_services(config))
    yield made
    with made.app_context():
        db.session.remove()
        db.engine.dispose()
    with contextlib.suppress(sa.exc.OperationalError):
        databases.drop(url)
