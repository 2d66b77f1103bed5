"""A member's own pages: invitations, the declaration, one offer a page, the summary, handing in (ux.md X1-X6)."""

from datetime import datetime

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from marketplace.awards import operations, policy, queries, rules
from marketplace.awards.forms import DeclareForm, ScoreForm, SubmitForm, score_form
from marketplace.awards.models import PanelSeat
from marketplace.awards.queries import Sheet, SheetRow
from marketplace.awards.rules import SEAT_LABELS, SeatState
from marketplace.awards.views.blueprint import UNPROCESSABLE, blame, blueprint
from marketplace.bids.models import OpenedOffer
from marketplace.bids.queries import attached_bytes
from marketplace.bids.rules import attached
from marketplace.core.access import require
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError, Invalid
from marketplace.web.access import signed_in
from marketplace.web.actor import current_actor
from marketplace.web.downloads import attachment
from marketplace.web.errors import say, status_of
from marketplace.web.services import services

Answer = str | Response | tuple[str | Response, int]


@blueprint.get("/panel")
@signed_in
def panel_home() -> str:
    """List the actor's seats: what to declare, what to score, what is done."""
    seats = queries.seats_of(db.session(), current_actor())
    return render_template("awards/seats.html", seats=seats, labels=SEAT_LABELS, now=utc_now())


def _seat(ref: str) -> PanelSeat:
    """Return the actor's own seat; 404 for anybody else's."""
    return queries.seat_by_ref(db.session(), ref, actor=current_actor())


def _sheet(seat: PanelSeat) -> Sheet:
    """Return the actor's own sheet."""
    return queries.sheet(db.session(), seat, actor=current_actor())


@blueprint.route("/panel/<ref>", methods=["GET", "POST"])
@signed_in
def seat(ref: str) -> Answer:
    """Show the seat: the declaration first, then the own sheet. `?recuse=1`: withdraw while scoring."""
    form = DeclareForm()
    if form.validate_on_submit():
        try:
            return _declare(ref, form)
        except Invalid as refused:
            blame(form, refused)
    own = _seat(ref)
    project = own.panel.project
    asks = own.state == SeatState.DRAWN or (own.state == SeatState.SEATED and "recuse" in request.args)
    status = UNPROCESSABLE if form.errors or form.form_errors else 200
    if asks:
        return render_template("awards/declare.html", seat=own, project=project, form=form, now=utc_now(),
                               bidders=queries.bidders(db.session(), project)), status
    return render_template("awards/sheet.html", seat=own, project=project, sheet=_sheet(own), labels=SEAT_LABELS)


def _declare(ref: str, form: DeclareForm) -> Response:
    """Keep the declaration and go on."""
    has_conflict = form.has_conflict.data == "yes"
    with transaction() as session:
        own = queries.seat_by_ref(session, ref, actor=current_actor())
        operations.declare(session, actor=current_actor(), seat=own, has_conflict=has_conflict,
                           reason=form.reason.data or "", now=utc_now())
    if has_conflict:
        flash(gettext("已登记回避，由抽取名单中的下一位接替。感谢您的声明"), "ok")
        return redirect(url_for("awards.panel_home"), 303)
    return redirect(url_for("awards.score", ref=ref, number=1), 303)


def _row(sheet: Sheet, number: int) -> SheetRow:
    """Return one offer of the sheet by its place, from 1."""
    row = next((one for one in sheet.rows if one.number == number), None)
    if row is None:
        raise NotFound
    return row


def _form(sheet: Sheet, row: SheetRow) -> ScoreForm:
    """Return the form of one offer, filled with what is saved."""
    values: dict[str, object] = {}
    for place, criterion in enumerate(sheet.criteria):
        values[f"points_{place}"] = row.points.get(criterion.id)
        values[f"comment_{place}"] = row.comments.get(criterion.id, "")
    return score_form([(one.id, one.name) for one in sheet.criteria], values)


