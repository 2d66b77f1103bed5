"""Pages of organizations: the public list and page, registration, the profile editor, the operator's check."""

from collections.abc import Mapping

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import Select
from werkzeug.wrappers import Response

from marketplace.core.access import Role, require
from marketplace.core.clock import beijing, beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, DomainError, Invalid
from marketplace.organizations import operations, policy, queries, rules
from marketplace.organizations.forms import DecisionForm, ListingsForm, ProfileForm, RegistrationForm, profile_data
from marketplace.organizations.models import Organization
from marketplace.organizations.queries import ListFilter
from marketplace.web.access import for_roles, public, signed_in
from marketplace.web.actor import current_actor
from marketplace.web.errors import say
from marketplace.web.names import area_names, category_names
from marketplace.web.paging import Page, page_number, paginate
from marketplace.web.security import limiter

blueprint = Blueprint("organizations", __name__)

REGISTER_LIMIT = "10 per hour"
MAIN_LEVEL = 3        # catalogue codes of three characters head the filter
TOWN_LEVEL = 9        # area codes up to nine digits are the district and its towns


@blueprint.get("/organizations")
@public
def index() -> str:
    """Show the public list with its filters."""
    args, today = request.args, beijing_date(utc_now())
    grade = args.get("grade", "")
    wanted = ListFilter(
        text=args.get("q", "").strip()[:60], kind=args.get("kind", ""), category=args.get("category", ""),
        area=args.get("area", ""), grade=int(grade) if grade in set("12345") else None)
    page = _page(queries.public_list(wanted, today=today), page_number(args))
    categories = category_names()
    return render_template(
        "organizations/index.html", page=page, wanted=wanted, today=today, rules=rules, areas=_towns(area_names()),
        categories=categories, main_categories=_main(categories))


def _towns(areas: Mapping[str, str]) -> dict[str, str]:
    """Return the district and its towns: communities would make an endless list."""
    return {code: name for code, name in areas.items() if len(code) <= TOWN_LEVEL}


def _main(categories: Mapping[str, str]) -> dict[str, str]:
    """Return the headings of the catalogue."""
    return {code: name for code, name in categories.items() if len(code) == MAIN_LEVEL}


def _page(statement: Select[Organization], number: int) -> Page[Organization]:
    """Return that page of a list; a number beyond the end gives the last one."""
    page = paginate(db.session(), statement, number=number)
    if page.total and not page.items:
        page = paginate(db.session(), statement, number=page.pages, total=page.total)
    return page


@blueprint.get("/organizations/<ref>")
@public
def page(ref: str) -> str:
    """Show one organization as the law lets the public see it."""
    actor = current_actor()
    organization = queries.visible_by_ref(db.session(), ref, actor=actor)
    today = beijing_date(utc_now())
    return render_template(
        "organizations/page.html", organization=organization, rules=rules, today=today, areas=area_names(),
        categories=category_names(), eligibility=queries.eligibility(organization, day=today),
        may_edit=policy.may_edit_profile(actor, organization),
        may_see_contact=policy.may_see_contact(actor, organization),
        may_verify=policy.may_verify(actor, organization))


@blueprint.route("/register", methods=["GET", "POST"])
@public
@limiter.limit(REGISTER_LIMIT, methods=["POST"])
def register() -> str | tuple[str, int]:
    """Register an organization with its first administrator; the activation code is shown this once."""
    form, actor = RegistrationForm(), current_actor()
    if request.method == "GET" or not _complete(form, signed_in_already=actor.is_signed_in):
        return _form_page("organizations/register.html", form)
    try:
        with transaction() as session:
            organization, code = operations.register_with_administrator(
                session, actor=current_actor(), organization=form.organization(),
                administrator=form.administrator(), now=utc_now())
            shown = {"name": organization.name, "ref": organization.ref}
    except (Invalid, Conflict) as refused:
        _blame(form, refused)
        return _form_page("organizations/register.html", form)
    return render_template("organizations/registered.html", organization=shown, code=code, login=form.login.data)


def _complete(form: RegistrationForm, *, signed_in_already: bool) -> bool:
    """Check the form; a visitor without an account also names the administrator."""
    complete = bool(form.validate_on_submit())
    if not signed_in_already:
        for field, sentence in ((form.person_name, gettext("请填写管理员姓名")),
                                (form.login, gettext("请填写手机号或邮箱，以后用它登录"))):
            if not (field.data or "").strip():
                field.errors = [*field.errors, sentence]
                complete = False
    return complete


