"""Identifies bank lines: what is sure is taken at once, the rest is offered to a person and stays in suspense.

Locks: the bank line, then the pledge and what hangs on it. Every part of a line has a key of its own, so nothing is
booked twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.access import Actor, require
from marketplace.core.errors import Conflict, DomainError, IllegalStep, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.models import Funder, Pledge, Release
from marketplace.funding.operations.money import arrive, refund_returned, unarrive
from marketplace.funding.operations.moves import ROW
from marketplace.funding.operations.releases import claw_back, disburse
from marketplace.funding.rules.lines import Came, Due, Verdict, judge, near_codes_in
from marketplace.funding.rules.pledges import codes_in
from marketplace.ledger.rules import AccountKind
from marketplace.ledger.rules import account as code
from marketplace.payments import operations as payments
from marketplace.payments import policy as payment_policy
from marketplace.payments.models import BankLine, BankLinePart, PaymentOrderLine, ReceivingAccount
from marketplace.payments.queries import ordered_lines, parts_of
from marketplace.payments.rules.lines import Direction, LineState, MatchedBy, SubjectKind, is_fee
from marketplace.payments.rules.orders import PaymentKind, names_code, payment_code

MOST_DUES = 2_000


@dataclass
class MatchResult:
    """What matching did: parts taken as (line, what it belongs to, amount), and how many lines are left to people."""

    taken: list[tuple[str, str, Money]] = field(default_factory=list)
    left: int = 0


def match_lines(session: Session, *, actor: Actor, account: ReceivingAccount, now: datetime) -> MatchResult:
    """Identify every line in suspense that is sure. A line that a person took apart before is left to people.

    The open pledges are locked before any of them is paid: pledge by pledge, with the sums of its project after each,
    would lock against single steps on the next one.
    """
    require(payment_policy.may_use(actor, account))
    lines = session.scalars(
        select(BankLine).where(BankLine.account_id == account.id, BankLine.state == LineState.SUSPENSE)
        .options(selectinload(BankLine.parts)).order_by(BankLine.booked_on, BankLine.id)).all()
    result, pledges = MatchResult(), _open_pledges(session, account, lock=bool(lines))
    for line in lines:
        if any(part.undone_at is not None or part.subject_kind != SubjectKind.PLEDGE for part in line.parts):
            continue
        try:
            with session.begin_nested():
                made = _match(session, actor=actor, line=line, pledges=pledges, now=now)
        except DomainError:      # somebody was first, or the pledge changed: the line stays for people
            session.refresh(line)
            made = []
        result.taken += [(line.ref, part.subject_ref, part.amount) for part in made]
    result.left = sum(line.state == LineState.SUSPENSE for line in lines)
    return result


def _match(session: Session, *, actor: Actor, line: BankLine, pledges: Sequence[Pledge],
           now: datetime) -> list[BankLinePart]:
    """Take what is sure of one line."""
    if line.direction == Direction.OUT:
        return _match_out(session, actor=actor, line=line, now=now)
    made = []
    for taken in judge_line(session, line, pledges).taken:
        pledge = session.scalars(select(Pledge).where(Pledge.ref == taken.ref)).one()
        made.append(identify_line(session, actor=actor, line=line, pledge=pledge, amount=taken.amount,
                                  matched_by=taken.matched_by, now=now))
    return made


def judge_line(session: Session, line: BankLine, pledges: Sequence[Pledge] | None = None) -> Verdict:
    """Return what is sure about a line that came in, or what may be offered. What is left of a line is never taken."""
    codes, near = codes_in(line.purpose), near_codes_in(line.purpose)
    open_ = list(_open_pledges(session, line.account) if pledges is None else pledges)
    missing = {*codes, *near} - {pledge.code for pledge in open_}
    open_ += session.scalars(_to_receiver(line.account).where(Pledge.code.in_(missing))).all() if missing else []
    known = _known_payers(session, line)
    came = Came(line.rest, line.payer_name, line.payer_account, line.purpose)
    verdict = judge(came, [_due(pledge, known) for pledge in open_], codes, near)
    return Verdict((), verdict.offers) if any(part.undone_at is None for part in line.parts) else verdict


def _to_receiver(account: ReceivingAccount) -> Select[Pledge]:
    """Return the statement of the pledges that may be paid into an account."""
    return (select(Pledge).where(Pledge.receiver_id == account.organization_id,
                                 or_(Pledge.account_id.is_(None), Pledge.account_id == account.id))
            .options(joinedload(Pledge.funder).joinedload(Funder.organization), selectinload(Pledge.instalments)))


def _open_pledges(session: Session, account: ReceivingAccount, *, lock: bool = False) -> Sequence[Pledge]:
    """Return the pledges into an account that wait for money, oldest first."""
    found = _to_receiver(account).where(Pledge.open > Money(0)).order_by(Pledge.id).limit(MOST_DUES)
    if lock:
        found = found.with_for_update(**ROW).execution_options(populate_existing=True)
    return session.scalars(found).all()


def _known_payers(session: Session, line: BankLine) -> set[int]:
    """Return the funders whose money came from this account before: identified by a code or a person."""
    if not line.payer_account:
        return set()
    return set(session.scalars(
        select(Pledge.funder_id).join(BankLinePart, BankLinePart.subject_ref == Pledge.ref)
        .join(BankLine, BankLine.id == BankLinePart.line_id)
        .where(BankLine.payer_account == line.payer_account, BankLinePart.subject_kind == SubjectKind.PLEDGE,
               BankLinePart.undone_at.is_(None),
               BankLinePart.matched_by.in_([MatchedBy.REFERENCE, MatchedBy.PERSON])).distinct()))


def _due(pledge: Pledge, known: set[int]) -> Due:
    """Return a pledge as the rules see it."""
    funder = pledge.funder
    names = [funder.person_name, funder.fund_name, funder.name]
    if funder.organization is not None:
        names.append(funder.organization.name)
    accounts = frozenset(funder.payer_accounts.split())
    return Due(pledge.ref, pledge.code, pledge.open, tuple(dict.fromkeys(name for name in names if name)),
               accounts, tuple(part.amount for part in pledge.instalments), pledge.is_verbal,
               is_known_payer=funder.id in known)


def suspense_of(line: BankLine) -> str:
    """Return the ledger account in which a line waits."""
    return code(AccountKind.SUSPENSE, line.account.ref)


def identify_line(session: Session, *, actor: Actor, line: BankLine, pledge: Pledge, now: datetime,
                  amount: Money | None = None, matched_by: MatchedBy = MatchedBy.PERSON) -> BankLinePart:
    """Say that a line (or `amount` of it) pays a pledge: open -> paid. It takes what it can, the rest waits."""
    if line.direction != Direction.IN:
        raise Invalid(N_("支出不能认领为来款"))
    if pledge.receiver_id != line.account.organization_id:
        raise Invalid(N_("这笔认捐的接收方不是这个账户的机构"), field="pledge")
    if pledge.is_verbal:
        raise IllegalStep(N_("这笔认捐还是口头的。请资助方先签认捐书，款项留在待认领里"))
    whole = min(line.rest, pledge.open) if amount is None else amount
    if amount is not None and amount.fen <= 0:
        raise Invalid(N_("认领的金额应大于零"), field="amount")
    if whole.fen <= 0:
        raise Conflict(N_("这笔认捐已经全部到账，不能再记"))
    if whole > pledge.open:
        raise Invalid(N_("这笔认捐只有 {open} 元还没到账。多出的部分留在待认领里，可以认领给别的认捐或退回"), field="amount",
                      open=pledge.open.grouped())
    part = payments.settle_line(session, actor=actor, line=line, amount=whole, subject=(SubjectKind.PLEDGE, pledge.ref),
                                matched_by=matched_by, now=now)
    arrive(session, actor=actor, pledge=pledge, amount=whole, from_account=suspense_of(line),
           idem_key=f"line-part:{part.ref}", now=now)
    return part


def split_line(session: Session, *, actor: Actor, line: BankLine, parts: Sequence[tuple[Pledge, Money]],
               now: datetime) -> list[BankLinePart]:
    """Spread a line over several pledges, all or nothing: the funder of a pool pays several at once."""
    wanted = [(pledge, amount) for pledge, amount in parts if amount.fen]
    if not wanted:
        raise Invalid(N_("请至少填一笔认捐的金额"), field="parts")
    if sum(amount.fen for _, amount in wanted) > line.rest.fen:
        raise Invalid(N_("分给各笔认捐的合计超过这一笔剩下的 {rest} 元"), field="parts", rest=line.rest.grouped())
    return [identify_line(session, actor=actor, line=line, pledge=pledge, amount=amount, now=now)
            for pledge, amount in sorted(wanted, key=lambda one: one[0].id)]


def identify_unspent(session: Session, *, actor: Actor, line: BankLine, pledge: Pledge, amount: Money,
                     now: datetime) -> BankLinePart:
    """Say that a line is unspent money that a provider returned: disbursed -> held."""
    if line.direction != Direction.IN:
        raise Invalid(N_("支出不能认领为来款"))
    if amount > line.rest:
        raise Invalid(N_("这一笔只剩 {rest} 元"), field="amount", rest=line.rest.grouped())
    if amount > pledge.disbursed:
        raise Invalid(N_("这笔认捐只拨付过 {paid} 元，不能退回更多"), field="amount", paid=pledge.disbursed.grouped())
    part = payments.settle_line(session, actor=actor, line=line, amount=amount,
                                subject=(SubjectKind.CLAWBACK, pledge.ref), matched_by=MatchedBy.PERSON, now=now)
    claw_back(session, actor=actor, pledge=pledge, amount=amount, from_account=suspense_of(line),
              idem_key=f"line-part:{part.ref}", now=now)
    return part


def unmatch_part(session: Session, *, actor: Actor, part: BankLinePart, reason: str, now: datetime) -> None:
    """Take an identification back by a reversing journal: paid -> open. Confirmed money is refunded instead."""
    if part.subject_kind != SubjectKind.PLEDGE:
        raise IllegalStep(N_("只有认捐来款可以撤销认领。付款和退款记错时，请用新的收付款更正"))
    pledge = session.scalars(select(Pledge).where(Pledge.ref == part.subject_ref)).one()
    payments.unsettle_part(session, actor=actor, part=part, reason=reason, now=now)
    if pledge.paid < part.amount:
        raise Conflict(N_("这笔钱已经确认收到，不能直接撤销认领。请先办理退回"))
    unarrive(session, actor=actor, pledge=pledge, amount=part.amount, from_account=suspense_of(part.line),
             idem_key=f"line-part:{part.ref}:undo", now=now)


def _match_out(session: Session, *, actor: Actor, line: BankLine, now: datetime) -> list[BankLinePart]:
    """Take a line that went out: the payment whose code or account and sum it shows, or a charge of the bank."""
    orders = [one for one in ordered_lines(session, line.account) if one.amount == line.rest]
    named = [one for one in orders if names_code(line.purpose, payment_code(one.order.number, one.position))]
    exact = named or [one for one in orders if line.payer_account and one.payee_account == line.payer_account]
    if len(exact) == 1:
        by = MatchedBy.REFERENCE if named else MatchedBy.AMOUNT_PAYER
        return [identify_payment(session, actor=actor, line=line, payment=exact[0], matched_by=by, now=now)]
    if not orders and is_fee(name=line.payer_name, purpose=line.purpose):
        return [payments.book_fee(session, actor=actor, line=line, matched_by=MatchedBy.FEE_WORDS, now=now)]
    return []


def identify_payment(session: Session, *, actor: Actor, line: BankLine, payment: PaymentOrderLine, now: datetime,
                     matched_by: MatchedBy = MatchedBy.PERSON) -> BankLinePart:
    """Say that a line that went out is a payment of an approved order: only this makes it paid."""
    if line.direction != Direction.OUT:
        raise Invalid(N_("收入不能认领为付款"))
    if payment.order.account_id != line.account_id:
        raise Invalid(N_("这笔付款不是从这个账户付的"))
    if payment.order.state != "approved":
        raise IllegalStep(N_("付款单还没有复核，不能认领"))
    if payment.amount != line.rest:
        raise Invalid(N_("金额不同：付款单上是 {ordered} 元，银行付了 {paid} 元。请先和银行核对"),
                      ordered=payment.amount.grouped(), paid=line.rest.grouped())
    part = payments.settle_line(session, actor=actor, line=line, amount=payment.amount,
                                subject=(SubjectKind.ORDER_LINE, payment.ref), matched_by=matched_by, now=now)
    payments.mark_paid(session, line=payment, paid_on=line.booked_on)
    key, source = f"line-part:{part.ref}", suspense_of(line)
    if payment.subject_kind == PaymentKind.RELEASE:
        release = session.scalars(select(Release).where(Release.ref == payment.subject_ref)).one()
        disburse(session, actor=actor, release=release, from_account=source, idem_key=key, now=now)
    elif payment.subject_kind == PaymentKind.REFUND:
        pledge = session.scalars(select(Pledge).where(Pledge.ref == payment.subject_ref)).one()
        refund_returned(session, actor=actor, pledge=pledge, amount=payment.amount, from_account=source, idem_key=key,
                        now=now)
    return part


def payers_of(session: Session, pledge: Pledge) -> list[BankLine]:
    """Return the bank lines by which a pledge was paid, newest first."""
    return [part.line for part in reversed(parts_of(session, SubjectKind.PLEDGE, pledge.ref))]
