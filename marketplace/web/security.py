"""CSRF, sessions, headers, limits: what every response and every form goes through."""

from collections.abc import Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request, session
from flask.sessions import SecureCookieSessionInterface
from flask_babel import gettext
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, current_user, login_user
from flask_wtf import CSRFProtect
from itsdangerous import URLSafeTimedSerializer
from werkzeug.middleware.proxy_fix import ProxyFix

from marketplace.config import Config
from marketplace.core.clock import utc_now
from marketplace.web.actor import SessionLoader, Visitor, current_actor
from marketplace.web.errors import error_page

P = ParamSpec("P")
R = TypeVar("R")
csrf = CSRFProtect()
login_manager = LoginManager()


def client_key() -> str:
    """Return who is counted by a limit: the person who is signed in, else the address (an office shares one)."""
    return f"person:{current_user.person_id}" if current_user.is_authenticated else get_remote_address()


limiter = Limiter(key_func=client_key, headers_enabled=True)


# Limits with a name, so that pages, tests and docs say the same numbers (security.md section 6).
SIGN_IN_LIMIT = "10 per 5 minutes"
SIGN_IN_TOTAL_LIMIT = "1000 per 5 minutes"
VERIFY_LIMIT = "30 per minute"
SEARCH_LIMIT = "5 per second"
SUGGEST_LIMIT = "10 per second"    # one a pause in typing
UPLOAD_LIMIT = "60 per 10 minutes"
EXPORT_LIMIT = "30 per hour"       # visitors of one office share an address

MAX_BODY = 21 * 1024 * 1024       # one file of 20 MB and the fields beside it
MAX_FIELDS = 4 * 1024 * 1024      # all typed text of one form
MAX_PARTS = 5_000                 # a purchase list of 500 lines with ten cells
SESSION_LIFE = timedelta(hours=12)
TOUCH_SECONDS = 30                # how old `seen` may get before the cookie is written again
CSRF_SECONDS = 12 * 3600

OK = 200
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BODIES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}
HSTS = "max-age=31536000; includeSubDomains"


TAKES_BYTES = "takes_bytes"


