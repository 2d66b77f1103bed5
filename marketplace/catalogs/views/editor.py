"""The list editor: a unit's lists, the draft's lines, submit, return, publish, amend."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.catalogs import operations, policy, queries, rules
from marketplace.catalogs.forms import AmendForm, LineForm, NewListForm, ReasonForm, ReturnForm
from marketplace.catalogs.models import PurchaseListItem, PurchaseListVersion
from marketplace.catalogs.views.blueprint import blueprint
from marketplace.core.access import Role, require
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, DomainError
from marketplace.core.text import N_
from marketplace.organizations.queries import by_ref
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import say

KEEPERS = (Role.HANDLER, Role.APPROVER)
NO_OPEN = N_("这份清单没有正在修改的版本。需要修改请先“变更清单”")


@blueprint.route("/purchase-lists/mine", methods=["GET", "POST"])
@for_roles(*KEEPERS, Role.UNIT_ADMIN)
def mine() -> str | Response | tuple[str, int]:
    """Show the unit's lists and those handed in by units below; begin the list of a year."""
    actor = current_actor()
    form = NewListForm(year=beijing(utc_now()).year)
    if request.method == "POST" and form.validate_on_submit():
        with transaction() as session:
            unit = queries.unit_of(session, actor)
            ref = operations.open_list(session, actor=actor, unit=unit, year=form.year.data, now=utc_now()).ref
        return redirect(url_for("catalogs.edit", ref=ref), 303)
    body = render_template("catalogs/mine.html", lists=queries.lists_kept_by(db.session(), actor), form=form,
                           rules=rules, unit=queries.unit_of(db.session(), actor),
                           may_import=policy.may_import_lists(actor),
                           latest=queries.latest_version, published=queries.published_version)
    return (body, 422) if form.errors else body


@blueprint.get("/purchase-lists/by-unit/<unit_ref>/<int:year>")
@for_roles(*KEEPERS, Role.UNIT_ADMIN)
def by_unit(unit_ref: str, year: int) -> Response:
    """Lead to the list of a unit and year: its editor while a version is open."""
    session = db.session()
    found = queries.list_of(session, by_ref(session, unit_ref), year)
    if found is None:
        return redirect(url_for("catalogs.mine"), 303)
    page = "catalogs.edit" if queries.open_version(found) else "catalogs.purchase_list"
    return redirect(url_for(page, ref=found.ref), 303)


def _open(ref: str) -> PurchaseListVersion:
    """Return the open version of a list that the actor may keep; 404 for others."""
    session, actor = db.session(), current_actor()
    one = queries.list_by_ref(session, ref)
    version = queries.open_version(one)
    if not policy.may_keep_list(actor, one.unit):
        raise Denied(N_("没有这个清单，或还没有公布"), hidden=True)
    if version is None:
        raise Denied(NO_OPEN)
    require(policy.may_see_version(actor, version))
    return version


@blueprint.get("/purchase-lists/<ref>/edit")
@for_roles(*KEEPERS)
def edit(ref: str) -> str | Response:
    """Show the open version's lines with their actions; without one, the public page."""
    if queries.open_version(queries.list_by_ref(db.session(), ref)) is None:
        return redirect(url_for("catalogs.purchase_list", ref=ref), 303)
    return _editor(_open(ref))


def _editor(version: PurchaseListVersion, reason: ReasonForm | None = None, back: ReturnForm | None = None) -> str:
    """Render the editor, with the form that came back if one did."""
    actor, one = current_actor(), version.purchase_list
    return render_template(
        "catalogs/edit.html", version=version, list=one, board=queries.board(version), rules=rules,
        categories=queries.category_names(db.session()), may_edit=policy.may_edit_version(actor, version),
        may_submit=policy.may_submit(actor, version), may_decide=policy.may_decide(actor, version),
        reason_form=reason or ReasonForm(reason=version.reason), return_form=back or ReturnForm(formdata=None),
        form=reason or back)


def _item(version: PurchaseListVersion, line_ref: str) -> PurchaseListItem:
    """Return the version's line; 404 when there is none."""
    found = next((item for item in version.items if item.line.ref == line_ref), None)
    if found is None:
        raise Denied(N_("清单里没有这一行"), hidden=True)
    return found


@blueprint.route("/purchase-lists/<ref>/lines/new", methods=["GET", "POST"])
@for_roles(*KEEPERS)
def new_line(ref: str) -> str | Response | tuple[str, int]:
    """Add a line to the open version."""
    version = _open(ref)
    require(policy.may_edit_version(current_actor(), version))
    form = LineForm(categories=queries.category_names(db.session()))
    if request.method == "POST" and form.validate_on_submit():
        try:
            with transaction():
                operations.add_line(db.session(), actor=current_actor(), version=_open(ref), facts=form.facts(),
                                    now=utc_now())
        except DomainError as error:
            form.blame(error, say(error))
        else:
            flash(gettext("已添加一行"), "ok")
            return redirect(url_for("catalogs.new_line" if "then" in request.form else "catalogs.edit", ref=ref), 303)
    body = render_template("catalogs/line.html", form=form, version=version, list=version.purchase_list, item=None)
    return (body, 422) if form.errors else body


