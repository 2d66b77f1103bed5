"""Contract pages: the list, the card, the paper, signing, publication, filing."""

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from marketplace.contracts import operations, policy, queries, rules
from marketplace.contracts.forms import FilingForm, SigningForm
from marketplace.contracts.models import Contract
from marketplace.contracts.rules import ClockState, ContractState
from marketplace.core.access import Actor, require
from marketplace.core.clock import beijing_date, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, DomainError, Invalid
from marketplace.core.text import N_
from marketplace.files import operations as files
from marketplace.files.rules import Purpose, ScanState
from marketplace.web.access import for_roles, public
from marketplace.web.actor import current_actor
from marketplace.web.downloads import attachment
from marketplace.web.errors import say, status_of
from marketplace.web.formats import day
from marketplace.web.paging import page_number, paginate
from marketplace.web.qr import qr_svg
from marketplace.web.security import UPLOAD_LIMIT, limiter
from marketplace.web.services import config, services

blueprint = Blueprint("contracts", __name__)
READERS = (*policy.UNIT_READERS, *policy.PROVIDER_ROLES, *policy.OVERSEERS)
LOOKS = {ContractState.FROZEN: "info", ContractState.ISSUED: "warn", ContractState.SIGNED: "ok"}
CLOCK_LOOKS = {
    ClockState.DONE: "ok", ClockState.LATE_DONE: "warn", ClockState.RUNNING: "warn", ClockState.OVERDUE: "bad",
    ClockState.NOT_STARTED: "plain", ClockState.KEPT: "sealed",
}


@blueprint.get("/contracts")
@for_roles(*READERS)
def listing() -> str:
    """List the contracts that this visitor may see."""
    actor, state = current_actor(), request.args.get("state", "")
    page = paginate(db.session(), queries.visible_to(actor, state=state), number=page_number(request.args))
    return render_template("contracts/list.html", page=page, state=state, labels=rules.STATE_LABELS, looks=LOOKS,
                           counts=queries.counts(db.session(), actor), today=beijing_date(utc_now()))


@blueprint.get("/contracts/<ref>")
@for_roles(*READERS)
def show(ref: str) -> str:
    """Show one contract with its clocks, parties, terms, paper and what to do next."""
    return _page(queries.by_ref(db.session(), ref, actor=current_actor()), utc_now())


@blueprint.get("/projects/<ref>/contract")
@public
def summary(ref: str) -> str:
    """Show anybody what is public of a project's contract."""
    found = queries.public_contract(db.session(), ref)
    if found is None:
        raise Denied(N_("这个项目还没有合同"), hidden=True)
    return render_template("contracts/summary.html", contract=found, ref=ref, label=rules.STATE_LABELS[found.state],
                           look=LOOKS[found.state])


def _page(contract: Contract, now: datetime, *, signing: FlaskForm | None = None,
          filing: FlaskForm | None = None) -> str:
    """Fill the contract page; a form that was refused comes back as it was."""
    actor, session = current_actor(), db.session()
    address = f"{config().base_url}/v/{contract.verify_code}"
    facts: dict[str, Any] = dict(contract.terms["facts"])  # type: ignore[call-overload]
    return render_template(
        "contracts/show.html", contract=contract, facts=facts, clauses=contract.terms["clauses"],
        clock_looks=CLOCK_LOOKS, clock_labels=rules.CLOCK_LABELS, clocks=queries.card(session, contract, now=now),
        ordinals=rules.clause_number, label=rules.STATE_LABELS[ContractState(contract.state)],
        look=LOOKS[ContractState(contract.state)], address=address, qr=qr_svg(address, label=gettext("查验二维码")),
        steps=_steps(contract, queries.award_of(session, contract), facts), form=signing or filing,
        signing=signing or SigningForm(), filing=filing or FilingForm(), **_decisions(actor, contract))


def _decisions(actor: Actor, contract: Contract) -> dict[str, object]:
    """Return what this visitor may do, for buttons and their reasons."""
    return {
        "is_buyer": actor.acts_for(contract.buyer_id, *policy.UNIT_WRITERS),
        "may_sign": policy.may_record_signing(actor, contract),
        "may_publish": policy.may_publish(actor, contract),
        "may_file": policy.may_record_filing(actor, contract),
    }


