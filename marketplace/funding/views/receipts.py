"""Receipts: 捐赠票据 for what the organization holds, 发票 for what it was paid; void ones stay in the list."""

from functools import reduce
from operator import add

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import BigInteger, ColumnElement, func, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload
from werkzeug.wrappers import Response

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, DomainError
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.files import operations as files
from marketplace.files.models import StoredFile
from marketplace.files.rules import Purpose
from marketplace.funding import operations
from marketplace.funding.forms.bank import ReasonForm, ReceiptForm
from marketplace.funding.models import Funder, Pledge, Release
from marketplace.funding.operations.paying import NO_GIFT
from marketplace.funding.rules.pledges import shown_code
from marketplace.funding.views.blueprints import funding
from marketplace.funding.views.shared import REFUSED, blame
from marketplace.payments import operations as payments
from marketplace.payments import policy as payment_policy
from marketplace.payments import queries as payment_queries
from marketplace.payments.models import Receipt
from marketplace.payments.rules.receipts import RECEIPT_LABELS, ReceiptKind
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.downloads import spreadsheet
from marketplace.web.errors import status_of
from marketplace.web.paging import page_number, paginate
from marketplace.web.security import EXPORT_LIMIT, UPLOAD_LIMIT, limiter
from marketplace.web.services import services

TREASURERS = payment_policy.TREASURERS
MOST_LISTED, MOST_EXPORTED = 100, 5_000
Due = tuple[str, str, str, str, Money]     # kind, reference, what for, of whom, how much may still be issued


def _due(session: Session, *, ref: str = "") -> list[Due]:
    """Return what the organization received and has not issued a receipt for, the newest first; `ref`: of one only."""
    own = current_actor().organization_id
    received, issued = _fen(Pledge.held, Pledge.released, Pledge.disbursed), _issued("pledge", Pledge.ref)
    pledges = (
        select(Pledge, received - issued).join(Pledge.funder)
        .where(Pledge.receiver_id == own, Funder.kind.not_in(NO_GIFT), received > issued)
        .options(joinedload(Pledge.funder).joinedload(Funder.organization), joinedload(Pledge.project))
        .order_by(Pledge.id.desc()).limit(MOST_LISTED))
    paid, invoiced = _fen(Release.amount), _issued("release", Release.ref)
    releases = (
        select(Release, paid - invoiced)
        .where(Release.payee_id == own, Release.state.in_(["confirmed", "disbursed"]), paid > invoiced)
        .options(joinedload(Release.pledge).joinedload(Pledge.project), joinedload(Release.pledge).joinedload(
            Pledge.receiver)).order_by(Release.id.desc()).limit(MOST_LISTED))
    if ref:
        pledges, releases = pledges.where(Pledge.ref == ref), releases.where(Release.ref == ref)
    return [
        *(("pledge", one.ref, one.project.title, one.funder.name, Money(int(left)))
          for one, left in session.execute(pledges)),
        *(("release", one.ref, one.pledge.project.title, one.pledge.receiver.name, Money(int(left)))
          for one, left in session.execute(releases))]


def _fen(*columns: InstrumentedAttribute[Money]) -> ColumnElement[int]:
    """Return columns of one row, added up in fen."""
    first, *rest = [type_coerce(column, BigInteger) for column in columns]
    return reduce(add, rest, first)


def _issued(subject: str, ref: InstrumentedAttribute[str]) -> ColumnElement[int]:
    """Return how many fen live receipts say of the thing in the same row."""
    kind = ReceiptKind.DONATION if subject == "pledge" else ReceiptKind.INVOICE
    return select(func.coalesce(func.sum(type_coerce(Receipt.amount, BigInteger)), 0)).where(
        Receipt.subject_kind == subject, Receipt.subject_ref == ref, Receipt.kind == kind,
        Receipt.voided_at.is_(None)).scalar_subquery()


@funding.get("/money/receipts")
@for_roles(*TREASURERS)
def receipts() -> str:
    """List the receipts and what none was issued for yet."""
    return _page()


def _page(*, void: ReasonForm | None = None) -> str:
    """Fill the page; a form that was refused comes back as it was."""
    session = db.session()
    page = paginate(session, payment_queries.receipts_of(current_actor().organization_id),
                    number=page_number(request.args))
    return render_template("payments/receipts.html", page=page, labels=RECEIPT_LABELS, due=_due(session), form=void,
                           typed=request.form)


