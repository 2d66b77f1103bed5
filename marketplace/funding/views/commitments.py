"""The signed paper: read it, approve it as the second person with the password, send it back, download it."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, DomainError, IllegalStep, Invalid
from marketplace.core.text import N_
from marketplace.funding import operations, policy
from marketplace.funding.forms.pledges import ApproveForm, ReasonForm
from marketplace.funding.models import Commitment
from marketplace.funding.queries.commitment_pages import approvers, commitment_by_ref, name_of
from marketplace.funding.rules.landing import LANDING_LABELS, Landing
from marketplace.funding.rules.pledges import LEFTOVER_LABELS
from marketplace.funding.views.blueprints import funding
from marketplace.funding.views.shared import REFUSED, blame
from marketplace.web.access import signed_in
from marketplace.web.actor import current_actor
from marketplace.web.downloads import attachment
from marketplace.web.errors import status_of
from marketplace.web.services import services
from marketplace.web.stepup import step_up, step_up_limit

STATE_LOOKS = {"prepared": (N_("待第二人批准"), "warn"), "approved": (N_("已批准，文件生成中"), "info"),
               "issued": (N_("已生效"), "ok"), "returned": (N_("已退回"), "plain")}


@funding.get("/fund/commitments/<ref>")
@signed_in
def commitment(ref: str) -> str:
    """Show one paper with its facts and who must act."""
    return _page(_found(ref))


def _found(ref: str) -> Commitment:
    """Return the commitment of the address, as this actor may see it."""
    return commitment_by_ref(db.session(), ref, actor=current_actor())


def _page(found: Commitment, *, approve: ApproveForm | None = None, back: ReasonForm | None = None) -> str:
    """Return the page; a form that was refused comes back as it was."""
    session, actor = db.session(), current_actor()
    word = STATE_LOOKS[found.state]
    return render_template(
        "funding/commitment.html", commitment=found, facts=found.facts, word=word[0], look=word[1],
        landing=LANDING_LABELS[Landing(str(found.facts["landing"]))],
        leftover=LEFTOVER_LABELS[str(found.facts["leftover_rule"])],
        form=approve or back, approve=approve or ApproveForm(formdata=None), back=back or ReasonForm(formdata=None),
        may_approve=policy.may_approve(actor, found,
                                       people=approvers(session, found.funder)),
        may_return=policy.may_return(actor, found),
        preparer=name_of(session, found.prepared_by), approver=name_of(session, found.approved_by))


@funding.post("/fund/commitments/<ref>/approve")
@signed_in
@step_up_limit
def commitment_approve(ref: str) -> Response | tuple[str, int]:
    """Approve as the second person, with the password: the promise is made in this moment."""
    found, form, now = _found(ref), ApproveForm(), utc_now()
    require(policy.may_approve(current_actor(), found,
                               people=approvers(db.session(), found.funder)))
    if not step_up(form, now=now):
        return _page(_found(ref), approve=form), REFUSED
    try:
        with transaction() as session:
            pledge = operations.approve_commitment(
                session, actor=current_actor(), now=now,
                commitment=commitment_by_ref(session, ref, actor=current_actor()))
            pledge_ref = pledge.ref
    except (Invalid, Conflict, IllegalStep) as refused:
        blame(form, refused, otherwise="password")
        return _page(_found(ref), approve=form), status_of(refused)
    flash(gettext("认捐已生效，认捐书正在生成。转账时请在附言里写上附言码"), "ok")
    return redirect(url_for("funding.pledge", ref=pledge_ref), 303)


@funding.post("/fund/commitments/<ref>/return")
@signed_in
def commitment_return(ref: str) -> Response | tuple[str, int]:
    """Send the paper back to who prepared it, with the reason; its preparer withdraws it so."""
    found, form = _found(ref), ReasonForm()
    require(policy.may_return(current_actor(), found))
    if not form.validate_on_submit():
        return _page(found, back=form), REFUSED
    try:
        with transaction() as session:
            operations.return_commitment(
                session, actor=current_actor(), reason=form.reason.data or "", now=utc_now(),
                commitment=commitment_by_ref(session, ref, actor=current_actor()))
    except DomainError as refused:
        blame(form, refused, otherwise="reason")
        return _page(_found(ref), back=form), status_of(refused)
    flash(gettext("已退回，没有作出认捐"), "ok")
    return redirect(url_for("funding.commitment", ref=ref), 303)


@funding.get("/fund/commitments/<ref>/paper")
@signed_in
def commitment_paper(ref: str) -> Response:
    """Hand out the PDF, bit for bit as it was issued."""
    found = _found(ref)
    if found.document is None:
        raise Denied(N_("认捐书还没有生成，请稍后再来"), hidden=True)
    return attachment(services().files.get(found.document.sha256), name=f"{found.number}.pdf",
                      media_type="application/pdf")
