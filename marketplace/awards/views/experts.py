"""The operator's pages of the pool of experts."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.accounts.queries import by_login
from marketplace.awards import operations, queries
from marketplace.awards.forms import ExpertForm, choices
from marketplace.awards.rules import FIELD_ROOT
from marketplace.awards.views.blueprint import UNPROCESSABLE, blueprint
from marketplace.core.access import Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.names import category_names
from marketplace.web.paging import page_number, paginate


@blueprint.route("/ops/experts", methods=["GET", "POST"])
@for_roles(Role.OPERATOR)
def experts() -> str | Response | tuple[str | Response, int]:
    """List the pool; put somebody in, or change what is known."""
    fields = {code: name for code, name in category_names().items() if len(code) == FIELD_ROOT}
    form = ExpertForm()
    form.fields.choices = choices(fields.items())
    if form.validate_on_submit():
        with transaction() as session:
            person = by_login(session, form.login.data)
            if person is not None:
                operations.enrol_expert(session, actor=current_actor(), person=person, now=utc_now(),
                                        fields=form.fields.data or [], employer=form.employer.data or "",
                                        is_available=form.is_available.data)
        if person is not None:
            flash(gettext("专家库已更新"), "ok")
            return redirect(url_for("awards.experts"), 303)
        form.login.errors = [*form.login.errors, gettext("没有这个账号。请先开通账号并授予评审专家身份")]
    page = paginate(db.session(), queries.expert_pool(), number=page_number(request.args))
    status = UNPROCESSABLE if form.errors or form.form_errors else 200
    return render_template("awards/experts.html", page=page, form=form, names=fields), status
