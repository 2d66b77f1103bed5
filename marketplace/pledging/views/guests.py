"""The list of an event: adding, changing, checking names, taking over a sheet, paddles to print, the own page."""

from collections.abc import Sequence

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, DomainError, Invalid
from marketplace.core.text import N_
from marketplace.pledging import operations, policy
from marketplace.pledging.forms import GuestForm, ImportForm, ShownForm, choices
from marketplace.pledging.models import PledgingEvent
from marketplace.pledging.queries import ageing, lists
from marketplace.pledging.queries import events as queries
from marketplace.pledging.views.blueprint import (
    READERS,
    UNPROCESSABLE,
    WORKERS,
    Answer,
    blueprint,
    event_of,
    guest_of,
)
from marketplace.web.access import for_roles, signed_in
from marketplace.web.actor import current_actor
from marketplace.web.downloads import attachment
from marketplace.web.errors import blame, say
from marketplace.web.qr import qr_svg
from marketplace.web.security import EXPORT_LIMIT, UPLOAD_LIMIT, limiter
from marketplace.web.services import config, services

SIZES = ("A5", "A4")
MOST_BYTES = 2 * 1024 * 1024


def _form(event: PledgingEvent, *, posted: bool) -> GuestForm:
    """Return the form with the verified funders who are not on the list yet."""
    form = GuestForm() if posted else GuestForm(formdata=None)
    form.funder.choices = choices(((each.ref, each.name) for each in queries.funders_to_invite(db.session(), event)),
                                  first=gettext("请选择"))
    return form


@blueprint.route("/pledging/<ref>/guests", methods=["GET", "POST"])
@for_roles(*READERS)
def guests(ref: str) -> Answer:
    """Show the list; add somebody."""
    event = event_of(ref)
    form = _form(event, posted=request.method == "POST")
    if form.validate_on_submit():
        try:
            with transaction() as session:
                made = operations.add_guest(session, actor=current_actor(), event=event_of(ref), now=utc_now(),
                                            funder=queries.funder_by_ref(session, form.funder.data or ""),
                                            shown=form.shown())
                paddle = made.paddle
            flash(gettext("已加入名单：%(paddle)s 号牌", paddle=paddle), "ok")
            return redirect(url_for("pledging.guests", ref=ref), 303)
        except Invalid as refused:
            blame(form, refused)
    return _page(ref, form)


def _page(ref: str, form: GuestForm, *, problems: Sequence[str] = ()) -> Answer:
    """Render the list."""
    actor, event = current_actor(), event_of(ref)
    rows = queries.guests_of(db.session(), event)
    return render_template(
        "pledging/guests.html", event=event, rows=rows, form=form, import_form=ImportForm(formdata=None), sizes=SIZES,
        problems=problems, may_add=policy.may_add_guests(actor, event),
        may_check={guest.ref: policy.may_check_name(actor, guest) for guest in rows},
    ), UNPROCESSABLE if form.errors or form.form_errors or problems else 200


@blueprint.post("/pledging/<ref>/guests/import")
@for_roles(*WORKERS)
@limiter.limit(UPLOAD_LIMIT)
def import_guests(ref: str) -> Answer:
    """Take over a sheet: nothing is kept unless every row can be taken."""
    event = event_of(ref)
    require(policy.may_add_guests(current_actor(), event))
    sent = request.files.get("file")
    data = sent.read(MOST_BYTES + 1) if sent is not None else b""
    if sent is None or not data or len(data) > MOST_BYTES:
        return _page(ref, _form(event, posted=False), problems=[gettext("请选一个不超过 2 MB 的 CSV 或 XLSX 文件")])
    try:
        tables = services().workbook_reader.read(data, filename=sent.filename or "list.csv")
        read = lists.read_list(db.session(), tables)
        if read.problems:
            return _page(ref, _form(event, posted=False), problems=[say(each) for each in read.problems])
        with transaction() as session:
            new = operations.add_all(session, actor=current_actor(), event=event_of(ref), now=utc_now(),
                                     rows=lists.read_list(session, tables).rows)
    except (Invalid, Conflict) as refused:
        return _page(ref, _form(event_of(ref), posted=False), problems=[say(refused)])
    flash(gettext("名单已导入，新增 %(n)s 位；已在名单上的没有变动", n=new), "ok")
    return redirect(url_for("pledging.guests", ref=ref), 303)


