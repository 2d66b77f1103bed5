"""Members of a unit or provider: list, invite, take back, print the slip again, unlock."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms.fields import SelectChoice

from marketplace.accounts import operations, policy, queries, rules
from marketplace.accounts.forms import InviteForm
from marketplace.accounts.models import Person
from marketplace.accounts.views.blueprints import accounts
from marketplace.core.access import ROLE_LABELS, Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Invalid
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import say

REFUSED = 422
_administrators = for_roles(Role.UNIT_ADMIN, Role.PROVIDER_ADMIN, Role.SECURITY_OFFICER)


def _home() -> str:
    """Return where the list of this administrator is."""
    if current_actor().has(Role.SECURITY_OFFICER):
        return url_for("ops.people")
    return url_for("accounts.members")


@accounts.get("/desk/members")
@for_roles(Role.UNIT_ADMIN, Role.PROVIDER_ADMIN)
def members() -> str:
    """List the members of the unit and of the units below, or of the provider."""
    actor, reading, now = current_actor(), db.session(), utc_now()
    run = queries.places_run_by(reading, actor)
    listed = queries.members(reading, run)
    people = list({member.person.id: member.person for member in listed}.values())
    return render_template(
        "accounts/members.html", members=listed, labels=ROLE_LABELS, locks=queries.locks_of(reading, people, now=now),
        may_change={m.mandate_ref: policy.may_change_mandate(actor, person_id=m.person.id, role=m.role, place=m.place)
                    for m in listed})


def _invite_form() -> InviteForm:
    """Return the form with the organizations and roles this administrator may give."""
    actor = current_actor()
    run = queries.places_run_by(db.session(), actor)
    form = InviteForm()
    form.organization.choices = [SelectChoice(place.ref, place.name) for place in run]
    given = rules.UNIT_ROLES if actor.has(Role.UNIT_ADMIN) else rules.PROVIDER_ROLES
    form.roles.choices = [SelectChoice(role.value, gettext(ROLE_LABELS[role])) for role in ROLE_LABELS if role in given]
    return form


@accounts.route("/desk/members/invite", methods=["GET", "POST"])
@for_roles(Role.UNIT_ADMIN, Role.PROVIDER_ADMIN)
def invite() -> Response | str | tuple[str, int]:
    """Invite a member: account, roles, and the slip to print."""
    form = _invite_form()
    if not form.validate_on_submit():
        page = render_template("accounts/invite.html", form=form)
        return (page, REFUSED) if form.is_submitted() else page
    actor, now = current_actor(), utc_now()
    try:
        with transaction() as writing:
            place = queries.place_by_ref(writing, form.organization.data)
            made = operations.invite(
                writing, actor=actor, login=form.login.data or "", name=form.name.data or "", title=form.title.data,
                organization_id=place.id if place else None, roles=[Role(each) for each in form.roles.data or ()],
                now=now)
            if made.code:
                return _slip(made.person, made.code, place)
    except (Invalid, Conflict) as refused:
        field = getattr(refused, "field", None) or "login"
        form[field if field in form else "login"].errors = [say(refused)]
        return render_template("accounts/invite.html", form=form), REFUSED
    flash(gettext("已授权。他用原来的账号和密码登录即可"), "ok")
    return redirect(url_for("accounts.members"), 303)


def _slip(person: Person, code: str, place: rules.Place | None) -> str:
    """Return the page of a slip, shown once: only the hash of the code is kept."""
    return render_template("accounts/slip.html", person=person, code=code, place=place, back=_home(),
                           expires_at=utc_now() + rules.SLIP_LIFE)


def _person(ref: str) -> Person:
    """Return the person of the address, or 404."""
    if (person := queries.by_ref(db.session(), ref)) is None:
        raise NotFound
    return person


@accounts.post("/desk/people/<ref>/slip")
@_administrators
def slip(ref: str) -> str:
    """Print a new slip; the earlier one stops working."""
    with transaction() as writing:
        person = _person(ref)
        code = operations.issue_slip(writing, actor=current_actor(), person=person, now=utc_now())
        held = queries.mandates_of(writing, [person])[person.id]
        return _slip(person, code, next((member.place for member in held if member.place), None))


@accounts.post("/desk/people/<ref>/unlock")
@_administrators
def unlock(ref: str) -> Response:
    """Let a locked member try again at once."""
    with transaction() as writing:
        operations.unlock(writing, actor=current_actor(), person=_person(ref), now=utc_now())
    flash(gettext("已解锁"), "ok")
    return redirect(_home(), 303)


@accounts.post("/desk/mandates/<ref>/revoke")
@_administrators
def revoke(ref: str) -> Response:
    """Take a role back; it ends with the member's next click."""
    with transaction() as writing:
        if (mandate := queries.mandate_by_ref(writing, ref)) is None:
            raise NotFound
        person_ref = mandate.person.ref
        operations.revoke(writing, actor=current_actor(), mandate=mandate, now=utc_now())
    flash(gettext("身份已收回，立即生效"), "ok")
    if current_actor().has(Role.SECURITY_OFFICER):
        return redirect(url_for("ops.person", ref=person_ref), 303)
    return redirect(_home(), 303)
