"""A funder's own facts, and the operator's desk: funders to verify, flags to look at."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response
from wtforms.fields import SelectChoice

from marketplace.core.access import Role, require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, DomainError, Invalid
from marketplace.files import operations as files
from marketplace.files.models import StoredFile
from marketplace.files.rules import Purpose
from marketplace.funding import operations, policy
from marketplace.funding.forms.funders import FACTS, FunderForm, NoteForm, PersonForm, RegisterForm
from marketplace.funding.models import Funder, MoneyFlag
from marketplace.funding.operations.funders import missing
from marketplace.funding.queries import funder_pages as queries
from marketplace.funding.queries.portfolio import funders_of
from marketplace.funding.rules.funders import BODIES, FUNDER_LABELS, FunderKind
from marketplace.funding.rules.gaming import FLAG_LABELS, FLAG_SOURCES, FLAG_STATE_LABELS
from marketplace.funding.views.blueprints import funding
from marketplace.funding.views.shared import OFFICERS, REFUSED, blame, hand_out, my_funder
from marketplace.organizations.models import Organization
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import say, status_of
from marketplace.web.paging import page_number, paginate
from marketplace.web.security import UPLOAD_LIMIT, limiter
from marketplace.web.services import services


def _filled(funder: Funder) -> FunderForm:
    """Return the form of a funder's facts as they are."""
    values = {name: getattr(funder, name) for name in FACTS}
    return FunderForm(formdata=None, data={
        name: ("y" if value else "") if isinstance(value, bool) else value for name, value in values.items()})


@funding.route("/fund/profile", methods=["GET", "POST"])
@for_roles(*OFFICERS)
@limiter.limit(UPLOAD_LIMIT, methods=["POST"])
def profile() -> Response | str | tuple[str, int]:
    """Show and change a funder's facts; register the own organization where it is none yet."""
    funder = None if request.args.get("new") else my_funder()
    if funder is None:
        return _register()
    form = _filled(funder) if request.method == "GET" else FunderForm()
    if form.is_submitted() and form.validate():
        try:
            with transaction() as session:
                found = queries.funder_by_ref(session, funder.ref)
                facts = form.facts() | _paper(session, found.organization_id, form.approval_file.data)
                operations.change_funder(
                    session, actor=current_actor(), funder=found, now=utc_now(), **facts)  # type: ignore[arg-type]
        except Invalid as refused:
            blame(form, refused, otherwise="payer_accounts")
        else:
            flash(gettext("已保存"), "ok")
            return redirect(url_for("funding.profile", fund=funder.ref), 303)
    funder = my_funder()
    page = render_template("funding/profile.html", funder=funder, form=form, kinds=FUNDER_LABELS,
                           lacking=missing(funder) if funder else [], own=_own())
    return (page, REFUSED) if form.errors else page


def _own() -> list[Funder]:
    """Return every funder for which this organization signs."""
    return funders_of(db.session(), current_actor())


def _paper(session: Session, organization_id: int | None, upload: FileStorage | None) -> dict[str, StoredFile]:
    """Keep the approval paper, when one was chosen."""
    if not upload:
        return {}
    return {"approval_file": files.store(
        session, actor=current_actor(), store=services().files, name=upload.filename or "", data=upload.read(),
        purpose=Purpose.CREDENTIAL, organization_id=organization_id, now=utc_now())}


def _register() -> Response | str | tuple[str, int]:
    """Show or take the registration of the own organization as a funder."""
    actor = current_actor()
    body = db.session().get_one(Organization, actor.organization_id)
    require(policy.may_register(actor, body))
    form = RegisterForm()
    form.kind.choices = [SelectChoice("", gettext("请选择")), *(
        SelectChoice(kind.value, gettext(label)) for kind, label in FUNDER_LABELS.items() if body.kind in BODIES[kind])]
    if form.validate_on_submit():
        try:
            with transaction() as session:
                made = operations.register_funder(
                    session, actor=actor, kind=form.kind.data, now=utc_now(), fund_name=form.fund_name.data or "",
                    organization=session.get_one(Organization, actor.organization_id),
                    **form.facts() | _paper(  # type: ignore[arg-type]
                        session, actor.organization_id, form.approval_file.data))
                ref = made.ref
        except (Invalid, Conflict) as refused:
            blame(form, refused, otherwise="kind")
        else:
            flash(gettext("已登记。平台核验后就能认捐和建资金池"), "ok")
            return redirect(url_for("funding.profile", fund=ref), 303)
    page = render_template(
        "funding/register.html", form=form, body=db.session().get(Organization, actor.organization_id))
    return (page, REFUSED) if form.errors else page


@funding.get("/ops/funders")
@for_roles(Role.OPERATOR)
def ops_funders() -> str:
    """List the funders that wait for a check, or those that passed, each with what it still has to show."""
    is_verified = request.args.get("show") == "verified"
    page = paginate(db.session(), queries.funders(is_verified=is_verified), number=page_number(request.args))
    return render_template(
        "funding/ops_funders.html", page=page, is_verified=is_verified, kinds=FUNDER_LABELS,
        counts=queries.funder_counts(db.session()), lacking={one.ref: missing(one) for one in page.items},
        person=PersonForm(formdata=None))


