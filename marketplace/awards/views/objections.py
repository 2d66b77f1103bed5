"""Objections as the organization that raises them sees them."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.awards import operations, policy, queries
from marketplace.awards.forms import ObjectionForm
from marketplace.awards.views.blueprint import UNPROCESSABLE, blame, blueprint, visible_project
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Invalid
from marketplace.procedures.queries import rule_set_of
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor


@blueprint.route("/projects/<ref>/objections", methods=["GET", "POST"])
@for_roles(*policy.BIDDER_ROLES)
def objections(ref: str) -> str | Response | tuple[str | Response, int]:
    """Show the own objections with their answers; raise one."""
    form = ObjectionForm()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                operations.raise_objection(session, actor=current_actor(), project=visible_project(session, ref),
                                           text=form.text.data, now=utc_now())
        except Invalid as refused:
            blame(form, refused)
        else:
            flash(gettext("异议已提交。答复之前不会签订合同"), "ok")
            return redirect(url_for("awards.objections", ref=ref), 303)
    session, actor, now = db.session(), current_actor(), utc_now()
    project = visible_project(session, ref)
    award = queries.live_award(session, project)
    may_object = policy.may_object(actor, project, award=award, now=now,
                                   is_participant=queries.took_part(session, project, actor))
    status = UNPROCESSABLE if form.errors or form.form_errors else 200
    return render_template(
        "awards/objections.html", project=project, form=form, award=award, may_object=may_object, now=now,
        rules=rule_set_of(project.rule_set, project.rules_snapshot),
        objections=queries.objections_of(session, project, actor=actor)), status
