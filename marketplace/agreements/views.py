"""Pages of donation agreements: the list, one agreement, its paper, drawing up and signing."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from marketplace.agreements import operations, policy, queries, rules
from marketplace.agreements.forms import AgreementSigningForm
from marketplace.agreements.models import DonationAgreement
from marketplace.agreements.rules import AgreementState
from marketplace.contracts.rules import clause_number
from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, Invalid
from marketplace.core.text import N_
from marketplace.files import operations as files
from marketplace.files.rules import Purpose, ScanState
from marketplace.projects.models import Project
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.downloads import attachment
from marketplace.web.errors import say, status_of
from marketplace.web.paging import page_number, paginate
from marketplace.web.qr import qr_svg
from marketplace.web.security import UPLOAD_LIMIT, limiter
from marketplace.web.services import config, services

blueprint = Blueprint("agreements", __name__)
LOOKS = {AgreementState.FROZEN: "info", AgreementState.ISSUED: "warn", AgreementState.SIGNED: "ok"}


@blueprint.get("/agreements")
@for_roles(*policy.READERS)
def listing() -> str:
    """List the agreements that this visitor may see, and what could become one."""
    return _listing()


def _listing(error: str = "") -> str:
    """Fill the list; `error` says why nothing was drawn up."""
    actor, session = current_actor(), db.session()
    receives = actor.has(*policy.RECEIVER_ROLES)
    page = paginate(session, queries.visible_to(actor), number=page_number(request.args))
    return render_template(
        "agreements/list.html", page=page, labels=rules.STATE_LABELS, looks=LOOKS, error=error,
        drawable=queries.drawable(session, receiver_id=actor.organization_id) if receives else [])


@blueprint.post("/agreements/draw-up/<ref>")
@for_roles(*policy.RECEIVER_ROLES)
def draw_up(ref: str) -> Response | tuple[str, int]:
    """Freeze the terms of the agreement of one project for the visitor's own organization."""
    now, actor = utc_now(), current_actor()
    missing_glyphs = services().pdf.missing_glyphs
    missing_glyphs("")  # loads the fonts' tables before the transaction, not inside
    try:
        with transaction() as session:
            project = session.scalar(select(Project).where(Project.ref == ref))
            receiver = queries.receiver_of(session, actor)
            if project is None or receiver is None:
                raise Denied(policy.HIDDEN.reason, hidden=True)
            made = operations.draw_up_agreement(
                session, actor=actor, project=project, receiver=receiver, now=now,
                is_demo=config().holds_demo_world, missing_glyphs=missing_glyphs)
            made_ref = made.ref
    except Invalid as error:
        return _listing(say(error)), status_of(error)
    flash(gettext("条款已锁定，协议文件正在生成"), "ok")
    return redirect(url_for("agreements.show", ref=made_ref), 303)


@blueprint.get("/agreements/<ref>")
@for_roles(*policy.READERS)
def show(ref: str) -> str:
    """Show one agreement with parties, gifts, payments, paper and what to do next."""
    return _page(queries.by_ref(db.session(), ref, actor=current_actor()))


def _page(agreement: DonationAgreement, form: AgreementSigningForm | None = None) -> str:
    """Fill the page of an agreement; a form that was refused comes back as it was."""
    state = AgreementState(agreement.state)
    address = f"{config().base_url}/v/{agreement.verify_code}"
    facts: dict[str, Any] = dict(agreement.terms["facts"])  # type: ignore[call-overload]
    return render_template(
        "agreements/show.html", agreement=agreement, facts=facts, clauses=agreement.terms["clauses"],
        ordinals=clause_number, label=rules.STATE_LABELS[state], look=LOOKS[state], address=address,
        qr=qr_svg(address, label=gettext("查验二维码")), form=form or AgreementSigningForm(),
        may_sign=policy.may_record_signing(current_actor(), agreement))


@blueprint.get("/agreements/<ref>/paper")
@for_roles(*policy.READERS)
def paper(ref: str) -> Response:
    """Hand out the agreement's PDF, bit for bit as it was issued."""
    agreement = queries.by_ref(db.session(), ref, actor=current_actor())
    if agreement.document is None:
        raise Denied(N_("协议文件还没有生成，请稍后再来"), hidden=True)
    return attachment(services().files.get(agreement.document.sha256), name=f"{agreement.number}.pdf",
                      media_type="application/pdf")


@blueprint.get("/agreements/<ref>/signed-copy")
@for_roles(*policy.READERS)
def signed_copy(ref: str) -> Response:
    """Hand out the registered scan of the signed agreement."""
    scan = queries.by_ref(db.session(), ref, actor=current_actor()).signed_copy
    if scan is None:
        raise Denied(N_("还没有登记签署扫描件"), hidden=True)
    if scan.scan_state != ScanState.CLEAN:
        raise Denied(N_("文件还在做安全检查。请稍后再下载"))
    return attachment(services().files.get(scan.sha256), name=scan.name, media_type=scan.media_type)


@blueprint.post("/agreements/<ref>/sign")
@for_roles(*policy.RECEIVER_ROLES)
@limiter.limit(UPLOAD_LIMIT)
def sign(ref: str) -> Response | tuple[str, int]:
    """Register the signed copy and its day."""
    form, now, actor = AgreementSigningForm(), utc_now(), current_actor()
    agreement = queries.by_ref(db.session(), ref, actor=actor)
    require(policy.may_record_signing(actor, agreement))
    if not form.validate_on_submit():
        return _page(agreement, form), 422
    try:
        with transaction() as session:
            upload = form.scan.data
            scan = files.store(
                session, actor=actor, store=services().files, name=upload.filename or "", data=upload.read(),
                purpose=Purpose.SIGNED_PAPER, organization_id=actor.organization_id, now=now)
            session.flush()
            operations.record_signing(session, actor=actor, agreement=queries.by_ref(session, ref, actor=actor),
                                      signed_on=form.day, scan=scan, now=now)
    except Invalid as error:
        field = form["signed_on" if error.field == "signed_on" else "scan"]
        field.errors = [*field.errors, say(error)]
        return _page(queries.by_ref(db.session(), ref, actor=actor), form), status_of(error)
    flash(gettext("签署已登记"), "ok")
    return redirect(url_for("agreements.show", ref=ref), 303)
