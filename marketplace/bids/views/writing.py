"""Writing a bid: task list, one page a part with autosave, files, check and submit (ux.md O6, O8)."""

from collections.abc import Mapping
from datetime import datetime

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from marketplace.bids import forms, operations, policy, queries, rules
from marketplace.bids.forms import CheckForm, FileForm, PartForm
from marketplace.bids.queries import Draft
from marketplace.bids.rules import Part
from marketplace.bids.views.shared import blueprint, for_providers, load_project
from marketplace.core.access import Decision, require
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import Money
from marketplace.projects.models import Project
from marketplace.web.actor import current_actor
from marketplace.web.downloads import attachment
from marketplace.web.errors import say
from marketplace.web.security import UPLOAD_LIMIT, limiter
from marketplace.web.services import services

CONFLICT, UNPROCESSABLE = 409, 422


@blueprint.get("/projects/<ref>/bid")
@for_providers
def edit(ref: str) -> str:
    """Show the task list of the organization's bid."""
    project, draft, now = _load(ref)
    return render_template("bids/tasks.html", **_frame(project, draft, now), may_submit=_may_submit(project, now))


@blueprint.route("/projects/<ref>/bid/<part_name>", methods=["GET", "POST"])
@for_providers
def part(ref: str, part_name: str) -> str | Response | tuple[str | Response, int]:
    """Show and save one part; the autosave of the page posts here too."""
    part_ = _part(part_name)
    form = forms.PART_FORMS[part_]() if request.method == "POST" else None
    if form is not None and form.validate_on_submit():
        return _save(ref, part_, form)
    if form is not None and _is_autosave():
        return jsonify(errors=form.errors), UNPROCESSABLE
    project, draft, now = _load(ref)
    status = UNPROCESSABLE if form is not None else 200
    shown = form or forms.PART_FORMS[part_](formdata=None, data=_shown(draft.fields) | {"version": str(draft.version)})
    return render_template("bids/part.html", **_frame(project, draft, now), part=part_, form=shown, theirs=None,
                           price=_price(draft.fields)), status


@blueprint.route("/projects/<ref>/bid/files", methods=["GET", "POST"])
@for_providers
@limiter.limit(UPLOAD_LIMIT, methods=["POST"])
def files(ref: str) -> str | Response | tuple[str | Response, int]:
    """Show the attached files; take another one, checked and sealed as it arrives."""
    form = FileForm()
    status = 200
    if request.method == "POST":
        status = UNPROCESSABLE
        if form.validate_on_submit():
            try:
                _attach(ref, form.file.data.filename, form.file.data.read())
            except Invalid as refused:
                form.file.errors = [say(refused)]
            else:
                return redirect(url_for("bids.files", ref=ref), 303)
    project, draft, now = _load(ref)
    return render_template("bids/files.html", **_frame(project, draft, now), part=Part.FILES, form=form,
                           files=rules.attached(draft.fields)), status


@blueprint.post("/projects/<ref>/bid/files/<sha256>/remove")
@for_providers
def remove_file(ref: str, sha256: str) -> Response:
    """Take a file out of the draft."""
    now = utc_now()
    with transaction() as session:
        operations.remove_file(session, actor=current_actor(), project=load_project(session, ref), sha256=sha256,
                               sealer=services().sealer, now=now)
    return redirect(url_for("bids.files", ref=ref), 303)


@blueprint.get("/projects/<ref>/bid/files/<sha256>")
@for_providers
def draft_file(ref: str, sha256: str) -> Response:
    """Hand out a file of the draft to the people who write it."""
    _project, draft, _now = _load(ref)
    return hand_out(draft.fields, sha256)


@blueprint.route("/projects/<ref>/bid/check", methods=["GET", "POST"])
@for_providers
def check(ref: str) -> str | Response | tuple[str | Response, int]:
    """Show all answers before they are sealed; seal and submit."""
    form = CheckForm()
    status = 200
    if request.method == "POST":
        status = UNPROCESSABLE
        if form.validate_on_submit():
            try:
                return redirect(url_for("bids.receipt", ref=_submit(ref, form)), 303)
            except Invalid as refused:
                form.form_errors = [say(refused)]
    project, draft, now = _load(ref)
    if request.method == "GET":
        live = queries.own_bid(db.session(), current_actor(), project)
        form = CheckForm(formdata=None, version=str(draft.version), replaces=live.receipt_number if live else "",
                         promises=list(rules.attached_promises(draft.fields)))
    return render_template(
        "bids/check.html", **_frame(project, draft, now), form=form, price=_price(draft.fields),
        missing=[one for one in rules.missing_parts(draft.fields) if one is not Part.PROMISES],
        may_submit=_may_submit(project, now), files=rules.attached(draft.fields)), status