@blueprint.route("/panel/<ref>/score/<int:number>", methods=["GET", "POST"])
@signed_in
def score(ref: str, number: int) -> Answer:
    """Show one offer on the left and the criteria on the right; save and go on to the next."""
    own = _seat(ref)
    if own.state == SeatState.DRAWN:
        return redirect(url_for("awards.seat", ref=ref), 303)
    require(policy.may_read_offers(current_actor(), own))
    sheet = _sheet(own)
    row = _row(sheet, number)
    form = _form(sheet, row)
    if form.validate_on_submit():
        try:
            _save(ref, row.bid.ref, form, utc_now())
        except Invalid as refused:
            form.blame(refused, say(refused))
        else:
            return _onwards(ref, number, len(sheet.rows))
    own, sheet = _seat(ref), _sheet(_seat(ref))
    row = _row(sheet, number)
    status = UNPROCESSABLE if form.errors or form.form_errors else 200
    return render_template(
        "awards/score.html", seat=own, project=own.panel.project, sheet=sheet, row=row, form=form,
        levels={one.id: rules.levels(one.levels) for one in sheet.criteria}, files=attached(_offer(row).answers),
        offer=_offer(row), may_score=policy.may_score(current_actor(), own)), status


def _offer(row: SheetRow) -> OpenedOffer:
    """Return the opened offer of a row."""
    offer = row.bid.offer
    if offer is None:
        raise NotFound
    return offer


def _save(ref: str, bid_ref: str, form: ScoreForm, now: datetime) -> None:
    """Save what stands in the form for one offer."""
    with transaction() as session:
        own = queries.seat_by_ref(session, ref, actor=current_actor())
        bid = next(one for one in queries.opened_bids(session, own.panel.project) if one.ref == bid_ref)
        operations.save_scores(session, actor=current_actor(), seat=own, bid=bid, points=form.points(),
                               comments=form.comments(), now=now)


def _onwards(ref: str, number: int, last: int) -> Response:
    """Lead to the next offer, or to the summary after the last one."""
    if number < last:
        return redirect(url_for("awards.score", ref=ref, number=number + 1), 303)
    return redirect(url_for("awards.submit", ref=ref), 303)


@blueprint.post("/panel/<ref>/score/<int:number>/autosave")
@signed_in
def autosave(ref: str, number: int) -> tuple[Response, int]:
    """Save in the background; a wrong box is named and nothing of the form is lost."""
    now = utc_now()
    sheet = _sheet(_seat(ref))
    row = _row(sheet, number)
    form = _form(sheet, row)
    if not form.validate_on_submit():
        return jsonify(errors=form.errors), UNPROCESSABLE
    try:
        _save(ref, row.bid.ref, form, now)
    except DomainError as refused:
        key = "errors" if isinstance(refused, Invalid) else "error"
        sentence = say(refused)
        return jsonify({key: {"points": [sentence]} if key == "errors" else sentence}), status_of(refused)
    return jsonify(saved_at=beijing(now).strftime("%H:%M:%S")), 200


@blueprint.get("/panel/<ref>/score/<int:number>/files/<sha256>")
@signed_in
def offer_file(ref: str, number: int, sha256: str) -> Response:
    """Hand out an attachment of an offer to a member who scores it."""
    own = _seat(ref)
    require(policy.may_read_offers(current_actor(), own))
    row = _row(_sheet(own), number)
    entry = next((one for one in attached(_offer(row).answers) if one["sha256"] == sha256), None)
    if entry is None:
        raise NotFound
    data = attached_bytes(entry, sealer=services().sealer, store=services().files)
    return attachment(data, name=str(entry["name"]), media_type="application/pdf")


@blueprint.route("/panel/<ref>/submit", methods=["GET", "POST"])
@signed_in
def submit(ref: str) -> Answer:
    """Show the own sheet as a whole, then hand it in for good."""
    form = SubmitForm()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                own = queries.seat_by_ref(session, ref, actor=current_actor())
                operations.submit_sheet(session, actor=current_actor(), seat=own, dissent=form.dissent.data or "",
                                        now=utc_now())
        except Invalid as refused:
            blame(form, refused)
        else:
            return redirect(url_for("awards.seat", ref=ref), 303)
    own = _seat(ref)
    if own.state in (SeatState.DRAWN, SeatState.SUBMITTED, SeatState.RECUSED):
        return redirect(url_for("awards.seat", ref=ref), 303)
    status = UNPROCESSABLE if form.errors or form.form_errors else 200
    return render_template("awards/submit.html", seat=own, project=own.panel.project, sheet=_sheet(own), form=form,
                           missing=len(queries.missing_scores(db.session(), own))), status
