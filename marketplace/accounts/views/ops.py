"""The platform's desk: people for the security officer, the audit for the auditor, jobs for the operator."""

from datetime import datetime, timedelta

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse
from wtforms.fields import SelectChoice

from marketplace.accounts import operations, queries, rules
from marketplace.accounts.forms import AppointForm, ReasonForm, RoleForm
from marketplace.accounts.models import Person
from marketplace.accounts.views.blueprints import platform
from marketplace.core import audit as audit_core
from marketplace.core.access import ROLE_LABELS, Role
from marketplace.core.clock import at_beijing, beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.outbox import JobState
from marketplace.core.text import N_
from marketplace.web.access import for_roles, public
from marketplace.web.actor import current_actor
from marketplace.web.errors import say
from marketplace.web.fields import read_date
from marketplace.web.health import checks
from marketplace.web.paging import page_number, paginate

REFUSED = 422
OFFICER = for_roles(Role.SECURITY_OFFICER)
OPERATOR = for_roles(Role.OPERATOR)
AUDITOR = for_roles(Role.AUDITOR)


@platform.get("/ops")
@for_roles(Role.OPERATOR, Role.SECURITY_OFFICER, Role.AUDITOR)
def index() -> str:
    """Show the state of the site and what this administrator may do."""
    return render_template("accounts/ops_index.html", checks=checks(db.session(), now=utc_now()))


@platform.get("/ops/people")
@OFFICER
def people() -> str:
    """Search people by name, account or organization."""
    reading, now = db.session(), utc_now()
    text, role = request.args.get("q", "").strip()[:60], request.args.get("role", "")
    role = role if role in {each.value for each in Role} else ""
    page = paginate(reading, queries.search_people(text, role=role), number=page_number(request.args))
    return render_template("accounts/ops_people.html", page=page, q=text, role=role, labels=ROLE_LABELS,
                           mandates=queries.mandates_of(reading, page.items),
                           locks=queries.locks_of(reading, page.items, now=now))


def _role_choices() -> list[SelectChoice]:
    """Return every role in the visitor's language."""
    return [SelectChoice(role.value, gettext(label)) for role, label in ROLE_LABELS.items()]


def _organization_id(name: str) -> int | None:
    """Return the organization typed by its full name; none for an empty box. Raises Invalid for an unknown name."""
    if not name:
        return None
    if (place := queries.place_named(db.session(), name)) is None:
        raise Invalid(N_("没有找到叫“{name}”的单位，或不止一个。请填登记的全名"), field="organization", name=name)
    return place.id


def _take(form: AppointForm | RoleForm, refused: Invalid | Conflict | Denied) -> None:
    """Put a refusal beside its field."""
    name = getattr(refused, "field", None) or "role"
    form[name if name in form else "role"].errors = [say(refused)]


@platform.route("/ops/people/new", methods=["GET", "POST"])
@OFFICER
def appoint() -> AnyResponse | str | tuple[str, int]:
    """Open an account with its first role: administrators of units and providers, experts, platform administrators."""
    form = AppointForm()
    form.role.choices = _role_choices()
    if not form.validate_on_submit():
        page = render_template("accounts/ops_appoint.html", form=form)
        return (page, REFUSED) if form.is_submitted() else page
    now = utc_now()
    try:
        with transaction() as writing:
            organization_id = _organization_id(form.organization.data or "")
            made = operations.invite(writing, actor=current_actor(), login=form.login.data or "",
                                     name=form.name.data or "", organization_id=organization_id,
                                     roles=[Role(form.role.data)], now=now)
            if made.code:
                return render_template("accounts/slip.html", person=made.person, code=made.code,
                                       place=queries.place(writing, organization_id), back=url_for("ops.people"),
                                       expires_at=now + rules.SLIP_LIFE)
            ref = made.person.ref
    except (Invalid, Conflict, Denied) as refused:
        _take(form, refused)
        return render_template("accounts/ops_appoint.html", form=form), REFUSED
    flash(gettext("他已有账号，身份已加上"), "ok")
    return redirect(url_for("ops.person", ref=ref), 303)


def _person(ref: str) -> Person:
    """Return the person of the address, or 404."""
    if (found := queries.by_ref(db.session(), ref)) is None:
        raise NotFound
    return found


def _person_page(ref: str, *, role_form: RoleForm | None = None, reason_form: ReasonForm | None = None) -> str:
    """Return the page of one person."""
    reading, now, found = db.session(), utc_now(), _person(ref)
    role_form = role_form or RoleForm(formdata=None)
    role_form.role.choices = _role_choices()
    reason_form = reason_form or ReasonForm(formdata=None)
    broken = next((form for form in (role_form, reason_form) if form.errors), None)
    return render_template(
        "accounts/ops_person.html", person=found, form=broken, role_form=role_form, reason_form=reason_form,
        labels=ROLE_LABELS, mandates=queries.mandates_of(reading, [found])[found.id],
        lock=queries.locks_of(reading, [found], now=now).get(found.id),
        sessions=queries.sessions_of(reading, found.id, since=now - rules.SESSION_LIFE),
        is_self=found.id == current_actor().person_id)


