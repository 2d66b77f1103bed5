"""Access marks: every route says who may come in; an unmarked route stops the app at start."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Flask, current_app, redirect, request, url_for
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
    """Send the visitor to the sign-in page and back afterwards; scripts get 401, htmx with where to go."""
    back = request.full_path.rstrip("?") if request.method == "GET" else HOME
    target = url_for("accounts.sign_in", next=back)
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": target})
    if request.accept_mimetypes.best == "application/json":
        return Response('{"error": "sign in"}', status=401, mimetype="application/json")
    return redirect(target)


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
