"""Orders to pay: prepared by one person, approved by another, paid when the bank's statement says so."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import total
from marketplace.core.text import N_
from marketplace.documents.operations import next_number
from marketplace.payments import policy
from marketplace.payments.models import BankLine, PaymentOrder, PaymentOrderLine, ReceivingAccount
from marketplace.payments.operations.lines import move_rest
from marketplace.payments.rules.accounts import tidy_number
from marketplace.payments.rules.lines import LineState
from marketplace.payments.rules.orders import (
    MOST_LINES,
    ORDER_PREFIX,
    OrderLineState,
    OrderState,
    Payment,
    PaymentKind,
    payment_code,
)


def prepare_order(session: Session, *, actor: Actor, account: ReceivingAccount, payments: Sequence[Payment],
                  now: datetime) -> PaymentOrder:
    """Put payments on a numbered order. Each gets its code in front of its purpose, so the statement names it.

    Raises Conflict when one of them is on a live order already.
    """
    require(policy.may_use(actor, account))
    if not payments or len(payments) > MOST_LINES:
        raise Invalid(N_("请选 1 到 {most} 笔付款"), field="payments", most=MOST_LINES)
    order = PaymentOrder(
        ref=new_ref(), number=next_number(session, series="payment-order", prefix=ORDER_PREFIX, now=now),
        account=account, total=total([payment.amount for payment in payments]), prepared_by=actor.person_id,
        prepared_at=now)
    for position, payment in enumerate(payments, 1):
        order.lines.append(_line(order, position, payment))
    try:
        with session.begin_nested():
            session.add(order)
            session.flush()
    except IntegrityError:
        raise Conflict(N_("其中有一笔已经在另一张付款单上。请刷新后重新选择")) from None
    for line in order.lines:
        if line.subject_kind == PaymentKind.RETURN:
            move_rest(session, line=_bank_line(session, line.subject_ref), before=LineState.SUSPENSE,
                      after=LineState.RETURNING)
    record(session, actor=actor, action="payments.prepare_order", subject=("payment_order", order.ref), now=now,
           number=order.number, fen=order.total.fen, lines=len(order.lines))
    return order


def _line(order: PaymentOrder, position: int, payment: Payment) -> PaymentOrderLine:
    """Return one line of an order; raises Invalid for a payee who cannot be paid."""
    if not payment.payee_name.strip():
        raise Invalid(N_("有一笔付款没有收款户名"), field="payments")
    if not payment.payee_account:
        raise Invalid(N_("“{name}”没有收款账号，不能付款"), field="payments", name=payment.payee_name)
    return PaymentOrderLine(
        ref=new_ref(), position=position, subject_kind=payment.subject[0], subject_ref=payment.subject[1],
        payee_name=payment.payee_name, payee_bank=payment.payee_bank,
        payee_account=tidy_number(payment.payee_account, field="payments"), amount=payment.amount,
        purpose=f"{payment_code(order.number, position)} {payment.purpose}")


def _bank_line(session: Session, ref: str) -> BankLine:
    """Return the bank line whose rest is returned."""
    return session.scalars(select(BankLine).where(BankLine.ref == ref)).one()


def approve_order(session: Session, *, actor: Actor, order: PaymentOrder, now: datetime) -> None:
    """Order: prepared -> approved, by another person than the one who prepared it. Now its file may be handed on."""
    require(policy.may_approve_order(actor, order))
    done = session.execute(
        update(PaymentOrder).where(PaymentOrder.id == order.id, PaymentOrder.state == OrderState.PREPARED,
                                   PaymentOrder.prepared_by != actor.person_id)
        .values(state=OrderState.APPROVED, approved_by=actor.person_id, approved_at=now)
        .execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这张付款单已经复核或作废"))
    session.refresh(order)
    record(session, actor=actor, action="payments.approve_order", subject=("payment_order", order.ref), now=now,
           number=order.number, fen=order.total.fen, prepared_by=order.prepared_by)


def cancel_order(session: Session, *, actor: Actor, order: PaymentOrder, now: datetime) -> None:
    """Order: prepared -> cancelled. What stood on it can be put on another one."""
    require(policy.may_cancel_order(actor, order))
    done = session.execute(
        update(PaymentOrder).where(PaymentOrder.id == order.id, PaymentOrder.state == OrderState.PREPARED)
        .values(state=OrderState.CANCELLED, cancelled_at=now).execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("只有还没复核的付款单可以作废"))
    for line in order.lines:
        _drop(session, line)
    session.refresh(order)
    record(session, actor=actor, action="payments.cancel_order", subject=("payment_order", order.ref), now=now,
           number=order.number)


def drop_payment(session: Session, *, actor: Actor, line: PaymentOrderLine, reason: str, now: datetime) -> None:
    """Payment: ordered -> cancelled on an approved order, because the bank refused it or it was never sent."""
    require(policy.may_use(actor, line.order.account))
    if not reason.strip():
        raise Invalid(N_("请写明这笔为什么没有付出去，例如银行退票"), field="reason")
    if line.order.state != OrderState.APPROVED:
        raise Conflict(N_("还没复核的付款单请整张作废"))
    _drop(session, line)
    record(session, actor=actor, action="payments.drop_payment", subject=("payment_order", line.order.ref), now=now,
           line=line.ref, reason=reason.strip()[:300])


def _drop(session: Session, line: PaymentOrderLine) -> None:
    """Payment: ordered -> cancelled; a returned bank line lies in suspense again."""
    done = session.execute(
        update(PaymentOrderLine).where(PaymentOrderLine.id == line.id, PaymentOrderLine.state == OrderLineState.ORDERED)
        .values(state=OrderLineState.CANCELLED).execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这笔付款已经付出或取消"))
    if line.subject_kind == PaymentKind.RETURN:
        move_rest(session, line=_bank_line(session, line.subject_ref), before=LineState.RETURNING,
                  after=LineState.SUSPENSE)
    session.refresh(line)


def mark_paid(session: Session, *, line: PaymentOrderLine, paid_on: date) -> None:
    """Payment: ordered -> paid, on the day of the bank's line. A returned bank line is closed with it."""
    done = session.execute(
        update(PaymentOrderLine).where(PaymentOrderLine.id == line.id, PaymentOrderLine.state == OrderLineState.ORDERED)
        .values(state=OrderLineState.PAID, paid_on=paid_on).execution_options(synchronize_session=False))
    if not done.rowcount:  # type: ignore[attr-defined]
        raise Conflict(N_("这笔付款已经付出或取消"))
    if line.subject_kind == PaymentKind.RETURN:
        move_rest(session, line=_bank_line(session, line.subject_ref), before=LineState.RETURNING,
                  after=LineState.RETURNED)
    session.refresh(line)
