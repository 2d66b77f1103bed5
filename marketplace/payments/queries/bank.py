"""Reads of payments: accounts, statements, lines, orders, receipts."""

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.access import Actor, require
from marketplace.core.errors import Denied
from marketplace.core.money import Money
from marketplace.payments import policy
from marketplace.payments.models import (
    BankLine,
    BankLinePart,
    BankStatement,
    PaymentOrder,
    PaymentOrderLine,
    Receipt,
    ReceivingAccount,
)
from marketplace.payments.rules.lines import LineState
from marketplace.payments.rules.orders import OrderLineState, OrderState


def account_by_ref(session: Session, ref: str, *, actor: Actor) -> ReceivingAccount:
    """Return an account that the actor may see; else Denied (404)."""
    account = session.scalar(select(ReceivingAccount).where(ReceivingAccount.ref == ref)
                             .options(joinedload(ReceivingAccount.organization)))
    if account is None:
        raise Denied(policy.HIDDEN.reason, hidden=True)
    require(policy.may_view(actor, account))
    return account


def accounts_of(session: Session, organization_id: int | None) -> Sequence[ReceivingAccount]:
    """Return the accounts of an organization, live ones first."""
    return session.scalars(
        select(ReceivingAccount).where(ReceivingAccount.organization_id == organization_id)
        .order_by(ReceivingAccount.closed_at.is_not(None), ReceivingAccount.id)).all()


def bank_accounts_of(session: Session, organization_id: int | None) -> Sequence[ReceivingAccount]:
    """Return the verified, live bank accounts of an organization."""
    return [account for account in accounts_of(session, organization_id)
            if account.kind == "bank" and account.verified_at is not None and account.closed_at is None]


def accounts_to_verify(*, waiting: bool) -> Select[ReceivingAccount]:
    """Return the statement of bank accounts for the operator: those that wait, or the others."""
    statement = select(ReceivingAccount).where(ReceivingAccount.kind == "bank").options(
        joinedload(ReceivingAccount.organization))
    if waiting:
        return statement.where(ReceivingAccount.verified_at.is_(None), ReceivingAccount.closed_at.is_(None)).order_by(
            ReceivingAccount.id)
    return statement.where(ReceivingAccount.verified_at.is_not(None)).order_by(ReceivingAccount.verified_at.desc())


def statements_of(session: Session, account: ReceivingAccount, *, most: int = 50) -> Sequence[BankStatement]:
    """Return the newest statements of an account."""
    return session.scalars(select(BankStatement).where(BankStatement.account_id == account.id)
                           .order_by(BankStatement.imported_at.desc(), BankStatement.id.desc()).limit(most)).all()


def lines_of(organization_id: int | None, *, state: str = "", account_ref: str = "") -> Select[BankLine]:
    """Return the statement of an organization's bank lines, newest first."""
    statement = (
        select(BankLine).join(BankLine.account).where(ReceivingAccount.organization_id == organization_id)
        .options(joinedload(BankLine.account), selectinload(BankLine.parts))
        .order_by(BankLine.booked_on.desc(), BankLine.id.desc()))
    if state in set(LineState):
        statement = statement.where(BankLine.state == state)
    if account_ref:
        statement = statement.where(ReceivingAccount.ref == account_ref)
    return statement


def line_counts(session: Session, organization_id: int | None) -> dict[str, int]:
    """Return how many lines stand in each state, and in all ("")."""
    rows = session.execute(
        select(BankLine.state, func.count()).join(BankLine.account)
        .where(ReceivingAccount.organization_id == organization_id).group_by(BankLine.state))
    found = {row[0]: row[1] for row in rows}
    return {"": sum(found.values()), **{state: found.get(state, 0) for state in LineState}}


def line_by_ref(session: Session, ref: str, *, actor: Actor) -> BankLine:
    """Return a line with its parts; Denied (404) for those who may not see the account."""
    line = session.scalar(select(BankLine).where(BankLine.ref == ref).options(
        joinedload(BankLine.account), joinedload(BankLine.statement), selectinload(BankLine.parts)))
    if line is None or not policy.may_view(actor, line.account):
        raise Denied(policy.HIDDEN.reason, hidden=True)
    return line


