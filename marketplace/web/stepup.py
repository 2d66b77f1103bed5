"""The password asked again for a weighty step: approving a commitment, confirming a release, approving an order.

A view does so before its transaction, because trying a password takes 0.1 s and must hold no lock:

    class ApproveForm(StepUp, FlaskForm): ...
    form = ApproveForm()
    if not step_up(form, now=now):               # validates the form, then the password
        return _page(form), REFUSED              # 422; whatever was typed stays, except the password
    with transaction() as session: ...

Put `@step_up_limit` under the access mark. Wrong passwords count as failed sign-ins of this account from this
address, so they lock here as they do at the door.
"""

from datetime import datetime

from flask import current_app, request
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import PasswordField
from wtforms.validators import InputRequired

from marketplace.core.clock import beijing
from marketplace.core.db import db, transaction
from marketplace.web.actor import current_actor
from marketplace.web.security import SIGN_IN_LIMIT, limiter

REFUSED = 422

step_up_limit = limiter.limit(SIGN_IN_LIMIT, methods=["POST"])


class StepUp:
    """Gives a form the field `password`."""

    password = PasswordField(
        lazy_gettext("您的登录密码"), [InputRequired(lazy_gettext("请再输入一次登录密码，以确认是您本人"))])


def step_up(form: FlaskForm, *, now: datetime) -> bool:
    """Validate a form with StepUp and try its password; a refusal stands beside the field and nothing is lost.

    Call it outside any transaction: it opens one of its own to note the outcome.
    """
    if not form.validate_on_submit():
        return False
    parts, actor, address = current_app.extensions, current_actor(), request.remote_addr or "?"
    door = parts["marketplace.own_door"](db.session(), person_id=actor.person_id, address=address, now=now)
    is_right = door.locked_until is None and parts["marketplace.password_fits"](
        form["password"].data or "", door.password_hash)
    with transaction() as session:
        may_go_on, until = parts["marketplace.step_up"](
            session, actor=actor, address=address, is_right=is_right, tried_hash=door.password_hash,
            step=request.endpoint or "", now=now)
    if not may_go_on:
        form["password"].errors = [_sentence(until)]
    return bool(may_go_on)


def _sentence(until: datetime | None) -> str:
    """Return what a refused person is told."""
    if until is None:
        return gettext("密码不对，这一步没有执行。请再输入一次，其他内容都还在")
    return gettext("密码连续输错，到 %(until)s（北京时间）以前不能执行这一步。请稍后再试，或请管理员解锁",
                   until=beijing(until).strftime("%H:%M"))