@blueprint.get("/organizations/<ref>/profile")
@signed_in
def profile(ref: str) -> str:
    """Show the profile editor in its sections."""
    organization = _editable(ref)
    return _profile_page(_profile_form(organization), organization)


@blueprint.post("/organizations/<ref>/profile")
@signed_in
def save_profile(ref: str) -> Response | tuple[str | Response, int]:
    """Save the profile, or answer an autosave in JSON."""
    form = _profile_form(_editable(ref))
    is_autosave = "X-Autosave" in request.headers
    now = utc_now()
    try:
        if not form.validate_on_submit():
            return _profile_refused(form, ref, 422, is_autosave=is_autosave)
        changes = form.changes()
        if is_autosave:  # what is checked against papers is only changed by the button, after a warning
            changes = {name: value for name, value in changes.items() if name not in rules.IDENTITY_FIELDS}
        with transaction() as session:
            organization = queries.by_ref(session, ref)
            operations.update_profile(session, actor=current_actor(), organization=organization, changes=changes,
                                      now=now, version=form.seen_version())
            version = organization.version_id
    except Conflict as refused:
        if is_autosave:
            return jsonify(conflict=say(refused)), 409
        flash(say(refused), "warn")
        return _profile_refused(form, ref, 409, is_autosave=False)
    except Invalid as refused:
        _blame(form, refused)
        return _profile_refused(form, ref, 422, is_autosave=is_autosave)
    if is_autosave:
        return jsonify(saved_at=beijing(now).strftime("%H:%M:%S"), version=version)
    flash(gettext("资料已保存"), "ok")
    return redirect(url_for("organizations.profile", ref=ref), 303)


def _editable(ref: str) -> Organization:
    """Return an organization whose profile this actor may edit."""
    organization = queries.visible_by_ref(db.session(), ref, actor=current_actor())
    require(policy.may_edit_profile(current_actor(), organization))
    return organization


def _profile_refused(form: ProfileForm, ref: str, status: int, *,
                     is_autosave: bool) -> tuple[str | Response, int]:
    """Return the editor as it was typed, or the refusals of an autosave."""
    if is_autosave:
        return _refusals(form)
    return _profile_page(form, queries.by_ref(db.session(), ref)), status


@blueprint.post("/organizations/<ref>/submit")
@signed_in
def submit(ref: str) -> Response:
    """Ask an operator to check the profile."""
    with transaction() as session:
        organization = queries.visible_by_ref(session, ref, actor=current_actor())
        operations.submit_for_verification(session, actor=current_actor(), organization=organization, now=utc_now())
    flash(gettext("已提交核验。平台核对登记证书后，结果会发到您的消息里"), "ok")
    return redirect(url_for("organizations.profile", ref=ref), 303)


@blueprint.get("/ops/organizations")
@for_roles(Role.OPERATOR)
def check_list() -> str:
    """Show the operator what waits for a check, and names that look alike."""
    session, shown = db.session(), request.args.get("show", "submitted")
    states = {str(state) for state in rules.Verification}
    return render_template(
        "organizations/check_list.html", shown=shown, rules=rules, counts=queries.verification_counts(session),
        rows=queries.verification_queue(session, state=shown) if shown in states else [],
        groups=queries.duplicate_groups(session) if shown == "duplicates" else [])


@blueprint.get("/ops/organizations/<ref>")
@for_roles(Role.OPERATOR)
def check(ref: str) -> str:
    """Show one organization beside the decision."""
    return _check_page(queries.by_ref(db.session(), ref), DecisionForm(), None)


@blueprint.post("/ops/organizations/<ref>/decision")
@for_roles(Role.OPERATOR)
def decide(ref: str) -> Response | tuple[str, int]:
    """Verify or return, with the words that its administrators read."""
    form = DecisionForm()
    returning = request.form.get("decision") == "return"
    try:
        if not form.validate_on_submit():
            return _check_page(queries.by_ref(db.session(), ref), form, None), 422
        with transaction() as session:
            organization = queries.by_ref(session, ref)
            if returning:
                operations.return_profile(session, actor=current_actor(), organization=organization,
                                          reason=form.note.data or "", now=utc_now())
            else:
                operations.verify(session, actor=current_actor(), organization=organization, now=utc_now(),
                                  note=form.note.data or "")
    except Invalid as refused:
        form.note.errors = [*form.note.errors, say(refused)]
        return _check_page(queries.by_ref(db.session(), ref), form, None), 422
    flash(gettext("已退回，原因已通知对方") if returning else gettext("已核验通过"), "ok")
    return redirect(url_for("organizations.check_list"), 303)