def parts_of(session: Session, kind: str, ref: str) -> Sequence[BankLinePart]:
    """Return the live parts of lines that belong to one subject, oldest first, with their lines."""
    return session.scalars(
        select(BankLinePart).where(BankLinePart.subject_kind == kind, BankLinePart.subject_ref == ref,
                                   BankLinePart.undone_at.is_(None))
        .options(joinedload(BankLinePart.line)).order_by(BankLinePart.id)).all()


def orders_of(organization_id: int | None) -> Select[PaymentOrder]:
    """Return the statement of an organization's payment orders, newest first."""
    return (select(PaymentOrder).join(PaymentOrder.account).where(ReceivingAccount.organization_id == organization_id)
            .options(joinedload(PaymentOrder.account), selectinload(PaymentOrder.lines))
            .order_by(PaymentOrder.prepared_at.desc(), PaymentOrder.id.desc()))


def order_by_ref(session: Session, ref: str, *, actor: Actor) -> PaymentOrder:
    """Return an order with its lines; Denied (404) for those who may not see the account."""
    order = session.scalar(select(PaymentOrder).where(PaymentOrder.ref == ref).options(
        joinedload(PaymentOrder.account), selectinload(PaymentOrder.lines)))
    if order is None or not policy.may_view(actor, order.account):
        raise Denied(policy.HIDDEN.reason, hidden=True)
    return order


def ordered_lines(session: Session, account: ReceivingAccount) -> Sequence[PaymentOrderLine]:
    """Return the payments on approved orders of an account that the bank has not shown yet."""
    return session.scalars(
        select(PaymentOrderLine).join(PaymentOrderLine.order)
        .where(PaymentOrder.account_id == account.id, PaymentOrder.state == OrderState.APPROVED,
               PaymentOrderLine.state == OrderLineState.ORDERED)
        .options(joinedload(PaymentOrderLine.order)).order_by(PaymentOrderLine.id)).all()


def order_line_by_ref(session: Session, ref: str, *, actor: Actor) -> PaymentOrderLine:
    """Return one payment of an order; Denied (404) for those who may not see the account."""
    line = session.scalar(select(PaymentOrderLine).where(PaymentOrderLine.ref == ref).options(
        joinedload(PaymentOrderLine.order).joinedload(PaymentOrder.account)))
    if line is None or not policy.may_view(actor, line.order.account):
        raise Denied(policy.HIDDEN.reason, hidden=True)
    return line


def is_ordered(session: Session, *, kind: str, ref: str) -> bool:
    """Say whether a release, a refund or a return stands on an order that is neither paid nor cancelled."""
    return session.scalar(select(PaymentOrderLine.id).where(
        PaymentOrderLine.subject_kind == kind, PaymentOrderLine.subject_ref == ref,
        PaymentOrderLine.state == OrderLineState.ORDERED).limit(1)) is not None


def ordered_refs(kind: str) -> Select[str]:
    """Return the statement of what stands on a live order."""
    return select(PaymentOrderLine.subject_ref).where(
        PaymentOrderLine.subject_kind == kind, PaymentOrderLine.state == OrderLineState.ORDERED)


def receipts_of(organization_id: int | None, *, subject_ref: str = "") -> Select[Receipt]:
    """Return the statement of the receipts an organization issued, newest first."""
    statement = select(Receipt).where(Receipt.issuer_id == organization_id).options(
        joinedload(Receipt.file)).order_by(Receipt.recorded_at.desc(), Receipt.id.desc())
    return statement.where(Receipt.subject_ref == subject_ref) if subject_ref else statement


def receipt_by_ref(session: Session, ref: str, *, actor: Actor) -> Receipt:
    """Return a receipt of the actor's organization; else Denied (404)."""
    receipt = session.scalar(select(Receipt).where(Receipt.ref == ref).options(joinedload(Receipt.issuer)))
    if receipt is None or not policy.may_keep(actor, receipt.issuer_id):
        raise Denied(policy.HIDDEN.reason, hidden=True)
    return receipt


def in_suspense(session: Session, organization_id: int | None) -> Money:
    """Return the sum of what came in and belongs to nobody yet."""
    found = session.scalar(
        select(func.sum(BankLine.amount - BankLine.settled)).join(BankLine.account)
        .where(ReceivingAccount.organization_id == organization_id, BankLine.direction == "in",
               BankLine.state.in_([LineState.SUSPENSE, LineState.RETURNING])))
    return found if isinstance(found, Money) else Money(int(found or 0))
