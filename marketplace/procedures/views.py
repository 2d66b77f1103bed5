"""The rule set in public, every number with its source; the operator enters what the local rule says (ux.md Z5)."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import Role
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Invalid
from marketplace.procedures import operations, queries
from marketplace.procedures.forms import LocalSettingForm
from marketplace.procedures.rules import BELOW_THRESHOLD, LOCAL_LIMITS, NEGATIVE_LIST, NUMBER_LABELS
from marketplace.web.access import for_roles, public
from marketplace.web.actor import current_actor
from marketplace.web.errors import say

blueprint = Blueprint("procedures", __name__)
PROCEDURE = BELOW_THRESHOLD.name.partition("@")[0]
UNPROCESSABLE = 422


@blueprint.get("/rules")
@public
def rules() -> str:
    """Show the rule set in force today: each number, its source, and whether the place may set it."""
    session, today = db.session(), beijing_date(utc_now())
    found = queries.effective_rule_set(session, PROCEDURE, today)
    local = {row.key: row for row in queries.local_settings(session, PROCEDURE, today)}
    return render_template("procedures/rules.html", rules=found, labels=NUMBER_LABELS, local=local, today=today,
                           negative=NEGATIVE_LIST, may_differ=LOCAL_LIMITS, may_set=current_actor().has(Role.OPERATOR))


@blueprint.route("/ops/rules", methods=["GET", "POST"])
@for_roles(Role.OPERATOR)
def local_settings() -> str | Response | tuple[str | Response, int]:
    """List the local numbers, past and to come; record another one."""
    now = utc_now()
    form = LocalSettingForm()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                operations.set_local(
                    session, actor=current_actor(), procedure=PROCEDURE, key=form.key.data, value=form.value.data,
                    source=form.source.data, effective_from=form.effective_from.data, now=now)
        except Invalid as refused:
            name = refused.field if refused.field in form else "key"
            field = form[name]
            field.errors = [*field.errors, say(refused)]
        else:
            flash(gettext("已记录。生效日起发布的项目按新数值办理"), "ok")
            return redirect(url_for("procedures.local_settings"), 303)
    rows = queries.all_local_settings(db.session(), PROCEDURE)
    status = UNPROCESSABLE if form.errors else 200
    return render_template("procedures/local.html", form=form, rows=rows, labels=NUMBER_LABELS,
                           today=beijing_date(now)), status
