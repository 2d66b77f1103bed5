"""Receiving accounts: a treasurer adds them with proof, the operator verifies them."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from marketplace.core.access import Role, require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, DomainError
from marketplace.core.text import N_
from marketplace.files import operations as files
from marketplace.files.models import StoredFile
from marketplace.files.rules import Purpose, ScanState
from marketplace.organizations.models import Organization
from marketplace.payments import operations, policy, queries
from marketplace.payments.forms.bank import AccountForm, ProofForm
from marketplace.payments.models import ReceivingAccount
from marketplace.payments.rules.accounts import masked
from marketplace.payments.views.blueprint import blueprint
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.downloads import attachment
from marketplace.web.errors import say, status_of
from marketplace.web.paging import page_number, paginate
from marketplace.web.security import UPLOAD_LIMIT, limiter
from marketplace.web.services import services

TREASURERS = policy.TREASURERS
REFUSED = 422


@blueprint.get("/money")
@for_roles(*TREASURERS)
def money() -> Response:
    """Lead to the first page of the treasurer."""
    return redirect(url_for("payments.accounts"))


@blueprint.route("/money/accounts", methods=["GET", "POST"])
@for_roles(*TREASURERS)
@limiter.limit(UPLOAD_LIMIT, methods=["POST"])
def accounts() -> Response | str | tuple[str, int]:
    """Show the organization's accounts; add one."""
    session, own = db.session(), current_actor().organization_id
    body = session.get(Organization, own)
    form = AccountForm(holder=body.name if body else "")
    if form.validate_on_submit():
        try:
            return _add(form)
        except DomainError as refused:
            blame(form, refused, otherwise="proof")
    session = db.session()
    page = render_template(
        "payments/accounts.html", form=form, accounts=queries.accounts_of(session, own), masked=masked,
        counts=queries.line_counts(session, own), waiting=queries.in_suspense(session, own))
    return (page, REFUSED) if form.errors else page


def _add(form: AccountForm) -> Response:
    """Keep the proof and the account."""
    actor, now = current_actor(), utc_now()
    with transaction() as session:
        body = session.get_one(Organization, actor.organization_id)
        account = operations.add_account(
            session, actor=actor, organization=body, now=now, bank_name=form.bank_name.data or "",
            number=form.number.data or "", holder=form.holder.data or "")
        operations.attach_proof(session, actor=actor, account=account, now=now,
                                proof_file=_keep_proof(session, form.proof.data, body.id))
        ref = account.ref
    flash(gettext("已登记。平台管理员核对开户证明后就可以收款"), "ok")
    return redirect(url_for("payments.account", ref=ref), 303)


def _keep_proof(session: Session, upload: FileStorage, organization_id: int) -> StoredFile:
    """Store the picture of a proof."""
    stored = files.store(session, actor=current_actor(), store=services().files, name=upload.filename or "",
                         data=upload.read(), purpose=Purpose.CREDENTIAL, now=utc_now(), organization_id=organization_id)
    session.flush()
    return stored


def blame(form: FlaskForm, refused: DomainError, *, otherwise: str) -> None:
    """Put a refusal beside the field it names, else beside `otherwise`."""
    name = getattr(refused, "field", None)
    field = form[name if name in form else otherwise]
    field.errors = [*field.errors, say(refused)]


@blueprint.get("/money/accounts/<ref>")
@for_roles(*TREASURERS)
def account(ref: str) -> str:
    """Show one account with its statements."""
    return _page(ref, ProofForm(formdata=None))


def _page(ref: str, form: ProofForm) -> str:
    """Fill the page of an account."""
    actor, session = current_actor(), db.session()
    found = queries.account_by_ref(session, ref, actor=actor)
    return render_template(
        "payments/account.html", account=found, form=form, masked=masked,
        statements=queries.statements_of(session, found), may_use=policy.may_use(actor, found))


@blueprint.post("/money/accounts/<ref>/proof")
@for_roles(*TREASURERS)
@limiter.limit(UPLOAD_LIMIT, methods=["POST"])
def add_proof(ref: str) -> Response | tuple[str, int]:
    """Put another proof to an account that is not verified yet."""
    actor, form = current_actor(), ProofForm()
    queries.account_by_ref(db.session(), ref, actor=actor)
    if not form.validate_on_submit():
        return _page(ref, form), REFUSED
    try:
        with transaction() as session:
            found = queries.account_by_ref(session, ref, actor=actor)
            operations.attach_proof(session, actor=actor, account=found, now=utc_now(), proof_file=_keep_proof(
                session, form.proof.data, found.organization_id))
    except DomainError as refused:
        blame(form, refused, otherwise="proof")
        return _page(ref, form), status_of(refused)
    flash(gettext("证明已换成新上传的文件"), "ok")
    return redirect(url_for("payments.account", ref=ref), 303)


@blueprint.get("/money/accounts/<ref>/proof")
@for_roles(*TREASURERS, *policy.OVERSEERS)
def proof(ref: str) -> Response:
    """Hand out the proof to its owner and the operator."""
    found = queries.account_by_ref(db.session(), ref, actor=current_actor())
    if found.proof_file is None or found.proof_file.scan_state != ScanState.CLEAN:
        raise Denied(N_("没有这个文件，或者它还没有通过安全检查"), hidden=True)
    return attachment(services().files.get(found.proof_file.sha256), name=found.proof_file.name,
                      media_type=found.proof_file.media_type)


@blueprint.post("/money/accounts/<ref>/close")
@for_roles(*TREASURERS)
def close_account(ref: str) -> Response:
    """Stop using an account."""
    with transaction() as session:
        found = queries.account_by_ref(session, ref, actor=current_actor())
        operations.close_account(session, actor=current_actor(), account=found, now=utc_now())
    flash(gettext("账户已停用，以前的收付都还在"), "ok")
    return redirect(url_for("payments.account", ref=ref), 303)


@blueprint.get("/ops/accounts")
@for_roles(Role.OPERATOR)
def ops_accounts() -> str:
    """List the accounts that wait for the operator, or those that are verified."""
    waiting = request.args.get("state") != "verified"
    page = paginate(db.session(), queries.accounts_to_verify(waiting=waiting), number=page_number(request.args))
    return render_template("payments/ops_accounts.html", page=page, waiting=waiting, masked=masked)


def _for_operator(session: Session, ref: str) -> ReceivingAccount:
    """Return an account for the operator's page."""
    return queries.account_by_ref(session, ref, actor=current_actor())


@blueprint.get("/ops/accounts/<ref>")
@for_roles(Role.OPERATOR)
def ops_account(ref: str) -> str:
    """Show one account with its holder beside the organization's name, and its proof."""
    found = _for_operator(db.session(), ref)
    return render_template("payments/ops_account.html", account=found,
                           may_verify=policy.may_verify(current_actor(), found))


@blueprint.post("/ops/accounts/<ref>/verify")
@for_roles(Role.OPERATOR)
def ops_verify_account(ref: str) -> Response:
    """Verify an account after looking at its proof."""
    require(policy.may_verify(current_actor(), _for_operator(db.session(), ref)))
    with transaction() as session:
        operations.verify_account(session, actor=current_actor(), account=_for_operator(session, ref), now=utc_now())
    flash(gettext("已核验，这个账户可以收款和付款了"), "ok")
    return redirect(url_for("payments.ops_accounts"), 303)
