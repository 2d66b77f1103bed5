"""Asks for card payments and refunds, and keeps what the payment house answered. The webhook settles them.

The network lies between two transactions: a row `requested` is committed, the house is asked with the row's `ref` as
idempotency key, the answer is noted. Whoever stumbles in between asks again with the same ref.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from marketplace.core import audit, outbox
from marketplace.core.access import Actor, require
from marketplace.core.db import new_ref
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.money import Money
from marketplace.core.ports import PaymentPage, RefundAnswer
from marketplace.core.text import N_
from marketplace.ledger.models import Journal
from marketplace.organizations.models import Organization
from marketplace.payments.models import Charge, ReceivingAccount, Refund
from marketplace.payments.policy import may_link_stripe, may_refund_charge, may_take_charge
from marketplace.payments.rules.stripe import (
    JOB_REFUND_ASKED,
    JOB_REFUND_FAILED,
    ChargeState,
    RefundState,
    arrival_key,
    later,
)

_NOTHING_YET = {"checkout_url": "", "is_live": False, "received": Money(0), "refunded": Money(0), "fee": Money(0),
                "failure": "", "version_id": 1}
_TOO_MUCH = N_("最多还能退 {left} 元：这笔付款收到 {received} 元，已退或在退 {refunded} 元")
_FROM_PLEDGE = N_("这笔款已经记到认捐上。请从认捐页办理退回，配捐才会一起核减")


def link_stripe(session: Session, *, actor: Actor, organization: Organization, label: str, known: frozenset[str],
                now: datetime) -> ReceivingAccount:
    """Give a receiving body its own Stripe account, named by a label that the site is configured with (`known`)."""
    require(may_link_stripe(actor, organization))
    if label not in known:
        raise Invalid(N_("本站没有配置名为“{label}”的 Stripe 账户"), field="label", label=label)
    if session.scalar(select(ReceivingAccount.id).where(ReceivingAccount.stripe_label == label)):
        raise Conflict(N_("这个 Stripe 账户已经接到一个接收方"))
    account = ReceivingAccount(organization=organization, kind="stripe", holder=organization.name, stripe_label=label,
                               verified_at=now, verified_by=actor.person_id, created_at=now)
    session.add(account)
    session.flush()
    audit.record(session, actor=actor, action="payments.stripe_linked", subject=("receiving_account", account.ref),
                 now=now, label=label, organization=organization.ref)
    return account


def request_charge(session: Session, *, actor: Actor, account: ReceivingAccount, subject: tuple[str, str],
                   amount: Money, currency: str, now: datetime) -> Charge:
    """Return the charge to ask the payment house for; one that waits already for the same amount is taken up again.

    Charge: -> requested. One payment page at a time for a subject: another amount must wait until the page is closed.
    """
    require(may_take_charge(actor, account))
    if amount.fen <= 0:
        raise Invalid(N_("没有要付的金额"))
    made = _insert_once(session, {
        "ref": new_ref(), "account_id": account.id, "subject_kind": subject[0], "subject_ref": subject[1],
        "amount": amount, "currency": currency, "state": ChargeState.REQUESTED, "requested_by": actor.person_id,
        "requested_at": now, **_NOTHING_YET})
    charge = session.scalars(
        select(Charge).where(Charge.subject_kind == subject[0], Charge.subject_ref == subject[1],
                             Charge.state.in_((ChargeState.REQUESTED, ChargeState.OPEN))).with_for_update()
        .execution_options(populate_existing=True)).one_or_none()
    if charge is None:
        raise Conflict(N_("这笔付款刚刚有了结果。请刷新页面再看"))
    if (charge.amount, charge.account_id, charge.currency) != (amount, account.id, currency):
        raise Conflict(N_("已经有一个 {amount} 元的付款页开着。请先付完，或关闭它再开新的"), amount=charge.amount)
    if made is not None:
        audit.record(session, actor=actor, action="payments.charge_requested", subject=("charge", charge.ref), now=now,
                     amount=amount.plain(), currency=currency, of=subject[1])
    return charge


def _insert_once(session: Session, row: Mapping[str, object]) -> int | None:
    """Insert a charge and return its id; None when its subject has one that waits: two clicks at once are one."""
    maker = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    made: int | None = session.scalar(maker(Charge).values(**row).on_conflict_do_nothing().returning(Charge.id))
    return made


def note_page(session: Session, *, charge_ref: str, page: PaymentPage) -> Charge:
    """Keep the ids that the payment house gave. Charge: requested -> open; one further on stays there."""
    charge = locked_charge(session, charge_ref)
    charge.state = later(charge.state, ChargeState.OPEN)
    charge.checkout_id = charge.checkout_id or page.page_id
    charge.payment_intent_id = charge.payment_intent_id or page.intent_id
    charge.checkout_url = page.url or charge.checkout_url
    charge.is_live = page.is_live
    session.flush()
    return charge


def note_refused(session: Session, *, actor: Actor, charge_ref: str, code: str, now: datetime) -> Charge:
    """Keep that the payment house would not open the payment. Charge: requested -> failed."""
    charge = locked_charge(session, charge_ref)
    if charge.state == ChargeState.REQUESTED:
        charge.state, charge.failure = ChargeState.FAILED, code
        session.flush()
        audit.record(session, actor=actor, action="payments.charge_refused", subject=("charge", charge.ref), now=now,
                     code=code)
    return charge


def locked_charge(session: Session, ref: str) -> Charge:
    """Return a charge with its row locked and read anew: everything about one charge happens in a row."""
    return session.scalars(select(Charge).where(Charge.ref == ref).with_for_update()
                           .execution_options(populate_existing=True)).one()


def request_refund(session: Session, *, actor: Actor, charge: Charge, amount: Money, reason: str,
                   now: datetime) -> Refund:
    """Ask for a part of a charge to go back to the payer. Refund: -> requested.

    What is already on its way counts: the conditional UPDATE lets no two requests have the same fen. Two equal refunds
    are two rows with two keys.
    """
    require(may_refund_charge(actor, charge.account))
    if amount.fen <= 0:
        raise Invalid(N_("退回的金额要大于零"), field="amount")
    taken = session.execute(
        update(Charge).where(Charge.id == charge.id, Charge.state == ChargeState.SUCCEEDED,
                             Charge.refunded + amount <= Charge.received)
        .values(refunded=Charge.refunded + amount).execution_options(synchronize_session=False))
    session.refresh(charge)
    if not taken.rowcount:  # type: ignore[attr-defined]
        raise Invalid(_TOO_MUCH, field="amount", left=charge.received - charge.refunded, received=charge.received,
                      refunded=charge.refunded)
    refund = Refund(charge=charge, amount=amount, reason=reason, state=RefundState.REQUESTED,
                    requested_by=actor.person_id, requested_at=now)
    session.add(refund)
    session.flush()
    audit.record(session, actor=actor, action="payments.refund_requested", subject=("charge", charge.ref), now=now,
                 amount=amount.plain(), refund=refund.ref, reason=reason)
    outbox.enqueue(session, JOB_REFUND_ASKED, now=now, unique_key=refund.ref, refund_ref=refund.ref)
    return refund


def return_unsettled(session: Session, *, actor: Actor, charge: Charge, amount: Money, reason: str,
                     now: datetime) -> Refund:
    """Give back money that was given to nothing here. What stands on a pledge goes back from the pledge."""
    charge = locked_charge(session, charge.ref)
    if session.scalar(select(Journal.id).where(Journal.idem_key == arrival_key(charge.ref))):
        raise Invalid(_FROM_PLEDGE, field="amount")
    return request_refund(session, actor=actor, charge=charge, amount=amount, reason=reason, now=now)


def note_refund(session: Session, *, refund_ref: str, answer: RefundAnswer) -> Refund:
    """Keep the id that the payment house gave. Refund: requested -> pending; only an event says that it succeeded."""
    refund = locked_refund(session, refund_ref)
    refund.stripe_refund_id = refund.stripe_refund_id or answer.refund_id
    if refund.state == RefundState.REQUESTED:
        refund.state = RefundState.PENDING
    session.flush()
    return refund


def note_refund_refused(session: Session, *, actor: Actor, refund_ref: str, code: str, now: datetime) -> Refund:
    """Keep that the payment house would not make the refund. Refund: requested -> failed; its fen are free again."""
    refund = locked_refund(session, refund_ref)
    if refund.state == RefundState.REQUESTED:
        refund.state, refund.failure = RefundState.FAILED, code
        refund.charge.refunded = refund.charge.refunded - refund.amount
        session.flush()
        audit.record(session, actor=actor, action="payments.refund_refused", subject=("charge", refund.charge.ref),
                     now=now, refund=refund.ref, code=code)
        outbox.enqueue(session, JOB_REFUND_FAILED, now=now, unique_key=refund.ref, charge_ref=refund.charge.ref)
    return refund


def locked_refund(session: Session, ref: str) -> Refund:
    """Return a refund after locking its charge, read anew."""
    charge_ref = session.scalars(select(Charge.ref).join(Refund, Refund.charge_id == Charge.id)
                                 .where(Refund.ref == ref)).one()
    locked_charge(session, charge_ref)
    return session.scalars(select(Refund).where(Refund.ref == ref).execution_options(populate_existing=True)).one()