def hand_out(fields: Mapping[str, object], sha256: str) -> Response:
    """Return an attached file as a download, or say that there is none."""
    entry = next((one for one in rules.attached(fields) if one["sha256"] == sha256), None)
    if entry is None:
        raise NotFound
    data = queries.attached_bytes(entry, sealer=services().sealer, store=services().files)
    return attachment(data, name=str(entry["name"]), media_type="application/pdf")


def _submit(ref: str, form: CheckForm) -> str:
    """Seal what the writer checked; return the receipt's reference. The clock is read when all has arrived."""
    now, actor, sealer = utc_now(), current_actor(), services().sealer
    with transaction() as session:
        project = load_project(session, ref)
        draft = queries.draft_of(session, actor, project, sealer=sealer)
        if str(draft.version) != form.version.data:
            raise Conflict(operations.CHANGED_MEANWHILE)
        fields = dict(draft.fields) | {"promises": form.promises.data}
        bid = operations.submit_bid(session, actor=actor, project=project, offer=rules.offer_of(fields), sealer=sealer,
                                    now=now, replaces=form.replaces.data or None)
        return bid.ref


def _save(ref: str, part_: Part, form: PartForm) -> str | Response | tuple[str | Response, int]:
    """Save one part; show both texts when somebody else saved meanwhile."""
    now, sealer = utc_now(), services().sealer
    try:
        with transaction() as session:
            saved = operations.save_draft(session, actor=current_actor(), project=load_project(session, ref),
                                          fields=form.typed(), sealer=sealer, now=now, version=form.seen_version())
            version = saved.version_id
    except Conflict as conflict:
        if _is_autosave():
            return jsonify(conflict=say(conflict)), CONFLICT
        project, draft, now = _load(ref)
        form.version.data = str(draft.version)
        return render_template("bids/part.html", **_frame(project, draft, now), part=part_, form=form,
                               theirs=draft, price=None), CONFLICT
    if _is_autosave():
        return jsonify(saved_at=f"{beijing(now):%H:%M:%S}", version=version)
    return redirect(_next_page(ref, part_), 303)


def _attach(ref: str, name: str, data: bytes) -> None:
    """Check a file outside the transaction, then seal it into the draft."""
    now = utc_now()
    actor, made = current_actor(), services()
    require(policy.may_draft(actor, load_project(db.session(), ref), now))
    verdict = made.scanner.scan(data)
    with transaction() as session:
        operations.attach_file(session, actor=actor, project=load_project(session, ref), name=name, data=data,
                               verdict=verdict, sealer=made.sealer, store=made.files, now=now)
    flash(gettext("已加密保存“%(name)s”", name=name), "ok")


def _load(ref: str) -> tuple[Project, Draft, datetime]:
    """Return the project, the organization's draft in the clear, and the moment of this page."""
    session, actor, now = db.session(), current_actor(), utc_now()
    project = load_project(session, ref)
    require(policy.may_draft(actor, project, now))
    return project, queries.draft_of(session, actor, project, sealer=services().sealer), now


def _may_submit(project: Project, now: datetime) -> Decision:
    """Return whether the bid could be submitted now, with the reason when not."""
    session, actor = db.session(), current_actor()
    return policy.may_submit(actor, project, queries.bidder(session, actor, project, day_of=now), now,
                             queries.clock_skew(session))


def _frame(project: Project, draft: Draft, now: datetime) -> dict[str, object]:
    """Return what every page of the editor shows: project, clock, task list, when it was saved."""
    states = {one: rules.part_state(one, draft.fields) for one in forms.WRITTEN_PARTS}
    live = queries.own_bid(db.session(), current_actor(), project)
    return {"project": project, "draft": draft, "now": now, "parts": states, "labels": rules.PART_LABELS,
            "part_states": rules.PART_STATE_LABELS, "optional": rules.OPTIONAL_PARTS, "live": live, "rules": rules}


def _part(name: str) -> Part:
    """Return the part a page is about, or say that there is none."""
    if name not in {one.value for one in forms.PART_FORMS}:
        raise NotFound
    return Part(name)


def _next_page(ref: str, part_: Part) -> str:
    """Return where "save and go on" leads: the next part, or the task list after the last."""
    if request.form.get("then"):
        return url_for("bids.edit", ref=ref)
    order = list(forms.WRITTEN_PARTS)
    later = order[order.index(part_) + 1:]
    if not later:
        return url_for("bids.check", ref=ref)
    return url_for("bids.files", ref=ref) if later[0] is Part.FILES else url_for(
        "bids.part", ref=ref, part_name=later[0].value)


def _shown(fields: Mapping[str, object]) -> dict[str, object]:
    """Return a draft's fields as the forms show them: the price as an amount when it is one."""
    return dict(fields) | {"price": _price(fields)}


def _price(fields: Mapping[str, object]) -> Money | None:
    """Return the price of a draft when what was typed is an amount."""
    try:
        return Money.parse(str(fields.get("price") or ""))
    except Invalid:
        return None


def _is_autosave() -> bool:
    """Say whether the page's script asks, not a person's button."""
    return "X-Autosave" in request.headers
