"""Access marks: every route says who may come in; an unmarked route stops the app at start."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, current_app, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from marketplace.core.access import Role
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.web.actor import current_actor

P = ParamSpec("P")
R = TypeVar("R")
MARK = "access_mark"
HOME = "/my"
UNAUTHORIZED = 401
NOT_SHOWN_AGAIN = ("current", "code")


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that anybody may open, without signing in."""
    setattr(view, MARK, "public")
    return view


def signed_in(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Mark a view for any person who is signed in; the fine rule is in the slice's policy."""
    return _guarded(view, mark="signed_in", roles=())


def for_roles(*roles: Role) -> Callable[[Callable[P, R]], Callable[P, R | Response]]:
    """Mark a view for persons who hold one of `roles` in what they act for."""
    def mark(view: Callable[P, R]) -> Callable[P, R | Response]:
        return _guarded(view, mark=",".join(sorted(roles)), roles=roles)
    return mark


def _guarded(view: Callable[P, R], *, mark: str, roles: tuple[Role, ...]) -> Callable[P, R | Response]:
    """Wrap a view with the coarse check."""
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        actor = current_actor()
        if not actor.is_signed_in:
            return to_sign_in()
        if roles and not actor.has(*roles):
            raise Denied(N_("您现在的身份不能打开这一页。请在“我的账号”切换身份，或联系单位管理员"))
        return view(*args, **kwargs)
    setattr(guarded, MARK, mark)
    return guarded


def to_sign_in() -> Response:
    """Send the visitor to the sign-in page and back afterwards; scripts get 401, htmx with where to go.

    Who was signed out while writing keeps the words: they come back in a form that can be sent again.
    """
    back = request.full_path.rstrip("?") if request.method == "GET" else HOME
    target = url_for("accounts.sign_in", next=back)
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": target})
    if request.accept_mimetypes.best == "application/json":
        return Response('{"error": "sign in"}', status=401, mimetype="application/json")
    if request.method == "POST" and typed():
        return typed_again(gettext("已退出登录"), status=UNAUTHORIZED, wants_sign_in=True)
    return redirect(target)


def is_sent_from_here() -> bool:
    """Say whether a page of this site sent the form: another site's words are never put before a person to send."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    origin = request.headers.get("Origin") or request.referrer
    return not origin or urlsplit(origin).netloc == request.host


def typed() -> list[tuple[str, str]]:
    """Return what was written into the form that was sent from here; no token, no password, no code."""
    if not is_sent_from_here():
        return []
    return [(name, value) for name, value in request.form.items(multi=True)
            if value and name != "csrf_token" and "password" not in name and name not in NOT_SHOWN_AGAIN]


def typed_again(title: str, *, status: int, wants_sign_in: bool) -> Response:
    """Return a page that holds what was written, to be sent again; it was not carried out."""
    return make_response(render_template(
        "expired.html", typed=typed(), title=title, wants_sign_in=wants_sign_in, behind=page_behind()), status)


def page_behind() -> str:
    """Return the page behind a form: this address if it answers GET, else where the form stood, else what is above."""
    came, above = urlsplit(request.referrer or ""), request.path
    targets = [request.full_path.rstrip("?")]
    if came.netloc == request.host:
        targets.append(urlunsplit(("", "", came.path, came.query, "")))
    while above.count("/") > 1:
        above = above.rsplit("/", 1)[0]
        targets.append(above)
    return next((page for page in map(safe_next, targets) if page != HOME), HOME)


def is_public_page() -> bool:
    """Say whether what was asked for is open to visitors."""
    return getattr(current_app.view_functions.get(request.endpoint or ""), MARK, "") == "public"


def safe_next(target: str | None) -> str:
    """Return where to go after signing in: a page of this site that `target` names, else the to-do page.

    An allow-list, not a filter: the path must be one that this app answers to GET requests.
    """
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return HOME
    if any(letter <= " " or letter in "\\\x7f" for letter in target):
        return HOME
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or parts.fragment:
        return HOME
    try:
        endpoint, _ = current_app.url_map.bind("localhost").match(parts.path, method="GET")
    except (HTTPException, RequestRedirect):
        return HOME
    return HOME if endpoint in {"accounts.sign_in", "static"} else target


def check_marks(app: Flask) -> None:
    """Refuse to start with a route that carries no access mark."""
    bare = sorted(
        str(rule) for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and not hasattr(app.view_functions[rule.endpoint], MARK)
    )
    if bare:
        msg = f"routes without an access mark: {', '.join(bare)}"
        raise RuntimeError(msg)
