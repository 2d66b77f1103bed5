"""Card payments of a pledge: asked for by its own signer, settled when the payment house says so.

`settle_charge` looks at everything known of a charge and takes each step that is still missing, each under a key of its
own: called for whatever news, however often, in whatever order, it ends in the same place.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import audit
from marketplace.core.access import SYSTEM, Actor, require
from marketplace.core.errors import DomainError, Invalid
from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding import policy
from marketplace.funding.models import Pledge
from marketplace.funding.operations.money import (
    arrive,
    ask_refund,
    close_dispute,
    open_dispute,
    refund_failed,
    refund_returned,
)
from marketplace.ledger.models import Journal
from marketplace.ledger.rules import AccountKind, account
from marketplace.payments.models import Charge, Dispute, Refund
from marketplace.payments.operations.charges import locked_charge, request_charge, request_refund
from marketplace.payments.queries import stripe as payments
from marketplace.payments.rules.stripe import PLEDGE, ChargeState, DisputeState, RefundState, arrival_key

_NO_ACCOUNT = N_("接收方没有可用的 Stripe 账户。请用银行转账")
_OTHER_CHARGE = N_("这笔付款不是为这份认捐付的")


def pay_by_card(session: Session, *, actor: Actor, pledge: Pledge, amount: Money, currency: str,
                now: datetime) -> Charge:
    """Ask for a card payment of a pledge, to the receiving body's own Stripe account. Charge: -> requested.

    Only a signer of the verified funder, from its own signed pledge; at most what is still open of it. An instalment is
    paid by its own amount.
    """
    require(policy.may_pay_by_card(actor, pledge))
    receiving = payments.stripe_account_of(session, pledge.receiver_id)
    if receiving is None:
        raise Invalid(_NO_ACCOUNT)
    if amount > pledge.open:
        raise Invalid(N_("这份认捐还没到账的是 {left} 元，不能付更多"), field="amount", left=pledge.open.grouped())
    return request_charge(session, actor=actor, account=receiving, subject=(PLEDGE, pledge.ref), amount=amount,
                          currency=currency, now=now)


def refund_card(session: Session, *, actor: Actor, pledge: Pledge, charge: Charge, amount: Money, reason: str,
                now: datetime) -> Refund:
    """Return a part of a pledge to the card it came from. Pledge: paid or held -> refunding. Refund: -> requested."""
    if (charge.subject_kind, charge.subject_ref) != (PLEDGE, pledge.ref):
        raise Invalid(_OTHER_CHARGE)
    charge = locked_charge(session, charge.ref)
    refund = request_refund(session, actor=actor, charge=charge, amount=amount, reason=reason, now=now)
    ask_refund(session, actor=actor, pledge=pledge, amount=amount, reason=reason, now=now,
               idem_key=f"refund:{refund.ref}:asked")
    return refund


def settle_charge(session: Session, *, charge_ref: str, now: datetime) -> list[DomainError]:
    """Give a pledge what its charge brought, and take from it what went back. Returns what could not be done.

    What cannot be done (the pledge is over, the money is paid out already) leaves the sum in the suspense of the
    receiving account, where its people find it; nothing is lost and nothing is guessed.
    """
    charge = locked_charge(session, charge_ref)
    pledge = _pledge_of(session, charge)
    if pledge is None or charge.state != ChargeState.SUCCEEDED:
        return []
    suspense = account(AccountKind.SUSPENSE, charge.account.ref)
    if not _is_done(session, arrival_key(charge.ref)) and (
            refused := _try_all(session, [_arrival(session, pledge, charge, suspense, now)])):
        return _noted(session, charge, refused, now)
    steps = [_refund_step(session, pledge, refund, suspense, now) for refund in payments.refunds_of(session, charge)]
    steps += [_dispute_step(session, pledge, dispute, suspense, now)
              for dispute in payments.disputes_of(session, charge)]
    return _noted(session, charge, _try_all(session, steps), now)


def _arrival(session: Session, pledge: Pledge, charge: Charge, suspense: str, now: datetime) -> Callable[[], object]:
    """Return the step that gives a charge's money to its pledge; money given back by people before does not arrive."""
    def step() -> None:
        if any(refund.requested_by and refund.state != RefundState.FAILED
               for refund in payments.refunds_of(session, charge)):
            raise Invalid(N_("这笔付款在记到认捐之前，接收方已经办理退回"))
        arrive(session, actor=SYSTEM, pledge=pledge, amount=charge.received, from_account=suspense,
               idem_key=arrival_key(charge.ref), now=now)
    return step


def _refund_step(session: Session, pledge: Pledge, refund: Refund, suspense: str,
                 now: datetime) -> Callable[[], object]:
    """Return what a refund still has to do to its pledge: set aside, then gone or put back."""
    key, amount = f"refund:{refund.ref}", refund.amount
    def step() -> None:
        asked = any(_is_done(session, f"{key}:asked:{move}") for move in ("refund_paid", "refund_held"))
        if not asked and refund.state != RefundState.FAILED:   # it was made at Stripe, not here
            ask_refund(session, actor=SYSTEM, pledge=pledge, amount=amount, now=now, idem_key=f"{key}:asked",
                       reason=refund.reason or "Stripe")
        if refund.state == RefundState.SUCCEEDED:
            refund_returned(session, actor=SYSTEM, pledge=pledge, amount=amount, from_account=suspense, now=now,
                            idem_key=f"{key}:returned")
        elif refund.state == RefundState.FAILED and asked and not _is_done(session, f"{key}:returned"):
            refund_failed(session, actor=SYSTEM, pledge=pledge, amount=amount, idem_key=f"{key}:failed", now=now)
    return step


def _dispute_step(session: Session, pledge: Pledge, dispute: Dispute, suspense: str,
                  now: datetime) -> Callable[[], object]:
    """Return what a dispute still has to do to its pledge; an inquiry that took no money does nothing."""
    key, amount = f"dispute:{dispute.stripe_dispute_id}", dispute.withdrawn
    def step() -> None:
        if not amount.fen:
            return
        if not any(_is_done(session, f"{key}:{move}") for move in ("dispute_paid", "dispute_held")):
            open_dispute(session, actor=SYSTEM, pledge=pledge, amount=amount, idem_key=key, now=now)
        if dispute.state != DisputeState.OPEN:
            close_dispute(session, actor=SYSTEM, pledge=pledge, amount=amount, from_account=suspense, now=now,
                          won=dispute.state == DisputeState.WON, idem_key=f"{key}:{dispute.state}")
    return step


def _try_all(session: Session, steps: list[Callable[[], object]]) -> list[DomainError]:
    """Take each step in a savepoint of its own; return what was refused."""
    refused = []
    for step in steps:
        try:
            with session.begin_nested():
                step()
        except DomainError as why:
            refused.append(why)
    return refused


def _noted(session: Session, charge: Charge, refused: list[DomainError], now: datetime) -> list[DomainError]:
    """Write into the audit what could not be done."""
    for why in refused:
        audit.record(session, actor=SYSTEM, action="funding.charge_unsettled", subject=("charge", charge.ref), now=now,
                     reason=str(why), pledge=charge.subject_ref)
    return refused


def _pledge_of(session: Session, charge: Charge) -> Pledge | None:
    """Return the pledge that a charge was asked for."""
    if charge.subject_kind != PLEDGE:
        return None
    return session.scalar(select(Pledge).where(Pledge.ref == charge.subject_ref))


def _is_done(session: Session, key: str) -> bool:
    """Say whether the step of this key stands in the ledger."""
    return session.scalar(select(Journal.id).where(Journal.idem_key == key)) is not None
