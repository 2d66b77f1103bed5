"""Beside the contract: the buyer names costs that gifts may pay, decides on own contributions; providers claim them."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms.fields import SelectChoice

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, DomainError, Invalid
from marketplace.core.text import N_
from marketplace.files import operations as files
from marketplace.files.rules import Purpose
from marketplace.funding import operations, policy
from marketplace.funding.forms.extras import AnswerForm, ClaimForm, CostLineForm
from marketplace.funding.queries.extra_pages import claim_by_ref, extras
from marketplace.funding.rules.contributions import KIND_LABELS
from marketplace.funding.views.blueprints import funding
from marketplace.funding.views.shared import REFUSED, blame, hand_out
from marketplace.organizations.models import Organization
from marketplace.projects.models import Project
from marketplace.web.access import signed_in
from marketplace.web.actor import current_actor
from marketplace.web.errors import status_of
from marketplace.web.security import UPLOAD_LIMIT, limiter
from marketplace.web.services import services

SOURCES = {"extra": N_("合同以外，可用捐赠支付"), "contract": N_("合同已经支付，不能再用捐赠")}
CLAIM_LOOKS = {"claimed": (N_("待核定"), "warn"), "proved": (N_("已核定"), "ok"), "refused": (N_("未通过"), "plain")}


def _costs() -> CostLineForm:
    """Return the form of a cost line with its choices."""
    form = CostLineForm(prefix="cost")
    form.source.choices = [SelectChoice(key, gettext(label)) for key, label in SOURCES.items()]
    return form


def _claim() -> ClaimForm:
    """Return the form of a claim with its choices."""
    form = ClaimForm(prefix="own")
    form.kind.choices = [SelectChoice(key, gettext(label)) for key, label in KIND_LABELS.items()]
    return form


@funding.get("/fund/projects/<ref>")
@signed_in
def project_extras(ref: str) -> str:
    """Show costs and own contributions of a project to its buyer, and to a provider its own claims."""
    return _page(ref)


def _page(ref: str, *, broken: FlaskForm | None = None, claim_ref: str = "") -> str:
    """Return the page; a form that was refused comes back as it was."""
    actor = current_actor()
    found = extras(db.session(), ref, actor=actor)
    answers = {one.ref: broken if one.ref == claim_ref else AnswerForm(formdata=None, prefix=f"claim-{one.ref}")
               for one in found.claims}
    return render_template(
        "funding/extras.html", found=found, project=found.project, form=broken, sources=SOURCES, kinds=KIND_LABELS,
        costs=broken if isinstance(broken, CostLineForm) else _costs(), looks=CLAIM_LOOKS, answers=answers,
        claim=broken if isinstance(broken, ClaimForm) else _claim(),
        may_decide={one.ref: policy.may_decide_claim(actor, one) for one in found.claims})


@funding.post("/fund/projects/<ref>/costs")
@signed_in
def cost_line_new(ref: str) -> Response | tuple[str, int]:
    """Name a cost."""
    found, form = extras(db.session(), ref, actor=current_actor()), _costs()
    require(policy.may_add_cost_line(current_actor(), found.project))
    project_id = found.project.id
    if not form.validate_on_submit():
        return _page(ref, broken=form), REFUSED
    try:
        with transaction() as session:
            operations.add_cost_line(session, actor=current_actor(), project=session.get_one(Project, project_id),
                                     name=form.name.data or "", amount=form.amount.data, source=form.source.data,
                                     now=utc_now())
    except (Invalid, Conflict) as refused:
        blame(form, refused, otherwise="name")
        return _page(ref, broken=form), status_of(refused)
    flash(gettext("费用已列出"), "ok")
    return redirect(url_for("funding.project_extras", ref=ref), 303)


@funding.post("/fund/projects/<ref>/own")
@signed_in
@limiter.limit(UPLOAD_LIMIT)
def own_new(ref: str) -> Response | tuple[str, int]:
    """Claim what the own organization adds, with its proof."""
    actor, form, now = current_actor(), _claim(), utc_now()
    found = extras(db.session(), ref, actor=actor)
    if found.body is None:
        raise Denied(N_("自筹由承接方自己申报"))
    project_id, body_id = found.project.id, found.body.id
    if not form.validate_on_submit():
        return _page(ref, broken=form), REFUSED
    upload = form.proof_file.data
    try:
        with transaction() as session:
            proof = files.store(
                session, actor=actor, store=services().files, name=upload.filename or "", data=upload.read(),
                purpose=Purpose.EVIDENCE, organization_id=actor.organization_id, now=now)
            operations.claim_contribution(
                session, actor=actor, project=session.get_one(Project, project_id), kind=form.kind.data, now=now,
                organization=session.get_one(Organization, body_id), amount=form.amount.data, proof_file=proof,
                description=form.description.data or "", valuation=form.valuation.data or "")
    except (Invalid, Conflict) as refused:
        blame(form, refused, otherwise="proof_file")
        return _page(ref, broken=form), status_of(refused)
    flash(gettext("已申报，等购买单位核定"), "ok")
    return redirect(url_for("funding.project_extras", ref=ref), 303)


@funding.get("/fund/own/<ref>/proof")
@signed_in
def own_proof(ref: str) -> Response:
    """Hand out the proof of a claim to those who made it and who decide on it."""
    return hand_out(claim_by_ref(db.session(), ref, actor=current_actor()).proof_file)


@funding.post("/fund/own/<ref>/<any(accept, reject):answer>")
@signed_in
def own_decide(ref: str, answer: str) -> Response | tuple[str, int]:
    """Accept or refuse a claim; never the own one."""
    claim, form = claim_by_ref(db.session(), ref, actor=current_actor()), AnswerForm(prefix=f"claim-{ref}")
    require(policy.may_decide_claim(current_actor(), claim))
    project_ref = claim.project.ref
    if not form.validate_on_submit():
        return _page(project_ref, broken=form, claim_ref=ref), REFUSED
    try:
        with transaction() as session:
            operations.decide_contribution(
                session, actor=current_actor(), claim=claim_by_ref(session, ref, actor=current_actor()),
                is_proved=answer == "accept", note=form.note.data or "", now=utc_now())
    except DomainError as refused:
        blame(form, refused, otherwise="note")
        return _page(project_ref, broken=form, claim_ref=ref), status_of(refused)
    flash(gettext("已核定") if answer == "accept" else gettext("没有通过，原因已记录"), "ok")
    return redirect(url_for("funding.project_extras", ref=project_ref), 303)