@blueprint.post("/ops/organizations/<ref>/listings")
@for_roles(Role.OPERATOR)
def listings(ref: str) -> Response | tuple[str, int]:
    """Save the credit-list entries of an organization."""
    form = ListingsForm()
    try:
        if not form.validate_on_submit():
            return _check_page(queries.by_ref(db.session(), ref), DecisionForm(formdata=None), form), 422
        with transaction() as session:
            operations.update_profile(session, actor=current_actor(), organization=queries.by_ref(session, ref),
                                      changes={"listings": form.rows()}, now=utc_now())
    except Invalid as refused:
        _blame(form, refused)
        return _check_page(queries.by_ref(db.session(), ref), DecisionForm(formdata=None), form), 422
    flash(gettext("信用名录已保存"), "ok")
    return redirect(url_for("organizations.check", ref=ref), 303)


def _profile_form(organization: Organization) -> ProfileForm:
    """Return the editor, filled from the row or from what was sent, with the choices of catalogue and areas."""
    is_fresh = request.method == "GET"
    form = ProfileForm(formdata=None, data=profile_data(organization)) if is_fresh else ProfileForm()
    names, areas = category_names(), _towns(area_names())
    kept = {one.code for one in organization.categories}
    parents = {code[:-2] for code in names}
    leaves = {code: name for code, name in names.items() if len(code) > MAIN_LEVEL and code not in parents}
    form.offer(categories=leaves | {code: names.get(code, code) for code in kept - set(leaves)},
               areas={**{code: area_names().get(code, code) for code in _known_areas(organization) - set(areas)},
                      **areas})
    return form


def _known_areas(organization: Organization) -> set[str]:
    """Return the area codes that the row names already, even those that the table no longer knows."""
    served = {one.area_code for one in organization.areas}
    return served | {organization.area_code} if organization.area_code else served


def _profile_page(form: ProfileForm, organization: Organization) -> str:
    """Return the editor's page."""
    return render_template(
        "organizations/profile.html", form=form, organization=organization, rules=rules,
        main_categories=_main(category_names()),
        may_submit=policy.may_submit_for_verification(current_actor(), organization),
        bars=queries.eligibility(organization, day=beijing_date(utc_now())).bars)


def _check_page(organization: Organization, form: DecisionForm, listings_form: ListingsForm | None) -> str:
    """Return the operator's page of one organization."""
    columns = ("kind", "listed_on", "removed_on", "reason", "source")
    rows = [{column: getattr(one, column) for column in columns} for one in organization.listings]
    return render_template(
        "organizations/check.html", organization=organization, form=form, rules=rules, areas=area_names(),
        categories=category_names(), listings_form=listings_form or ListingsForm(
            formdata=None, data={"listings": [*rows, {}]}),
        look_alikes=queries.look_alikes(db.session(), organization),
        ties=queries.tied_to(db.session(), organization),
        fits=rules.code_fits_kind(organization.credit_code, rules.OrganizationKind(organization.kind)),
        may_verify=policy.may_verify(current_actor(), organization))


def _form_page(template: str, form: RegistrationForm) -> str | tuple[str, int]:
    """Return a page with its form: 200 when it is fresh, 422 when it came back."""
    made = render_template(template, form=form)
    return (made, 422) if request.method == "POST" else made


def _blame(form: RegistrationForm | ProfileForm | ListingsForm, refused: DomainError) -> None:
    """Put a refusal beside its field, or at the top when the form has no such field."""
    field = getattr(form, getattr(refused, "field", None) or "", None)
    if field is None or field.type == "FieldList":
        form.form_errors = [*form.form_errors, say(refused)]
    else:
        field.errors = [*field.errors, say(refused)]


def _refusals(form: ProfileForm) -> tuple[Response, int]:
    """Answer an autosave that was refused: field -> sentence."""
    found: dict[str, str] = {}

    def walk(errors: Mapping[str, object]) -> None:
        for name, value in errors.items():
            if isinstance(value, list) and value and isinstance(value[0], str):
                found[name] = value[0]

    walk(form.errors)
    if form.form_errors:
        found[""] = str(form.form_errors[0])
    return jsonify(errors=found or {"": gettext("有内容要改，请看各栏")}), 422