def takes_bytes(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that machines send signed bytes to, of whatever type: it reads and checks them itself."""
    setattr(view, TAKES_BYTES, True)
    return view


def init_security(app: Flask, config: Config) -> None:
    """Wire hosts, CSRF, sessions, limits and headers."""
    https = config.base_url.startswith("https://")
    app.config.update(
        SECRET_KEY=config.secret_key or None,
        SESSION_COOKIE_NAME="__Host-session" if https else "session",
        SESSION_COOKIE_SECURE=https, SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/", SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=MAX_BODY, MAX_FORM_MEMORY_SIZE=MAX_FIELDS, MAX_FORM_PARTS=MAX_PARTS,
        WTF_CSRF_TIME_LIMIT=CSRF_SECONDS, WTF_CSRF_SSL_STRICT=https,
        RATELIMIT_STORAGE_URI=config.limiter_storage,
    )
    app.session_interface = _KeyOnFirstUse()
    if config.behind_proxy:
        hops = config.behind_proxy
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    app.before_request(_refuse_unknown_host)
    app.before_request(_refuse_odd_request)
    csrf.init_app(app)
    login_manager.init_app(app)
    login_manager.session_protection = None  # our own sessions end in the table, not by a guess at the browser
    login_manager.user_loader(_load_visitor)
    app.before_request(_end_tired_session)
    limiter.init_app(app)
    app.after_request(_finish)


class _KeyOnFirstUse(SecureCookieSessionInterface):
    """Signs cookies; reads (or makes) the key with the first request, so that importing the app touches no file."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return the signer."""
        if not app.secret_key:
            config: Config = app.extensions["marketplace.config"]
            app.secret_key = config.load_secret_key()
        return super().get_signing_serializer(app)


def allowed_hosts(config: Config) -> frozenset[str]:
    """Return the hosts that the site answers to."""
    own = urlsplit(config.base_url).hostname or ""
    return frozenset(config.allowed_hosts) or frozenset({own, "localhost", "127.0.0.1"})


def _refuse_unknown_host() -> Response | None:
    """Answer 400 to a Host header that is not ours: links and mails never come from it, and caches are not fooled."""
    config: Config = current_app.extensions["marketplace.config"]
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    if host.strip("[]").lower() in allowed_hosts(config):
        return None
    return Response("400 Bad Request: unknown host\n", status=400, mimetype="text/plain")


def _refuse_odd_request() -> Response | None:
    """Refuse what no page of ours sends: bytes that are no text, a form from another site, an unknown body, a NUL."""
    try:
        request.query_string.decode()
    except UnicodeDecodeError:
        request.query_string = b""      # the page that says so reads arguments too
        return error_page(400)
    if request.method not in SAFE_METHODS:
        if (origin := request.headers.get("Origin")) is not None and not _is_own(origin):
            return error_page(400, gettext("这个请求来自别的网站，没有执行。请从本站页面重新操作"))
        if request.content_length and request.mimetype not in BODIES:
            view = current_app.view_functions.get(request.endpoint or "")
            return None if hasattr(view, TAKES_BYTES) else error_page(415)
    values = [request.path, *request.args.values()]
    if request.method not in SAFE_METHODS:
        values += request.form.values()
    if any("\x00" in value for value in values):
        return error_page(400)
    return None


def _is_own(origin: str) -> bool:
    """Say whether an Origin header names a host of ours; `null` (sandboxed frames, foreign redirects) does not."""
    config: Config = current_app.extensions["marketplace.config"]
    return (urlsplit(origin).hostname or "") in allowed_hosts(config)


@limiter.request_filter
def _limits_are_off() -> bool:
    """Say whether this installation runs without limits (tests, benchmarks)."""
    config: Config = current_app.extensions["marketplace.config"]
    return not config.rate_limits


def _load_visitor(token: str) -> Visitor | None:
    """Return the visitor behind a session token, unless it was ended, or began over twelve hours ago."""
    loader: SessionLoader = current_app.extensions["marketplace.session_loader"]
    person = loader(token)
    if person is None or utc_now() - person.started_at >= SESSION_LIFE:
        return None
    return Visitor(token, person)


def begin_session(token: str) -> None:
    """Put a new session into the browser: nothing of the old one stays, not even its CSRF token."""
    loader: SessionLoader = current_app.extensions["marketplace.session_loader"]
    person = loader(token)
    session.clear()
    g.pop("csrf_token", None)
    g.pop("actor", None)
    if person is not None:
        login_user(Visitor(token, person))
    session["seen"] = int(utc_now().timestamp())


def _end_tired_session() -> None:
    """End a session that rested too long (the limit follows the roles); note now and then that it is alive."""
    if request.endpoint == "static" or "_user_id" not in session:
        return
    now, seen = int(utc_now().timestamp()), int(session.get("seen", 0))
    if not current_user.is_authenticated:
        expired = True
    else:
        idle_limit = current_app.extensions["marketplace.idle_limit"]
        expired = now - seen >= idle_limit(current_actor().roles).total_seconds()
    if expired:
        forget_session()
        session["expired"] = True
    elif now - seen >= TOUCH_SECONDS:
        session["seen"] = now


def forget_session() -> None:
    """Empty the browser's session: nobody is signed in from here on in this request."""
    session.clear()
    g.pop("csrf_token", None)
    g.pop("actor", None)
    g._login_user = login_manager.anonymous_user()  # noqa: SLF001 - where Flask-Login keeps the user of a request


def _finish(response: Response) -> Response:
    """Set the headers of every response: what browsers may load, where they may keep it, and for whom."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    if request.endpoint == "static":
        return response
    response.vary.update(["Cookie", "HX-Request"])
    if "_user_id" in session:
        response.headers["Cache-Control"] = "no-store"
    elif "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-cache"
        if request.method in SAFE_METHODS and response.status_code == OK and not response.direct_passthrough:
            response.add_etag()
            response.make_conditional(request)
    return response
