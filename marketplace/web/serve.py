"""`flask serve`: checks the port, migrates, builds the demo world on a first start, then serves with gunicorn."""

import contextlib
import mimetypes
import os
import socket
import subprocess
import sys
from threading import Thread
from typing import TYPE_CHECKING, Any

import click
from flask import Flask, current_app
from gunicorn.app.base import BaseApplication
from sqlalchemy import text

from marketplace.config import ROOT, Config
from marketplace.core.db import db
from marketplace.web import migrate, worker

if TYPE_CHECKING:
    from threading import Event

HOST = "127.0.0.1"
GRACE_SECONDS = 20


class Server(BaseApplication):
    """gunicorn with our settings; each web worker also works the outbox unless jobs = none."""

    def __init__(self, app: Flask, config: Config, port: int) -> None:
        self.flask_app, self.market, self.port = app, config, port
        self.stops: list[Event] = []
        super().__init__()

    def load_config(self) -> None:
        """Set what gunicorn needs."""
        settings = {
            "bind": f"{os.environ.get('MARKETPLACE_BIND', HOST)}:{self.port}", "workers": self.market.workers,
            "threads": self.market.threads, "worker_class": "gthread", "graceful_timeout": GRACE_SECONDS,
            "timeout": 60, "loglevel": "warning", "limit_request_line": 8190, "post_worker_init": self._begin,
            "worker_exit": self._end, "control_socket_disable": True, "proc_name": "marketplace",
        }
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the app."""
        return self.flask_app

    def _begin(self, _worker: Any) -> None:
        """Start the outbox thread in a fresh web worker; connections of the parent are not shared with it."""
        mimetypes.init()   # it fills its tables on first use; better here than in eight threads at once
        with self.flask_app.app_context():
            db.engine.dispose(close=False)
        if self.market.jobs == "thread":
            self.stops.append(worker.start_thread(self.flask_app))
        Thread(target=warm_up, args=(self.flask_app,), name="warm-up", daemon=True).start()

    def _end(self, _server: Any, _worker: Any) -> None:
        """Let the outbox thread finish the job at hand."""
        for stop in self.stops:
            stop.set()


def warm_up(app: Flask) -> None:
    """Let each slice load what the first visitor would wait for; what fails here fails again where it is seen."""
    with app.app_context():
        for warm in app.extensions["marketplace.warm_ups"].values():
            with contextlib.suppress(Exception):
                warm()
        db.session.remove()


def port_is_free(port: int) -> bool:
    """Say whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def is_empty() -> bool:
    """Say whether nobody has an account yet: the first start."""
    with db.engine.connect() as connection:
        return connection.execute(text("SELECT 1 FROM person LIMIT 1")).first() is None


def run_flask(*words: str) -> bool:
    """Run one of our commands in a process of its own, as a user would; return whether it succeeded."""
    return subprocess.run([sys.executable, "-m", "flask", *words], cwd=ROOT, check=False).returncode == 0  # noqa: S603


def build_demo() -> None:
    """Build the demo world and play one project to its contract; without it there is nothing to serve."""
    if not (run_flask("demo", "build") and run_flask("demo", "walk")):
        raise SystemExit(1)


@click.command("serve")
@click.option("--with-demo", is_flag=True, help="On an empty database, build the demo world and play the walk first.")
def serve(with_demo: bool) -> None:  # noqa: FBT001
    """Serve the site on PORT (5000) until SIGTERM."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    config: Config = app.extensions["marketplace.config"]
    text_port = os.environ.get("PORT", "5000")
    if not text_port.isdigit() or not port_is_free(int(text_port)):
        click.echo(f"端口 {text_port} 已被占用或不是端口号。请换一个，例如：PORT=5001 ./run\n"
                   f"Port {text_port} is taken or is no port. Choose another, for example: PORT=5001 ./run", err=True)
        raise SystemExit(2)
    migrate.upgrade(db.engine)
    if with_demo and os.environ.get("MARKETPLACE_DEMO", "on") == "on" and is_empty():
        build_demo()
    if not config.seal_key_path.exists():
        run_flask("bids", "key")   # makes the sealing key while nothing is sealed, and says where it lies
    greet(config)
    db.engine.dispose()
    Server(app, config, int(text_port)).run()


def greet(config: Config) -> None:
    """Print the address and one sign-in per role."""
    sign_ins = config.instance / "demo-sign-ins.txt"
    if sign_ins.exists():
        click.echo(sign_ins.read_text())
    click.echo(f"{config.site_name}: {config.base_url}    (Ctrl+C 结束 / stops)")


@click.command("migrate")
def migrate_command() -> None:
    """Bring the database to the newest migration."""
    config: Config = current_app.extensions["marketplace.config"]
    if config.sqlalchemy_url.startswith("sqlite:///"):
        config.instance.mkdir(parents=True, exist_ok=True)
    if migrate.upgrade(db.engine):
        click.echo("database migrated", err=True)
