"""Releases of held money to milestones: proposed with evidence, confirmed by a second person with the password (F7)."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms.fields import SelectChoice

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, DomainError
from marketplace.core.text import N_
from marketplace.files import operations as files
from marketplace.files.rules import Purpose
from marketplace.funding import operations, policy
from marketplace.funding.forms.pledges import ApproveForm, ReasonForm, ReleaseForm
from marketplace.funding.models import Pledge, Release
from marketplace.funding.queries import pledge_pages as queries
from marketplace.funding.queries.commitment_pages import name_of
from marketplace.funding.views.blueprints import funding
from marketplace.funding.views.pledge import RELEASE_WORDS
from marketplace.funding.views.shared import OFFICERS, REFUSED, blame, hand_out, my_funder
from marketplace.organizations.models import Organization
from marketplace.projects.models import PlannedMilestone
from marketplace.web.access import for_roles, signed_in
from marketplace.web.actor import current_actor
from marketplace.web.errors import status_of
from marketplace.web.paging import page_number, paginate
from marketplace.web.security import UPLOAD_LIMIT, limiter
from marketplace.web.services import services
from marketplace.web.stepup import step_up, step_up_limit


@funding.get("/fund/payouts")
@for_roles(*OFFICERS)
def payouts() -> str:
    """List the releases that concern this organization, those that wait first, and what can be released."""
    actor, session, state = current_actor(), db.session(), request.args.get("state", "")
    state = state if state in RELEASE_WORDS else ""
    page = paginate(session, queries.releases(actor=actor, funder=my_funder(), state=state),
                    number=page_number(request.args))
    return render_template(
        "funding/payouts.html", page=page, state=state, words=RELEASE_WORDS,
        may_confirm={one.ref: policy.may_confirm_release(actor, one) for one in page.items},
        held=queries.held_pledges(session, actor=actor))


@funding.route("/fund/pledges/<ref>/release", methods=["GET", "POST"])
@signed_in
@limiter.limit(UPLOAD_LIMIT, methods=["POST"])
def release_new(ref: str) -> Response | str | tuple[str, int]:
    """Propose a release with what shows that the milestone is reached."""
    actor, session = current_actor(), db.session()
    pledge = queries.pledge_by_ref(session, ref, actor=actor)
    require(policy.may_propose_release(actor, pledge))
    plan, payees = _plan(session, pledge), queries.payees(session)
    form = ReleaseForm()
    form.milestone.choices = [SelectChoice("", gettext("请选择")), *(
        SelectChoice(str(number), title) for number, title in plan)]
    form.payee.choices = [SelectChoice("", gettext("请选择")), *(SelectChoice(one.ref, one.name) for one in payees)]
    if form.validate_on_submit():
        try:
            return _propose(form, ref)
        except DomainError as refused:
            blame(form, refused, otherwise="amount")
    pledge = queries.pledge_by_ref(db.session(), ref, actor=actor)
    page = render_template("funding/release_new.html", form=form, pledge=pledge)
    return (page, REFUSED) if form.errors else page


def _plan(session: Session, pledge: Pledge) -> list[tuple[int, str]]:
    """Return the milestones of the project's plan, numbered from 1; a project without a plan has one."""
    titles = session.scalars(select(PlannedMilestone.title).where(PlannedMilestone.project_id == pledge.project_id)
                             .order_by(PlannedMilestone.position)).all()
    return list(enumerate(titles or [gettext("项目完成")], 1))


def _propose(form: ReleaseForm, ref: str) -> Response:
    """Keep the evidence and propose."""
    actor, now, upload = current_actor(), utc_now(), form.evidence_file.data
    with transaction() as session:
        pledge = queries.pledge_by_ref(session, ref, actor=actor)
        evidence = files.store(
            session, actor=actor, store=services().files, name=upload.filename or "", data=upload.read(),
            purpose=Purpose.EVIDENCE, organization_id=actor.organization_id, now=now) if upload else None
        payee = session.scalars(select(Organization).where(Organization.ref == form.payee.data)).one()
        operations.propose_release(
            session, actor=actor, pledge=pledge, milestone=int(form.milestone.data), amount=form.amount.data,
            payee=payee, evidence=form.evidence.data or "", now=now, evidence_file=evidence)
    flash(gettext("已提交，等待资助方或购买单位的审核人确认"), "ok")
    return redirect(url_for("funding.pledge", ref=ref), 303)


