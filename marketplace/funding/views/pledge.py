"""One pledge: where its fen are, what happened, what may be done now by whom."""

from collections.abc import Callable
from uuid import uuid4

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError
from marketplace.core.text import N_
from marketplace.funding import operations, policy
from marketplace.funding.forms.pledges import ReasonForm, RefundForm, SumForm
from marketplace.funding.models import Pledge
from marketplace.funding.queries.pledge_pages import has_stripe, pledge_by_ref, story
from marketplace.funding.rules.buckets import BUCKET_LABELS, STATE_LABELS, Bucket
from marketplace.funding.rules.gaming import FLAG_LABELS, FLAG_STATE_LABELS
from marketplace.funding.rules.landing import LANDING_LABELS, Landing
from marketplace.funding.rules.matching import LIMIT_LABELS
from marketplace.funding.rules.pledges import LEFTOVER_LABELS, shown_code
from marketplace.funding.rules.pools import ALLOCATION_STATE_LABELS
from marketplace.funding.views.blueprints import funding
from marketplace.funding.views.pledges import LOOKS
from marketplace.funding.views.shared import REFUSED, blame
from marketplace.web.access import signed_in
from marketplace.web.actor import current_actor
from marketplace.web.errors import status_of
from marketplace.web.services import config
from marketplace.web.stepup import step_up, step_up_limit

RELEASE_WORDS = {"proposed": (N_("待确认"), "warn"), "confirmed": (N_("已批准"), "info"), "refused": (N_("未通过"), "plain"),
                 "disbursed": (N_("已拨付"), "ok"), "withdrawn": (N_("已撤回"), "plain")}


def _found(ref: str) -> Pledge:
    """Return the pledge of the address, as this actor may see it."""
    return pledge_by_ref(db.session(), ref, actor=current_actor())


@funding.get("/fund/pledges/<ref>")
@signed_in
def pledge(ref: str) -> str:
    """Show one pledge."""
    return _page(_found(ref))


def _page(found: Pledge, **broken: ReasonForm | SumForm | RefundForm) -> str:
    """Return the page; a form that was refused comes back as it was."""
    session, actor = db.session(), current_actor()
    told = story(session, found)
    forms = {"cancel": ReasonForm(formdata=None, prefix="cancel"), "give_up": ReasonForm(formdata=None, prefix="off"),
             "confirm": SumForm(formdata=None, prefix="confirm", amount=found.paid),
             "refund": RefundForm(formdata=None, prefix="refund", amount=found.paid + found.held), **broken}
    is_officer = policy.is_officer(actor, found.funder)
    return render_template(
        "funding/pledge.html", pledge=found, story=told, states=STATE_LABELS, looks=LOOKS, buckets=BUCKET_LABELS,
        bucket_names=list(Bucket), landing=LANDING_LABELS[Landing(found.landing)],
        leftover=LEFTOVER_LABELS[found.leftover_rule], code=shown_code(found.code), sending=uuid4().hex,
        release_words=RELEASE_WORDS, form=next(iter(broken.values()), None), forms_=forms,
        flag_labels=FLAG_LABELS, flag_states=FLAG_STATE_LABELS, limits=LIMIT_LABELS,
        allocation_states=ALLOCATION_STATE_LABELS, is_officer=is_officer,
        sees_flags=bool(policy.may_look_at_flags(actor)),
        sees_reasons=is_officer or bool(policy.may_look_at_flags(actor)), card_url=_card_url(found),
        may_cancel=policy.may_cancel(actor, found), may_confirm=policy.may_confirm(actor, found),
        may_refund=policy.may_refund(actor, found), may_write_off=policy.may_write_off(actor, found),
        may_release=policy.may_propose_release(actor, found),
        may_see_paper=bool(told.commitment and policy.may_see_commitment(actor, told.commitment)),
        may_sign=_may_sign(found))


def _may_sign(found: Pledge) -> bool:
    """Say whether this actor may prepare the paper of a verbal promise."""
    return found.is_verbal and bool(found.open.fen) and bool(policy.may_pledge(current_actor(), found.funder))