@blueprint.route("/pledging/<ref>/guests/<guest_ref>", methods=["GET", "POST"])
@for_roles(*WORKERS)
def guest(ref: str, guest_ref: str) -> Answer:
    """Change number, shown name or withholding."""
    row = guest_of(ref, guest_ref)
    require(policy.may_work(current_actor(), row.event))
    form = ShownForm() if request.method == "POST" else ShownForm(
        formdata=None, paddle=row.paddle, name=row.shown_name, is_withheld=row.is_name_withheld)
    if form.validate_on_submit():
        try:
            with transaction() as session:
                operations.change_guest(session, actor=current_actor(), guest=guest_of(ref, guest_ref),
                                        shown=form.shown(), now=utc_now())
            flash(gettext("已保存"), "ok")
            return redirect(url_for("pledging.guests", ref=ref), 303)
        except (Invalid, Conflict) as refused:
            blame(form, refused)
            row = guest_of(ref, guest_ref)
    status = UNPROCESSABLE if form.errors or form.form_errors else 200
    return render_template("pledging/guest.html", guest=row, event=row.event, form=form), status


@blueprint.post("/pledging/<ref>/guests/<guest_ref>/check")
@for_roles(*READERS)
def check_name(ref: str, guest_ref: str) -> Response:
    """Let the hall see a name."""
    with transaction() as session:
        operations.check_name(session, actor=current_actor(), guest=guest_of(ref, guest_ref), now=utc_now())
    flash(gettext("大屏名称已核对"), "ok")
    return redirect(url_for("pledging.guests", ref=ref), 303)


@blueprint.post("/pledging/<ref>/guests/<guest_ref>/remove")
@for_roles(*WORKERS)
def remove(ref: str, guest_ref: str) -> Answer:
    """Take somebody off the list."""
    try:
        with transaction() as session:
            operations.remove_guest(session, actor=current_actor(), guest=guest_of(ref, guest_ref), now=utc_now())
    except DomainError as refused:
        if not isinstance(refused, Conflict):
            raise
        return _page(ref, _form(event_of(ref), posted=False), problems=[say(refused)])
    flash(gettext("已从名单移除"), "ok")
    return redirect(url_for("pledging.guests", ref=ref), 303)


@blueprint.get("/pledging/<ref>/paddles.pdf")
@for_roles(*WORKERS)
@limiter.limit(EXPORT_LIMIT)
def paddles(ref: str) -> Response:
    """Print the paddles: a number to be seen across the hall, and a code that leads to the guest's own page."""
    event, now = event_of(ref), utc_now()
    require(policy.may_work(current_actor(), event))
    size = request.args.get("size", "A5")
    rows = queries.guests_of(db.session(), event)
    if not rows:
        raise Invalid(N_("名单还是空的，没有号牌可印"))
    site = config().base_url
    html = current_app.jinja_env.get_template("pdf/paddles.html").render(
        event=event, size=size if size in SIZES else "A5", dated=beijing(now).isoformat(timespec="seconds"),
        day=beijing(event.starts_at), is_demo=config().holds_demo_world, site_name=config().site_name,
        cards=[(row, qr_svg(f"{site}{url_for('pledging.own', guest_ref=row.ref)}")) for row in rows])
    name = f"{event.title}号牌.pdf"
    db.session.rollback()      # nothing is held while the paper is printed
    return attachment(services().pdf.render(html).data, name=name, media_type="application/pdf")


@blueprint.get("/pledging/mine/<guest_ref>")
@signed_in
def own(guest_ref: str) -> Answer:
    """Show a guest what was written down for its paddle, and where to sign. No payment begins here."""
    row = queries.guest_by_ref(db.session(), guest_ref)
    require(policy.may_see_own(current_actor(), row))
    mine = [each for each in ageing.aged(db.session(), row.event, now=utc_now())
            if each.pledge.funder_id == row.funder_id]
    return render_template("pledging/own.html", guest=row, event=row.event, rows=mine,
                           is_staff=policy.is_staff(current_actor(), row.event))
