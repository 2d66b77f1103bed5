"""Coming in and going out: sign-in, activation with a slip, sign-out."""

from datetime import datetime

from flask import Response, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext
from flask_limiter.util import get_remote_address
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from marketplace.accounts import operations, queries, rules
from marketplace.accounts.forms import ActivateForm, SignInForm
from marketplace.accounts.views.blueprints import accounts
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Invalid
from marketplace.web.access import public, safe_next, signed_in
from marketplace.web.actor import current_actor
from marketplace.web.errors import say
from marketplace.web.security import SIGN_IN_LIMIT, SIGN_IN_TOTAL_LIMIT, begin_session, forget_session, limiter

REFUSED = 422
LOCKED = 429


def _pair() -> str:
    """Return the key of the sign-in limit: the typed account name from this address."""
    return f"{rules.login_key(request.form.get('login', ''))}:{get_remote_address()}"


def _address() -> str:
    """Return where the request comes from, as the trusted proxy says."""
    return request.remote_addr or "?"


def _lock_sentence(until: datetime) -> str:
    """Return what a locked pair is told; the same for accounts that do not exist."""
    sentence: str = gettext(
        "这个账号在您这里连续 %(times)d 次没有登录成功。为安全起见，到 %(until)s（北京时间）以前暂停登录，"
        "其他网络不受影响。急用请单位管理员在“成员管理”里解锁，或打印新的激活单",
        times=rules.LOCK_AFTER, until=beijing(until).strftime("%H:%M"))
    return sentence


@accounts.route("/sign-in", methods=["GET", "POST"])
@public
@limiter.limit(SIGN_IN_LIMIT, key_func=_pair, methods=["POST"])
@limiter.limit(SIGN_IN_TOTAL_LIMIT, key_func=lambda: "everybody", methods=["POST"])
def sign_in() -> AnyResponse | str | tuple[str, int]:
    """Show the door, and open it for the right password (A1)."""
    target = safe_next(request.values.get("next"))
    if current_user.is_authenticated and request.method == "GET":
        return redirect(target)
    form = SignInForm()
    if not form.validate_on_submit():
        expired = bool(session.pop("expired", None))
        page = render_template("accounts/sign_in.html", form=form, target=target, expired=expired)
        return (page, REFUSED) if form.is_submitted() else page
    now = utc_now()
    login, password = form.login.data or "", form.password.data or ""
    door = queries.door(db.session(), login=login, address=_address(), now=now)
    is_right = door.locked_until is None and rules.password_fits(password, door.password_hash)
    with transaction() as writing:
        token = operations.sign_in(writing, login=login, address=_address(), device=str(request.user_agent),
                                   is_right=is_right, tried_hash=door.password_hash, now=now)
    if token:
        begin_session(token)
        return redirect(target, 303)
    until = queries.locked_until(db.session(), login=login, address=_address(), now=now)
    form.login.errors = [_lock_sentence(until) if until else gettext("账号或密码不对，或账号还没有激活。请核对后再试")]
    page = render_template("accounts/sign_in.html", form=form, target=target, expired=False)
    return page, LOCKED if until else REFUSED


@accounts.route("/activate", methods=["GET", "POST"])
@public
@limiter.limit(SIGN_IN_LIMIT, key_func=_pair, methods=["POST"])
def activate() -> AnyResponse | str | tuple[str, int]:
    """Set a password with the code on the slip. Opening the page uses nothing up; only the form does."""
    form = ActivateForm(login=request.args.get("login", ""))
    if not form.validate_on_submit():
        page = render_template("accounts/activate.html", form=form)
        return (page, REFUSED) if form.is_submitted() else page
    now, login = utc_now(), form.login.data or ""
    until = queries.locked_until(db.session(), login=login, address=_address(), now=now)
    if until is None:
        try:
            with transaction() as writing:
                operations.activate(writing, login=login, code=form.code.data or "",
                                    password=form.password.data or "", now=now)
        except Invalid as refused:
            form[refused.field or "code"].errors = [say(refused)]
            until = _count_wrong_code(refused, login, now)
        else:
            flash(gettext("密码已设好，请用它登录"), "ok")
            return redirect(url_for("accounts.sign_in"), 303)
    if until:
        form.login.errors = [_lock_sentence(until)]
    return render_template("accounts/activate.html", form=form), LOCKED if until else REFUSED


def _count_wrong_code(refused: Invalid, login: str, now: datetime) -> datetime | None:
    """Count a wrong code like a wrong password; a weak password chosen by the owner is no attack."""
    if refused.field != "code":
        return None
    with transaction() as writing:
        return operations.note_failure(writing, login=login, address=_address(), now=now)


@accounts.post("/sign-out")
@signed_in
def sign_out() -> AnyResponse:
    """End this session in the browser and on the server."""
    actor, token = current_actor(), current_user.get_id()
    with transaction() as writing:
        operations.sign_out(writing, actor=actor, token=token, now=utc_now())
    forget_session()
    flash(gettext("已退出"), "ok")
    response: Response = redirect("/", 303)  # type: ignore[assignment]
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