@funding.post("/ops/funders")
@for_roles(Role.OPERATOR)
def ops_person() -> Response | tuple[str, int]:
    """Enter a named person, whose identity paper the operator saw; its number is kept nowhere."""
    form = PersonForm()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                made = operations.register_funder(
                    session, actor=current_actor(), kind=FunderKind.PERSON, now=utc_now(),
                    person_name=form.person_name.data or "", is_name_withheld=bool(form.is_name_withheld.data))
                ref = made.ref
            return redirect(url_for("funding.ops_funder", ref=ref), 303)
        except (Invalid, Conflict) as refused:
            blame(form, refused, otherwise="person_name")
    page = paginate(db.session(), queries.funders(is_verified=False))
    return render_template(
        "funding/ops_funders.html", page=page, is_verified=False, kinds=FUNDER_LABELS, form=form, person=form,
        counts=queries.funder_counts(db.session()), lacking={one.ref: missing(one) for one in page.items}), REFUSED


@funding.get("/ops/funders/<ref>")
@for_roles(Role.OPERATOR)
def ops_funder(ref: str) -> str:
    """Show one funder beside the decision."""
    return _funder_page(queries.funder_by_ref(db.session(), ref), NoteForm(formdata=None))


@funding.get("/ops/funders/<ref>/paper")
@for_roles(Role.OPERATOR)
def ops_funder_paper(ref: str) -> Response:
    """Hand out the approval paper of a state-owned firm."""
    return hand_out(queries.funder_by_ref(db.session(), ref).approval_file)


def _funder_page(funder: Funder, form: NoteForm) -> str:
    """Return the operator's page of one funder."""
    return render_template("funding/ops_funder.html", funder=funder, form=form, kinds=FUNDER_LABELS,
                           lacking=missing(funder), may_verify=policy.may_verify(current_actor()))


@funding.post("/ops/funders/<ref>/<any(verify, unverify):verdict>")
@for_roles(Role.OPERATOR)
def ops_funder_decide(ref: str, verdict: str) -> Response | tuple[str, int]:
    """Verify a funder, or take its verification back; with what was looked at."""
    form, verb = NoteForm(), operations.verify_funder if verdict == "verify" else operations.unverify_funder
    if not form.validate_on_submit():
        return _funder_page(queries.funder_by_ref(db.session(), ref), form), REFUSED
    try:
        with transaction() as session:
            verb(session, actor=current_actor(), funder=queries.funder_by_ref(session, ref), note=form.note.data or "",
                 now=utc_now())
    except DomainError as refused:
        form.note.errors = [say(refused)]
        return _funder_page(queries.funder_by_ref(db.session(), ref), form), status_of(refused)
    flash(gettext("已核验") if verdict == "verify" else gettext("核验已撤回，不能再作新的认捐"), "ok")
    return redirect(url_for("funding.ops_funders"), 303)


@funding.get("/ops/money-flags")
@for_roles(Role.OPERATOR, Role.AUDITOR)
def money_flags() -> str:
    """Show the review queue: what must be looked at before matching money is confirmed."""
    return _flags_page()


def _flags_page(*, broken: str = "", form: NoteForm | None = None) -> str:
    """Return the queue; a note that was refused comes back beside its flag."""
    state = request.args.get("state", "")
    state = state if state in FLAG_STATE_LABELS else "open"
    page = paginate(db.session(), queries.flags(state=state), number=page_number(request.args))
    return render_template(
        "funding/money_flags.html", page=page, state=state, kinds=FLAG_LABELS, sources=FLAG_SOURCES, form=form,
        states=FLAG_STATE_LABELS, counts=queries.flag_counts(db.session()), broken=broken, told=_told,
        notes={one.ref: form if one.ref == broken else NoteForm(formdata=None, prefix=f"flag-{one.ref}")
               for one in page.items},
        may={one.ref: policy.may_decide_flag(current_actor(), one) for one in page.items})


def _told(flag: MoneyFlag) -> str:
    """Return the facts of a flag in words."""
    return "；".join(gettext(value) if isinstance(value, str) else str(value) for value in flag.facts.values() if value)


@funding.post("/ops/money-flags/<ref>/<any(clear, uphold):finding>")
@for_roles(Role.OPERATOR)
def money_flag(ref: str, finding: str) -> Response | tuple[str, int]:
    """Clear a flag, or uphold it (its matching money returns to the pool); with a note."""
    form, verb = NoteForm(prefix=f"flag-{ref}"), operations.clear_flag if finding == "clear" else operations.uphold_flag
    queries.flag_by_ref(db.session(), ref)
    if not form.validate_on_submit():
        return _flags_page(broken=ref, form=form), REFUSED
    try:
        with transaction() as session:
            verb(session, actor=current_actor(), flag=queries.flag_by_ref(session, ref), note=form.note.data or "",
                 now=utc_now())
    except DomainError as refused:
        form.note.errors = [say(refused)]
        return _flags_page(broken=ref, form=form), status_of(refused)
    flash(gettext("已排除，配套照常确认") if finding == "clear" else gettext("已认定，相应的配套已退回资金池"), "ok")
    return redirect(url_for("funding.money_flags"), 303)
