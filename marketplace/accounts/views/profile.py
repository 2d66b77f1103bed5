"""One's own account: data, language, text size, whom one acts for, password, open sessions (A3)."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from marketplace.accounts import operations, queries, rules
from marketplace.accounts.forms import PasswordForm, ProfileForm
from marketplace.accounts.models import Person
from marketplace.accounts.views.blueprints import accounts
from marketplace.core.access import ROLE_LABELS
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Invalid
from marketplace.core.text import N_
from marketplace.web.access import signed_in
from marketplace.web.actor import current_actor
from marketplace.web.errors import say
from marketplace.web.i18n import COOKIE as LANGUAGE_COOKIE
from marketplace.web.pages import SIZE_COOKIE
from marketplace.web.security import begin_session

REFUSED = 422


def _self() -> Person:
    """Return the signed-in person's row."""
    return db.session().get_one(Person, current_user.person_id)


def _page(profile: ProfileForm | None = None, password: PasswordForm | None = None) -> str:
    """Return the page with its forms, one of them perhaps refused."""
    person, reading = _self(), db.session()
    broken = next((form for form in (profile, password) if form is not None and form.errors), None)
    return render_template(
        "accounts/profile.html", person=person, form=broken,
        profile=profile or ProfileForm(formdata=None, obj=person), password=password or PasswordForm(formdata=None),
        mandates=queries.mandates_of(reading, [person])[person.id], labels=ROLE_LABELS,
        sessions=queries.sessions_of(reading, person.id, since=utc_now() - rules.SESSION_LIFE),
        current_hash=rules.token_hash(current_user.get_id()))


def _take(form: FlaskForm, refused: Invalid) -> None:
    """Put a refusal beside its field."""
    name = refused.field if refused.field in form else next(iter(form)).name
    form[name].errors = [say(refused)]


@accounts.get("/my/account")
@signed_in
def account() -> str:
    """Show the own account."""
    return _page()


@accounts.post("/my/account")
@signed_in
def save_account() -> Response | tuple[str, int]:
    """Save the own data, language and text size."""
    form = ProfileForm()
    if form.validate_on_submit():
        try:
            with transaction() as writing:
                operations.update_profile(writing, actor=current_actor(), person=_self(), profile=form.to_profile(),
                                          now=utc_now())
        except Invalid as refused:
            _take(form, refused)
        else:
            flash(gettext("已保存"), "ok")
            response = redirect(url_for("accounts.account"), 303)
            for cookie in (LANGUAGE_COOKIE, SIZE_COOKIE):  # from now on the account decides
                response.delete_cookie(cookie)
            return response
    return _page(profile=form), REFUSED


@accounts.post("/my/account/password")
@signed_in
def change_password() -> Response | tuple[str, int]:
    """Change the password; other browsers are signed out, this one goes on with a new session."""
    form = PasswordForm()
    if form.validate_on_submit():
        now = utc_now()
        try:
            with transaction() as writing:
                person = _self()
                operations.change_password(writing, actor=current_actor(), person=person,
                                           current=form.current.data or "", password=form.password.data or "", now=now)
                token = operations.start_session(writing, person=person, address=request.remote_addr or "?",
                                                 device=str(request.user_agent), now=now)
        except Invalid as refused:
            _take(form, refused)
        else:
            begin_session(token)
            flash(gettext("密码已修改，其他浏览器已退出登录"), "ok")
            return redirect(url_for("accounts.account"), 303)
    return _page(password=form), REFUSED


@accounts.post("/my/account/acting")
@signed_in
def act_for() -> Response:
    """Act in another mandate from now on; the session gets a new token."""
    with transaction() as writing:
        mandate = queries.mandate_by_ref(writing, request.form.get("mandate", ""))
        if mandate is None:
            raise Invalid(N_("这个身份不是您的，或已收回。请重新选择"), field="mandate")
        operations.act_for(writing, actor=current_actor(), person=_self(), mandate=mandate, now=utc_now())
        token = operations.renew_token(writing, token=current_user.get_id())
    begin_session(token)
    flash(gettext("已切换身份"), "ok")
    return redirect(url_for("accounts.account"), 303)


@accounts.post("/my/account/sessions/end")
@signed_in
def end_others() -> Response:
    """End the sessions in all other browsers."""
    with transaction() as writing:
        operations.end_other_sessions(writing, actor=current_actor(), person=_self(), token=current_user.get_id(),
                                      now=utc_now())
    flash(gettext("其他浏览器已退出登录"), "ok")
    return redirect(url_for("accounts.account"), 303)
