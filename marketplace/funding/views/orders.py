"""Orders to pay: chosen from what is due, approved by a second person with the password, then a file for the bank."""

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, DomainError
from marketplace.core.text import N_
from marketplace.funding import operations
from marketplace.funding.forms.bank import ApproveOrderForm, ReasonForm
from marketplace.funding.queries.commitment_pages import name_of
from marketplace.funding.views.blueprints import funding
from marketplace.funding.views.shared import REFUSED, blame
from marketplace.payments import operations as payments
from marketplace.payments import policy as payment_policy
from marketplace.payments import queries as payment_queries
from marketplace.payments.models import PaymentOrder, ReceivingAccount
from marketplace.payments.rules.accounts import masked
from marketplace.payments.rules.orders import (
    FILE_HEADINGS,
    ORDER_LABELS,
    ORDER_LINE_LABELS,
    PAYMENT_LABELS,
    OrderLineState,
    OrderState,
    Payment,
    PaymentKind,
    file_rows,
)
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.downloads import spreadsheet
from marketplace.web.errors import say, status_of
from marketplace.web.paging import page_number, paginate
from marketplace.web.security import EXPORT_LIMIT, limiter
from marketplace.web.stepup import step_up, step_up_limit

TREASURERS = payment_policy.TREASURERS
LOOKS = {"prepared": "warn", "approved": "ok", "cancelled": "plain"}
MOST_EXPORTED = 1_000
LINE_LOOKS = {"ordered": "info", "paid": "ok", "cancelled": "plain"}


@funding.get("/money/orders")
@for_roles(*TREASURERS)
def orders() -> str:
    """List the organization's payment orders."""
    actor, session = current_actor(), db.session()
    page = paginate(session, payment_queries.orders_of(actor.organization_id), number=page_number(request.args))
    return render_template("payments/orders.html", page=page, labels=ORDER_LABELS, looks=LOOKS, masked=masked,
                           accounts=payment_queries.bank_accounts_of(session, actor.organization_id))


@funding.get("/money/orders/export.<any(csv, xlsx):kind>")
@for_roles(*TREASURERS)
@limiter.limit(EXPORT_LIMIT)
def orders_export(kind: str) -> Response:
    """Hand out every payment of the orders as a spreadsheet."""
    found = db.session().scalars(payment_queries.orders_of(current_actor().organization_id).limit(MOST_EXPORTED))
    heads = [gettext(word) for word in (N_("付款单"), N_("状态"), *FILE_HEADINGS, N_("付款状态"), N_("付款日期"))]
    rows = [[order_.number, gettext(ORDER_LABELS[OrderState(order_.state)]), str(line.position), line.payee_name,
             line.payee_bank, line.payee_account, line.amount.plain(), line.purpose,
             gettext(ORDER_LINE_LABELS[OrderLineState(line.state)]), line.paid_on.isoformat() if line.paid_on else ""]
            for order_ in found for line in order_.lines]
    return spreadsheet([heads, *rows], kind=kind, name=gettext("付款单"), sheet=gettext("付款单"))


def _account(session: Session) -> ReceivingAccount | None:
    """Return the account to pay from: the one asked for, else the first."""
    own = payment_queries.bank_accounts_of(session, current_actor().organization_id)
    return next((one for one in own if one.ref == request.args.get("account")), own[0] if own else None)


@funding.route("/money/orders/new", methods=["GET", "POST"])
@for_roles(*TREASURERS)
def order_new() -> Response | str | tuple[str, int]:
    """Choose what to pay; sums and payees come from the books."""
    form, problem, status = FlaskForm(), "", 200
    if request.method == "POST" and form.validate():
        try:
            return redirect(url_for("funding.order", ref=_prepare()), 303)
        except DomainError as refused:
            problem, status = say(refused), status_of(refused)
    session = db.session()
    account = _account(session)
    page = render_template(
        "payments/order_new.html", account=account, problem=problem, masked=masked, kinds=PAYMENT_LABELS,
        payables=operations.payables(session, account) if account else [], chosen=request.form.getlist("pay"),
        accounts=payment_queries.bank_accounts_of(session, current_actor().organization_id))
    return page, status


def _prepare() -> str:
    """Put what was ticked on an order; return its reference."""
    chosen = [value.partition(":") for value in request.form.getlist("pay")]
    subjects = [(PaymentKind(kind), ref) for kind, _, ref in chosen if kind in set(PaymentKind)]
    with transaction() as session:
        account = _account(session)
        if account is None:
            raise Denied(N_("还没有核验过的银行账户，不能付款"))
        order_ = operations.prepare_order(session, actor=current_actor(), account=account, subjects=subjects,
                                          now=utc_now())
        return order_.ref


