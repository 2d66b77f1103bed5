"""create_app: the only place where config, services, slices and commands are wired together."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from flask import Blueprint, Flask
from flask.cli import AppGroup

from marketplace.config import ROOT, Config
from marketplace.core import outbox
from marketplace.core.db import db
from marketplace.core.ports import SearchIndex, Services

T = TypeVar("T")
SLICES = (  # lowest first; a slice may use only those before it
    "accounts", "files", "organizations", "imports", "catalogs", "procedures", "documents", "ledger", "payments",
    "projects", "bids", "funding", "pledging", "awards", "contracts", "agreements", "search",
    "conflicts", "matching", "fundplans", "meetings", "inbox", "desks", "demo",
)

CODE_NAMES = ("category_names", "area_names")  # code -> name, for slices below the one that keeps the codes


def create_app(config: Config, services: Services | None = None) -> Flask:
    """Build the site for one config; `services` replaces the real vendors in tests."""
    from marketplace.web import cli, errors, formats, i18n, pages, security

    app = Flask(__name__, root_path=str(ROOT), template_folder="templates", static_folder="static",
                instance_path=str(config.instance))
    app.extensions["marketplace.config"] = config
    app.config.update(
        SECRET_KEY=config.secret_key or "unset", TESTING=config.testing,
        SQLALCHEMY_DATABASE_URI=config.sqlalchemy_url,
    )
    db.init_app(app)
    app.extensions["marketplace.services"] = services or _LazyServices(config)
    app.extensions["marketplace.search_engine"] = _search_engine
    security.init_security(app, config)
    i18n.init_i18n(app)
    formats.init_formats(app)
    pages.init_pages(app)
    errors.init_errors(app)
    _wire_slices(app)
    _wire_people(app)
    cli.init_cli(app)
    from marketplace.web.access import check_marks

    check_marks(app)
    return app


def _wire_people(app: Flask) -> None:
    """Tell the web who is signed in, as whom he acts, how long he may rest, and where refusals are noted."""
    from marketplace.accounts import operations, queries, rules

    app.extensions["marketplace.session_loader"] = lambda token: queries.signed_in(db.session(), token)
    app.extensions["marketplace.actor_loader"] = lambda person_id: queries.load_actor(db.session(), person_id)
    app.extensions["marketplace.idle_limit"] = rules.idle_limit
    app.extensions["marketplace.note_refusal"] = operations.note_refusal
    app.extensions["marketplace.own_door"] = queries.own_door
    app.extensions["marketplace.password_fits"] = rules.password_fits
    app.extensions["marketplace.step_up"] = operations.step_up
    from marketplace.catalogs.queries import work_calendar

    app.extensions["marketplace.work_calendar"] = work_calendar


def _part(slice_name: str, part: str) -> ModuleType | None:
    """Import one file of a slice if the slice has it."""
    name = f"marketplace.{slice_name}.{part}"
    return import_module(name) if find_spec(name) else None


def _wire_slices(app: Flask) -> None:
    """Register each slice's blueprints, handlers, public documents and commands; refuse to start on a loose end."""
    listeners: dict[str, list[str]] = {}
    found: dict[str, dict[str, object]] = {"handlers": {}, "public_sources": {}, "import_targets": {}, "names": {},
                                          "warm_ups": {}, "periodic": {}}
    for name in SLICES:
        _part(name, "models")
        for blueprint in _things(_part(name, "views"), Blueprint):
            app.register_blueprint(blueprint)
        for group in _things(_part(name, "cli"), AppGroup):
            _add_group(app, group)
        jobs = _part(name, "jobs")
        for kind, handlers in getattr(jobs, "HANDLERS", {}).items():
            for handler in handlers if isinstance(handlers, tuple) else (handlers,):
                handler_name = f"{name}.{handler.__name__}"
                listeners.setdefault(kind, []).append(handler_name)
                found["handlers"][handler_name] = handler
        found["import_targets"].update(getattr(jobs, "IMPORT_TARGETS", {}))
        found["warm_ups"].update(getattr(jobs, "WARM_UPS", {}))
        found["periodic"].update(getattr(jobs, "PERIODIC", {}))
        queries = _part(name, "queries")
        if offer := getattr(queries, "public_documents", None):
            found["public_sources"][name] = offer
        found["names"].update({what: getattr(queries, what) for what in CODE_NAMES if hasattr(queries, what)})
    _check_kinds(listeners)
    outbox.declare_listeners(listeners)
    for extension, things in found.items():
        app.extensions[f"marketplace.{extension}"] = things


def _things(module: ModuleType | None, kind: type[T]) -> list[T]:
    """Return the objects of one type that a module defines, in order."""
    return [thing for thing in vars(module).values() if isinstance(thing, kind)] if module else []


def _add_group(app: Flask, group: AppGroup) -> None:
    """Register a group of commands; a second group of the same name adds its commands to the first."""
    known = app.cli.commands.get(group.name or "")
    if not isinstance(known, AppGroup) or known is group:
        app.cli.add_command(group)
        return
    for name, command in group.commands.items():
        known.add_command(command, name)


def _check_kinds(listeners: Mapping[str, list[str]]) -> None:
    """Refuse to start when a declared kind of job has no handler: news would be written and never read."""
    declared = {
        value
        for name in SLICES
        if (rules := _part(name, "rules")) is not None
        for constant, value in vars(rules).items()
        if constant.startswith("JOB_") and isinstance(value, str)
    }
    if missing := declared - set(listeners):
        msg = f"job kinds without a handler: {', '.join(sorted(missing))}"
        raise RuntimeError(msg)


def _search_engine(engine: str, folder: Path) -> SearchIndex:
    """Return an index of an engine in a folder of its own, beside that of the site."""
    from marketplace.integrations import search_index

    return search_index(engine, folder)


class _LazyServices:
    """Makes each real service on first use, so that importing `app` touches no file and starts no thread."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def __getattr__(self, name: str) -> object:
        from marketplace import integrations

        made = integrations.make(name, self._config)
        setattr(self, name, made)
        return made
