"""The suspense desk: bank lines that belong to nobody yet, what is offered for them, and what a person decides."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, DomainError, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding import operations
from marketplace.funding.forms.bank import IdentifyForm, ReasonForm
from marketplace.funding.models import Funder, Pledge
from marketplace.funding.queries.commitment_pages import name_of
from marketplace.funding.rules.lines import REASON_LABELS, Offer, marked, spread
from marketplace.funding.rules.pledges import code_is_valid, shown_code, tidy_code
from marketplace.funding.views.blueprints import funding
from marketplace.funding.views.shared import REFUSED, blame
from marketplace.payments import operations as payments
from marketplace.payments import policy as payment_policy
from marketplace.payments import queries as payment_queries
from marketplace.payments.models import BankLine, BankLinePart
from marketplace.payments.rules.accounts import masked
from marketplace.payments.rules.lines import (
    DIRECTION_LABELS,
    LINE_LABELS,
    MATCHED_BY_LABELS,
    SUBJECT_LABELS,
    Direction,
    LineState,
    MatchedBy,
)
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.downloads import spreadsheet
from marketplace.web.errors import say, status_of
from marketplace.web.paging import page_number, paginate
from marketplace.web.security import EXPORT_LIMIT, limiter

TREASURERS = payment_policy.TREASURERS
LOOKS = {"suspense": "warn", "matched": "ok", "returning": "info", "returned": "plain"}
MOST_SPLIT = 12
MOST_EXPORTED = 5_000


@funding.get("/money/suspense")
@for_roles(*TREASURERS)
def suspense() -> str:
    """List the organization's bank lines, those in suspense first."""
    actor, session = current_actor(), db.session()
    state = request.args.get("state", LineState.SUSPENSE.value)
    page = paginate(session, payment_queries.lines_of(actor.organization_id, state=state,
                                                      account_ref=request.args.get("account", "")),
                    number=page_number(request.args))
    return render_template(
        "payments/suspense.html", page=page, state=state, labels=LINE_LABELS, looks=LOOKS, masked=masked,
        directions=DIRECTION_LABELS, counts=payment_queries.line_counts(session, actor.organization_id),
        accounts=payment_queries.bank_accounts_of(session, actor.organization_id),
        waiting=payment_queries.in_suspense(session, actor.organization_id))


@funding.get("/money/suspense/export.<any(csv, xlsx):kind>")
@for_roles(*TREASURERS)
@limiter.limit(EXPORT_LIMIT)
def lines_export(kind: str) -> Response:
    """Hand out the lines as a spreadsheet."""
    lines = db.session().scalars(payment_queries.lines_of(
        current_actor().organization_id, state=request.args.get("state", "")).limit(MOST_EXPORTED))
    heads = [gettext(word) for word in (N_("日期"), N_("账户"), N_("收支"), N_("金额（元）"), N_("手续费（元）"), N_("待认领（元）"),
                                        N_("对方户名"), N_("对方账号"), N_("摘要和附言"), N_("流水号"), N_("状态"))]
    rows = [[line.booked_on.isoformat(), line.account.number, gettext(DIRECTION_LABELS[Direction(line.direction)]),
             line.amount.plain(), line.fee.plain(), line.rest.plain(), line.payer_name, line.payer_account,
             line.purpose, line.serial, gettext(LINE_LABELS[LineState(line.state)])] for line in lines]
    return spreadsheet([heads, *rows], kind=kind, name=gettext("银行明细"), sheet=gettext("银行明细"))


@funding.post("/money/suspense/match")
@for_roles(*TREASURERS)
def suspense_match() -> Response:
    """Try once more to identify what is sure on every account."""
    actor, now, taken = current_actor(), utc_now(), 0
    with transaction() as session:
        for account in payment_queries.bank_accounts_of(session, actor.organization_id):
            result = operations.match_lines(session, actor=actor, account=account, now=now)
            taken += len({line for line, _, _ in result.taken})
    flash(gettext("自动认领了 %(n)s 笔", n=taken) if taken else gettext("没有能自动认领的，请逐笔处理"), "ok" if taken else "warn")
    return redirect(url_for("funding.suspense"), 303)


@dataclass(frozen=True)
class _Choice:
    """A pledge that is offered; where names are only alike, both of them in pieces that say what differs."""

    offer: Offer
    pledge: Pledge
    written: Sequence[tuple[str, bool]] = ()
    known: Sequence[tuple[str, bool]] = ()


