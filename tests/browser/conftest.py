"""A real site on SQLite, served to a real Chromium."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page
from werkzeug.serving import make_server

from marketplace import create_app
from marketplace.config import Config
from marketplace.core.clock import utc_now
from marketplace.core.db import db
from marketplace.web import migrate, worker
from tests.browser.cards import build_cards, settle_cards, start_stripe, tell_site, with_cards
from tests.browser.world import World, build
from tests.factories.accounts import sign_in
from tests.stripe_fake.server import StripeServer

WIDTHS = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


@dataclass
class Site:
    """A running site: its app, its address, what stands in it."""

    app: Flask
    url: str
    world: World
    stripe: StripeServer

    def cookies(self, who: str) -> list[dict[str, str]]:
        """The cookies of a person who has just signed in; none for a visitor."""
        if who == "visitor":
            return []
        client = self.app.test_client()
        sign_in(client, self.world.people[who])
        cookie = client.get_cookie("session")
        assert cookie is not None
        return [{"name": "session", "value": cookie.value, "url": self.url}]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site with its world, on a port of its own, with the outbox worked beside it."""
    folder = tmp_path_factory.mktemp("site")
    stripe = start_stripe()
    app = create_app(with_cards(Config(instance=folder, secret_key="b" * 40, rate_limits=False, jobs="none",
                                       demo_marks=True), stripe))
    with app.app_context():
        migrate.upgrade(db.engine)
    world = build(app, utc_now())
    build_cards(app, world, stripe, utc_now())
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stop = worker.start_thread(app)
    tell_site(app, stripe, f"http://127.0.0.1:{server.server_port}")
    settle_cards(app, stripe)
    yield Site(app, f"http://127.0.0.1:{server.server_port}", world, stripe)
    stop.set()
    stripe.stop()
    server.shutdown()
    thread.join(10)
    server.server_close()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def is_complaint(message: ConsoleMessage) -> bool:
    """Errors and warnings, except that a request was refused: what it was refused for, the test says itself."""
    return message.type in {"error", "warning"} and "the server responded with a status of" not in message.text


Visit = Callable[..., Page]


@pytest.fixture
def visit(site: Site, chromium: Browser) -> Iterator[Visit]:
    """Open a page as somebody, on a phone or a desktop, with or without JavaScript; complaints fail the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_(path: str, *, who: str = "visitor", width: str = "phone", script: bool = True) -> Page:
        context = chromium.new_context(viewport=WIDTHS[width], java_script_enabled=script, locale="zh-CN", base_url=site.url)
        contexts.append(context)
        if cookies := site.cookies(who):
            context.add_cookies(cookies)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if is_complaint(m) else None)
        page.on("pageerror", lambda e: complaints.append(str(e)))
        page.goto(site.world.path(path))
        return page

    open_.complaints = complaints  # type: ignore[attr-defined]
    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
