"""Importing a bank statement: upload, look at what would happen, apply; then what is sure is identified at once."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.core.access import require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, DomainError, Invalid
from marketplace.core.ports import SheetTable
from marketplace.core.sheets import Fault
from marketplace.core.text import N_
from marketplace.files import operations as files
from marketplace.files.models import StoredFile
from marketplace.files.queries import by_ref as file_by_ref
from marketplace.files.rules import Purpose
from marketplace.funding import operations
from marketplace.funding.forms.bank import ImportForm, StatementForm
from marketplace.funding.views.blueprints import funding
from marketplace.funding.views.shared import REFUSED, blame
from marketplace.payments import operations as payments
from marketplace.payments import policy as payment_policy
from marketplace.payments.models import ReceivingAccount
from marketplace.payments.operations.statements import Preview
from marketplace.payments.queries import account_by_ref
from marketplace.payments.rules.accounts import masked
from marketplace.payments.rules.lines import DIRECTION_LABELS
from marketplace.payments.rules.mappings import AUTOMATIC, FIELD_LABELS, MAPPINGS
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.errors import say, status_of
from marketplace.web.security import UPLOAD_LIMIT, limiter
from marketplace.web.services import services

TREASURERS = payment_policy.TREASURERS
SHOWN_ROWS = 100
SHOWN_FAULTS = 200


def _account(session: Session, ref: str) -> ReceivingAccount:
    """Return an account that this person may import into; else Denied."""
    account = account_by_ref(session, ref, actor=current_actor())
    require(payment_policy.may_use(current_actor(), account))
    return account


@funding.route("/money/accounts/<ref>/statements/new", methods=["GET", "POST"])
@for_roles(*TREASURERS)
@limiter.limit(UPLOAD_LIMIT, methods=["POST"])
def statement_new(ref: str) -> Response | str | tuple[str, int]:
    """Take a statement file and lead to its preview."""
    _account(db.session(), ref)
    form = StatementForm(mapping=AUTOMATIC)
    form.offer()
    if form.validate_on_submit():
        try:
            return redirect(url_for("funding.statement_check", ref=ref, file=_keep(form, ref),
                                    mapping=form.mapping.data), 303)
        except DomainError as refused:
            blame(form, refused, otherwise="file")
    page = render_template("payments/statement_new.html", form=form, account=_account(db.session(), ref),
                           mappings=MAPPINGS, fields=FIELD_LABELS, masked=masked)
    return (page, REFUSED) if form.errors else page


def _keep(form: StatementForm, ref: str) -> str:
    """Read the workbook outside any transaction, then store it; return the file's reference."""
    upload = form.file.data
    name, data = upload.filename or "", upload.read()
    tables = services().workbook_reader.read(data, filename=name)
    now = utc_now()
    with transaction() as session:
        account = _account(session, ref)
        payments.check_statement(session, actor=current_actor(), account=account, data=data, tables=tables,
                                 mapping=form.mapping.data, now=now)
        stored = files.store(session, actor=current_actor(), store=services().files, name=name, data=data,
                             purpose=Purpose.IMPORT_SHEET, now=now, organization_id=account.organization_id)
        return stored.ref


@dataclass(frozen=True)
class _Kept:
    """An uploaded statement, read again."""

    file: StoredFile
    data: bytes
    tables: list[SheetTable]
    mapping: str


def _read(session: Session, account: ReceivingAccount, file_ref: str) -> _Kept:
    """Return an upload of this organization, read anew; Denied (404) for any other."""
    stored = file_by_ref(session, file_ref)
    if stored.owner_organization_id != account.organization_id:
        raise Denied(N_("没有这份对账单，或您不能查看"), hidden=True)
    data = services().files.get(stored.sha256)
    mapping = request.args.get("mapping", AUTOMATIC)
    return _Kept(stored, data, services().workbook_reader.read(data, filename=stored.name), mapping)


def _preview(session: Session, account: ReceivingAccount, kept: _Kept) -> Preview:
    """Return what importing it would do now."""
    return payments.check_statement(session, actor=current_actor(), account=account, data=kept.data,
                                    tables=kept.tables, mapping=kept.mapping, now=utc_now())


@funding.route("/money/accounts/<ref>/statements/<file>", methods=["GET", "POST"])
@for_roles(*TREASURERS)
@limiter.limit(UPLOAD_LIMIT, methods=["POST"])
def statement_check(ref: str, file: str) -> Response | str | tuple[str, int]:
    """Show what a statement would do: bad cells, breaks, new lines; take it when the person says so."""
    account = _account(db.session(), ref)
    kept = _read(db.session(), account, file)
    form, status = ImportForm(), 200
    if request.method == "POST" and form.validate():
        try:
            return _apply(ref, kept, gaps_known=bool(form.gaps_known.data))
        except DomainError as refused:
            blame(form, refused, otherwise="gaps_known")
            status = status_of(refused)
    account = _account(db.session(), ref)
    try:
        found = _preview(db.session(), account, kept)
    except Invalid as refused:
        flash(say(refused), "bad")
        return redirect(url_for("funding.statement_new", ref=ref), 303)
    page = render_template(
        "payments/statement_check.html", account=account, found=found, form=form, file=kept.file, masked=masked,
        directions=DIRECTION_LABELS, shown=found.new[:SHOWN_ROWS], faults=found.reading.faults[:SHOWN_FAULTS],
        say_fault=say_fault)
    return page, status


def say_fault(fault: Fault) -> str:
    """Return the sentence of a fault in the reader's language."""
    return gettext(fault.reason).format(**fault.facts)


def _apply(ref: str, kept: _Kept, *, gaps_known: bool) -> Response:
    """Take the statement and identify what is sure, in one transaction."""
    actor, now = current_actor(), utc_now()
    with transaction() as session:
        account = _account(session, ref)
        statement = payments.import_statement(
            session, actor=actor, account=account, name=kept.file.name, data=kept.data, tables=kept.tables,
            mapping=kept.mapping, now=now, gaps_known=gaps_known)
        payments.keep_file(statement, session.get_one(StoredFile, kept.file.id))
        result = operations.match_lines(session, actor=actor, account=account, now=now)
        new = statement.lines_new
    flash(gettext("已导入 %(new)s 笔新明细，自动认领 %(taken)s 笔，还有 %(left)s 笔等人认领", new=new,
                  taken=len({line for line, _, _ in result.taken}), left=result.left), "ok")
    return redirect(url_for("funding.suspense", account=ref), 303)