@funding.get("/money/receipts/export.<any(csv, xlsx):kind>")
@for_roles(*TREASURERS)
@limiter.limit(EXPORT_LIMIT)
def receipts_export(kind: str) -> Response:
    """Hand out the receipts as a spreadsheet, void ones included."""
    found = db.session().scalars(payment_queries.receipts_of(current_actor().organization_id).limit(MOST_EXPORTED))
    heads = [gettext(word) for word in (N_("种类"), N_("代码"), N_("号码"), N_("付款方"), N_("金额（元）"), N_("开具日期"), N_("作废原因"))]
    rows = [[gettext(RECEIPT_LABELS[ReceiptKind(one.kind)]), one.code, one.number, one.payer_name, one.amount.plain(),
             one.issued_on.isoformat(), one.void_reason] for one in found]
    return spreadsheet([heads, *rows], kind=kind, name=gettext("票据"), sheet=gettext("票据"))


@funding.route("/money/receipts/new/<any(pledge, release):subject>/<ref>", methods=["GET", "POST"])
@for_roles(*TREASURERS)
@limiter.limit(UPLOAD_LIMIT, methods=["POST"])
def receipt_new(subject: str, ref: str) -> Response | str | tuple[str, int]:
    """Record the number of a receipt for one pledge, or of an invoice for one payment."""
    due = _one_due(subject, ref)
    form = ReceiptForm(amount=due[-1])
    if form.validate_on_submit():
        try:
            return _record(subject, ref, form)
        except DomainError as refused:
            blame(form, refused, otherwise="number")
    page = render_template("payments/receipt_new.html", form=form, due=due, subject=subject, shown_code=shown_code)
    return (page, REFUSED) if form.errors else page


def _one_due(subject: str, ref: str) -> Due:
    """Return what a receipt may be recorded for; Denied (404) when nothing is left or it is not this organization's."""
    found = next((one for one in _due(db.session(), ref=ref) if one[0] == subject), None)
    if found is None:
        raise Denied(N_("没有可以登记票据的款项"), hidden=True)
    return found


def _record(subject: str, ref: str, form: ReceiptForm) -> Response:
    """Keep the scan and the receipt."""
    actor, now, upload = current_actor(), utc_now(), form.file.data
    with transaction() as session:
        file = _keep_scan(session, upload.filename or "", upload.read()) if upload else None
        if subject == "pledge":
            operations.record_receipt(
                session, actor=actor, facts=form.facts(ReceiptKind.DONATION), now=now, file=file,
                pledge=session.scalars(select(Pledge).where(Pledge.ref == ref)).one())
        else:
            operations.record_invoice(
                session, actor=actor, facts=form.facts(ReceiptKind.INVOICE), now=now, file=file,
                release=session.scalars(select(Release).where(Release.ref == ref)).one())
    flash(gettext("已登记票据"), "ok")
    return redirect(url_for("funding.receipts"), 303)


def _keep_scan(session: Session, name: str, data: bytes) -> StoredFile:
    """Store the scan of a receipt."""
    stored = files.store(session, actor=current_actor(), store=services().files, name=name, data=data,
                         purpose=Purpose.SIGNED_PAPER, now=utc_now(), organization_id=current_actor().organization_id)
    session.flush()
    return stored


@funding.post("/money/receipts/<ref>/void")
@for_roles(*TREASURERS)
def receipt_void(ref: str) -> Response | tuple[str, int]:
    """Void a receipt; it stays with the reason."""
    payment_queries.receipt_by_ref(db.session(), ref, actor=current_actor())
    form = ReasonForm()
    if not form.validate_on_submit():
        return _page(void=form), REFUSED
    try:
        with transaction() as session:
            payments.void_receipt(
                session, actor=current_actor(), reason=form.reason.data or "", now=utc_now(),
                receipt=payment_queries.receipt_by_ref(session, ref, actor=current_actor()))
    except DomainError as refused:
        blame(form, refused, otherwise="reason")
        return _page(void=form), status_of(refused)
    flash(gettext("已作废，记录保留"), "ok")
    return redirect(url_for("funding.receipts"), 303)