def _order(session: Session, ref: str) -> PaymentOrder:
    """Return an order of this organization."""
    return payment_queries.order_by_ref(session, ref, actor=current_actor())


@funding.get("/money/orders/<ref>")
@for_roles(*TREASURERS)
def order(ref: str) -> str:
    """Show one order with its payments and who must act."""
    return _page(ref)


def _page(ref: str, *, approve: ApproveOrderForm | None = None, drop: ReasonForm | None = None) -> str:
    """Fill the page; a form that was refused comes back as it was."""
    actor, session = current_actor(), db.session()
    found = _order(session, ref)
    return render_template(
        "payments/order.html", order=found, form=approve or drop, labels=ORDER_LABELS, looks=LOOKS, masked=masked,
        line_labels=ORDER_LINE_LABELS, line_looks=LINE_LOOKS, kinds=PAYMENT_LABELS,
        approve=approve or ApproveOrderForm(formdata=None), typed=request.form,
        preparer=name_of(session, found.prepared_by), approver=name_of(session, found.approved_by),
        may_approve=payment_policy.may_approve_order(actor, found),
        may_cancel=payment_policy.may_cancel_order(actor, found))


@funding.post("/money/orders/<ref>/approve")
@for_roles(*TREASURERS)
@step_up_limit
def order_approve(ref: str) -> Response | tuple[str, int]:
    """Approve an order as the second person, with the password."""
    require(payment_policy.may_approve_order(current_actor(), _order(db.session(), ref)))
    form, now = ApproveOrderForm(), utc_now()
    if not step_up(form, now=now):
        return _page(ref, approve=form), REFUSED
    return _change(ref, lambda session: operations.approve_order(
        session, actor=current_actor(), order=_order(session, ref), now=now),
        done=gettext("已复核。可以下载付款文件，到网上银行付款"), approve=form)


def _change(ref: str, change: Callable[[Session], object], *, done: str, approve: ApproveOrderForm | None = None,
            drop: ReasonForm | None = None) -> Response | tuple[str, int]:
    """Do one step in a transaction; a refusal comes back on the page."""
    try:
        with transaction() as session:
            change(session)
    except DomainError as refused:
        form = approve or drop or FlaskForm()
        blame(form, refused, otherwise="password" if approve else "reason")
        if not approve and not drop:
            flash(say(refused), "bad")
        return _page(ref, approve=approve, drop=drop), status_of(refused)
    flash(done, "ok")
    return redirect(url_for("funding.order", ref=ref), 303)


@funding.post("/money/orders/<ref>/cancel")
@for_roles(*TREASURERS)
def order_cancel(ref: str) -> Response | tuple[str, int]:
    """Cancel an order that nobody approved."""
    _order(db.session(), ref)
    return _change(ref, lambda session: payments.cancel_order(
        session, actor=current_actor(), order=_order(session, ref), now=utc_now()),
        done=gettext("已作废，里面的付款可以重新制单"))


@funding.post("/money/orders/<ref>/drop/<payment>")
@for_roles(*TREASURERS)
def order_drop(ref: str, payment: str) -> Response | tuple[str, int]:
    """Take one payment off an approved order, because the bank refused it; with the reason."""
    found, form = _order(db.session(), ref), ReasonForm()
    if payment not in {line.ref for line in found.lines}:
        raise Denied(N_("没有这笔付款"), hidden=True)
    if not form.validate_on_submit():
        return _page(ref, drop=form), REFUSED
    return _change(ref, lambda session: payments.drop_payment(
        session, actor=current_actor(), reason=form.reason.data or "", now=utc_now(),
        line=next(line for line in _order(session, ref).lines if line.ref == payment)),
        done=gettext("已取消这笔付款，可以重新制单"), drop=form)


@funding.get("/money/orders/<ref>/file.<any(csv, xlsx):kind>")
@for_roles(*TREASURERS)
@limiter.limit(EXPORT_LIMIT)
def order_file(ref: str, kind: str) -> Response:
    """Hand out the payment file of an approved order. No cell is a formula."""
    found = _order(db.session(), ref)
    if found.state != OrderState.APPROVED:
        raise Denied(N_("付款单复核以后才能下载付款文件"))
    lines = [(line.position, Payment((PaymentKind(line.subject_kind), line.subject_ref), line.payee_name,
                                     line.payee_bank, line.payee_account, line.amount, line.purpose))
             for line in found.lines if line.state != "cancelled"]
    rows = [[gettext(word) for word in FILE_HEADINGS], *file_rows(lines, total_word=gettext("合计"))]
    return spreadsheet(rows, kind=kind, name=f"{gettext('付款单')}-{found.number}", sheet=found.number)