def _card_url(found: Pledge) -> str:
    """Return where the signer pays by card; nothing unless the receiving body's own account is switched on."""
    if not config().stripe_accounts or not policy.may_pay_by_card(current_actor(), found):
        return ""
    return url_for("funding.card", ref=found.ref) if has_stripe(db.session(), found.receiver_id) else ""


def _take(ref: str, name: str, form: ReasonForm | SumForm | RefundForm, verb: Callable[[Session, Pledge], object],
          done: str) -> Response | tuple[str, int]:
    """Do one step in its transaction; a refusal stands beside its field."""
    try:
        with transaction() as session:
            verb(session, pledge_by_ref(session, ref, actor=current_actor()))
    except DomainError as refused:
        blame(form, refused, otherwise="reason" if "reason" in form else "amount")
        return _page(_found(ref), **{name: form}), status_of(refused)
    flash(gettext(done), "ok")
    return redirect(url_for("funding.pledge", ref=ref), 303)


@funding.post("/fund/pledges/<ref>/cancel")
@signed_in
def pledge_cancel(ref: str) -> Response | tuple[str, int]:
    """Take back what is promised and not there."""
    found, form, now = _found(ref), ReasonForm(prefix="cancel"), utc_now()
    require(policy.may_cancel(current_actor(), found))
    if not form.validate_on_submit():
        return _page(found, cancel=form), REFUSED
    return _take(ref, "cancel", form, lambda session, pledge: operations.cancel(
        session, actor=current_actor(), pledge=pledge, reason=form.reason.data or "", now=now),
        N_("未到账的部分已取消，相应的配套已放回"))


@funding.post("/fund/pledges/<ref>/write-off")
@signed_in
def pledge_write_off(ref: str) -> Response | tuple[str, int]:
    """Give up what was signed and never came."""
    found, form, now = _found(ref), ReasonForm(prefix="off"), utc_now()
    require(policy.may_write_off(current_actor(), found))
    if not form.validate_on_submit():
        return _page(found, give_up=form), REFUSED
    return _take(ref, "give_up", form, lambda session, pledge: operations.write_off(
        session, actor=current_actor(), pledge=pledge, reason=form.reason.data or "", now=now), N_("未到账的部分已核销"))


@funding.post("/fund/pledges/<ref>/confirm")
@signed_in
@step_up_limit
def pledge_confirm(ref: str) -> Response | tuple[str, int]:
    """Confirm for the receiving body that money is there, with the password."""
    found, form, now = _found(ref), SumForm(prefix="confirm"), utc_now()
    require(policy.may_confirm(current_actor(), found))
    if not step_up(form, now=now):
        return _page(_found(ref), confirm=form), REFUSED
    return _take(ref, "confirm", form, lambda session, pledge: operations.confirm(
        session, actor=current_actor(), pledge=pledge, amount=form.amount.data, now=now, idem_key=_key(ref, "confirm")),
        N_("已确认到账。满足条件的配套会随即确认"))


@funding.post("/fund/pledges/<ref>/refund")
@signed_in
@step_up_limit
def pledge_refund(ref: str) -> Response | tuple[str, int]:
    """Set money aside to be returned, with reason and password; it is returned when the bank says so."""
    found, form, now = _found(ref), RefundForm(prefix="refund"), utc_now()
    require(policy.may_refund(current_actor(), found))
    if not step_up(form, now=now):
        return _page(_found(ref), refund=form), REFUSED
    return _take(ref, "refund", form, lambda session, pledge: operations.ask_refund(
        session, actor=current_actor(), pledge=pledge, amount=form.amount.data, reason=form.reason.data or "", now=now,
        idem_key=_key(ref, "refund")), N_("已列入待退回。付款指令批准并由银行付出后，这笔才算退回"))


def _key(ref: str, step: str) -> str:
    """Return the key of one sending of a form: the page's own, so that a second click is the same step."""
    return f"page:{ref}:{step}:{request.form.get('sending', '')[:40] or uuid4().hex}"
