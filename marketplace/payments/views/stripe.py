"""Where Stripe reports, and the page of the daily comparison."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.wrappers import Response
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core.access import Role, require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.organizations.queries import by_ref as organization_by_ref
from marketplace.payments import policy
from marketplace.payments.forms.stripe import LinkForm, RefundForm
from marketplace.payments.operations.charges import link_stripe, return_unsettled
from marketplace.payments.operations.events import Taken, take_event
from marketplace.payments.queries import stripe as queries
from marketplace.payments.rules.stripe import (
    CHARGE_LABELS,
    DISPUTE_LABELS,
    MAX_EVENT_BYTES,
    REFUND_LABELS,
    arrival_key,
    read,
)
from marketplace.payments.rules.stripe_days import WHAT_LABELS
from marketplace.payments.views.blueprint import blueprint
from marketplace.web.access import public, signed_in
from marketplace.web.actor import current_actor
from marketplace.web.errors import say
from marketplace.web.security import csrf, takes_bytes
from marketplace.web.services import config, services

REFUSED = 422
_LABELS = {"charge_labels": CHARGE_LABELS, "refund_labels": REFUND_LABELS, "dispute_labels": DISPUTE_LABELS,
           "what_labels": WHAT_LABELS}


def _label_or_404(label: str) -> bool:
    """Return whether real money moves on an account of this site; 404 for any other label."""
    account = next((one for one in config().stripe_accounts if one.label == label), None)
    if account is None:
        abort(404)
    return account.is_live


def _on_or_404() -> None:
    """Answer 404 where no Stripe account is configured: nothing of it is to be seen."""
    if not config().stripe_accounts:
        abort(404)


@blueprint.post("/stripe/webhook/<label>")
@public
@csrf.exempt
@takes_bytes
def stripe_webhook(label: str) -> Response:
    """Take one signed message of Stripe: checked over its bytes, kept and applied in one transaction.

    200: taken, or known already. 400: forged, too old, from the other mode, no event. 413: larger than any event.
    """
    is_live = _label_or_404(label)
    request.max_content_length = MAX_EVENT_BYTES
    now = utc_now()
    account = queries.account_by_label(db.session(), label)
    if account is None:
        abort(404)
    try:
        event = services().payments.read_event(label, body=request.get_data(cache=False), now=now,
                                               signature=request.headers.get("Stripe-Signature", ""))
        told = read(event)
    except (Denied, Invalid) as refused:
        return _plain(say(refused), 400)
    with transaction() as session:
        taken = take_event(session, account=account, told=told, is_live=is_live, now=now)
    return _plain(taken, 400 if taken is Taken.OTHER_MODE else 200)


def _plain(words: str, status: int) -> Response:
    """Answer a machine."""
    return Response(f"{words}\n", status=status, mimetype="text/plain")


@blueprint.get("/money/reconciliation")
@signed_in
def reconciliation() -> str:
    """Show each Stripe account's days, what differs, what waits for a person."""
    _on_or_404()
    require(policy.may_read_reconciliation(current_actor()))
    return _page(LinkForm())


@blueprint.post("/money/reconciliation")
@signed_in
def link() -> BaseResponse | tuple[str, int]:
    """Give a receiving body its Stripe account."""
    _on_or_404()
    require(policy.may_read_reconciliation(current_actor()))
    form = LinkForm()
    form.label.choices = [(account.label, account.label) for account in config().stripe_accounts]
    if form.validate_on_submit():
        try:
            with transaction() as session:
                organization = organization_by_ref(session, form.organization.data)
                link_stripe(session, actor=current_actor(), organization=organization, label=form.label.data,
                            known=frozenset(account.label for account in config().stripe_accounts), now=utc_now())
        except (Conflict, Invalid) as refused:
            form.label.errors = [say(refused)]
            return _page(form), REFUSED
        flash(gettext("已接入"), "ok")
        return redirect(url_for("payments.reconciliation"), 303)
    return _page(form), REFUSED


@blueprint.get("/money/charges/<ref>")
@signed_in
def charge(ref: str) -> str:
    """Show one charge with its refunds and disputes."""
    return _charge_page(ref, RefundForm())


@blueprint.post("/money/charges/<ref>/refund")
@signed_in
def refund(ref: str) -> BaseResponse | tuple[str, int]:
    """Give back a charge that no pledge took: money that belongs to nothing here."""
    form = RefundForm()
    found = _charge_or_404(ref)
    if form.validate_on_submit():
        try:
            with transaction() as session:
                return_unsettled(session, actor=current_actor(), charge=found, amount=form.amount.data,
                                 reason=form.reason.data, now=utc_now())
        except Invalid as refused:
            form.amount.errors = [say(refused)]
            return _charge_page(ref, form), REFUSED
        flash(gettext("已申请退回。Stripe 确认后这里会更新"), "ok")
        return redirect(url_for("payments.charge", ref=ref), 303)
    return _charge_page(ref, form), REFUSED


def _charge_or_404(ref: str) -> Any:
    """Return a charge that the actor may see; 404 otherwise."""
    _on_or_404()
    found = queries.charge_by_ref(db.session(), ref)
    if found is None:
        abort(404)
    require(policy.may_view(current_actor(), found.account))
    return found


def _charge_page(ref: str, form: RefundForm) -> str:
    """Render one charge."""
    found = _charge_or_404(ref)
    session = db.session()
    return render_template(
        "payments/charge.html", charge=found, refunds=queries.refunds_of(session, found), form=form,
        disputes=queries.disputes_of(session, found), currency=config().currency, **_LABELS,
        has_arrived=queries.has_arrived(session, arrival_key(found.ref)),
        may_refund=policy.may_refund_charge(current_actor(), found.account))


def _page(form: LinkForm) -> str:
    """Render the page of the comparison."""
    accounts = queries.account_days(db.session(), current_actor())
    free = queries.free_labels(db.session(), [account.label for account in config().stripe_accounts])
    form.label.choices = [(label, label) for label in free]
    may_link = current_actor().has(Role.OPERATOR)
    return render_template("payments/reconciliation.html", accounts=accounts, form=form, free=free, may_link=may_link,
                           is_live=any(account.is_live for account in config().stripe_accounts),
                           currency=config().currency, **_LABELS)