@funding.get("/money/lines/<ref>")
@for_roles(*TREASURERS)
def bank_line(ref: str) -> str:
    """Show one line with what is offered for it."""
    return _page(_line(db.session(), ref))


def _line(session: Session, ref: str) -> BankLine:
    """Return a line of this organization."""
    return payment_queries.line_by_ref(session, ref, actor=current_actor())


def _page(line: BankLine, *, form: FlaskForm | None = None, problem: str = "") -> str:
    """Fill the page of a line; a form that was refused comes back as it was."""
    session, actor = db.session(), current_actor()
    may_settle = payment_policy.may_settle(actor, line)
    is_open_in = bool(may_settle) and line.direction == Direction.IN
    choices = _choices(session, line) if is_open_in else []
    split = _split(session, line, choices) if is_open_in else []
    payments_ = [one for one in payment_queries.ordered_lines(session, line.account) if one.amount == line.rest]
    return render_template(
        "payments/line.html", line=line, may_settle=may_settle, choices=choices, split=split, form=form,
        by_code=form if isinstance(form, IdentifyForm) else IdentifyForm(formdata=None), problem=problem,
        undo=form if isinstance(form, ReasonForm) else ReasonForm(formdata=None), reasons=REASON_LABELS,
        payments=payments_ if may_settle and line.direction == Direction.OUT else [], labels=LINE_LABELS, looks=LOOKS,
        directions=DIRECTION_LABELS, matched_by=MATCHED_BY_LABELS, subjects=SUBJECT_LABELS, masked=masked,
        names={part.ref: (name_of(session, part.settled_by), name_of(session, part.undone_by)) for part in line.parts},
        pledges=_pledges_of(session, line.parts), shown_code=shown_code, typed=request.form)


def _choices(session: Session, line: BankLine) -> list[_Choice]:
    """Return the pledges that are offered, the likeliest first."""
    offers = operations.judge_line(session, line).offers
    found = _by_ref(session, [offer.ref for offer in offers])
    return [_Choice(offer, found[offer.ref], marked(line.payer_name, offer.name), marked(offer.name, line.payer_name))
            if offer.name else _Choice(offer, found[offer.ref]) for offer in offers]


def _by_ref(session: Session, refs: Sequence[str]) -> dict[str, Pledge]:
    """Return pledges by reference, with what a row shows."""
    found = session.scalars(select(Pledge).where(Pledge.ref.in_(refs)).options(
        joinedload(Pledge.funder).joinedload(Funder.organization), joinedload(Pledge.project)))
    return {pledge.ref: pledge for pledge in found}


def _pledges_of(session: Session, parts: Sequence[BankLinePart]) -> Mapping[str, Pledge]:
    """Return the pledges that parts of a line belong to."""
    return _by_ref(session, [part.subject_ref for part in parts])


def _split(session: Session, line: BankLine, choices: Sequence[_Choice]) -> list[tuple[Pledge, Money]]:
    """Return the open pledges of the likeliest payer (else all), and how much each would take, one after the other."""
    statement = select(Pledge).where(
        Pledge.receiver_id == line.account.organization_id, Pledge.open > Money(0), Pledge.is_verbal.is_(False))
    if choices:
        statement = statement.where(Pledge.funder_id == choices[0].pledge.funder_id)
    pledges = session.scalars(statement.options(
        joinedload(Pledge.funder).joinedload(Funder.organization), joinedload(Pledge.project))
        .order_by(Pledge.id).limit(MOST_SPLIT)).all()
    return list(zip(pledges, spread(line.rest, [pledge.open for pledge in pledges]), strict=True))


Change = Callable[[Session, BankLine], object]


def _change(ref: str, change: Change, *, done: str, form: FlaskForm | None = None,
            field: str = "") -> Response | tuple[str, int]:
    """Do one thing with a line in a transaction; a refusal comes back on its page."""
    try:
        with transaction() as session:
            change(session, _line(session, ref))
    except DomainError as refused:
        if form is not None:
            blame(form, refused, otherwise=field)
        return _page(_line(db.session(), ref), form=form, problem="" if form is not None else say(refused)), status_of(
            refused)
    flash(done, "ok")
    return redirect(url_for("funding.bank_line", ref=ref), 303)


