"""What a receiving body pays out: confirmed releases, refunds, money of nobody; receipts for what it got."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, literal, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.access import Actor, require
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.funding import policy
from marketplace.funding.models import Pledge, Release
from marketplace.funding.operations.matching_lines import payers_of
from marketplace.funding.rules.funders import FunderKind
from marketplace.ledger.models import Journal
from marketplace.organizations.models import Organization
from marketplace.payments import operations as payments
from marketplace.payments import policy as payment_policy
from marketplace.payments.models import BankLine, Charge, PaymentOrder, Receipt, ReceivingAccount, Refund
from marketplace.payments.queries import ordered_refs
from marketplace.payments.rules.lines import Direction, LineState
from marketplace.payments.rules.orders import Payment, PaymentKind
from marketplace.payments.rules.receipts import ReceiptFacts, ReceiptKind
from marketplace.payments.rules.stripe import PLEDGE

NO_GIFT = frozenset({FunderKind.LOTTERY, FunderKind.GOVERNMENT_BUDGET})
Subject = tuple[PaymentKind, str]


@dataclass(frozen=True)
class Payable:
    """One payment that could be put on an order; `obstacle` says why it cannot, if it cannot."""

    payment: Payment
    about: str
    obstacle: str = ""


def payables(session: Session, account: ReceivingAccount) -> list[Payable]:
    """Return what could be paid from an account now, and what lacks something."""
    return [*_releases(session, account), *_refunds(session, account), *_returns(session, account)]


def _own_or_free(account: ReceivingAccount) -> ColumnElement[bool]:
    """Return the condition on pledges whose money may lie on the account: its own, and those of a closed one."""
    closed = select(ReceivingAccount.id).where(ReceivingAccount.organization_id == account.organization_id,
                                               ReceivingAccount.closed_at.is_not(None))
    return or_(Pledge.account_id.is_(None), Pledge.account_id == account.id, Pledge.account_id.in_(closed))


def _releases(session: Session, account: ReceivingAccount) -> list[Payable]:
    """Return confirmed releases that stand on no order."""
    found = session.execute(
        select(Release, Organization).join(Release.pledge).join(Organization, Organization.id == Release.payee_id)
        .where(Release.state == "confirmed", Pledge.receiver_id == account.organization_id, _own_or_free(account),
               Release.ref.not_in(ordered_refs(PaymentKind.RELEASE)))
        .options(joinedload(Release.pledge).joinedload(Pledge.project)).order_by(Release.decided_at, Release.id))
    made = []
    for release, payee in found:
        number = release.payee_account or payee.bank_account or ""
        payment = Payment((PaymentKind.RELEASE, release.ref), payee.name, payee.bank_name or "", number, release.amount,
                          f"第{release.milestone}节点拨付")
        made.append(Payable(payment, release.pledge.project.title, "" if number else N_("收款方没有登记银行账号")))
    return made


def _refunds(session: Session, account: ReceivingAccount) -> list[Payable]:
    """Return what is to go back to funders who paid by transfer: to the account from which it came."""
    pledges = session.scalars(
        select(Pledge).where(Pledge.refunding > Money(0), Pledge.receiver_id == account.organization_id,
                             _own_or_free(account), Pledge.ref.not_in(ordered_refs(PaymentKind.REFUND)))
        .options(joinedload(Pledge.project)).order_by(Pledge.id)).all()
    on_cards = _on_cards(session, [pledge.ref for pledge in pledges])
    made = []
    for pledge in pledges:
        owed = Money(pledge.refunding.fen - on_cards.get(pledge.ref, 0))
        if owed.fen <= 0:
            continue
        line = next((one for one in payers_of(session, pledge) if one.payer_account), None)
        payment = Payment((PaymentKind.REFUND, pledge.ref), line.payer_name if line else pledge.funder.name, "",
                          line.payer_account if line else "", owed, f"退回捐赠款{pledge.code}")
        made.append(Payable(payment, pledge.project.title, "" if line else N_("来款明细里没有付款账号，只能由付款行原路退回")))
    return made


def _on_cards(session: Session, refs: Sequence[str]) -> dict[str, int]:
    """Return by pledge how many fen go back to a card: set aside for the payment house, so no transfer may pay them."""
    def posted(*steps: str) -> ColumnElement[bool]:
        keys = [literal("refund:") + Refund.ref + literal(f":{step}") for step in steps]
        return select(Journal.id).where(or_(*(Journal.idem_key == key for key in keys))).exists()

    rows = session.execute(
        select(Charge.subject_ref, func.sum(Refund.amount)).join(Refund, Refund.charge_id == Charge.id)
        .where(Charge.subject_kind == PLEDGE, Charge.subject_ref.in_(refs),
               posted("asked:refund_paid", "asked:refund_held"), ~posted("returned", "failed"))
        .group_by(Charge.subject_ref))
    return {ref: amount.fen for ref, amount in rows}


def _returns(session: Session, account: ReceivingAccount) -> list[Payable]:
    """Return what came in and belongs to nobody: it may go back to the payer."""
    lines = session.scalars(
        select(BankLine).where(BankLine.account_id == account.id, BankLine.direction == Direction.IN,
                               BankLine.state == LineState.SUSPENSE).order_by(BankLine.booked_on, BankLine.id)).all()
    return [Payable(Payment((PaymentKind.RETURN, line.ref), line.payer_name, "", line.payer_account, line.rest,
                            "退回未认领来款"), line.purpose,
                    "" if line.payer_account and line.payer_name else N_("来款明细里没有付款人或付款账号")) for line in lines]


def prepare_order(session: Session, *, actor: Actor, account: ReceivingAccount, subjects: Sequence[Subject],
                  now: datetime) -> PaymentOrder:
    """Put chosen payments on an order for another person to approve. Sums and payees come from the books."""
    require(payment_policy.may_use(actor, account))
    open_ = {one.payment.subject: one for one in payables(session, account)}
    chosen = [open_.get(subject) for subject in dict.fromkeys(subjects)]
    if any(one is None for one in chosen):
        raise Conflict(N_("其中有一笔刚刚变了，或已经在另一张付款单上。请刷新后重新选择"))
    payments_ = [one.payment for one in chosen if one is not None]
    if blocked := next((one for one in chosen if one is not None and one.obstacle), None):
        raise Invalid(N_("“{name}”不能付：{why}"), field="payments", name=blocked.payment.payee_name, why=blocked.obstacle)
    return payments.prepare_order(session, actor=actor, account=account, payments=payments_, now=now)


def approve_order(session: Session, *, actor: Actor, order: PaymentOrder, now: datetime) -> None:
    """Approve an order as a second person, after looking again that each payment is still due."""
    require(payment_policy.may_approve_order(actor, order))
    for line in order.lines:
        if not _is_still_due(session, line.subject_kind, line.subject_ref, line.amount):
            raise Conflict(N_("第 {position} 笔“{name}”的情况变了，不再是应付。请作废这张付款单，重新制单"),
                           position=line.position, name=line.payee_name)
    payments.approve_order(session, actor=actor, order=order, now=now)


def _is_still_due(session: Session, kind: str, ref: str, amount: Money) -> bool:
    """Say whether a payment is still owed as it stands on the order."""
    if kind == PaymentKind.RELEASE:
        return session.scalar(select(Release.id).where(
            Release.ref == ref, Release.state == "confirmed", Release.amount == amount)) is not None
    if kind == PaymentKind.REFUND:
        refunding = session.scalars(select(Pledge.refunding).where(Pledge.ref == ref)).one()
        return refunding.fen - _on_cards(session, [ref]).get(ref, 0) >= amount.fen
    line = session.scalars(select(BankLine).where(BankLine.ref == ref)).one()
    return line.state == LineState.RETURNING and line.rest == amount


def received(pledge: Pledge) -> Money:
    """Return what the receiving body has confirmed of a pledge and not given back: a receipt may say so much."""
    return pledge.held + pledge.released + pledge.disbursed


def record_receipt(session: Session, *, actor: Actor, pledge: Pledge, facts: ReceiptFacts, now: datetime,
                   file: StoredFile | None = None) -> Receipt:
    """Record the number of a 捐赠票据 that the receiving body issued for money it holds (票据管理办法 art. 8).

    Never for a promise, never for public money, never above what is held less earlier live receipts.
    """
    require(policy.may_book(actor, pledge))
    if facts.kind is not ReceiptKind.DONATION:
        raise Invalid(N_("认捐来款开捐赠票据；服务费由收款的服务机构开发票"), field="kind")
    if pledge.funder.kind in NO_GIFT:
        raise Invalid(N_("财政资金和福彩公益金不是捐赠，不能开捐赠票据"), field="kind")
    session.refresh(pledge, with_for_update={"of": Pledge})     # two receipts at once must not exceed what is held
    return payments.keep_receipt(
        session, actor=actor, issuer=pledge.receiver, facts=facts, subject=("pledge", pledge.ref),
        payer_name=pledge.funder.name, limit=received(pledge), now=now, file=file)


def record_invoice(session: Session, *, actor: Actor, release: Release, facts: ReceiptFacts, now: datetime,
                   file: StoredFile | None = None) -> Receipt:
    """Record the 发票 of a provider for a service payment that was confirmed; it is issued by who was paid."""
    require(payment_policy.may_keep(actor, release.payee_id))
    if facts.kind is not ReceiptKind.INVOICE:
        raise Invalid(N_("服务费开发票，不开捐赠票据"), field="kind")
    session.refresh(release, with_for_update={"of": Release})
    limit = release.amount if release.state in ("confirmed", "disbursed") else Money(0)
    return payments.keep_receipt(
        session, actor=actor, issuer=session.get_one(Organization, release.payee_id), facts=facts,
        subject=("release", release.ref), payer_name=release.pledge.receiver.name, limit=limit, now=now, file=file)