def _steps(contract: Contract, award: Any, facts: dict[str, Any]) -> list[dict[str, str]]:
    """Return the line of what happened and what comes."""
    dates = [
        (N_("中选公示"), award.awarded_at), (N_("异议期满"), award.objections_until), (N_("条款锁定"), contract.frozen_at),
        (N_("合同文件"), contract.issued_at), (N_("双方签署"), contract.signed_on), (N_("合同公开"), contract.published_at),
    ]
    current = next((word for word, at in dates if at is None), None)
    made = [{"word": gettext(word), "at": day(at) if at else "",
             "state": "done" if at else "now" if word == current else "next"} for word, at in dates]
    return [*made, {"word": gettext("开始服务"), "at": facts["period"]["from"], "state": "next"}]


@blueprint.get("/contracts/<ref>/paper")
@for_roles(*READERS)
def paper(ref: str) -> Response:
    """Hand out the contract PDF, bit for bit as it was issued."""
    contract = queries.by_ref(db.session(), ref, actor=current_actor())
    if contract.document is None:
        raise Denied(N_("合同文件还没有生成，请稍后再来"), hidden=True)
    return attachment(services().files.get(contract.document.sha256), name=f"{contract.number}.pdf",
                      media_type="application/pdf")


@blueprint.get("/contracts/<ref>/signed-copy")
@for_roles(*READERS)
def signed_copy(ref: str) -> Response:
    """Hand out the registered scan of the signed contract."""
    contract = queries.by_ref(db.session(), ref, actor=current_actor())
    scan = contract.signed_copy
    if scan is None:
        raise Denied(N_("还没有登记签署扫描件"), hidden=True)
    if scan.scan_state != ScanState.CLEAN:
        raise Denied(N_("文件还在做安全检查。请稍后再下载"))
    return attachment(services().files.get(scan.sha256), name=scan.name, media_type=scan.media_type)


@blueprint.post("/contracts/<ref>/sign")
@for_roles(*policy.UNIT_WRITERS)
@limiter.limit(UPLOAD_LIMIT)
def sign(ref: str) -> Response | tuple[str, int]:
    """Register the signed copy and its day."""
    form, now, actor = SigningForm(), utc_now(), current_actor()
    contract = queries.by_ref(db.session(), ref, actor=actor)
    require(policy.may_record_signing(actor, contract))
    if not form.validate_on_submit():
        return _page(contract, now, signing=form), 422
    try:
        with transaction() as session:
            upload = form.scan.data
            scan = files.store(
                session, actor=actor, store=services().files, name=upload.filename or "", data=upload.read(),
                purpose=Purpose.SIGNED_PAPER, organization_id=actor.organization_id, now=now)
            session.flush()
            operations.record_signing(session, actor=actor, contract=queries.by_ref(session, ref, actor=actor),
                                      signed_on=form.day, scan=scan, now=now)
    except Invalid as error:
        return _refused(ref, form, error, field="scan", now=now)
    flash(gettext("签署已登记。请在 2 个工作日内公开合同"), "ok")
    return redirect(url_for("contracts.show", ref=ref), 303)


@blueprint.post("/contracts/<ref>/publish")
@for_roles(*policy.UNIT_WRITERS)
def publish(ref: str) -> Response:
    """Publish the contract notice."""
    now, actor = utc_now(), current_actor()
    with transaction() as session:
        operations.publish_contract(session, actor=actor, contract=queries.by_ref(session, ref, actor=actor), now=now)
    flash(gettext("合同已公开，个人电话和银行账号没有公开"), "ok")
    return redirect(url_for("contracts.show", ref=ref), 303)


@blueprint.post("/contracts/<ref>/file")
@for_roles(*policy.UNIT_WRITERS)
def file(ref: str) -> Response | tuple[str, int]:
    """Note the filing."""
    form, now, actor = FilingForm(), utc_now(), current_actor()
    contract = queries.by_ref(db.session(), ref, actor=actor)
    require(policy.may_record_filing(actor, contract))
    if not form.validate_on_submit():
        return _page(contract, now, filing=form), 422
    try:
        with transaction() as session:
            operations.record_filing(session, actor=actor, contract=queries.by_ref(session, ref, actor=actor),
                                     filed_on=form.day, now=now)
    except Invalid as error:
        return _refused(ref, form, error, field="filed_on", now=now)
    flash(gettext("备案已登记"), "ok")
    return redirect(url_for("contracts.show", ref=ref), 303)


def _refused(ref: str, form: FlaskForm, error: DomainError, *, field: str, now: datetime) -> tuple[str, int]:
    """Return the page with the refusal beside its field."""
    name = getattr(error, "field", None) or field
    target = form[name] if name in form else form[field]
    target.errors = [*target.errors, say(error)]
    page = {"signing": form} if isinstance(form, SigningForm) else {"filing": form}
    return _page(queries.by_ref(db.session(), ref, actor=current_actor()), now, **page), status_of(error)