def _pledge_by_code(session: Session, line: BankLine, typed: str) -> Pledge:
    """Return the pledge of a typed code; raises Invalid with what is wrong with it."""
    code = tidy_code(typed)
    if not code_is_valid(code):
        raise Invalid(N_("“{typed}”不是认捐编号，可能抄错了一个字符。请对照认捐书"), field="code", typed=typed)
    found = session.scalar(select(Pledge).where(Pledge.code == code,
                                                Pledge.receiver_id == line.account.organization_id))
    if found is None:
        raise Invalid(N_("没有编号 {code} 的认捐，或它的接收方不是本机构"), field="code", code=shown_code(code))
    return found


@funding.post("/money/lines/<ref>/identify")
@for_roles(*TREASURERS)
def line_identify(ref: str) -> Response | tuple[str, int]:
    """Say that the line pays an offered pledge: it takes what it can."""
    def identify(session: Session, line: BankLine) -> None:
        pledge = _by_ref(session, [request.form.get("pledge", "")])
        if not pledge:
            raise Invalid(N_("请选择一笔认捐"))
        operations.identify_line(session, actor=current_actor(), line=line, now=utc_now(),
                                 pledge=next(iter(pledge.values())))
    return _change(ref, identify, done=gettext("已认领"))


@funding.post("/money/lines/<ref>/<any(code, unspent):how>")
@for_roles(*TREASURERS)
def line_by_code(ref: str, how: str) -> Response | tuple[str, int]:
    """Say by its code which pledge a line pays, or of which pledge it is unspent money that came back."""
    form = IdentifyForm()
    if not form.validate_on_submit():
        return _page(_line(db.session(), ref), form=form), REFUSED

    def identify(session: Session, line: BankLine) -> None:
        pledge, amount = _pledge_by_code(session, line, form.code.data or ""), form.amount.data
        if how == "unspent":
            operations.identify_unspent(session, actor=current_actor(), line=line, pledge=pledge, now=utc_now(),
                                        amount=amount or line.rest)
        else:
            operations.identify_line(session, actor=current_actor(), line=line, pledge=pledge, now=utc_now(),
                                     amount=amount)
    return _change(ref, identify, done=gettext("已认领"), form=form, field="code")


@funding.post("/money/lines/<ref>/split")
@for_roles(*TREASURERS)
def line_split(ref: str) -> Response | tuple[str, int]:
    """Spread a line over several pledges by the sums typed."""
    def split(session: Session, line: BankLine) -> None:
        typed = {name.removeprefix("amount-"): text for name, text in request.form.items()
                 if name.startswith("amount-") and text.strip()}
        pledges = _by_ref(session, list(typed)[:MOST_SPLIT])
        parts = [(pledge, Money.parse(typed[ref])) for ref, pledge in pledges.items()]
        operations.split_line(session, actor=current_actor(), line=line, parts=parts, now=utc_now())
    return _change(ref, split, done=gettext("已按填写的金额分到各笔认捐"))


@funding.post("/money/lines/<ref>/payment")
@for_roles(*TREASURERS)
def line_payment(ref: str) -> Response | tuple[str, int]:
    """Say which payment of an approved order a line that went out is."""
    def pay(session: Session, line: BankLine) -> None:
        payment = payment_queries.order_line_by_ref(session, request.form.get("payment", ""), actor=current_actor())
        operations.identify_payment(session, actor=current_actor(), line=line, payment=payment, now=utc_now())
    return _change(ref, pay, done=gettext("已记为这笔付款"))


@funding.post("/money/lines/<ref>/fee")
@for_roles(*TREASURERS)
def line_fee(ref: str) -> Response | tuple[str, int]:
    """Book a line that went out as a charge of the bank."""
    return _change(ref, lambda session, line: payments.book_fee(
        session, actor=current_actor(), line=line, matched_by=MatchedBy.PERSON, now=utc_now()),
        done=gettext("已记作银行收费"))


@funding.post("/money/lines/<ref>/undo/<part>")
@for_roles(*TREASURERS)
def line_undo(ref: str, part: str) -> Response | tuple[str, int]:
    """Take an identification back, with the reason."""
    form = ReasonForm()
    if not form.validate_on_submit():
        return _page(_line(db.session(), ref), form=form), REFUSED

    def undo(session: Session, line: BankLine) -> None:
        found = next((one for one in line.parts if one.ref == part), None)
        if found is None:
            raise Denied(N_("没有这次认领"), hidden=True)
        operations.unmatch_part(session, actor=current_actor(), part=found, now=utc_now(),
                                reason=form.reason.data or "")
    return _change(ref, undo, done=gettext("已撤销认领，款项回到待认领"), form=form, field="reason")