def _release(session: Session, ref: str) -> Release:
    """Return a release whose pledge this actor may see; raises Denied(hidden) for any other."""
    found = session.scalar(select(Release).where(Release.ref == ref))
    if found is None or not policy.may_see_pledge(current_actor(), found.pledge):
        raise Denied(N_("没有这笔拨付，或您不能查看"), hidden=True)
    return found


@funding.get("/fund/payouts/<ref>")
@signed_in
def payout(ref: str) -> str:
    """Show one release with its evidence and who must act."""
    return _page(_release(db.session(), ref))


@funding.get("/fund/payouts/<ref>/evidence")
@signed_in
def payout_evidence(ref: str) -> Response:
    """Hand out what shows that the milestone is reached, to whoever may see the pledge."""
    return hand_out(_release(db.session(), ref).evidence_file)


def _page(found: Release, *, approve: ApproveForm | None = None, back: ReasonForm | None = None) -> str:
    """Return the page; a form that was refused comes back as it was."""
    actor, session = current_actor(), db.session()
    return render_template(
        "funding/payout.html", release=found, word=RELEASE_WORDS[found.state], form=approve or back,
        approve=approve or ApproveForm(formdata=None), back=back or ReasonForm(formdata=None),
        payee=session.get(Organization, found.payee_id),
        milestone=dict(_plan(session, found.pledge)).get(found.milestone),
        proposer=name_of(session, found.proposed_by), decider=name_of(session, found.decided_by),
        may_confirm=policy.may_confirm_release(actor, found), may_withdraw=policy.may_withdraw_release(actor, found))


@funding.post("/fund/payouts/<ref>/confirm")
@signed_in
@step_up_limit
def payout_confirm(ref: str) -> Response | tuple[str, int]:
    """Release the money as the second person, with the password."""
    require(policy.may_confirm_release(current_actor(), _release(db.session(), ref)))
    form, now = ApproveForm(), utc_now()
    if not step_up(form, now=now):
        return _page(_release(db.session(), ref), approve=form), REFUSED
    try:
        with transaction() as session:
            operations.confirm_release(session, actor=current_actor(), release=_release(session, ref), now=now)
    except DomainError as refused:
        blame(form, refused, otherwise="password")
        return _page(_release(db.session(), ref), approve=form), status_of(refused)
    flash(gettext("已批准拨付。接收单位可以据此制作付款指令"), "ok")
    return redirect(url_for("funding.payout", ref=ref), 303)


@funding.post("/fund/payouts/<ref>/<any(refuse, withdraw):back>")
@signed_in
def payout_back(ref: str, back: str) -> Response | tuple[str, int]:
    """Refuse a proposal, or withdraw what is not paid out; with the reason."""
    form, found = ReasonForm(), _release(db.session(), ref)
    ask = policy.may_confirm_release if back == "refuse" else policy.may_withdraw_release
    verb = operations.refuse_release if back == "refuse" else operations.withdraw_release
    require(ask(current_actor(), found))
    if not form.validate_on_submit():
        return _page(found, back=form), REFUSED
    try:
        with transaction() as session:
            verb(session, actor=current_actor(), release=_release(session, ref), reason=form.reason.data or "",
                 now=utc_now())
    except DomainError as refused:
        blame(form, refused, otherwise="reason")
        return _page(_release(db.session(), ref), back=form), status_of(refused)
    flash(gettext("没有通过，钱仍由接收单位持有") if back == "refuse" else gettext("已撤回，钱仍由接收单位持有"), "ok")
    return redirect(url_for("funding.payout", ref=ref), 303)