@platform.get("/ops/people/<ref>")
@OFFICER
def person(ref: str) -> str:
    """Show one account: roles, sessions, lock."""
    return _person_page(ref)


@platform.post("/ops/people/<ref>/grant")
@OFFICER
def grant(ref: str) -> AnyResponse | tuple[str, int]:
    """Give a person one more role."""
    form = RoleForm()
    form.role.choices = _role_choices()
    if form.validate_on_submit():
        try:
            with transaction() as writing:
                operations.grant(writing, actor=current_actor(), person=_person(ref), role=Role(form.role.data),
                                 organization_id=_organization_id(form.organization.data or ""), now=utc_now())
        except (Invalid, Conflict) as refused:
            _take(form, refused)
        else:
            flash(gettext("身份已授予"), "ok")
            return redirect(url_for("ops.person", ref=ref), 303)
    return _person_page(ref, role_form=form), REFUSED


@platform.post("/ops/people/<ref>/deactivate")
@OFFICER
def deactivate(ref: str) -> AnyResponse | tuple[str, int]:
    """Close an account with a reason; its sessions end at once."""
    form = ReasonForm()
    if not form.validate_on_submit():
        return _person_page(ref, reason_form=form), REFUSED
    with transaction() as writing:
        operations.deactivate(writing, actor=current_actor(), person=_person(ref), reason=form.reason.data or "",
                              now=utc_now())
    flash(gettext("账号已停用，他的登录立即结束"), "ok")
    return redirect(url_for("ops.person", ref=ref), 303)


@platform.post("/ops/people/<ref>/reactivate")
@OFFICER
def reactivate(ref: str) -> AnyResponse:
    """Open a closed account again."""
    with transaction() as writing:
        operations.reactivate(writing, actor=current_actor(), person=_person(ref), now=utc_now())
    flash(gettext("账号已恢复"), "ok")
    return redirect(url_for("ops.person", ref=ref), 303)


@platform.post("/ops/people/<ref>/sessions/end")
@OFFICER
def end_sessions(ref: str) -> AnyResponse:
    """End every session of a person."""
    with transaction() as writing:
        operations.end_sessions(writing, actor=current_actor(), person=_person(ref), now=utc_now())
    flash(gettext("他的登录已全部结束"), "ok")
    return redirect(url_for("ops.person", ref=ref), 303)


def _day(name: str) -> datetime | None:
    """Return the beginning of the day typed into a filter; what is no day filters nothing."""
    try:
        typed = request.args.get(name, "").strip()
        return at_beijing(read_date(typed, today=beijing_date(utc_now()))) if typed else None
    except Invalid:
        return None


@platform.get("/ops/audit")
@AUDITOR
def audit() -> str:
    """Read the audit: newest first, filtered; with ?verify=1 also recompute the chain."""
    reading, asked = db.session(), {name: request.args.get(name, "").strip()[:80]
                                    for name in ("action", "who", "subject", "since", "until")}
    until = _day("until")
    statement = queries.audit_events(action=asked["action"], actor_name=asked["who"], subject=asked["subject"],
                                     since=_day("since"), until=until + timedelta(days=1) if until else None)
    report = audit_core.verify(reading, now=utc_now()) if request.args.get("verify") == "1" else None
    return render_template("accounts/ops_audit.html", asked=asked, report=report,
                           page=paginate(reading, statement, number=page_number(request.args), size=50))


@platform.get("/ops/jobs")
@OPERATOR
def jobs() -> str:
    """Show background work that stopped or is late."""
    reading, now = db.session(), utc_now()
    statement = queries.jobs_to_look_at(now=now)
    page = paginate(reading, statement, number=page_number(request.args))
    return render_template("accounts/ops_jobs.html", page=page, parked=JobState.PARKED,
                           counts={row[0]: row[1] for row in reading.execute(queries.job_counts())})


@platform.post("/ops/jobs/<ref>/retry")
@OPERATOR
def retry(ref: str) -> AnyResponse:
    """Put a parked job back into the queue."""
    with transaction() as writing:
        operations.retry_job(writing, actor=current_actor(), ref=ref, now=utc_now())
    flash(gettext("已放回队列，稍后执行"), "ok")
    return redirect(url_for("ops.jobs"), 303)


@platform.get("/audit-heads")
@public
def audit_heads() -> Response:
    """Publish the heads of the audit chain, one a line, for outsiders to keep: with them a cut tail can be proved."""
    lines = "".join(f"{position} {head}\n" for position, head in audit_core.heads(db.session()))
    return Response(lines, mimetype="text/plain")
