"""Paying a signed pledge by card: to the receiving body's own Stripe account, opened by the funder's own signer only.

There is no public link and no code to scan. Coming back from the payment page proves nothing: the page says that it
waits, until the payment house itself has told.
"""

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from flask.wrappers import Response
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid, PaymentRefused
from marketplace.core.ports import PaymentRequest
from marketplace.core.text import N_
from marketplace.funding import policy
from marketplace.funding.forms.card import CardForm, CardRefundForm
from marketplace.funding.models import Pledge
from marketplace.funding.operations.settling import pay_by_card, refund_card
from marketplace.funding.queries.pledge_pages import pledge_by_ref
from marketplace.funding.views.blueprints import funding
from marketplace.payments.models import Charge
from marketplace.payments.operations.charges import note_page, note_refused
from marketplace.payments.queries import stripe as payments
from marketplace.payments.rules.stripe import (
    CHARGE_LABELS,
    DISPUTE_LABELS,
    PLEDGE,
    REFUND_LABELS,
    ChargeState,
    arrival_key,
)
from marketplace.web.access import signed_in
from marketplace.web.actor import current_actor
from marketplace.web.errors import say
from marketplace.web.security import POLICY
from marketplace.web.services import config, services

CHECKOUT = "https://checkout.stripe.com"
REFUSED = 422
WAITING = (ChargeState.REQUESTED, ChargeState.OPEN)


@funding.get("/fund/pledges/<ref>/card")
@signed_in
def card(ref: str) -> Response:
    """Show what is paid to whom, and where the payment stands."""
    pledge = _pledge_or_404(ref)
    form = CardForm(formdata=None)
    form.amount.data = pledge.open
    return _page(pledge, form)


@funding.post("/fund/pledges/<ref>/card")
@signed_in
def pay_card(ref: str) -> BaseResponse:
    """Open the payment page: the request is committed first, the network comes after, the answer is noted last."""
    pledge, form = _pledge_or_404(ref), CardForm()
    if not form.validate_on_submit():
        return _page(pledge, form, REFUSED)
    try:
        with transaction() as session:
            pledge = pledge_by_ref(session, ref, actor=current_actor())
            charge = pay_by_card(session, actor=current_actor(), pledge=pledge, amount=form.amount.data,
                                 currency=config().currency, now=utc_now())
            charge_ref, label, known = charge.ref, charge.account.stripe_label or "", charge.checkout_url
            wanted = _wanted(pledge, charge)
    except (Conflict, Invalid) as refused:
        form.amount.errors = [say(refused)]
        return _page(_pledge_or_404(ref), form, REFUSED)
    if known:
        return redirect(known, 303)
    try:
        page = services().payments.open_payment(label, wanted)
    except PaymentRefused as refused:
        with transaction() as session:
            note_refused(session, actor=current_actor(), charge_ref=charge_ref, code=refused.code, now=utc_now())
        form.amount.errors = [say(refused)]
        return _page(_pledge_or_404(ref), form, REFUSED)
    with transaction() as session:
        note_page(session, charge_ref=charge_ref, page=page)
    return redirect(page.url, 303)


@funding.post("/fund/pledges/<ref>/card/close")
@signed_in
def close_card(ref: str) -> BaseResponse:
    """Close a payment page that nobody paid on; the payment house says when it is closed."""
    pledge = _pledge_or_404(ref)
    if not (may := policy.may_pay_by_card(current_actor(), pledge)):
        raise Denied(may.reason, hidden=may.hidden)
    waiting = [(charge.account.stripe_label or "", charge.checkout_id)
               for charge in payments.charges_of(db.session(), (PLEDGE, ref)) if charge.state in WAITING]
    db.session.rollback()
    for label, page_id in waiting:
        if page_id:
            services().payments.close_payment(label, page_id)
    flash(gettext("已请 Stripe 关闭付款页。关闭后可以重新付款"), "ok")
    return redirect(url_for("funding.card", ref=ref), 303)


@funding.post("/fund/pledges/<ref>/card/<charge>/refund")
@signed_in
def refund_card_payment(ref: str, charge: str) -> BaseResponse:
    """Let the receiving body give a part of a card payment back; the matching money shrinks with it."""
    pledge, form = _pledge_or_404(ref), CardRefundForm()
    if not form.validate_on_submit():
        return _page(pledge, CardForm(formdata=None), REFUSED, refund_form=form, of=charge)
    try:
        with transaction() as session:
            found = payments.charge_by_ref(session, charge)
            if found is None:
                raise Denied(N_("没有这笔付款"), hidden=True)
            refund_card(session, actor=current_actor(), pledge=pledge_by_ref(session, ref, actor=current_actor()),
                        charge=found, amount=form.amount.data, reason=form.reason.data, now=utc_now())
    except (Conflict, IllegalStep, Invalid) as refused:
        form.amount.errors = [say(refused)]
        return _page(_pledge_or_404(ref), CardForm(formdata=None), REFUSED, refund_form=form, of=charge)
    flash(gettext("已申请退回。Stripe 确认后这里会更新"), "ok")
    return redirect(url_for("funding.card", ref=ref), 303)


def _pledge_or_404(ref: str) -> Pledge:
    """Return a pledge that this actor may see; 404 where card payments are not configured."""
    if not config().stripe_accounts:
        abort(404)
    return pledge_by_ref(db.session(), ref, actor=current_actor())


def _wanted(pledge: Pledge, charge: Charge) -> PaymentRequest:
    """Return what to ask the payment house for; only facts of the row, so that asking again asks for the same."""
    back = config().base_url + url_for("funding.card", ref=pledge.ref)
    words = gettext("认捐 %(code)s：%(project)s（%(receiver)s）", code=pledge.code, project=pledge.project.title,
                    receiver=pledge.receiver.name)
    return PaymentRequest(charge.ref, charge.amount, charge.currency, words[:250], f"{back}?back=paid",
                          f"{back}?back=left")


def _page(pledge: Pledge, form: CardForm, status: int = 200, *, refund_form: CardRefundForm | None = None,
          of: str = "") -> Response:
    """Render the page; its form may lead to the payment page, no other form of the site may leave it."""
    session, actor = db.session(), current_actor()
    charges = payments.charges_of(session, (PLEDGE, pledge.ref))
    rows = [{"charge": one, "refunds": payments.refunds_of(session, one),
             "disputes": payments.disputes_of(session, one),
             "has_arrived": payments.has_arrived(session, arrival_key(one.ref))} for one in charges]
    body = render_template(
        "funding/card.html", pledge=pledge, form=form, rows=rows, of=of,
        refund_form=refund_form or CardRefundForm(formdata=None), back=request.args.get("back", ""),
        waiting=next((one for one in charges if one.state in WAITING), None), currency=config().currency,
        receiving=payments.stripe_account_of(session, pledge.receiver_id),
        is_live=any(account.is_live for account in config().stripe_accounts),
        may_pay=policy.may_pay_by_card(actor, pledge), may_refund=policy.may_refund(actor, pledge),
        charge_labels=CHARGE_LABELS, refund_labels=REFUND_LABELS, dispute_labels=DISPUTE_LABELS)
    response = make_response(body, status)
    response.headers["Content-Security-Policy"] = POLICY.replace(
        "form-action 'self'", f"form-action 'self' {config().stripe_api or CHECKOUT}")
    return response