@blueprint.route("/purchase-lists/<ref>/lines/<line_ref>", methods=["GET", "POST"])
@for_roles(*KEEPERS)
def edit_line(ref: str, line_ref: str) -> str | Response | tuple[str, int]:
    """Change a line of the open version."""
    version = _open(ref)
    item = _item(version, line_ref)
    require(policy.may_edit_version(current_actor(), version))
    form = LineForm(obj=item, categories=queries.category_names(db.session()))
    if request.method == "POST" and form.validate_on_submit():
        try:
            with transaction():
                operations.change_line(db.session(), actor=current_actor(), item=_item(_open(ref), line_ref),
                                       facts=form.facts(), now=utc_now())
        except DomainError as error:
            form.blame(error, say(error))
        else:
            flash(gettext("已保存"), "ok")
            return redirect(url_for("catalogs.edit", ref=ref, _anchor=f"line-{line_ref}"), 303)
    body = render_template("catalogs/line.html", form=form, version=version, list=version.purchase_list, item=item)
    return (body, 422) if form.errors else body


@blueprint.post("/purchase-lists/<ref>/lines/<line_ref>/remove")
@for_roles(*KEEPERS)
def remove_line(ref: str, line_ref: str) -> Response:
    """Take a line out of the open version."""
    with transaction() as session:
        operations.remove_line(session, actor=current_actor(), item=_item(_open(ref), line_ref), now=utc_now())
    flash(gettext("已删除一行"), "ok")
    return redirect(url_for("catalogs.edit", ref=ref), 303)


@blueprint.post("/purchase-lists/<ref>/submit")
@for_roles(*KEEPERS)
def submit(ref: str) -> Response | tuple[str, int]:
    """Hand the draft to the approver, with the reason from version 2 on."""
    form = ReasonForm()
    version = _open(ref)
    if version.number > 1 and not (form.reason.data or "").strip():
        form.validate()
        form.reason.errors = [*form.reason.errors, gettext("请写明变更原因")]
        return _editor(version, reason=form), 422
    with transaction() as session:
        version = _open(ref)
        if version.number > 1:
            operations.set_reason(session, actor=current_actor(), version=version, reason=form.reason.data,
                                  now=utc_now())
        operations.submit_version(session, actor=current_actor(), version=version, now=utc_now())
    flash(gettext("已提交审核。审核人公布后对外公开"), "ok")
    return redirect(url_for("catalogs.edit", ref=ref), 303)


@blueprint.post("/purchase-lists/<ref>/publish")
@for_roles(Role.APPROVER)
def publish(ref: str) -> Response:
    """Publish what was submitted."""
    with transaction() as session:
        operations.publish_version(session, actor=current_actor(), version=_open(ref), now=utc_now())
    flash(gettext("清单已公布"), "ok")
    return redirect(url_for("catalogs.purchase_list", ref=ref), 303)


@blueprint.post("/purchase-lists/<ref>/return")
@for_roles(Role.APPROVER)
def send_back(ref: str) -> Response | tuple[str, int]:
    """Send what was submitted back, with the reason."""
    form = ReturnForm()
    if not form.validate_on_submit():
        return _editor(_open(ref), back=form), 422
    with transaction() as session:
        operations.return_version(session, actor=current_actor(), version=_open(ref), reason=form.why.data,
                                  now=utc_now())
    flash(gettext("已退回经办人修改"), "ok")
    return redirect(url_for("catalogs.mine"), 303)


@blueprint.route("/purchase-lists/<ref>/amend", methods=["GET", "POST"])
@for_roles(*KEEPERS)
def amend(ref: str) -> str | Response | tuple[str, int]:
    """Begin the next version of a published list, with the reason."""
    actor = current_actor()
    one = queries.list_by_ref(db.session(), ref)
    require(policy.may_amend(actor, one))
    form = AmendForm()
    if request.method == "POST" and form.validate_on_submit():
        with transaction() as session:
            operations.amend(session, actor=actor, purchase_list=queries.list_by_ref(session, ref),
                             reason=form.reason.data, now=utc_now())
        return redirect(url_for("catalogs.edit", ref=ref), 303)
    body = render_template("catalogs/amend.html", form=form, list=one, version=queries.latest_version(one))
    return (body, 422) if form.errors else body
