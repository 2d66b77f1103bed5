"""create_app: the only place where config, services, slices and commands are wired together."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from flask import Blueprint, Flask

from marketplace.config import ROOT, Config
from marketplace.core import outbox
from marketplace.core.db import db
from marketplace.core.ports import Services

SLICES = (  # lowest first; a slice may use only those before it
    "accounts", "files", "organizations", "imports", "catalogs", "procedures", "documents", "projects", "bids",
    "awards", "contracts", "search", "inbox", "desks", "demo",
)


def create_app(config: Config, services: Services | None = None) -> Flask:
    """Build the site for one config; `services` replaces the real vendors in tests."""
    from marketplace.web import cli, errors, formats, i18n, security

    app = Flask(__name__, root_path=str(ROOT), template_folder="templates", static_folder="static",
                instance_path=str(config.instance))
    app.extensions["marketplace.config"] = config
    app.config.update(
        SECRET_KEY=config.secret_key or "unset", TESTING=config.testing,
        SQLALCHEMY_DATABASE_URI=config.sqlalchemy_url,
    )
    db.init_app(app)
    app.extensions["marketplace.services"] = services or _LazyServices(config)
    security.init_security(app, config)
    i18n.init_i18n(app)
    formats.init_formats(app)
    errors.init_errors(app)
    _wire_slices(app)
    cli.init_cli(app)
    from marketplace.web.access import check_marks

    check_marks(app)
    return app


def _part(slice_name: str, part: str) -> ModuleType | None:
    """Import one file of a slice if the slice has it."""
    name = f"marketplace.{slice_name}.{part}"
    return import_module(name) if find_spec(name) else None


def _wire_slices(app: Flask) -> None:
    """Register each slice's blueprint, handlers, public documents and commands; refuse to start on a loose end."""
    by_kind: dict[str, list[str]] = {}
    by_name: dict[str, outbox.Handler] = {}
    sources: dict[str, Callable[..., object]] = {}
    import_targets: dict[str, object] = {}
    for name in SLICES:
        if find_spec(f"marketplace.{name}") is None:
            continue
        _part(name, "models")
        if views := _part(name, "views"):
            for blueprint in vars(views).values():
                if isinstance(blueprint, Blueprint):
                    app.register_blueprint(blueprint)
        if jobs := _part(name, "jobs"):
            for kind, handler in jobs.HANDLERS.items():
                handler_name = f"{name}.{handler.__name__}"
                by_kind.setdefault(kind, []).append(handler_name)
                by_name[handler_name] = handler
            import_targets.update(getattr(jobs, "IMPORT_TARGETS", {}))
        if (queries := _part(name, "queries")) and hasattr(queries, "public_documents"):
            sources[name] = queries.public_documents
        if (commands := _part(name, "cli")) and hasattr(commands, "group"):
            app.cli.add_command(commands.group)
    _check_kinds(by_kind)
    outbox.declare_listeners(by_kind)
    app.extensions["marketplace.handlers"] = by_name
    app.extensions["marketplace.public_sources"] = sources
    app.extensions["marketplace.import_targets"] = import_targets


def _check_kinds(by_kind: Mapping[str, list[str]]) -> None:
    """Refuse to start when a declared kind of job has no handler: news would be written and never read."""
    declared = {
        value
        for name in SLICES
        if (rules := _part(name, "rules")) is not None
        for constant, value in vars(rules).items()
        if constant.startswith("JOB_") and isinstance(value, str)
    }
    if missing := declared - set(by_kind):
        msg = f"job kinds without a handler: {', '.join(sorted(missing))}"
        raise RuntimeError(msg)


class _LazyServices:
    """Makes each real service on first use, so that importing `app` touches no file and starts no thread."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def __getattr__(self, name: str) -> object:
        from marketplace import integrations

        made = integrations.make(name, self._config)
        setattr(self, name, made)
        return made
