"""What every page carries around its content: menu, asset addresses, text size, the page's own address."""

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Flask, Response, current_app, request, url_for
from flask_login import current_user

from marketplace.core.access import Actor, Role
from marketplace.core.text import N_
from marketplace.web.access import page_behind
from marketplace.web.actor import current_actor

SIZE_COOKIE = "size"
SIZES = ("normal", "large")
YEAR_SECONDS = 31_536_000
UNIT_ROLES = (Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN)
PROVIDER_ROLES = (Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER)
PLATFORM_ROLES = (Role.OPERATOR, Role.SECURITY_OFFICER, Role.AUDITOR)


@dataclass(frozen=True)
class Entry:
    """One entry of the menu: its word (a message id), where it leads, and an icon for side menus."""

    word: str
    path: str
    icon: str = ""


MENU = (
    Entry(N_("项目"), "/projects"), Entry(N_("采购清单"), "/purchase-lists"), Entry(N_("目录"), "/catalogs"),
    Entry(N_("社会组织"), "/organizations"), Entry(N_("配套资金"), "/pools"), Entry(N_("公告公示"), "/notices"),
    Entry(N_("帮助"), "/help"),
)
DESKS = (
    (UNIT_ROLES, Entry(N_("单位工作台"), "/desk", "building")),
    (PROVIDER_ROLES, Entry(N_("机构工作台"), "/org", "people")),
    ((Role.EXPERT,), Entry(N_("评审工作"), "/panel", "clipboard-check")),
    ((Role.FUNDER,), Entry(N_("资助方工作台"), "/fund", "cash-coin")),
    (PLATFORM_ROLES, Entry(N_("平台管理"), "/ops", "gear")),
)


def desk_of(actor: Actor) -> Entry | None:
    """Return the desk where this actor's work begins, or None for a visitor."""
    return next((entry for roles, entry in DESKS if actor.has(*roles)), None)


def is_here(path: str) -> bool:
    """Say whether the page shown lies under `path` (for aria-current in menus)."""
    return request.path == path or request.path.startswith(path + "/")


def here(**changes: object) -> str:
    """Return this page's address with arguments changed; None takes one away. Changes lead to page one.

    A refused form may stand at an address that only takes posts; then it is the page behind it.
    """
    path, arguments = request.path, request.args.to_dict(flat=False)
    if request.method == "POST":
        behind = urlsplit(page_behind())
        path, arguments = behind.path, parse_qs(behind.query)
    if "page" not in changes:
        arguments.pop("page", None)
    for name, value in changes.items():
        if value is None:
            arguments.pop(name, None)
        else:
            arguments[name] = [str(value)]
    return path + (f"?{urlencode(arguments, doseq=True)}" if arguments else "")


@lru_cache(maxsize=64)
def _digest(path: Path, _changed: int) -> str:
    """Return a short name for the bytes of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """Return the address of a static file; it changes with the bytes, so browsers may keep it for a year."""
    path = f"{current_app.static_folder}/{name}"
    return _address(path, name, os.stat(path).st_mtime_ns, request.script_root)  # noqa: PTH116 - ten times a page


@lru_cache(maxsize=64)
def _address(path: str, name: str, changed: int, _root: str) -> str:
    """Return the address of one state of a file."""
    return url_for("static", filename=name, v=_digest(Path(path), changed))


def text_size() -> str:
    """Return normal or large: ?size=, then the cookie, then the account."""
    asked = request.args.get("size") or request.cookies.get(SIZE_COOKIE, "")
    if asked in SIZES:
        return asked
    if current_user and current_user.is_authenticated and current_user.text_size in SIZES:
        return str(current_user.text_size)
    return SIZES[0]


def idle_seconds() -> int:
    """Return how long this visitor's session may rest before it ends."""
    limit = current_app.extensions["marketplace.idle_limit"](current_actor().roles)
    return int(limit.total_seconds())


def init_pages(app: Flask) -> None:
    """Give templates the frame's helpers; let browsers keep versioned assets; remember ?size= in a cookie."""
    app.jinja_env.globals.update(
        asset=asset, here=here, is_here=is_here, desk_of=desk_of, menu=MENU, text_size=text_size,
        idle_seconds=idle_seconds,
    )

    @app.after_request
    def frame(response: Response) -> Response:
        if request.endpoint == "static" and "v" in request.args:
            response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
        asked = request.args.get("size")
        if asked in SIZES:
            response.set_cookie(SIZE_COOKIE, asked, max_age=YEAR_SECONDS, samesite="Lax", httponly=True,
                                secure=request.is_secure)
        return response
